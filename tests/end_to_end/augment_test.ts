/** Copies that a model of the pipeline writes, on a real engine in a process of their own. */
import assert from "node:assert/strict";
import { readDataset } from "../../lib/data/rows/dataset.ts";
import { resultOf, runPipeline, verses, workspace } from "./temper.ts";

Deno.test("augment has a model of the pipeline write copies there and back, and looks words up", async () => {
  await using around = await workspace({
    "verses.txt": verses(30),
    "p.yaml": `name: p
stages:
  rows: { uses: download, with: { from: verses.txt } }
  folds: { uses: split, inputs: { data: rows }, with: { train: 4, test: 26 } }
  tokens:
    uses: tokenize
    inputs: { data: rows }
    with: { train: { type: bpe, vocab_size: 300 }, packing: true, max_length: 32 }
  model:
    uses: train
    inputs: { data: tokens }
    with:
      config: { model_type: gpt2, n_layer: 1, n_embd: 32, n_head: 2, n_positions: 64 }
      max_steps: 2
  more:
    uses: augment
    inputs: { data: folds, model: model }
    with:
      back_and_forth: ["{{ text[:30] }}:", "{{ text[:30] }};"]
      generation: { max_new_tokens: 8, do_sample: true }
      synonyms: 0.2
      apply: in_turn
      copies: 2
`,
  });
  const run = await runPipeline(["p.yaml"], around);
  assert.equal(run.code, 0, JSON.stringify(run.failures) + run.stderr + run.stdout);
  const { splits } = await readDataset(resultOf(around.runs, "more", "."));
  assert.deepEqual(
    splits.train!.map(({ augmented }) => augmented),
    Array.from({ length: 4 }, () => ["none", "back_and_forth", "synonyms"]).flat(),
  );
  assert.ok(splits.test!.length === 26);
});
