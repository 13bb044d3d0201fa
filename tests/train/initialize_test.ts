import assert from "node:assert/strict";
import { openModel } from "../../lib/models/open.ts";
import { initializeParameter } from "../../lib/train/state/initialize.ts";

Deno.test("initializeParameter() draws GPT-2's first weights", () => {
  const { parameters } = openModel({
    model_type: "gpt2",
    n_layer: 2,
    n_embd: 64,
    n_head: 2,
    vocab_size: 200,
  });
  const made = new Map(
    parameters.map((parameter, index) => {
      const values = new Float32Array(parameter.shape.reduce((a, b) => a * b, 1)).fill(NaN);
      initializeParameter(parameter, { values, seed: 7, index });
      return [parameter.name, values];
    }),
  );
  const deviation = (name: string): number => {
    const values = made.get(`transformer.${name}`)!;
    return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
  };
  const near = (actual: number, expected: number): void =>
    assert.ok(Math.abs(actual / expected - 1) < 0.05, `${actual}, expected ${expected}`);
  near(deviation("wte.weight"), 0.02);
  near(deviation("h.1.attn.c_attn.weight"), 0.02);
  near(deviation("h.0.mlp.c_proj.weight"), 0.02 / Math.sqrt(4));
  near(deviation("h.1.attn.c_proj.weight"), 0.02 / Math.sqrt(4));
  assert.ok(made.get("transformer.h.0.ln_1.weight")!.every((x) => x === 1));
  assert.ok(made.get("transformer.h.0.attn.c_attn.bias")!.every((x) => x === 0));
  assert.notEqual(
    made.get("transformer.h.0.mlp.c_fc.weight")![0],
    made.get("transformer.h.1.mlp.c_fc.weight")![0],
  );
});
