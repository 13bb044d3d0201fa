/**
 * Writing the adapters of a LoRA model as peft's `save_pretrained` does: adapter_config.json and
 * adapter_model.safetensors, which `PeftModel.from_pretrained(base, folder)` opens.
 *
 * @module
 */
import { writeJsonObject } from "../base/json_file.ts";
import { writeSafetensors } from "../data/formats/safetensors.ts";
import type { Adapters } from "../models/lora.ts";
import type { OpenModel } from "../models/open.ts";

/** peft puts the model that it wraps here. */
const PREFIX = "base_model.model.";

/**
 * Writes the two files.
 *
 * @param dir A folder, made where it is missing.
 * @param adapter The model, and its parameters by name. A new head is saved with its adapters, as peft does.
 */
export async function saveAdapter(
  dir: string,
  adapter: {
    readonly model: OpenModel & { readonly adapters: Adapters };
    readonly weights: ReadonlyMap<string, { readonly data: Float32Array<ArrayBuffer> }>;
  },
): Promise<void> {
  const { model, weights } = adapter;
  const { config, adapters: { lora, modules }, parameters } = model;
  const heads = savedHeads(model);
  const added = new Set([...model.adapters.parameters.map(({ name }) => name), ...heads]);
  await Deno.mkdir(dir, { recursive: true });
  const base = config._name_or_path;
  await writeJsonObject(`${dir}/adapter_config.json`, {
    base_model_name_or_path: typeof base === "string" && base !== "" ? base : null,
    bias: "none",
    fan_in_fan_out: modules.every(({ layout }) => layout === "in_out"),
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: lora.lora_alpha,
    lora_dropout: lora.lora_dropout,
    modules_to_save: heads.length === 0
      ? null
      : [...new Set(heads.map((name) => name.slice(0, name.lastIndexOf("."))))],
    peft_type: "LORA",
    r: lora.r,
    revision: null,
    target_modules: lora.target_modules === "all-linear"
      ? modules.map(({ name }) => name)
      : [...lora.target_modules],
    task_type: model.task === "sequence_classification" ? "SEQ_CLS" : "CAUSAL_LM",
  });
  await writeSafetensors(
    `${dir}/adapter_model.safetensors`,
    parameters.filter(({ name }) => added.has(name)).map(({ name, shape }) =>
      [PREFIX + name, { dtype: "F32", shape, data: weights.get(name)!.data }] as const
    ),
    { format: "pt" },
  );
}

/** Parameters of a classifier's head, which are trained whole beside adapters: peft's `modules_to_save`. */
export function savedHeads({ task, names: { heads } }: OpenModel): readonly string[] {
  return task === "sequence_classification" ? heads : [];
}
