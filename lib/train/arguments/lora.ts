/**
 * Adapters of low rank, by the names of peft's `LoraConfig`.
 *
 * @module
 */
import { z } from "zod";
import { ARCHITECTURES } from "../../models/registry.ts";
import type { Rule } from "./rule.ts";

const DEFAULTS = ARCHITECTURES.map(({ modelType, loraTargets }) =>
  `${loraTargets.join(", ")} (${modelType})`
).join("; ");

const lora = z.strictObject({
  r: z.int().min(1).default(8).describe("rank of the adapters"),
  lora_alpha: z.number().positive().default(8).describe("adapters are scaled by lora_alpha / r"),
  lora_dropout: z.number().min(0).lt(1).default(0).describe("dropout of the adapters' inputs"),
  target_modules: z.union([z.literal("all-linear"), z.array(z.string().min(1)).min(1)])
    .optional()
    .describe(
      "layers that get an adapter, by the end of their names: c_attn, c_fc, mlp.c_proj, …; all-linear for " +
        `every one but the output layer. Default: ${DEFAULTS}`,
    ),
  bias: z.literal("none").default("none").describe("biases are not trained"),
});

/** Options of adapters. */
export const loraOptions = {
  lora: lora.optional()
    .describe(
      "trains adapters of low rank (LoRA) and leaves the input `model` as it is; the result has them " +
        "merged into its weights, and by themselves, for peft, in its folder adapter",
    ),
};

/** What has to hold between them and other options of what is trained. */
export const loraRules: readonly Rule<
  { readonly lora?: unknown; readonly freeze: readonly string[]; readonly config?: unknown }
>[] = [
  {
    path: ["freeze"],
    message: "left out where `lora` is given: it freezes the whole model but its adapters",
    holds: (given) => given.lora === undefined || !given.freeze?.length,
  },
  {
    path: ["lora"],
    message:
      "left out where `config` is given: adapters need an input `model` that has learnt something",
    holds: (given) => given.lora === undefined || given.config === undefined,
  },
];
