import type { TrainingArguments } from "../../lib/train/arguments/arguments.ts";
import { testEngines } from "./engines_agree.ts";

const SETTINGS: Record<string, Partial<TrainingArguments>> = {
  "sgd with momentum": {
    optim: "sgd",
    optim_args: { momentum: 0.9, dampening: 0.1, nesterov: false },
    learning_rate: 0.1,
    label_smoothing_factor: 0.1,
  },
  "adafactor": { optim: "adafactor", gradient_accumulation_steps: 2, max_steps: 4 },
  "the best model": {
    learning_rate: 0.3,
    eval_strategy: "steps",
    eval_steps: 1,
    save_strategy: "best",
    load_best_model_at_end: true,
  },
};

for (const [title, args] of Object.entries(SETTINGS)) {
  // The gradient of a key's bias is zero but for rounding errors, which Adafactor scales up.
  const except = (name: string): boolean =>
    args.optim === "adafactor" && name.endsWith("c_attn.bias");
  testEngines(title, args, { except });
}
