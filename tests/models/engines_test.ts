/**
 * One training step of a tiny GPT-2 on each engine: loss and gradients agree, and dropout draws the same masks
 * everywhere. WebGPU runs with no fallback to the CPU; it is skipped where the machine has no adapter.
 */
import assert from "node:assert/strict";
import { openModel } from "../../lib/models/open.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { onDevice } from "../fixtures/webgpu.ts";
import { normal, relativeError, runGraph } from "../graph/running.ts";
import { type Batch, trainingFeeds, trainingGraph } from "./training.ts";

const model = openModel({
  model_type: "gpt2",
  vocab_size: 37,
  n_positions: 16,
  n_embd: 24,
  n_layer: 1,
  n_head: 3,
  embd_pdrop: 0.1,
  attn_pdrop: 0.2,
  resid_pdrop: 0.3,
});

function example(seed: number): {
  batch: Batch;
  feeds: Record<string, Float32Array | Int32Array>;
} {
  const random = randomNumbers(seed);
  const shape = [2, 9] as const;
  const ids = Int32Array.from({ length: 18 }, () => Math.floor(random() * 37));
  const mask = Int32Array.from(ids, (_, i) => i < 15 ? 1 : 0);
  const labels = ids.map((id, i) => mask[i] === 1 ? id : -100);
  const params = Object.fromEntries(
    model.parameters.map((spec) => [
      spec.name,
      normal(random, spec).map((x) => 0.2 * x + (spec.init.kind === "ones" ? 1 : 0)),
    ]),
  );
  const batch = { shape, ids, mask, labels };
  const feeds = { ...trainingFeeds(model, batch, params), dropout_seed: Int32Array.of(seed) };
  return { batch, feeds };
}

for (const device of ["wasm", "webgpu"] as const) {
  Deno.test({
    ...onDevice(device, `a training step with dropout on ${device} agrees with the native one`),
    fn: async () => {
      const { batch, feeds } = example(5);
      const graph = trainingGraph(model, batch, { dropout: true });
      const native = await runGraph(graph, feeds);
      const other = await runGraph(graph, feeds, { device });
      for (const [name, values] of Object.entries(native)) {
        // The keys' bias has no effect, so its gradient is rounding noise.
        const part = (x: Float32Array): Float32Array =>
          name.endsWith("c_attn.bias") ? x.filter((_, i) => i < 24 || i >= 48) : x;
        const error = relativeError(part(other[name]!), part(values));
        assert.ok(error < 1e-4, `${name}: relative error ${error}`);
      }
    },
  });
}

Deno.test("the seed of dropout changes the loss, and the same seed repeats it to the bit", async () => {
  const { batch, feeds } = example(6);
  const graph = trainingGraph(model, batch, { dropout: true });
  const [first, again] = [await runGraph(graph, feeds), await runGraph(graph, feeds)];
  const other = await runGraph(graph, { ...feeds, dropout_seed: Int32Array.of(99) });
  assert.deepEqual(first, again);
  assert.notEqual(first.loss![0], other.loss![0]);
});
