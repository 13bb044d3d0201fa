import assert from "node:assert/strict";
import { join } from "node:path";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { tryEscapes } from "./escapes.ts";
import { ESCAPES } from "./escapes_table.ts";

const together = ESCAPES.filter(({ alone }) => alone !== true);
const alone = ESCAPES.filter(({ alone }) => alone === true);

Deno.test("there are at least sixty escapes, each with a name of its own", () => {
  assert.ok(ESCAPES.length >= 60, `${ESCAPES.length}`);
  assert.equal(new Set(ESCAPES.map(({ name }) => name)).size, ESCAPES.length);
});

Deno.test("no own stage reads, changes or sends what it was not given", async () => {
  await tryEscapes(together, await temporaryDirectory());
});

Deno.test("no own stage gets out that changes its process or what is loaded into it", async () => {
  const folder = await temporaryDirectory();
  const broken: string[] = [];
  for (const [i, escape] of alone.entries()) {
    await tryEscapes([escape], join(folder, String(i))).catch((error) =>
      broken.push(error.message)
    );
  }
  assert.deepEqual(broken, []);
});
