/**
 * Writing the adapters of a LoRA model as peft's `save_pretrained` does: adapter_config.json and
 * adapter_model.safetensors, which `PeftModel.from_pretrained(base, folder)` opens.
 *
 * @module
 */
import { writeJsonObject } from "../base/json_file.ts";
import { writeSafetensors } from "../data/formats/safetensors.ts";
import type { LoraModel } from "../models/lora.ts";

/** peft puts the model that it wraps here. */
const PREFIX = "base_model.model.";

/**
 * Writes the two files.
 *
 * @param dir A folder, made where it is missing.
 * @param adapter The model, and its parameters by name.
 */
export async function saveAdapter(
  dir: string,
  adapter: {
    readonly model: LoraModel;
    readonly weights: ReadonlyMap<string, { readonly data: Float32Array<ArrayBuffer> }>;
  },
): Promise<void> {
  const { model, weights } = adapter;
  const { lora, config } = model;
  await Deno.mkdir(dir, { recursive: true });
  const base = config._name_or_path;
  await writeJsonObject(`${dir}/adapter_config.json`, {
    base_model_name_or_path: typeof base === "string" && base !== "" ? base : null,
    bias: "none",
    // GPT-2's layers keep their weights as [in, out].
    fan_in_fan_out: true,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: lora.lora_alpha,
    lora_dropout: lora.lora_dropout,
    modules_to_save: null,
    peft_type: "LORA",
    r: lora.r,
    revision: null,
    target_modules: lora.target_modules === "all-linear"
      ? model.modules.map(({ name }) => name)
      : [...lora.target_modules],
    task_type: "CAUSAL_LM",
  });
  await writeSafetensors(
    `${dir}/adapter_model.safetensors`,
    model.adapters.map(({ name, shape }) =>
      [PREFIX + name, { dtype: "F32", shape, data: weights.get(name)!.data }] as const
    ),
    { format: "pt" },
  );
}
