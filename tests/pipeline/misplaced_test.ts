/**
 * Things of another kind in the places of the store's own: a folder for a file, a file for a folder, a
 * pipe or a loop of links for either. They are set aside or replaced, or told in words.
 *
 * @module
 */
import assert from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import { type Project, project } from "./project.ts";

const YAML = `name: p
stages:
  a: { uses: make, with: { text: one } }
  b: { uses: join, inputs: { data: [a] } }
`;

type Kind = "file" | "folder" | "pipe" | "loop" | "dangling";

/** Where a folder of the store's own belongs. */
const FOLDERS = [
  "store/damaged",
  "store/blobs",
  "store/blobs/*",
  "store/artifacts",
  "store/actions",
  "store/trees",
  "store/snapshots",
  "store/locks",
  "store/scratch",
  "store/resume",
  "store/tmp",
];

/** What is replaced without a word beyond that a result is made again. */
const REPLACED: readonly (readonly [place: string, kind: Kind])[] = [
  ["store/actions/*", "folder"],
  ["store/actions/*", "pipe"],
  ["store/actions/*", "loop"],
  ["store/artifacts/*", "folder"],
  ["store/artifacts/*", "loop"],
  ["store/blobs/*/*", "folder"],
  ["store/trees/*", "file"],
  ["store/snapshots/*", "file"],
  ["store/index.db", "folder"],
  ["store/scratch/x.json", "folder"],
  ["store/scratch/x.json", "pipe"],
  ["store/locks/x.lock", "pipe"],
  ["latest", "file"],
  ["latest/run.json", "folder"],
  ["latest/.running", "pipe"],
];

Deno.test("what stands where the store's folders belong is set aside, told of and made again", async () => {
  await using p = await project({ "p.yaml": YAML });
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  for (const place of FOLDERS) {
    for (const kind of place === "store/locks" ? ["pipe", "file"] as const : ["file"] as const) {
      const [path = ""] = await misplace(p, place, kind);
      const again = await p.temper(["run", "p.yaml", "--force", "a"]);
      assert.equal(again.code, 0, `${place} as a ${kind}: ${again.out}`);
      const told = again.notes.find((text) => text.startsWith(`${path} was no folder`)) ?? "";
      const aside = / set aside as (\S+),/.exec(told)?.[1] ?? "";
      assert.match(basename(aside), new RegExp(`^${basename(path)}-`), `${place}: ${again.notes}`);
      const info = await Deno.lstat(aside);
      assert.deepEqual([info.isFile, info.isFifo], [kind === "file", kind === "pipe"]);
      const cached = await p.temper(["run", "p.yaml"]);
      assert.deepEqual([cached.outcomes, cached.notes], [{ a: "cached", b: "cached" }, []]);
    }
  }
  assert.deepEqual([await p.result("a"), await p.result("b")], ["one", "one"]);
});

Deno.test("what stands in the place of a record, a manifest or a blob is replaced", async () => {
  await using p = await project({ "p.yaml": YAML });
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  for (const [place, kind] of REPLACED) {
    await misplace(p, place, kind);
    const planned = await p.temper(["plan", "p.yaml"]);
    assert.equal(planned.code, 0, `plan, ${place} as a ${kind}: ${planned.err}`);
    const again = await p.temper(["run", "p.yaml", "--force", "a"]);
    assert.equal(again.code, 0, `${place} as a ${kind}: ${again.out}`);
    if (place === "store/actions/*") {
      assert.deepEqual(again.reasons.b, ["the record of its result is damaged"]);
    }
    const cached = await p.temper(["run", "p.yaml"]);
    assert.deepEqual(cached.outcomes, { a: "cached", b: "cached" }, `${place} as a ${kind}`);
  }
});

Deno.test("what can't be replaced is told with its path and what to do", async () => {
  await using p = await project({ "p.yaml": YAML });
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  const key = basename(
    (await Array.fromAsync(matching(p.runs, ["store", "actions", "*"])))[0]!,
    ".json",
  );
  const cases: readonly (readonly [place: string, kind: Kind, told: RegExp])[] = [
    ["store/locks", "dangling", /store\/locks is a link that leads nowhere.*remove the link/],
    ["store/locks", "loop", /a link leads back to itself.*remove that link/],
    [`store/locks/action-${key}.lock`, "pipe", /\.lock is no file.*remove it and run again/],
    [`store/locks/action-${key}.lock`, "folder", /\.lock is no file.*remove it and run again/],
  ];
  for (const [place, kind, told] of cases) {
    const [path = ""] = await misplace(p, place, kind);
    const again = await p.temper(["run", "p.yaml", "--force", "a", "--force", "b"]);
    const [failure] = Object.values(again.failures);
    const words = `${failure?.what}; ${failure?.remedy}`;
    assert.match(words, told, place);
    assert.equal(failure?.stack, undefined, words);
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("a file in the place of the whole store may be somebody's own, and is left", async () => {
  await using p = await project({ "p.yaml": YAML });
  await Deno.mkdir(p.runs);
  const file = join(p.runs, "store");
  await Deno.writeTextFile(file, "mine");
  const { code, out } = await p.temper(["run", "p.yaml"]);
  assert.equal(code, 2);
  assert.match(out, /runs\/store is no folder.*--runs/);
  assert.equal(await Deno.readTextFile(file), "mine");
});

/** Puts something of another kind in every place that a pattern names. */
async function misplace(p: Project, place: string, kind: Kind): Promise<string[]> {
  const paths = await Array.fromAsync(matching(p.runs, place.split("/")));
  for (const path of paths) {
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.remove(path, { recursive: true }).catch(() => {});
    if (kind === "file") await Deno.writeTextFile(path, "rubbish");
    else if (kind === "folder") {
      await Deno.mkdir(path);
      await Deno.writeTextFile(join(path, "x"), "rubbish");
    } else if (kind === "pipe") {
      assert.ok((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    } else await Deno.symlink(kind === "loop" ? path : "nowhere", path);
  }
  return paths;
}

async function* matching(base: string, pattern: readonly string[]): AsyncGenerator<string> {
  const [first, ...rest] = pattern;
  if (first === undefined) return yield base;
  if (first !== "*") return yield* matching(join(base, first), rest);
  const names = (await Array.fromAsync(Deno.readDir(base))).map(({ name }) => name).sort();
  for (const name of names) yield* matching(join(base, name), rest);
}
