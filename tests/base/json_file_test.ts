import assert from "node:assert/strict";
import { readJsonObject, writeJsonObject } from "../../lib/base/json_file.ts";
import { copyTokenizerFiles } from "../../lib/data/tokens/tokenizer_files.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

Deno.test("writeJsonObject() gives equal bytes for equal content, and it reads back", async () => {
  const dir = await temporaryDirectory();
  await writeJsonObject(`${dir}/a.json`, { b: [1, { z: null }], a: "x" });
  await writeJsonObject(`${dir}/b.json`, { a: "x", b: [1, { z: null }] });
  const [a, b] = await Promise.all(["a", "b"].map((it) => Deno.readTextFile(`${dir}/${it}.json`)));
  assert.equal(a, b);
  assert.deepEqual(await readJsonObject(`${dir}/a.json`), { a: "x", b: [1, { z: null }] });
});

Deno.test("readJsonObject() tells no file from a file that is none", async () => {
  const dir = await temporaryDirectory();
  assert.equal(await readJsonObject(`${dir}/none.json`), undefined);
  const table: [string, RegExp][] = [
    ["{", /bad\.json is not JSON: /],
    ["", /bad\.json is not JSON: /],
    ["[1]", /bad\.json is not a JSON object/],
    ["null", /bad\.json is not a JSON object/],
  ];
  for (const [text, message] of table) {
    await Deno.writeTextFile(`${dir}/bad.json`, text);
    await assert.rejects(readJsonObject(`${dir}/bad.json`), message);
  }
  await assert.rejects(readJsonObject(dir), (error) => !(error instanceof TypeError));
});

Deno.test("copyTokenizerFiles() takes a chat template along, and copies that can be written", async () => {
  const [from, to] = [await temporaryDirectory(), await temporaryDirectory()];
  for (const name of ["tokenizer.json", "chat_template.jinja", "config.json"]) {
    await Deno.writeTextFile(`${from}/${name}`, name, { mode: 0o444 });
  }
  await copyTokenizerFiles(from, to);
  const names = (await Array.fromAsync(Deno.readDir(to))).map(({ name }) => name);
  assert.deepEqual(names.toSorted(), ["chat_template.jinja", "tokenizer.json"]);
  await Deno.writeTextFile(`${to}/tokenizer.json`, "changed");
  assert.notEqual((await Deno.stat(`${to}/tokenizer.json`)).mode! & 0o200, 0);
});
