/** Each rule of the architecture finds what it is for, planted in a small project. */
import assert from "node:assert/strict";
import { upwardImports } from "./arrows.ts";
import { browserViolations } from "./browser.ts";
import { fileCircles, folderCircles } from "./circles.ts";
import { filesBelow, type Modules, readModules } from "./module_graph.ts";
import { largeFolders, longFiles, uncheckedPlaces } from "./sizes.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

interface Project {
  readonly root: string;
  readonly files: readonly string[];
  readonly modules: Modules;
}

/** Writes a project of some files and reads it. */
async function plant(texts: Readonly<Record<string, string>>): Promise<Project> {
  const root = await temporaryDirectory();
  const imports = { "onnxruntime-node": "npm:onnxruntime-node@1.30.0" };
  await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify({ imports }));
  for (const [path, text] of Object.entries(texts)) {
    await Deno.mkdir(`${root}/${path}/..`, { recursive: true });
    await Deno.writeTextFile(`${root}/${path}`, text);
  }
  const files = await filesBelow(root, [
    ...new Set(Object.keys(texts).map((p) => p.split("/")[0]!)),
  ]);
  return { root, files, modules: await readModules(root, files) };
}

Deno.test("an upward import is found, whether of a value, a type or a dynamic module", async () => {
  const { modules } = await plant({
    "stages/mod.ts": "export const a = 1;",
    "lib/base/errors.ts": "export const e = 1;",
    "lib/graph/value.ts": `import "../../stages/mod.ts";`,
    "lib/graph/type.ts": `import type { a } from "../../stages/mod.ts"; export type B = typeof a;`,
    "lib/graph/dynamic.ts": `export const late = () => import("../../stages/mod.ts");`,
    "lib/graph/downward.ts": `import "../base/errors.ts"; import "./value.ts";`,
    "lib/base/json.ts": `import "../graph/value.ts";`,
  });
  assert.deepEqual(upwardImports(modules).sort(), [
    "lib/base/json.ts imports lib/graph/value.ts: base may import no room, not graph",
    ...["dynamic", "type", "value"].map((name) =>
      `lib/graph/${name}.ts imports stages/mod.ts: graph may import base, not stages`
    ),
  ]);
});

Deno.test("a circle of files is found, of types too, and of more than two", async () => {
  const { modules } = await plant({
    "lib/graph/a.ts": `import { b } from "./b.ts"; export const a = b;`,
    "lib/graph/b.ts": `import { a } from "./a.ts"; export const b = () => a;`,
    "lib/optim/c.ts": `import type { D } from "./d.ts"; export interface C { readonly d: D }`,
    "lib/optim/d.ts": `import type { C } from "./c.ts"; export interface D { readonly c?: C }`,
    "lib/text/x.ts": `export const late = () => import("./z.ts");`,
    "lib/text/y.ts": `import "./x.ts"; import "../graph/a.ts";`,
    "lib/text/z.ts": `import "./y.ts";`,
  });
  const why = ": files may not import each other in a circle, not even for types";
  assert.deepEqual(fileCircles(modules), [
    `lib/graph/a.ts -> lib/graph/b.ts -> lib/graph/a.ts${why}`,
    `lib/optim/c.ts -> lib/optim/d.ts -> lib/optim/c.ts${why}`,
    `lib/text/x.ts -> lib/text/z.ts -> lib/text/y.ts -> lib/text/x.ts${why}`,
  ]);
  assert.deepEqual(folderCircles(modules), []);
});

Deno.test("a circle of folders is found without one of files, below each other too", async () => {
  const { modules } = await plant({
    "lib/data/mod.ts": `import "./rows/split.ts";`,
    "lib/data/names.ts": "export type Name = string;",
    "lib/data/rows/split.ts": `import type { Name } from "../names.ts"; export type N = Name;`,
    "lib/data/rows/more.ts": `import "./split.ts";`,
  });
  assert.deepEqual(fileCircles(modules), []);
  assert.deepEqual(folderCircles(modules), [
    "lib/data -> lib/data/rows -> lib/data: folders may not import each other in a circle " +
    "(lib/data/mod.ts imports lib/data/rows/split.ts; " +
    "lib/data/rows/split.ts imports lib/data/names.ts)",
  ]);
});

