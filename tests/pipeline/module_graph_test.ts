import assert from "node:assert/strict";
import { fileUrl } from "../../lib/base/paths.ts";
import { join } from "node:path";
import { UserError } from "../../lib/base/errors.ts";
import { type ModuleGraph, moduleGraph } from "../../lib/pipeline/code/module_graph.ts";
import { sha256Hex, StoreIndex } from "../../lib/store/mod.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** A small project and a folder beside it, removed after the test. */
interface Place {
  readonly project: string;
  readonly beside: string;
  readonly write: (path: string, text: string) => Promise<string>;
  /** The graph of a module, by a fresh index over the same file each time. */
  readonly graph: (path: string) => Promise<ModuleGraph>;
}

const CONFIG = {
  imports: { temper: "./lib/face.ts", zod: "npm:zod@4.6.7" },
  nodeModulesDir: "none",
};

async function withPlace(test: (place: Place) => Promise<void>): Promise<void> {
  const folder = await temporaryDirectory();
  const project = join(folder, "project");
  const beside = join(folder, "beside");
  const write = async (path: string, text: string): Promise<string> => {
    const full = join(folder, path);
    await Deno.mkdir(join(full, ".."), { recursive: true });
    await Deno.writeTextFile(full, text);
    return full;
  };
  await write("project/deno.json", JSON.stringify(CONFIG));
  await write("project/lib/face.ts", `export const face = 1;\n`);
  await test({
    project,
    beside,
    write,
    graph: async (path) => {
      using index = new StoreIndex(join(folder, "index.db"));
      return await moduleGraph(join(folder, path), { project, index });
    },
  });
}

Deno.test("moduleGraph() holds static, dynamic, JSON and text imports, not erased ones", async () => {
  await withPlace(async ({ project, write, graph }) => {
    await write(
      "project/stages/a.ts",
      `import { face } from "temper";
import data from "./data.json" with { type: "json" };
import words from "./words.txt" with { type: "text" };
import type { T } from "./types.ts";
import fs from "node:fs";
export async function run(): Promise<T> {
  const { b } = await import("../lib/b.ts");
  return [face, data, words, fs, b];
}
`,
    );
    await write("project/stages/data.json", "{}");
    await write("project/stages/words.txt", "words");
    await write("project/stages/types.ts", "export type T = unknown;\n");
    await write("project/lib/b.ts", `export * from "./c.ts"; export const b = 1;\n`);
    await write("project/lib/c.ts", `import "./b.ts";\n`);
    await write("project/lib/unused.ts", "");
    const found = await graph("project/stages/a.ts");
    assert.equal(found.root, "stages/a.ts");
    assert.deepEqual(Object.keys(found.files), [
      "lib/b.ts",
      "lib/c.ts",
      "lib/face.ts",
      "stages/a.ts",
      "stages/data.json",
      "stages/words.txt",
    ]);
    assert.equal(found.files["stages/words.txt"], sha256Hex("words"));
    assert.deepEqual(found.imports, { temper: "lib/face.ts" });
    assert.deepEqual(found.packages, []);
    assert.deepEqual(
      found.paths,
      Object.keys(found.files).map((label) => join(project, label)),
    );
  });
});

Deno.test("moduleGraph() names files outside the project from the module, never by the machine", async () => {
  await withPlace(async ({ project, beside, write, graph }) => {
    await write("beside/my/stage.ts", `import "temper"; import "./near.ts"; import "../far.ts";\n`);
    await write("beside/my/near.ts", "");
    await write("beside/far.ts", "");
    const found = await graph("beside/my/stage.ts");
    assert.equal(found.root, "./stage.ts");
    assert.deepEqual(Object.keys(found.files), [
      "../far.ts",
      "./near.ts",
      "./stage.ts",
      "lib/face.ts",
    ]);
    const { paths: _paths, local: _local, loading: _loading, ...content } = found;
    assert.ok(
      !JSON.stringify(content).includes(beside) && !JSON.stringify(content).includes(project),
    );
    using index = new StoreIndex(":memory:");
    const url = fileUrl(join(beside, "my/stage.ts"));
    assert.deepEqual(await moduleGraph(url, { project, index }), found);
  });
});

Deno.test("moduleGraph() lists npm packages with those that they need", async () => {
  const project = join(import.meta.dirname!, "../..");
  const folder = await temporaryDirectory();
  await Deno.writeTextFile(join(folder, "s.ts"), `import "onnxruntime-node"; import "zod";\n`);
  using index = new StoreIndex(":memory:");
  const { packages } = await moduleGraph(join(folder, "s.ts"), { project, index });
  const config = JSON.parse(await Deno.readTextFile(join(project, "deno.json")));
  for (const name of ["onnxruntime-node", "zod"]) {
    assert.ok(packages.includes(config.imports[name].slice("npm:".length)), name);
  }
  // onnxruntime-node needs onnxruntime-common in the same version.
  assert.ok(packages.some((item) => item.startsWith("onnxruntime-common@")));
  assert.deepEqual(packages, [...packages].sort());
});

Deno.test("moduleGraph() leaves the project's lock file as it is", async () => {
  await withPlace(async ({ project, write, graph }) => {
    const lock = await write("project/deno.lock", JSON.stringify({ version: "5" }));
    await write("beside/stage.ts", `import { z } from "npm:zod@4.6.7"; export default z;\n`);
    assert.deepEqual((await graph("beside/stage.ts")).packages, ["zod@4.6.7"]);
    assert.equal(await Deno.readTextFile(lock), JSON.stringify({ version: "5" }));
    assert.equal(join(project, "deno.lock"), lock);
  });
});

