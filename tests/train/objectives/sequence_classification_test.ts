/**
 * Classification: the loss beside torch's and transformers' LabelSmoother (torch 2.13, double precision), what counts
 * in an evaluation, and which rows are refused.
 */
import assert from "node:assert/strict";
import { UserError } from "../../../lib/base/errors.ts";
import { randomStream } from "../../../lib/base/random.ts";
import { gradients } from "../../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../../lib/graph/ir/graph.ts";
import { loadCheckpoint } from "../../../lib/checkpoint/load.ts";
import { readSafetensors } from "../../../lib/data/formats/safetensors.ts";
import { openModel } from "../../../lib/models/open.ts";
import { openEngine } from "../../../lib/runtime/engine.ts";
import { float32 } from "../../../lib/runtime/session/session.ts";
import { evaluateRows } from "../../../lib/train/loop/evaluate.ts";
import type { EvaluationSums } from "../../../lib/train/objectives/objective.ts";
import { fedBatch } from "../../../lib/train/objectives/feeds.ts";
import { checkFits } from "../../../lib/train/objectives/registry.ts";
import { SEQUENCE_CLASSIFICATION } from "../../../lib/train/objectives/sequence_classification.ts";
import { initializeParameter } from "../../../lib/train/state/initialize.ts";
import { relativeError, runGraph } from "../../graph/running.ts";
import { TINY } from "../../parity/traces.ts";
import { splitOf } from "../fixture.ts";

Deno.test("an evaluation has the loss that transformers has of its own classifier", async () => {
  const folder = `${TINY}/gpt2-classify`;
  const { config, tensors } = await loadCheckpoint(`${folder}/model`);
  const { tensors: trace } = await readSafetensors(`${folder}/golden.safetensors`);
  const { loss } = JSON.parse(await Deno.readTextFile(`${folder}/golden.json`));
  const numbers = (name: string): number[] => Array.from(trace.get(`in.${name}`)!.data, Number);
  const [ids, mask, labels] = [numbers("input_ids"), numbers("attention_mask"), numbers("labels")];
  const length = ids.length / labels.length;
  const rows = labels.map((_, row) =>
    ids.slice(row * length, (row + 1) * length).filter((_, i) => mask[row * length + i] === 1)
  );
  const engine = await openEngine("cpu", { threads: 1 });
  const feeds = Object.fromEntries(
    [...tensors].map(([name, { shape, data }]) => [name, float32(data, shape)]),
  );
  // The last batch is not full.
  const sums = await evaluateRows(
    { model: openModel(config), engine, feeds },
    splitOf(rows, { labels, per: "row" }),
    { batchSize: 2 },
  );
  await engine.dispose();
  assert.equal(sums.counted, 3);
  assert.ok(Math.abs(sums.loss / 3 - loss) < 1e-5, `${sums.loss / 3}, not ${loss}`);
  const logits = Array.from(trace.get("logits")!.data, Number);
  const correct = labels.filter((label, row) => {
    const scores = logits.slice(3 * row, 3 * row + 3);
    return scores.indexOf(Math.max(...scores)) === label;
  });
  assert.equal(sums.correct, correct.length);
});

/** The logits of the reference script, `[3, 4]`: regular numbers in -3..3. */
const LOGITS = Float32Array.from({ length: 12 }, (_, i) => {
  const word = (Math.imul(i, 2654435761) + 3 * 40503) >>> 0;
  return 6 * ((word >>> 8) / 2 ** 24 - 0.5);
});

/** Loss and slopes of three rows with these labels, over those that count. */
async function lossOf(
  labels: number[],
  smoothing?: number,
): Promise<{ loss: number; slope: Float32Array }> {
  const graph = new Graph();
  const logits = graph.input("logits", { type: "float32", shape: [3, 4] });
  const targets = graph.input("labels", { type: "int32", shape: [3] });
  const denominator = graph.input("denominator", { type: "float32", shape: [] });
  const loss = SEQUENCE_CLASSIFICATION.loss(logits, { labels: targets }, {
    denominator,
    smoothing,
  });
  graph.output("loss", loss);
  graph.output("slope", gradients(loss, [logits])[0]!);
  const got = await runGraph(graph, {
    logits: LOGITS,
    labels: Int32Array.from(labels),
    denominator: Float32Array.of(labels.filter((label) => label >= 0).length),
  });
  return { loss: got.loss![0]!, slope: got.slope! };
}

Deno.test("the loss of sequence_classification is torch's cross entropy over the rows", async () => {
  const close = (got: number, expected: number): void =>
    assert.ok(Math.abs(got - expected) < 2e-6, `${got}, not ${expected}`);
  close((await lossOf([2, 0, 3])).loss, 2.326289614116219);
  close((await lossOf([2, -100, 3])).loss, 2.6244861566816367);
  assert.ok((await lossOf([2, -100, 3])).slope.subarray(4, 8).every((slope) => slope === 0));
});

Deno.test("label smoothing of sequence_classification is transformers' LabelSmoother", async () => {
  const close = (got: number, expected: number): void =>
    assert.ok(Math.abs(got - expected) < 2e-6, `${got}, not ${expected}`);
  const { loss, slope } = await lossOf([2, 0, 3], 0.1);
  close(loss, 2.3380930275396112);
  close((await lossOf([2, 0, 3], 0.3)).loss, 2.3616998990898797);
  close((await lossOf([2, -100, 3], 0.1)).loss, 2.62030658279013);
  const slopes = [
    ...[-0.006775786118390459, 0.05518423847298209, -0.3019126756257395, 0.25350422327114785],
    ...[-0.24923241522081135, -0.0023591319763193786, 0.23529751648638597, 0.01629403071074475],
    ...[0.2098163206764665, 0.013718262423409, -0.006104253599430483, -0.217430329500445],
  ];
  assert.ok(relativeError(slope, slopes) < 1e-6, `${slope}`);
});

