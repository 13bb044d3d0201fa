/**
 * `deno task bench` on models and data so small that the figures mean nothing but must be there.
 */
import assert from "node:assert/strict";
import { fromFileUrl, median } from "./median.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { onDevice } from "../fixtures/webgpu.ts";
import { saveBpe } from "../../lib/tokenizers/save.ts";
import { jaccardSimilarity } from "../../lib/text/duplicates/shingles.ts";
import type { NearFigures } from "./data/near_duplicates.ts";
import { Reviews } from "./data/reviews.ts";
import type { WayFigures } from "./data/way.ts";
import { trainBpe } from "../../lib/tokenizers/training/train_bpe.ts";

async function bench(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", "--quiet", fromFileUrl("./bench.ts"), ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out: out ?? "", err: err ?? "" };
}

const TINY = ["train", "--model", "tiny", "--steps", "3", "--python", "no-such-python"];

Deno.test("bench train measures a step and its products, without a peer where Python lacks it", async () => {
  const { code, out, err } = await bench(...TINY, "--rounds", "2", "--json");
  assert.equal(code, 0, err);
  assert.match(err, /no peer: there is no no-such-python/);
  const { rows } = JSON.parse(out) as { rows: { model: string; temper: Record<string, number> }[] };
  assert.deepEqual(rows.map(({ model }) => model), ["tiny"]);
  const { temper } = rows[0]!;
  const names = ["step_ms", "gradients_ms", "update_ms", "outside_share", "tokens_per_s"];
  for (const name of [...names, "session_ms", "peak_rss_mb", "products_ms", "products_gflops"]) {
    assert.ok(temper[name]! > 0, `${name} is ${temper[name]}`);
  }
  assert.ok(temper.outside_share! < 1 && temper.gradients_ms! < temper.step_ms!);
});

Deno.test("bench train measures other engines", async () => {
  const { code, out, err } = await bench(...TINY, "--device", "wasm", "--json");
  assert.equal(code, 0, err);
  const { rows } = JSON.parse(out) as { rows: { temper: Record<string, number> }[] };
  assert.ok(rows[0]!.temper.products_gflops! > 0);
});

Deno.test({
  ...onDevice("webgpu", "bench train counts launches, bytes and memory of a GPU"),
  async fn(): Promise<void> {
    const { code, out, err } = await bench(...TINY, "--device", "webgpu");
    assert.equal(code, 0, err);
    const figure = (name: string): number =>
      Number(new RegExp(`^${name} +([0-9.]+)$`, "m").exec(out)?.[1]);
    assert.ok(figure("GPU: launches of a step") > 50, out);
    assert.ok(figure("  submits") > 3);
    // Ids and targets of 2 x 16, and some scalars.
    assert.ok(figure("  kB up") > 0.256 && figure("  kB up") < 0.4);
    assert.ok(figure("  kB up, launches' sizes") > 1);
    assert.equal(figure("  kB down"), 0.016);
    assert.equal(figure("  readbacks"), 1);
    assert.ok(figure("  memory at most, MB") >= 1);
    assert.match(out, /^ {2}forward and backward +-$/m);
  },
});

Deno.test("bench train prints a table, and refuses models and devices that it does not know", async () => {
  const { code, out } = await bench(...TINY, "--no-products");
  assert.equal(code, 0);
  assert.match(out, /^step, ms +[0-9.]+$/m);
  assert.match(out, /^step \/ products +-$/m);
  assert.doesNotMatch(out, /^GPU:/m);
  assert.match(out, /^times transformers +-$/m);
  const refused = await bench("train", "--model", "huge");
  assert.equal(refused.code, 2);
  assert.match(refused.err, /no model "huge"/);
  const device = await bench("train", "--device", "gpu");
  assert.equal(device.code, 2);
  assert.match(device.err, /no device "gpu"/);
});

Deno.test("bench tokenize measures a tokenizer, with the peer's figures where there is one", async () => {
  const dir = await temporaryDirectory();
  const text = "the sea and the whale, 42 ships\n".repeat(300);
  await saveBpe(dir, trainBpe([text], { vocabSize: 270, specialTokens: [] }));
  await Deno.writeTextFile(`${dir}/text.txt`, text);
  const args = ["tokenize", "--text", `${dir}/text.txt`, "--tokenizer", dir];
  const { code, out, err } = await bench(...args, "--python", "no-such-python", "--json");
  assert.equal(code, 0, err);
  assert.match(err, /no peer: there is no no-such-python/);
  const { rows } = JSON.parse(out) as { rows: Record<string, number>[] };
  for (
    const name of [
      ...["mb_per_s", "first_mb_per_s", "all_mb_per_s", "offsets_mb_per_s"],
      ...["tokens", "peak_rss_mb"],
    ]
  ) {
    assert.ok(rows[0]![name]! > 0, name);
  }
  const table = await bench(...args, "--python", "no-such-python");
  assert.match(table.out, /^times the Rust package +-$/m);
  assert.equal((await bench("tokenize")).code, 2);
});

