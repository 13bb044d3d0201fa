import type { TrainingArguments } from "../../lib/train/arguments/arguments.ts";
import { testEngines } from "./engines_agree.ts";

const SETTINGS: Record<string, Partial<TrainingArguments>> = {
  "freeze and unfreeze": {
    freeze: ["wte", "h.0.attn", "h.0.mlp.c_fc"],
    unfreeze: [{ epoch: 1, modules: ["h.0.attn"] }],
    gradient_accumulation_steps: 2,
    num_train_epochs: 2,
  },
  "gradient checkpointing": { gradient_checkpointing: true },
  lora: {
    lora: { r: 3, lora_alpha: 12, lora_dropout: 0.2, target_modules: ["c_proj"], bias: "none" },
  },
};

for (const [title, args] of Object.entries(SETTINGS)) testEngines(title, args);
