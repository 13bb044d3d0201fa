import assert from "node:assert/strict";
import { compileGlob, expandGlob, naturalCompare } from "../../lib/base/glob.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

Deno.test("compileGlob() matches as a shell does", () => {
  const cases: [string, string, boolean][] = [
    ["data/*.txt", "data/a.txt", true],
    ["data/*.txt", "data/x/a.txt", false],
    ["data/**/*.txt", "data/x/y/a.txt", true],
    ["data/**/*.txt", "data/a.txt", true],
    ["a?.{csv,tsv}", "ab.tsv", true],
    ["a?.{csv,tsv}", "a/.tsv", false],
    ["[ab]-[!0-9].txt", "b-x.txt", true],
    ["[ab]-[!0-9].txt", "b-1.txt", false],
    ["a+b(1).txt", "a+b(1).txt", true],
    ["a.txt", "aXtxt", false],
    ["*.txt", ".hidden.txt", true],
    ["[]a].txt", "].txt", true],
    ["[a^[].txt", "^.txt", true],
    ["[!]].txt", "a.txt", true],
    ["[!]].txt", "].txt", false],
    ["[a.txt", "[a.txt", true],
    ["{a,b", "{a,b", true],
    ["a}", "a}", true],
    ["{,{,}", "{,", true],
    ["{a,{b,c}d}", "cd", true],
    ["{a}}{", "a}{", true],
    ["[z-a].txt", "z.txt", false],
    ["[!z-a].txt", "z.txt", true],
    ["[a-].txt", "-.txt", true],
    ["a[!b]c", "a/c", false],
    ["a[--9]c", "a/c", false],
    ["{x/y,z}/*.txt", "x/y/a.txt", true],
    ["?.txt", "\u{1f40b}.txt", true],
  ];
  for (const [pattern, path, expected] of cases) {
    assert.equal(compileGlob(pattern).test(path), expected, `${pattern} ${path}`);
  }
  assert.equal(compileGlob("*.json", { slash: true }).test("a/b.json"), true);
  const shown: [string, string, boolean][] = [
    ["*.txt", ".#a.txt", false],
    ["data/*.txt", "data/.a.txt", false],
    [".*", ".a", true],
    ["data/.a*", "data/.a.txt", true],
    ["**/*.txt", "a/.git/b.txt", false],
    ["**/*.txt", "a/b.c/d.txt", true],
    ["a/**", "a/b/.c", false],
    ["?a", ".a", false],
    ["[.]a", ".a", false],
    ["**/.a/*", "x/.a/b", true],
  ];
  for (const [pattern, path, expected] of shown) {
    assert.equal(
      compileGlob(pattern, { hidden: false }).test(path),
      expected,
      `${pattern} ${path}`,
    );
  }
});

Deno.test("compileGlob() is done soon with patterns that cross folders many times", () => {
  const path = `${"a/".repeat(40)}b`;
  const started = performance.now();
  assert.equal(compileGlob(`${"**/".repeat(30)}c`).test(path), false);
  assert.equal(compileGlob(`${"*".repeat(60)}c`).test(path), false);
  const almost = `data/train-${"-of-".repeat(10_000)}`;
  for (const pattern of ["data/train-*-of-*.parquet", "data/*a*-*o*f*-*.x", "**/*-of-*/*-of-*x"]) {
    assert.equal(compileGlob(pattern).test(almost), false, pattern);
  }
  assert.ok(performance.now() - started < 5000);
});

