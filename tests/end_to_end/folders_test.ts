/**
 * A checkout and a pipeline in a folder whose name means something in a URL or in a pattern.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readDataset } from "../../lib/data/mod.ts";
import { byOutcome, copyProject, runPipeline, temper, verses, workspace } from "./temper.ts";

const NAME = "c# a?b p%20q br[1]x ünï";

const PIPELINE = `name: places
stages:
  verses: { uses: download, with: { from: verses.txt } }
  more: { uses: download, with: { from: "more/*.txt" } }
  clean: { uses: filter, inputs: { data: verses }, with: { dedupe: exact } }
  folds: { uses: split, inputs: { data: clean }, with: { train: 0.5, validation: 0.25, test: 0.25 } }
  tokens: { uses: tokenize, inputs: { data: folds }, with: { train: { type: bpe, vocab_size: 300 }, packing: true, max_length: 16 } }
  model:
    uses: train
    inputs: { data: tokens }
    with:
      config: { model_type: gpt2, n_positions: 16, n_embd: 8, n_layer: 1, n_head: 2 }
      max_steps: 2
      per_device_train_batch_size: 2
`;

Deno.test("a checkout and a pipeline in a folder with an awkward name work like any other", async () => {
  await using space = await workspace({});
  const folder = join(space.folder, NAME);
  const root = join(folder, "checkout");
  await copyProject(root);
  await Deno.mkdir(join(folder, "more"));
  await Deno.writeTextFile(join(folder, "verses.txt"), verses(60));
  await Deno.writeTextFile(join(folder, "more/a.txt"), "one\ntwo\n");
  await Deno.writeTextFile(join(folder, "more/b.txt"), "three\n");
  await Deno.writeTextFile(join(folder, "places.yaml"), PIPELINE);
  const around = { runs: join(folder, "runs"), root, from: folder };
  const stages = ["verses", "more", "clean", "folds", "tokens", "model"];

  const run = await runPipeline(["places.yaml"], around);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.deepEqual(byOutcome(run), { done: stages });
  const { splits } = await readDataset(join(around.runs, "latest/artifacts/more"));
  assert.deepEqual(splits.data!.map(({ text }) => text), ["one", "two", "three"]);

  const again = await runPipeline(["places.yaml"], around);
  assert.deepEqual(byOutcome(again), { cached: stages });
  const wasm = await runPipeline(["places.yaml", "--device", "wasm"], around);
  assert.equal(wasm.code, 0, wasm.stdout + wasm.stderr);
  const page = await temper(["stages", "train"], around);
  assert.equal(page.code, 0, page.stderr);
});