const MODEL = openModel({
  model_type: "gpt2",
  vocab_size: 20,
  n_positions: 16,
  n_embd: 8,
  n_layer: 1,
  n_head: 2,
  initializer_range: 0.5,
  num_labels: 3,
  pad_token_id: 0,
}, { task: "sequence_classification" });

/** Evaluates seven rows with random weights, or with scores that are all the same. */
async function evaluate(
  labels: number[],
  { batchSize, tied = false, rows = ROWS }: {
    batchSize: number;
    tied?: boolean;
    rows?: number[][];
  },
): Promise<EvaluationSums> {
  const feeds = Object.fromEntries(MODEL.parameters.map((parameter, index) => {
    const { name, shape } = parameter;
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    initializeParameter(parameter, { values, seed: 3, index });
    if (tied && name === "score.weight") values.fill(0);
    return [name, float32(values, shape)];
  }));
  const engine = await openEngine("cpu", { threads: 1 });
  const split = splitOf(rows, { labels, per: "row" });
  try {
    return await evaluateRows({ model: MODEL, engine, feeds }, split, { batchSize });
  } finally {
    await engine.dispose();
  }
}

const ROWS = ((): number[][] => {
  const random = randomStream(5);
  return [3, 9, 1, 12, 5, 7, 4].map((length) =>
    Array.from({ length }, () => 1 + random.nextBelow(19))
  );
})();
const LABELS = [0, 1, 2, 0, 1, 2, 1];

Deno.test("an evaluation counts each row once, whatever the batches, and no row that fills one up", async () => {
  const [one, three, all] = [
    await evaluate(LABELS, { batchSize: 1 }),
    await evaluate(LABELS, { batchSize: 3 }),
    await evaluate(LABELS, { batchSize: 20 }),
  ];
  assert.equal(one.counted, 7);
  let [loss, correct] = [0, 0];
  for (const [i, row] of ROWS.entries()) {
    const alone = await evaluate([LABELS[i]!], { batchSize: 1, rows: [row] });
    loss += alone.loss;
    correct += alone.correct!;
  }
  assert.ok(correct > 0 && correct < 7, `${correct} of 7: neither all nor none`);
  for (const sums of [one, three, all]) {
    assert.deepEqual([sums.counted, sums.correct], [7, correct]);
    assert.ok(Math.abs(sums.loss - loss) < 1e-4);
  }
  assert.deepEqual(SEQUENCE_CLASSIFICATION.figures(one), {
    eval_loss: one.loss / 7,
    eval_accuracy: correct / 7,
    eval_rows: 7,
  });
});

Deno.test("a row without a label counts for nothing", async () => {
  const some = LABELS.map((label, i) => i % 3 === 0 ? -100 : label);
  const sums = await evaluate(some, { batchSize: 4 });
  const kept = LABELS.map((_, i) => i).filter((i) => i % 3 !== 0);
  const alone = await evaluate(kept.map((i) => LABELS[i]!), {
    batchSize: 4,
    rows: kept.map((i) => ROWS[i]!),
  });
  assert.deepEqual([sums.counted, sums.correct], [4, alone.correct]);
  assert.ok(Math.abs(sums.loss - alone.loss) < 1e-5);
});

Deno.test("of classes with the same score the first is the answer, as argmax has it", async () => {
  const sums = await evaluate(LABELS, { batchSize: 4, tied: true });
  assert.equal(sums.correct, LABELS.filter((label) => label === 0).length);
  assert.ok(Math.abs(sums.loss / 7 - Math.log(3)) < 1e-6);
});

Deno.test("a batch brings the rows' classes, and -100 where it has no row", () => {
  const split = splitOf(ROWS, { labels: LABELS, per: "row" });
  const { feeds, predicted, targets } = fedBatch(MODEL, split, {
    rows: [1, 5],
    batchSize: 4,
    lengths: [12],
  });
  assert.deepEqual(feeds.labels!.dims, [4]);
  assert.deepEqual([...feeds.labels!.data], [1, 2, -100, -100]);
  assert.equal(predicted, 2);
  assert.deepEqual([...targets.rowPredicted], [1, 1, 0, 0]);
});

Deno.test("a classifier refuses rows that it cannot learn from", () => {
  const fits = (
    rows: number[][],
    labels?: number[],
    per: "row" | "token" = "row",
    pad = 0,
  ): void =>
    checkFits(
      MODEL,
      splitOf(rows, labels === undefined ? { pad } : { labels, per, pad }),
      { what: "train" },
    );
  fits(ROWS, LABELS);
  const cases: [() => void, RegExp][] = [
    [() => fits([[1], [2]], [0, 3]), /holds the label 3, the model has 3 classes; labels from 0/],
    [() => fits([[1], [2]], [0, -1]), /holds the label -1/],
    [() => fits([[1], [2]], [-100, 7]), /holds the label 7/],
    [() => fits([[1], [2]], [0, 1], "row", 20), /padded with the token id 20, .* has 20/],
    [() => fits([[1], [2]]), /the rows have no class.*set label_column/s],
    [() => fits([[1, 2]], [1, 2], "token"), /the rows have no class/],
    [() => fits([[1], []], [0, 1]), /row 1 has no token to classify by.*drop_empty/s],
    [() => fits([[1], [2]], [-100, -100]), /no row has a class that counts/],
    [() => fits([[1, 20]], [0]), /token id 20, the model's vocabulary has 20/],
    [() => fits([Array(17).fill(1)], [0]), /rows of 17 tokens, the model has 16 positions/],
  ];
  for (const [attempt, message] of cases) {
    assert.throws(attempt, (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});
