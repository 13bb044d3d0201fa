/** JSON from outside: how deep it may be, wherever it comes in, and what its names may be. */
import assert from "node:assert/strict";
import { canonicalJson } from "../../lib/base/canonical_json.ts";
import { UserError } from "../../lib/base/errors.ts";
import { MAX_JSON_DEPTH, parseJson, parseJsonObject } from "../../lib/base/json.ts";
import { readJsonObject } from "../../lib/base/json_file.ts";
import { loadConfig, loadGenerationConfig } from "../../lib/checkpoint/load.ts";
import { readDataset, readDatasetInfo, writeDataset } from "../../lib/data/rows/dataset.ts";
import { splitNameMistake } from "../../lib/data/rows/split_name.ts";
import { parseHeader } from "../../lib/data/formats/safetensors_header.ts";
import { checkSafetensorsHeader } from "../../lib/data/formats/safetensors_check.ts";
import { readTables } from "../fixtures/row_files.ts";
import { readTokens } from "../../lib/data/tokens/tokens.ts";
import { MARK, parseLine } from "../../lib/pipeline/sandbox/protocol.ts";
import { Lockfile } from "../../lib/pipeline/key/lockfile.ts";
import { parseManifest } from "../../lib/store/manifest.ts";
import { loadTokenizer } from "../../lib/tokenizers/load.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const lists = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
const objects = (depth: number): string => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);
const DEPTHS = [MAX_JSON_DEPTH + 1, 5_000, 1_000_000];

Deno.test("parseJson() takes what is not too deep, brackets in texts too, and refuses the rest", () => {
  for (const nested of [lists, objects]) {
    assert.equal(JSON.stringify(parseJson(nested(MAX_JSON_DEPTH))), nested(MAX_JSON_DEPTH));
    for (const depth of DEPTHS) {
      assert.throws(() => parseJson(nested(depth)), /nested more than 500 levels deep/);
      assert.equal(parseJsonObject(nested(depth)), undefined);
    }
  }
  const text = JSON.stringify(["[".repeat(5000), "\\", '"'.repeat(3) + "{".repeat(5000)]);
  assert.equal(JSON.stringify(parseJson(text)), text);
  const flat = `[${"[],".repeat(5000)}[]]`;
  assert.equal(JSON.stringify(parseJson(flat)), flat);
  for (const broken of ['"'.repeat(5001), "[".repeat(400), '"\\'.repeat(1000)]) {
    assert.throws(() => parseJson(broken), SyntaxError);
  }
});

Deno.test("canonicalJson() names the depth, not the stack", () => {
  assert.ok(canonicalJson(JSON.parse(lists(MAX_JSON_DEPTH))).length > 0);
  for (const depth of [5_000, 100_000]) {
    assert.throws(() => canonicalJson(JSON.parse(lists(depth))), /TypeError: .* levels deep/);
    assert.throws(() => canonicalJson(JSON.parse(objects(depth))), /TypeError: .* levels deep/);
  }
});

/** Texts that no file of an artifact or a model may hold. */
const BROKEN: Record<string, string> = {
  "no JSON": '{"a": ',
  "an escape code": '{"\x1b[2J',
  "nothing": "",
  "null": "null",
  "a list": "[]",
  "a text": '"x"',
  "deep lists": `{"kind":${lists(5000)}}`,
  "deep objects": objects(1_000_000),
  "an empty object": "{}",
  "rubbish": '{"kind":7,"columns":7,"splits":7,"model":7}',
  "rubbish inside":
    '{"kind":"tokens","columns":{"input_ids":null},"splits":{"a":null},"model":{"type":{}}}',
};

const READERS: Record<string, (folder: string) => Promise<unknown>> = {
  "dataset.json": readDataset,
  "tokens.json": readTokens,
  "config.json": loadConfig,
  "generation_config.json": loadGenerationConfig,
  "tokenizer.json": loadTokenizer,
};

Deno.test("readers of artifacts and models tell a broken file with its name", async (t) => {
  for (const [file, read] of Object.entries(READERS)) {
    for (const [name, text] of Object.entries(BROKEN)) {
      // What a config has to hold is its model's to say.
      if (file.endsWith("config.json") && name.match(/object|rubbish/) && !name.match(/deep/)) {
        continue;
      }
      await t.step(`${file}: ${name}`, async () => {
        const folder = await temporaryDirectory();
        await Deno.writeTextFile(`${folder}/${file}`, text);
        await assert.rejects(read(folder), (error) => {
          assert.ok(error instanceof UserError, String(error));
          assert.ok(error.message.includes(file), error.message);
          return true;
        });
      });
    }
    await t.step(`${file}: a folder`, async () => {
      const folder = await temporaryDirectory();
      await Deno.mkdir(`${folder}/${file}`);
      await assert.rejects(read(folder), (error) => error instanceof UserError);
    });
  }
});

