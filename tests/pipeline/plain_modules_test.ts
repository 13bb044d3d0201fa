/** Names of modules in the text of one, found before Deno is asked. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { refuseOtherThanFiles } from "../../lib/pipeline/code/plain_modules.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

Deno.test({
  name: "refuseOtherThanFiles() finds what is imported, however it is written",
  ignore: Deno.build.os === "windows",
  async fn(): Promise<void> {
    const folder = await temporaryDirectory();
    for (const name of ["pipe.ts", "pipe.json", "pipe"]) {
      await new Deno.Command("mkfifo", { args: [join(folder, name)] }).output();
    }
    const path = join(folder, "own.ts");
    const bad = [
      'import a from "./pipe.ts";',
      "const a = await import('./pipe.ts?x=1#y');",
      'const name = "./pipe.ts";',
      '/// <reference path="./pipe.ts" />',
      'import a from "./pipe.json" with { type: "json" };',
      "const a = require(   './pipe.json' );",
      'export * from\n  "./pipe";',
    ];
    for (const text of bad) {
      await Deno.writeTextFile(path, text);
      await assert.rejects(refuseOtherThanFiles(path), /which is a pipe/, text);
    }
    for (const text of ['const a = "./pipe.json";', "read(`./pipe`);", "it's ./pipe.ts"]) {
      await Deno.writeTextFile(path, text);
      await refuseOtherThanFiles(path);
    }
  },
});

Deno.test("refuseOtherThanFiles() takes a time that grows with the text, whatever is in it", async () => {
  const path = join(await temporaryDirectory(), "own.ts");
  const began = performance.now();
  for (const part of [".ts?", "import ", "import('", '"./', "`/", "from  (", " "]) {
    await Deno.writeTextFile(path, `// "/${part.repeat((1 << 20) / part.length)}\n`);
    await refuseOtherThanFiles(path);
  }
  // Twenty minutes for the first of them alone, in which nobody was answered.
  assert.ok(performance.now() - began < 30_000, `${performance.now() - began} ms`);
});
