import assert from "node:assert/strict";
import { openModel } from "../../lib/models/open.ts";

const LORA = { r: 2, lora_alpha: 2, lora_dropout: 0 };

Deno.test("adapters go where peft puts them for an architecture, unless it is said", () => {
  const ends = (config: Parameters<typeof openModel>[0], lora: object): string[] => {
    const { adapters } = openModel(config, { lora: { ...LORA, ...lora } });
    return [...new Set(adapters!.modules.map(({ name }) => name.split(".").at(-1)!))];
  };
  const gpt2 = { model_type: "gpt2", n_layer: 1, n_embd: 8, n_head: 2 };
  const distilbert = { model_type: "distilbert", n_layers: 1, dim: 8, n_heads: 2, hidden_dim: 16 };
  assert.deepEqual(ends(gpt2, {}), ["c_attn"]);
  assert.deepEqual(ends(distilbert, {}), ["q_lin", "v_lin"]);
  assert.deepEqual(ends(distilbert, { target_modules: ["lin1"] }), ["lin1"]);
});