Deno.test("an index of splits names files beside it and nothing else", async (t) => {
  const column = { name: "text", type: "string" };
  const cases: [string, unknown][] = [
    ["above", { a: { file: "../x.parquet", rows: 1 } }],
    ["below", { a: { file: "b/x.parquet", rows: 1 } }],
    ["absolute", { a: { file: "/etc/passwd", rows: 1 } }],
    ["on Windows", { a: { file: "..\\x", rows: 1 } }],
    ["a device", { a: { file: "con", rows: 1 } }],
    ["a NUL", { a: { file: "a\0", rows: 1 } }],
    ["two dots", { a: { file: "..", rows: 1 } }],
    ["no text", { a: { file: 7, rows: 1 } }],
    ["null", { a: null }],
    ["no count", { a: { file: "a.parquet", rows: "1" } }],
    ["half a row", { a: { file: "a.parquet", rows: 0.5 } }],
    ["constructor", { constructor: { file: "a.parquet", rows: 1 } }],
    ["a list", []],
  ];
  for (const [name, splits] of cases) {
    await t.step(name, async () => {
      const folder = await temporaryDirectory();
      const text = JSON.stringify({ kind: "rows", columns: [column], splits });
      await Deno.writeTextFile(`${folder}/dataset.json`, text);
      await assert.rejects(
        readDatasetInfo(folder),
        (error) =>
          error instanceof UserError && /dataset\.json does not describe/.test(error.message),
      );
    });
  }
  const folder = await temporaryDirectory();
  const text = `{"kind":"rows","columns":[],"splits":{"__proto__":{"file":"a.parquet","rows":1}}}`;
  await Deno.writeTextFile(`${folder}/dataset.json`, text);
  await assert.rejects(readDatasetInfo(folder), /no split may be called "__proto__"/);
});

const OF_EVERY_OBJECT = Object.getOwnPropertyNames(Object.prototype);

Deno.test("a split or column never vanishes for its name", async () => {
  const columns = [{ name: "text", type: "string" }] as const;
  for (const name of [...OF_EVERY_OBJECT, "con", "nul"]) {
    assert.notEqual(splitNameMistake(name), undefined, name);
    const splits = Object.fromEntries([[name, [{ text: "a" }]], ["train", []]]);
    const folder = await temporaryDirectory();
    await assert.rejects(
      writeDataset(folder, { columns, splits }),
      /cannot be the name of a split/,
    );
  }
  for (const name of OF_EVERY_OBJECT) {
    const files = {
      "a.jsonl": `{"text":"a"}\n${JSON.stringify({ text: "b" }).slice(0, -1)},"${name}":"cell"}\n`,
      "a.csv": `text,${name}\na,\nb,cell\n`,
    };
    for (const [file, text] of Object.entries(files)) {
      const folder = await temporaryDirectory();
      const path = `${folder}/${file}`;
      await Deno.writeTextFile(path, text);
      const table = readTables(
        [{ path, name: file }],
        { format: "auto", splitBy: "line", textColumn: "text" } as never,
      );
      if (name === "__proto__") {
        await assert.rejects(table, /has a column "__proto__"/);
        continue;
      }
      const { rows, columns } = await table;
      await writeDataset(folder, { columns, splits: { data: rows } });
      const back = (await readDataset(folder)).splits.data!;
      assert.deepEqual(back.map((row) => row[name] ?? ""), ["", "cell"], `${file} ${name}`);
    }
  }
});

Deno.test("tensors of any name are kept, and a broken header is told", async () => {
  const entry = { dtype: "F32", shape: [1] };
  const members = OF_EVERY_OBJECT.map((name, i) =>
    `"${name}":${JSON.stringify({ ...entry, data_offsets: [4 * i, 4 * i + 4] })}`
  );
  const text = `{"__metadata__":{"__proto__":"x","toString":"y"},${members.join(",")}}`;
  const { entries, metadata } = parseHeader(text, { path: "p", dataSize: 4 * members.length });
  assert.deepEqual([...entries.keys()], OF_EVERY_OBJECT);
  assert.deepEqual(Object.keys(metadata), ["__proto__", "toString"]);
  const folder = await temporaryDirectory();
  const broken = [
    "null",
    '{"a":null}',
    '{"a":{"data_offsets":7}}',
    lists(5000),
    objects(5000),
    "7",
  ];
  for (const header of broken) {
    const bytes = new TextEncoder().encode(header.padEnd(8));
    const file = new Uint8Array(8 + bytes.length);
    new DataView(file.buffer).setBigUint64(0, BigInt(bytes.length), true);
    file.set(bytes, 8);
    await Deno.writeFile(`${folder}/a.safetensors`, file);
    await assert.rejects(
      checkSafetensorsHeader(`${folder}/a.safetensors`, "a.safetensors"),
      UserError,
      header.slice(0, 20),
    );
  }
});

Deno.test("messages, locks and manifests that are too deep are none", async () => {
  for (const depth of DEPTHS) {
    const messages = [
      `{"type":"result","value":${lists(depth)}}`,
      `{"type":"summary","entry":${objects(depth)}}`,
      objects(depth),
    ];
    for (const message of messages) {
      assert.equal(parseLine(MARK + message).message, undefined);
    }
    assert.equal(parseManifest(`{"kind":"rows","files":${lists(depth)}}`), undefined);
    const folder = await temporaryDirectory();
    await Deno.writeTextFile(`${folder}/a.lock`, `{"version":1,"pins":{"a":${lists(depth)}}}`);
    await assert.rejects(Lockfile.open(`${folder}/a.yaml`), UserError);
    await Deno.writeTextFile(`${folder}/a.jsonl`, `{"a":${lists(depth)}}\n`);
    await assert.rejects(
      readTables(
        [{ path: `${folder}/a.jsonl`, name: "a.jsonl" }],
        { format: "auto", splitBy: "line", textColumn: "text" } as never,
      ),
      (error) => error instanceof UserError && /a\.jsonl/.test(JSON.stringify(error.parts)),
    );
    await Deno.writeTextFile(`${folder}/x.json`, objects(depth));
    await assert.rejects(readJsonObject(`${folder}/x.json`), UserError);
  }
});