Deno.test("what a browser does not have is found in its rooms", async () => {
  const uses: Record<string, [string, string]> = {
    call: [`\nexport const a = Deno.cwd();`, "uses Deno in line 2"],
    passed: [`export const a = [Deno];`, "uses Deno in line 1"],
    global: [`export const a = globalThis.Deno;`, "uses Deno in line 1"],
    computed: [`export const a = globalThis["De" + "no"];`, "uses globalThis[ in line 1"],
    hole: ["export const a = `${Deno.pid}`;", "uses Deno in line 1"],
    process: [`export const a = process.env;`, "uses process in line 1"],
    folder: [`export const a = import.meta.dirname;`, "uses import.meta.dirname in line 1"],
    node: [`import { join } from "node:path"; export const a = join;`, "imports node:path"],
    late: [`export const a = () => import("node:fs");`, "imports node:fs"],
    native: [`import "onnxruntime-node";`, "imports npm:onnxruntime-node@1.30.0"],
  };
  const { root, modules } = await plant({
    ...Object.fromEntries(
      Object.entries(uses).map(([name, [text]]) => [`lib/graph/${name}.ts`, text]),
    ),
    "lib/graph/none.ts": `
/** \`await Deno.readTextFile("x")\` */
import type { Buffer } from "node:buffer"; // Deno.cwd()
export const process = (given: { process: string; Buffer?: Buffer }) => given.process;
export const text = "Deno.cwd()" + \`Deno \${"Deno"}\` + /Deno/.source + globalThis.name;`,
  });
  const found = await browserViolations(root, modules);
  assert.deepEqual(
    found.sort(),
    Object.entries(uses).map(([name, [, use]]) =>
      `lib/graph/${name}.ts ${use}: lib/graph/ is to run in a browser, which has only what the web has`
    ).sort(),
  );
});

Deno.test("what a browser does not have is found behind imports of its rooms, types apart", async () => {
  const { root, modules } = await plant({
    "lib/base/files.ts": "export const read = Deno.readFile;",
    "lib/base/between.ts": `export const read = () => import("./files.ts");`,
    "lib/base/types.ts": `export type Read = typeof import("./more.ts").read;`,
    "lib/base/more.ts": "export const read = Deno.readFile;",
    "lib/decoding/a.ts": `import "../base/between.ts"; import "../base/types.ts";`,
    "lib/decoding/b.ts":
      `import type { read } from "../base/more.ts"; export type R = typeof read;`,
    "lib/store/a.ts": `import "../base/more.ts"; import "node:fs";`,
  });
  assert.deepEqual(await browserViolations(root, modules), [
    "lib/base/files.ts uses Deno in line 1: lib/decoding/ is to run in a browser, which has only " +
    "what the web has (lib/decoding/a.ts -> lib/base/between.ts -> lib/base/files.ts)",
  ]);
});

Deno.test("a folder with too many files is found, unless there is a reason", async () => {
  const file = (i: number): [string, string] => [`lib/text/f${i}.ts`, ""];
  const { files } = await plant(
    Object.fromEntries([...Array.from({ length: 17 }, (_, i) => file(i)), [
      "lib/text/in/a.ts",
      "",
    ]]),
  );
  assert.deepEqual(largeFolders(files), [
    "lib/text has 17 files: a folder may have 16, or a reason in sizes.ts",
  ]);
  assert.deepEqual(largeFolders(files, { "lib/text": "a table a file" }), []);
  assert.deepEqual(largeFolders(files.slice(1), {}), []);
  assert.deepEqual(largeFolders(files.slice(1), { "lib/text": "a table a file" }), [
    "lib/text has 16 files: it needs no reason in sizes.ts",
  ]);
});

Deno.test("a file that is too long is found", async () => {
  const { root, files } = await plant({
    "lib/text/long.ts": "\n".repeat(401),
    "lib/text/short.ts": "\n".repeat(400),
  });
  assert.deepEqual(await longFiles(root, files), [
    "lib/text/long.ts has 401 lines: a file may have 400; split it",
  ]);
});

Deno.test("checks that are switched off are found", async () => {
  const off: Record<string, [string, string]> = {
    any: ["export let a: any;", "any"],
    cast: ["export const a = 1 as any;", "any"],
    ignore: ["// deno-lint-ignore no-explicit-any", "deno-lint-ignore"],
    error: ["// @ts-expect-error because", "@ts-expect-error"],
    list: ["export let a: Map<string, any[]>;", "any"],
  };
  const { root, files } = await plant({
    ...Object.fromEntries(
      Object.entries(off).map(([name, [text]]) => [`lib/text/${name}.ts`, text]),
    ),
    "lib/text/none.ts": "// as any\nexport const given = { any: [1, 2].some(Boolean) };",
  });
  assert.deepEqual(
    (await uncheckedPlaces(root, files)).sort(),
    Object.entries(off).map(([name, [, what]]) =>
      `lib/text/${name}.ts has ${what} in line 1: no check of types or lint is switched off`
    ).sort(),
  );
});
