import assert from "node:assert/strict";
import { resolve } from "node:path";
import { ARROWS, arrows, productFiles, roomOf, violations } from "./arrows.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const ROOT = resolve(import.meta.dirname!, "../..");

Deno.test("every import goes downward", async () => {
  assert.deepEqual(violations(await arrows(ROOT, await productFiles(ROOT))), []);
});

Deno.test("every room is in the table of arrows", async () => {
  const rooms = new Set((await productFiles(ROOT)).map(roomOf));
  assert.deepEqual([...rooms].filter((room) => room === undefined || !(room in ARROWS)), []);
});

Deno.test("a planted upward import is found, whether of a value, a type or a dynamic module", async () => {
  for (
    const line of [
      `import "../../stages/mod.ts";`,
      `import type { a } from "../../stages/mod.ts"; export type B = typeof a;`,
      `export const late = () => import("../../stages/mod.ts");`,
    ]
  ) {
    const root = await temporaryDirectory();
    await Deno.mkdir(`${root}/lib/graph`, { recursive: true });
    await Deno.mkdir(`${root}/stages`);
    await Deno.writeTextFile(`${root}/deno.json`, "{}");
    await Deno.writeTextFile(`${root}/stages/mod.ts`, "export const a = 1;");
    await Deno.writeTextFile(`${root}/lib/graph/planted.ts`, line);
    assert.deepEqual(violations(await arrows(root, ["lib/graph/planted.ts"])), [
      "lib/graph/planted.ts imports stages/mod.ts: graph may import errors, not stages",
    ]);
  }
});
