/** Names of files of a repository, and what its README.md says of them: anybody's, and as many as they like. */
import assert from "node:assert/strict";
import { filesOfConfig } from "../../lib/data/sources/repository/data_files.ts";
import { splitsByNames } from "../../lib/data/sources/repository/split_names.ts";

/** Does something that took minutes where each name was compared with all others. */
function soon<T>(work: () => T): T {
  const began = performance.now();
  const made = work();
  assert.ok(performance.now() - began < 20_000, `${performance.now() - began} ms`);
  return made;
}

const config = (dataFiles: Record<string, string[]> | undefined, dataDir = "") => ({
  name: "en",
  isDefault: false,
  dataDir,
  dataFiles: dataFiles === undefined ? undefined : new Map(Object.entries(dataFiles)),
  others: [],
});

Deno.test("splitsByNames() knows shards by the last number in their names", () => {
  const shards = {
    "data/train-00000-of-00005.parquet": "train",
    "data/a-00000-of-00005-00001-of-00002.parquet": "a-00000-of-00005",
    "data/a-00000-of-00005x.y": "a",
    "data/a.b-00000-of-00005.c": "a.b",
  };
  for (const [path, split] of Object.entries(shards)) {
    assert.deepEqual([...splitsByNames([path], "x").keys()], [split], path);
  }
  for (
    const path of ["data/-00000-of-00005.x", "data/a-00000-of-00005", "data/b/a-00000-of-00005.x"]
  ) {
    assert.deepEqual([...splitsByNames([path], "x").keys()], ["train"], path);
  }
});

Deno.test("splitsByNames() takes hundreds of thousands of files, and names that nearly fit", () => {
  const many = Array.from({ length: 200_000 }, (_, i) => `train-${i}.jsonl`);
  assert.equal(soon(() => splitsByNames(many, "x")).get("train")!.length, many.length);
  const name = `data/${"-00000-of-00000".repeat(60)}`;
  const near = Array.from({ length: 20_000 }, (_, i) => `${name}${i}`);
  assert.equal(soon(() => splitsByNames(near, "x")).get("train")!.length, near.length);
});

Deno.test("filesOfConfig() reads long rows of slashes, and refuses more patterns than it can compare", () => {
  const written = "hf://datasets/a/b";
  const paths = Array.from({ length: 2_000 }, (_, i) => `train-${i}.jsonl`);
  const slashes = `a${"/".repeat(1_000_000)}b`;
  assert.throws(() => soon(() => filesOfConfig(config(undefined, slashes), { paths, written })), {
    name: "UserError",
  });
  assert.throws(
    () => soon(() => filesOfConfig(config({ train: [slashes] }), { paths, written })),
    { name: "UserError" },
  );
  const hidden = Array.from({ length: 2_000 }, (_, i) => `${".a/".repeat(300)}${i}.jsonl`);
  const parts = `${".?/".repeat(300_000)}*`;
  assert.throws(
    () => soon(() => filesOfConfig(config({ train: [parts] }), { paths: hidden, written })),
    { name: "UserError" },
  );
  const patterns = Array.from({ length: 100_000 }, (_, i) => `*?${i % 10}*`);
  assert.throws(
    () => soon(() => filesOfConfig(config({ train: patterns }), { paths, written })),
    /names more patterns for the config "en" than can be compared/,
  );
  // Names are looked up, and of these there may be many.
  const named = filesOfConfig(config({ train: paths }), { paths, written });
  assert.equal(named.splits.train!.length, paths.length);
});
