import assert from "node:assert/strict";
import { join } from "node:path";
import { sha256Hex } from "../../lib/base/hash.ts";
import { changedInPlace, copySources, type Reading } from "../../lib/pipeline/run/local_sources.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** A stage with local sources, in a world that knows their digests and nothing else. */
function reading(files: Readonly<Record<string, string>>, now: Record<string, string>): Reading {
  return {
    node: { permissions: {} },
    sources: { files },
    capture: {
      grantedTo: () => Promise.resolve({ isCopied: true }),
      isWhole: () => Promise.resolve(true),
    },
    root: "",
    context: {
      signal: new AbortController().signal,
      store: { index: { digestFile: (path: string) => Promise.resolve(now[path]) } },
    },
  } as unknown as Reading;
}

Deno.test("local sources are copied up to a gigabyte, and what is read in place is compared again", async () => {
  const folder = await temporaryDirectory();
  const [small, large] = [join(folder, "small.txt"), join(folder, "large.txt")];
  await Deno.writeTextFile(small, "one");
  await Deno.writeTextFile(large, "");
  // A hole, which takes no place on the disk.
  await Deno.truncate(large, 2 ** 30);
  const files = { [small]: sha256Hex("one"), [large]: "a" };
  const now = { [large]: "a" };
  const run = reading(files, now);
  const sources = await copySources(run, join(folder, "copies"));
  assert.deepEqual(sources?.inPlace, { [large]: "a" });
  assert.equal(await Deno.readTextFile(sources.places[small]!), "one");

  assert.equal(await changedInPlace(run, sources), undefined);
  now[large] = "b";
  assert.equal(await changedInPlace(run, sources), large);

  assert.equal(await copySources(run, join(folder, "later")), undefined, "before it is read, too");

  now[large] = "a";
  await Deno.writeTextFile(small, "two");
  assert.equal(await copySources(run, join(folder, "again")), undefined, "the key is made again");
  await Deno.remove(large);
  const gone = reading({ [large]: "a" }, now);
  assert.equal(await copySources(gone, join(folder, "gone")), undefined);
});