const NO_PYTHON = ["--python", "no-such-python"];

Deno.test("bench data measures each stage of the way, twice the data too, and says that there is no peer", async () => {
  const folder = await temporaryDirectory();
  const args = ["data", "--bytes", "2e5", "--vocabulary", "300", "--folder", folder, "--doubling"];
  const { code, out, err } = await bench(...args, ...NO_PYTHON, "--json");
  assert.equal(code, 0, err);
  assert.match(err, /no peer: there is no no-such-python/);
  const { half, whole } = JSON.parse(out) as { half: WayFigures; whole: WayFigures };
  assert.deepEqual(whole.stages.map(({ stage }) => stage), [
    ...["download", "filter", "split", "tokenize"],
  ]);
  for (const { stage, rows, mb, seconds, mb_per_s } of whole.stages) {
    for (const figure of [rows, mb, seconds, mb_per_s]) assert.ok(figure > 0, stage);
  }
  assert.ok(whole.corpus.bytes >= 2e5 && half.corpus.bytes < whole.corpus.bytes);
  assert.ok(whole.stages[2]!.rows < whole.stages[1]!.rows, "copies were dropped");
  if (Deno.build.os === "linux") {
    for (const { stage, peak_rss_mb } of whole.stages) assert.ok(peak_rss_mb > 20, stage);
    assert.ok(whole.runner_peak_rss_mb > 20);
  }
  // Nothing is left of it.
  assert.deepEqual([...Deno.readDirSync(folder)], []);
});

Deno.test("bench data prints tables, and refuses what does not fit on the disk", async () => {
  const folder = await temporaryDirectory();
  const small = ["data", "--bytes", "1e5", "--vocabulary", "300", "--no-peer"];
  const { code, out } = await bench(...small, "--folder", folder);
  assert.equal(code, 0);
  assert.match(out, /^stage +rows +MB +seconds +of CPU +MB\/s +memory, MB$/m);
  assert.match(out, /^tokenize +\d+ +\d+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +\d+$/m);
  const huge = await bench("data", "--bytes", "1e17", "--no-peer", "--folder", folder);
  assert.equal(huge.code, 1);
  assert.match(
    huge.err,
    /^\S+ has room for .* GB, and 700000000.0 GB are needed; choose less data/m,
  );
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  assert.equal((await bench("data", "--bytes", "many")).code, 2);
  assert.match((await bench("data", "--help")).out, /--doubling/);
});

Deno.test("bench near-duplicates finds what was planted, and nothing else", async () => {
  const { code, out, err } = await bench("near-duplicates", "--rows", "3000", "--json");
  assert.equal(code, 0, err);
  const figures = JSON.parse(out) as NearFigures;
  assert.ok(figures.planted > 100 && figures.recall >= 0.95 && figures.false_share < 0.01, out);
  assert.ok(figures.rows_per_s > 0 && figures.seconds > 0);
  const table = await bench("near-duplicates", "--rows", "100");
  assert.match(table.out, /^ {2}recall +100\.000%$/m);
  assert.equal((await bench("near-duplicates", "--rows", "some")).code, 2);
});

Deno.test("the reviews of a seed are the same, about 1 KB each, and near duplicates are as near as they should be", () => {
  const [reviews, again] = [new Reviews(), new Reviews()];
  const kinds = { own: 0, exact: 0, near: 0 };
  let characters = 0;
  for (let id = 0; id < 2000; id++) {
    const { text, planted, of } = reviews.row(id);
    kinds[planted]++;
    characters += text.length;
    const source = again.row(of);
    assert.equal(source.planted, "own");
    const similarity = jaccardSimilarity([text, source.text], { ngram: 5 });
    if (planted === "near") assert.ok(similarity >= 0.8 && similarity < 1, `${similarity}`);
    else assert.equal(similarity, 1);
    if (planted === "exact") assert.equal(text, source.text);
  }
  assert.ok(kinds.exact > 30 && kinds.near > 30 && kinds.own > 1800, JSON.stringify(kinds));
  assert.ok(characters / 2000 > 800 && characters / 2000 < 1200);
});

Deno.test("median() is the middle value, or the mean of the two", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});
