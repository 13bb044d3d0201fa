/**
 * Datasets of a hub by their repository, cast, mixed and joined, as people run it: with the sandbox, a token and a
 * content network, and again without the hub.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readDataset } from "../../lib/data/mod.ts";
import { startHub } from "../fixtures/hub_server.ts";
import { byOutcome, runPipeline, workspace } from "./temper.ts";

const TOKEN = "hf_private0123456789";

const PIPELINE = `name: p
seed: 1
stages:
  reviews:
    uses: download
    with:
      from: hf://datasets/org/reviews
      config: en
      types: { label: int, when: timestamp }
      on_error: reject
  books: { uses: download, with: { from: hf://datasets/org/books, split: { train: train } } }
  both:
    uses: mix
    inputs: { data: [reviews, books] }
    with: { probabilities: [0.5, 0.5], stopping_strategy: all_exhausted_without_replacement }
  judged: { uses: download, with: { from: { train: judged.csv } } }
  labelled: { uses: annotate, inputs: { data: both, labels: judged }, with: { on: text, unmatched: drop } }
`;

const CARD = `---
configs:
- config_name: en
  data_files: [{ split: train, path: "en/*.jsonl" }, { split: test, path: en-test.csv }]
- config_name: de
  data_dir: de
---
`;

const rows = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      text: `${name} ${i}`,
      label: i === 7 ? "seven" : `0${i % 2}`,
      when: `2024-01-0${i % 9 + 1}T00:00:00Z`,
    }) + "\n").join("");

Deno.test("datasets of a hub come by their names, with a token, and later without the hub", async () => {
  await using space = await workspace();
  const hub = join(space.folder, "hub/datasets/org");
  const files: Record<string, string> = {
    "reviews/README.md": CARD,
    "reviews/en/part-10.jsonl": rows("ten", 20),
    "reviews/en/part-9.jsonl": rows("nine", 20),
    "reviews/en-test.csv": "text,label,when\nheld out,1,2024-02-29 12:00Z\n",
    "reviews/de/train.jsonl": rows("zehn", 3),
    "books/books.py": "raise SystemExit",
    "books@refs-convert-parquet/default/partial-train/0000.jsonl.parquet": "",
  };
  const { parquetWriteBuffer } = await import("hyparquet-writer");
  const book = new Uint8Array(
    parquetWriteBuffer({
      columnData: [{ name: "text", data: ["book 0", "book 1"], type: "STRING" }],
    }),
  );
  for (const [path, content] of Object.entries(files)) {
    const file = join(hub, path);
    await Deno.mkdir(join(file, ".."), { recursive: true });
    if (path.endsWith(".parquet")) await Deno.writeFile(file, book);
    else await Deno.writeTextFile(file, content);
  }
  await Deno.writeTextFile(join(space.folder, "p.yaml"), PIPELINE);
  await Deno.writeTextFile(
    join(space.folder, "judged.csv"),
    "text,verdict\nten 3,good\nbook 1,bad\nnobody,bad\n",
  );
  const stages = ["reviews", "books", "judged", "both", "labelled"];
  const server = startHub(join(space.folder, "hub"), { token: TOKEN, largeFrom: 10 });
  const around = { ...space, env: { HF_ENDPOINT: server.url, HF_TOKEN: TOKEN } };
  const run = await runPipeline(["p.yaml"], around);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.deepEqual(byOutcome(run).done?.sort(), stages.toSorted());
  const artifact = (stage: string): string => join(space.runs, "latest/artifacts", stage);
  const { columns, splits } = await readDataset(artifact("reviews"));
  assert.deepEqual(columns.map(({ name, type }) => `${name} ${type}`), [
    "text string",
    "label int",
    "when timestamp",
  ]);
  // The shards in the order in which a person counts, without the row whose label is no number.
  assert.deepEqual([splits.train!.length, splits.train![0]!.text, splits.train![19]!.text], [
    38,
    "nine 0",
    "ten 0",
  ]);
  const rejected = await Deno.readTextFile(join(artifact("reviews"), "rejected.jsonl"));
  assert.match(rejected, /seven/);
  assert.equal((await readDataset(artifact("both"))).splits.train!.length, 40);
  assert.deepEqual(
    (await readDataset(artifact("labelled"))).splits.train!.map(({ verdict }) => verdict).sort(),
    ["bad", "good"],
  );

  const lock = await Deno.readTextFile(join(space.folder, "p.lock"));
  const { pins } = JSON.parse(lock) as { pins: Record<string, { commit: string; splits: object }> };
  const pin = pins['hf://datasets/org/reviews config="en"']!;
  assert.match(pin.commit, /^[0-9a-f]{40}$/);
  assert.deepEqual(pin.splits, {
    train: ["en/part-9.jsonl", "en/part-10.jsonl"],
    test: ["en-test.csv"],
  });
  const seen = server.requests.filter(({ server }) => server === "cdn");
  assert.ok(seen.length > 0 && seen.every(({ authorization }) => authorization === null));
  assert.equal(await holds(space.folder, TOKEN), undefined);

  await server[Symbol.asyncDispose]();
  const again = await runPipeline(["p.yaml", "--offline"], around);
  assert.deepEqual(byOutcome(again).cached?.sort(), stages.toSorted(), again.stdout + again.stderr);
});

/** A file below a folder that holds a text. */
async function holds(folder: string, text: string): Promise<string | undefined> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = join(folder, name);
    const found = isDirectory
      ? await holds(path, text)
      : isFile && new TextDecoder("latin1").decode(await Deno.readFile(path)).includes(text)
      ? path
      : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