Deno.test("moduleGraph() sees every edit, however fast, of the same size, or put back", async () => {
  await withPlace(async ({ write, graph }) => {
    await write("project/stages/a.ts", `import { b } from "../lib/b.ts"; b;\n`);
    const path = await write("project/lib/b.ts", "export const b = 0;\n");
    const first = await graph("project/stages/a.ts");
    for (let i = 1; i < 8; i++) {
      await Deno.writeTextFile(path, `export const b = ${i};\n`);
      await Deno.utime(path, 1_700_000_000, 1_700_000_000);
      const { files } = await graph("project/stages/a.ts");
      assert.equal(files["lib/b.ts"], sha256Hex(`export const b = ${i};\n`));
    }
    await Deno.writeTextFile(path, "export const b = 0;\n");
    assert.deepEqual(await graph("project/stages/a.ts"), first);
    await write("project/lib/c.ts", "");
    await Deno.writeTextFile(path, `import "./c.ts"; export const b = 0;\n`);
    assert.ok("lib/c.ts" in (await graph("project/stages/a.ts")).files);
  });
});

Deno.test("moduleGraph() sees a changed import map", async () => {
  await withPlace(async ({ write, graph }) => {
    await write("project/stages/a.ts", `import "temper";\n`);
    await write("project/lib/other.ts", "");
    assert.deepEqual((await graph("project/stages/a.ts")).imports, { temper: "lib/face.ts" });
    const imports = { ...CONFIG.imports, temper: "./lib/other.ts" };
    await write("project/deno.json", JSON.stringify({ ...CONFIG, imports }));
    const found = await graph("project/stages/a.ts");
    assert.deepEqual(found.imports, { temper: "lib/other.ts" });
    assert.deepEqual(Object.keys(found.files), ["lib/other.ts", "stages/a.ts"]);
  });
});

Deno.test("moduleGraph() of a warm index starts no process and takes milliseconds", async () => {
  await withPlace(async ({ project, write }) => {
    const names = [..."abcdefg"];
    for (let i = 0; i < 40; i++) await write(`project/lib/m${i}.ts`, `export const x = ${i};\n`);
    const lines = Array.from({ length: 40 }, (_, i) => `import "../lib/m${i}.ts";`).join("\n");
    const modules: string[] = [];
    for (const name of names) modules.push(await write(`project/stages/${name}.ts`, lines));
    // Stamps are believed only of files that have rested.
    await new Promise((resolve) => setTimeout(resolve, 3050));
    const path = join(project, "index.db");
    {
      using index = new StoreIndex(path);
      await Promise.all(modules.map((module) => moduleGraph(module, { project, index })));
    }
    const { Command } = Deno;
    const took: number[] = [];
    try {
      Object.defineProperty(Deno, "Command", { value: undefined, configurable: true });
      for (let round = 0; round < 5; round++) {
        const began = performance.now();
        using index = new StoreIndex(path);
        for (const module of modules) {
          const { files } = await moduleGraph(module, { project, index });
          assert.equal(Object.keys(files).length, 41);
        }
        took.push(performance.now() - began);
      }
    } finally {
      Object.defineProperty(Deno, "Command", { value: Command, configurable: true });
    }
    // A second for what takes 5 ms: other tests run beside this one, and a process would take longer each time.
    assert.ok(Math.min(...took) < 1000, `${took} ms`);
  });
});

Deno.test("moduleGraph() names a broken import with file, line, column and the line", async () => {
  await withPlace(async ({ write, graph }) => {
    const cases: [text: string, what: RegExp, line: number, column: number, length: number][] = [
      [`// one\nimport "./gone.ts";\n`, /import "\.\/gone\.ts": Module not found/, 2, 8, 11],
      [`  const x = await import("./gone.ts");\n`, /import "\.\/gone\.ts"/, 1, 26, 11],
      [`import "./gone.json" with { type: "json" };\n`, /gone\.json/, 1, 8, 13],
      [`import "./gone.txt" with { type: "text" };\n`, /gone\.txt/, 1, 8, 12],
      [`import "lodash_of_nobody";\n`, /import "lodash_of_nobody"/, 1, 8, 18],
    ];
    for (const [text, what, line, column, length] of cases) {
      await write("project/stages/a.ts", `import "../lib/b.ts";\n`);
      await write("project/lib/b.ts", text);
      await assert.rejects(graph("project/stages/a.ts"), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.parts.what, what);
        assert.ok(!error.parts.what.includes("file:///"), error.parts.what);
        assert.deepEqual(error.parts.at, {
          file: "lib/b.ts",
          line,
          column,
          length,
          text: text.split("\n")[line - 1],
        });
        return true;
      });
    }
    // Nothing of a failure is remembered.
    await write("project/lib/b.ts", "");
    assert.ok("lib/b.ts" in (await graph("project/stages/a.ts")).files);
  });
});

Deno.test("moduleGraph() names the place of a syntax error and a missing root", async () => {
  await withPlace(async ({ write, graph }) => {
    await write("project/stages/a.ts", `import "../lib/b.ts";\n`);
    await write("project/lib/b.ts", "\nexport const = 3;\n");
    await assert.rejects(graph("project/stages/a.ts"), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.parts.at?.file, "lib/b.ts");
      assert.equal(error.parts.at?.line, 2);
      assert.equal(error.parts.at?.text, "export const = 3;");
      return true;
    });
    await assert.rejects(
      graph("project/stages/none.ts"),
      (error) => error instanceof UserError && error.message.includes("stages/none.ts"),
    );
  });
});
