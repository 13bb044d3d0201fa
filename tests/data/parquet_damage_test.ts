import assert from "node:assert/strict";
import type { SchemaElement } from "hyparquet";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { UserError } from "../../lib/base/errors.ts";
import { readParquet, writeParquet } from "../fixtures/parquet_files.ts";
import { type Damages, KINDS, smallParquet } from "../fixtures/damaged_parquet.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Runs a script of the repository; it is killed after two minutes. */
async function script(args: readonly string[]): Promise<Deno.CommandOutput> {
  return await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-read", "--allow-write", ...args],
    cwd: ROOT,
    signal: AbortSignal.timeout(120_000),
  }).output();
}

for (const kind of KINDS) {
  Deno.test(`a damaged byte of a ${kind} parquet file ends in rows or words, soon and in little memory`, async () => {
    const folder = await temporaryDirectory();
    const { code, stdout, stderr } = await script([
      "tests/fixtures/damaged_parquet.ts",
      folder,
      kind,
    ]);
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const damages: Damages = JSON.parse(new TextDecoder().decode(stdout));
    assert.deepEqual(damages.others, []);
    assert.ok(damages.rows > 5 && damages.refused > 30, JSON.stringify(damages));
    assert.ok(damages.slowest < 15_000, `${damages.slowest} ms`);
    assert.ok(damages.memory < 600e6, `${damages.memory} bytes`);
  });
}

/** The error for a file with one value changed. */
async function refusal(change: (bytes: Uint8Array<ArrayBuffer>) => void): Promise<string> {
  const path = `${await temporaryDirectory()}/a.parquet`;
  const bytes = smallParquet("UNCOMPRESSED");
  change(bytes);
  await Deno.writeFile(path, bytes);
  const error = await readParquet(path, { name: "a.parquet" }).then(
    () => undefined,
    (error) => error,
  );
  assert.ok(error instanceof UserError, String(error));
  return error.message;
}

Deno.test("a page without its size is told at once, with the file and the column", async () => {
  // PAR1, then the header of the first page: its type, its sizes. The type of the third field is taken away.
  const told = await refusal((bytes) => bytes[8] = 0x25);
  assert.match(told, /cannot read a\.parquet, column "t" as parquet/);
});

Deno.test("what never comes back ends the process, with words", async () => {
  const folder = await temporaryDirectory();
  const path = `${folder}/hang.ts`;
  const watchdog = new URL("../../lib/base/watchdog.ts", import.meta.url).href;
  await Deno.writeTextFile(
    path,
    `import { watch } from ${JSON.stringify(watchdog)};
const parts = { what: "reading x.parquet comes to no end", remedy: "fetch it again" };
await watch({ parts, deadline: 300 }, async (step) => {
  const end = performance.now() + 900;
  while (performance.now() < end) step();
});
console.log("steps are no standstill");
await watch({ parts, deadline: 300 }, async () => { for (;;); });`,
  );
  const { success, stdout } = await script([path]);
  assert.ok(!success);
  assert.equal(
    new TextDecoder().decode(stdout),
    "steps are no standstill\nreading x.parquet comes to no end\nfetch it again\n",
  );
});

Deno.test("a file of thousands of columns is read in a time that grows with them", async () => {
  const path = `${await temporaryDirectory()}/wide.parquet`;
  const columns = Array.from(
    { length: 6_000 },
    (_, i) => ({ name: `c${i}`, type: "int" as const }),
  );
  const row = Object.fromEntries(columns.map(({ name }, i) => [name, i]));
  writeParquet(path, columns, { rows: [row, row] });
  const began = performance.now();
  const { rows } = await readParquet(path);
  // Every column once went through the schema of all: minutes.
  assert.ok(performance.now() - began < 30_000, `${performance.now() - began} ms`);
  assert.equal(rows.length, 2);
  assert.deepEqual(rows[1], row);
});

Deno.test("a decimal of thousands of bytes is told: no number has so many", async () => {
  const path = `${await temporaryDirectory()}/dec.parquet`;
  const bytes = { name: "d", type: "BYTE_ARRAY", repetition_type: "REQUIRED" } as const;
  const schema: SchemaElement[] = [{ name: "root", num_children: 1 }, bytes];
  const writer = new ParquetWriter({ writer: fileWriter(path), schema, statistics: false });
  writer.write({ columnData: [{ name: "d", data: [new Uint8Array(400_000).fill(1)] }] });
  // A writer that knew would take numbers alone.
  Object.assign(writer, {
    schema: [schema[0]!, { ...bytes, converted_type: "DECIMAL", precision: 38, scale: 2 }],
  });
  writer.finish();
  const began = performance.now();
  await assert.rejects(readParquet(path), /a decimal of 400000 bytes/);
  assert.ok(performance.now() - began < 20_000, `${performance.now() - began} ms`);
});