Deno.test("expandGlob() passes over links that lead nowhere, back to themselves or upwards", async () => {
  const dir = await temporaryDirectory();
  await Deno.mkdir(`${dir}/sub`);
  await Deno.mkdir(`${dir}/other`);
  for (const name of ["a.txt", "sub/b.txt", "other/c.txt"]) {
    await Deno.writeTextFile(`${dir}/${name}`, "");
  }
  await Deno.symlink("loop.txt", `${dir}/loop.txt`);
  await Deno.symlink("nowhere", `${dir}/dangling.txt`);
  await Deno.symlink("a.txt/b", `${dir}/below.txt`);
  await Deno.symlink("a.txt", `${dir}/link.txt`);
  const pipe = new Deno.Command("mkfifo", { args: [`${dir}/pipe.txt`] });
  if (Deno.build.os !== "windows") assert.ok((await pipe.output()).success);
  // Two of them: each way of going round would be another path.
  for (const name of ["up", "sub/up1", "sub/up2"]) await Deno.symlink(dir, `${dir}/${name}`);
  await Deno.symlink("../sub", `${dir}/other/sub`);
  await Deno.symlink("../other", `${dir}/sub/other`);
  assert.deepEqual(await expandGlob(dir, "*.txt"), ["a.txt", "link.txt"]);
  assert.deepEqual(await expandGlob(dir, "**/*.txt"), [
    "a.txt",
    "link.txt",
    "other/c.txt",
    "other/sub/b.txt",
    "sub/b.txt",
    "sub/other/c.txt",
  ]);
});

Deno.test("expandGlob() finds files in the order a person counts", async () => {
  const dir = await temporaryDirectory();
  await Deno.mkdir(`${dir}/a/b`, { recursive: true });
  for (const path of ["c_1.txt", "c_10.txt", "c_2.txt", "a/x.txt", "a/b/y.txt", "z.md"]) {
    await Deno.writeTextFile(`${dir}/${path}`, "");
  }
  assert.deepEqual(await expandGlob(dir, "c_*.txt"), ["c_1.txt", "c_2.txt", "c_10.txt"]);
  assert.deepEqual(await expandGlob(dir, "**/*.txt"), [
    "a/b/y.txt",
    "a/x.txt",
    "c_1.txt",
    "c_2.txt",
    "c_10.txt",
  ]);
  assert.deepEqual(await expandGlob(dir, "*/*.txt"), ["a/x.txt"]);
  assert.ok(naturalCompare("v1.9", "v1.10") < 0);
});

Deno.test("expandGlob() reads no pattern in the name of the folder", async () => {
  const dir = await temporaryDirectory();
  for (const folder of ["[ab]", "a", "{a}"]) {
    await Deno.mkdir(`${dir}/${folder}`);
    await Deno.writeTextFile(`${dir}/${folder}/.in ${folder}.txt`, "");
  }
  assert.deepEqual(await expandGlob(`${dir}/[ab]`, ".*.txt"), [".in [ab].txt"]);
  assert.deepEqual(await expandGlob(`${dir}/{a}`, ".*.txt"), [".in {a}.txt"]);
  assert.deepEqual(await expandGlob(dir, "[ab]/.*.txt"), ["[ab]/.in [ab].txt"]);
  assert.deepEqual(await expandGlob(dir, "[ac]/.*.txt"), ["a/.in a.txt"], "no folder is called so");
  assert.deepEqual(await expandGlob(dir, "*/.*b*.txt"), ["[ab]/.in [ab].txt"]);
  await assert.rejects(expandGlob(`${dir}/none`, "*.txt"), Deno.errors.NotFound);
});

Deno.test({
  name: "expandGlob() tells of a name that is not UTF-8 where it needs it",
  // Elsewhere no file has such a name.
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const dir = await temporaryDirectory();
    const script =
      `cd "$1" && touch b.txt "$(printf 'a\\377.txt')" && mkdir "$(printf 'c\\377')" && touch ok\ufffd.md`;
    const { success } = await new Deno.Command("sh", { args: ["-c", script, "sh", dir] }).output();
    assert.ok(success);
    await assert.rejects(expandGlob(dir, "*.txt"), /a\ufffd\.txt cannot be opened: .* not UTF-8/);
    await assert.rejects(expandGlob(dir, "**/*.md"), /c\ufffd cannot be opened: .* not UTF-8/);
    assert.deepEqual(await expandGlob(dir, "b*.txt"), ["b.txt"]);
    assert.deepEqual(await expandGlob(dir, "*.md"), ["ok\ufffd.md"]);
  },
});
