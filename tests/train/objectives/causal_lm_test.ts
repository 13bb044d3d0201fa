import assert from "node:assert/strict";
import { gradients } from "../../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../../lib/graph/ir/graph.ts";
import { CAUSAL_LM } from "../../../lib/train/objectives/causal_lm.ts";
import { runGraph } from "../../graph/running.ts";

/** The logits of the reference script: regular numbers in -3..3. */
function tableLogits(): Float32Array {
  return Float32Array.from({ length: 24 }, (_, i) => {
    const word = (Math.imul(i, 2654435761) + 3 * 40503) >>> 0;
    return 6 * ((word >>> 8) / 2 ** 24 - 0.5);
  });
}

/** Loss, slopes and what is predicted, of rows of three tokens with these labels. */
async function lossOf(
  logits: Float32Array,
  labels: Int32Array<ArrayBuffer>,
  { divideBy, smoothing }: { divideBy?: number; smoothing?: number } = {},
): Promise<Record<string, Float32Array> & { readonly predicted: number }> {
  const shape = [2, 3];
  const { feeds, rowPredicted } = CAUSAL_LM.targetsOf({
    batchSize: 2,
    length: 3,
    rows: 2,
    rowTokens: Int32Array.of(3, 3),
    tokens: 6,
    columns: {
      input_ids: { data: new Int32Array(6), shape },
      labels: { data: labels, shape },
    },
  });
  const predicted = rowPredicted.reduce((sum, count) => sum + count);
  const graph = new Graph();
  const x = graph.input("logits", { type: "float32", shape: [2, 3, 4] });
  const targets = graph.input("targets", { type: "int32", shape });
  const denominator = graph.input("denominator", { type: "float32", shape: [] });
  const loss = CAUSAL_LM.loss(x, { targets }, { denominator, smoothing });
  graph.output("loss", loss);
  graph.output("slope", gradients(loss, [x])[0]!);
  const got = await runGraph(graph, {
    logits,
    ...feeds,
    denominator: Float32Array.of(divideBy ?? Math.max(predicted, 1)),
  });
  return Object.assign(got, { predicted });
}

/** The mean over the labels that count, in double precision. */
function expected(logits: Float32Array, labels: Int32Array): number {
  let [sum, count] = [0, 0];
  for (let row = 0; row < 2; row++) {
    for (let t = 0; t < 2; t++) {
      const label = labels[row * 3 + t + 1]!;
      if (label === -100) continue;
      const scores = [...logits.subarray((row * 3 + t) * 4, (row * 3 + t + 1) * 4)];
      const top = Math.max(...scores);
      const total = scores.reduce((all, score) => all + Math.exp(score - top), 0);
      sum += top + Math.log(total) - scores[label]!;
      count++;
    }
  }
  return sum / count;
}

const labels = Int32Array.of(1, 2, 3, 0, 3, -100);

Deno.test("the loss of causal_lm is the mean over predicted tokens, shifted by one", async () => {
  const logits = tableLogits();
  const got = await lossOf(logits, labels);
  assert.ok(Math.abs(got.loss![0]! - expected(logits, labels)) < 1e-5);
  assert.equal(got.predicted, 3);
});

Deno.test("the loss of causal_lm with label smoothing is transformers' LabelSmoother", async () => {
  const got = await lossOf(tableLogits(), labels, { smoothing: 0.1 });
  assert.ok(Math.abs(got.loss![0]! - 2.986021041870117) < 1e-5, `${got.loss![0]}`);
});

Deno.test("the loss of causal_lm is divided by the denominator that it is given", async () => {
  const own = await lossOf(tableLogits(), labels);
  const given = await lossOf(tableLogits(), labels, { divideBy: 12 });
  assert.ok(Math.abs(given.loss![0]! * 4 - own.loss![0]!) < 1e-5);
  assert.ok(given.slope!.every((slope, i) => Math.abs(slope * 4 - own.slope![i]!) < 1e-6));
});

Deno.test("the loss of causal_lm stays finite for logits of any size", async () => {
  const logits = tableLogits().map((x) => x * 1e4);
  const got = await lossOf(logits, labels);
  assert.ok(Math.abs(got.loss![0]! / expected(logits, labels) - 1) < 1e-5);
  assert.ok(got.slope!.every(Number.isFinite));
});

Deno.test("the loss of causal_lm is 0 where nothing is to be predicted", async () => {
  const got = await lossOf(tableLogits(), new Int32Array(6).fill(-100));
  assert.deepEqual([got.loss![0], got.predicted], [0, 0]);
  assert.ok(got.slope!.every((slope) => slope === 0));
});
