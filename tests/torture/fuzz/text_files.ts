/** CSV, JSON Lines and plain text: what was written is read back, anything else is told with its line. */
import assert from "node:assert/strict";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { batchOf, rowOf } from "../../../lib/data/formats/batch.ts";
import { inferColumns, type Row } from "../../../lib/data/formats/columns.ts";
import { readTables } from "../../fixtures/row_files.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, isUsableName, MAX_LEVELS, told } from "./fuzzing.ts";
import { damagedBytes } from "./mutations.ts";

const cell = fc.oneof(
  fc.constantFrom(
    "",
    "a",
    "1",
    "007",
    "1e5",
    "true",
    "a,b",
    'say "hi"',
    "two\nlines",
    "a\r\nb",
    " ",
    "\t",
  ),
  fc.constantFrom("9007199254740993", "99999999999999999999", "-0", "1.", ".5", "NaN", "null", "𝄞"),
  fc.string({ maxLength: 6 }),
  fc.string({ unit: "grapheme", maxLength: 4 }),
).filter((text) => text.isWellFormed() && !text.includes("\ufeff"));

const name = cell.filter((text) => text !== "" && isUsableName(text) && !/[\r\n]/.test(text));

interface Sheet {
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly delimiter: string;
  readonly end: string;
  readonly quoted: boolean;
}

const sheet: fc.Arbitrary<Sheet> = fc.uniqueArray(name, { minLength: 2, maxLength: 4 }).chain((
  names,
) =>
  fc.record({
    names: fc.constant(names),
    rows: fc.array(fc.array(cell, { minLength: names.length, maxLength: names.length }), {
      maxLength: 5,
    }),
    delimiter: fc.constantFrom(",", "\t", ";"),
    end: fc.constantFrom("\n", "\r\n"),
    quoted: fc.boolean(),
  })
);

function csvOf({ names, rows, delimiter, end, quoted }: Sheet): string {
  const written = (text: string): string =>
    quoted || text === "" || /["\r\n]/.test(text) || text.includes(delimiter)
      ? `"${text.replaceAll('"', '""')}"`
      : text;
  return [names, ...rows].map((row) => row.map(written).join(delimiter) + end).join("");
}

const jsonRows = fc.array(fc.dictionary(name, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }), {
  maxLength: 5,
}).map((rows) => rows.map((row) => JSON.parse(JSON.stringify(row)) as Row))
  .filter((rows) => {
    const text = JSON.stringify(rows);
    return !text.includes("__proto__") && !text.includes("\\") && !/\d{16}/.test(text);
  });

type Input =
  | { readonly kind: "csv"; readonly sheet: Sheet; readonly gzip: boolean }
  | { readonly kind: "jsonl"; readonly rows: Row[]; readonly array: boolean; readonly end: string }
  | {
    readonly kind: "damaged";
    readonly extension: string;
    readonly splitBy: "line" | "blank_line" | "file";
    readonly bytes: Uint8Array<ArrayBuffer>;
  };

const utf8 = new TextEncoder();
const documents = fc.oneof(
  sheet.map(csvOf),
  jsonRows.map((rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join("")),
  jsonRows.map((rows) => JSON.stringify(rows, null, 1)),
  fc.integer({ min: 1, max: MAX_LEVELS }).map((n) => `{"a":${"[".repeat(n)}${"]".repeat(n)}}`),
  fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
).map((text) => utf8.encode(text));

export const fuzz: Fuzz<Input> = {
  name: "fuzz-text-files",
  promise: "rows of csv and jsonl come back, and a damaged file is read or told with its place",
  perCase: 1000,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.oneof(
    fc.record({ kind: fc.constant("csv" as const), sheet, gzip: fc.boolean() }),
    fc.record({
      kind: fc.constant("jsonl" as const),
      rows: jsonRows,
      array: fc.boolean(),
      end: fc.constantFrom("\n", "\r\n", "\n\n"),
    }),
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("damaged" as const),
        extension: fc.constantFrom(
          "csv",
          "tsv",
          "jsonl",
          "json",
          "txt",
          "md",
          "csv.gz",
          "jsonl.gz",
          "json.gz",
          "csv.zst",
          "jsonl.zst",
        ),
        splitBy: fc.constantFrom("line" as const, "blank_line" as const, "file" as const),
        bytes: damagedBytes(documents),
      }),
    },
  ),
  async check(input, folder): Promise<void> {
    const options = { format: "auto", splitBy: "line", textColumn: "text" } as const;
    if (input.kind === "csv") {
      const { sheet, gzip } = input;
      const file = { path: `${folder}/a`, name: gzip ? "a.csv.gz" : "a.csv" };
      await write(file.path, utf8.encode(csvOf(sheet)), gzip);
      const { delimiter } = sheet;
      const { columns, rows } = await readTables([file], { ...options, delimiter });
      assert.deepEqual(columns.map((column) => column.name), sheet.names);
      for (const [i, row] of sheet.rows.entries()) {
        for (const [j, text] of row.entries()) {
          const { name, type } = columns[j]!;
          const read = rows[i]![name];
          if (type === "string") assert.equal(read, text);
          else if (type === "int") assert.equal(BigInt(read as bigint), BigInt(text));
          else if (type === "float") assert.equal(read, Number(text));
          else assert.equal(read, text.toLowerCase() === "true");
        }
      }
      assert.equal(rows.length, sheet.rows.length);
      return;
    }
    if (input.kind === "jsonl") {
      const { rows, array, end } = input;
      const text = array
        ? JSON.stringify(rows, null, 2)
        : rows.map((row) => JSON.stringify(row) + end).join("");
      const file = { path: `${folder}/a`, name: "a.jsonl" };
      await Deno.writeTextFile(file.path, text);
      const back = await readTables([file], options);
      const columns = inferColumns(rows);
      assert.deepEqual(back.columns, columns);
      const whole = batchOf(rows, columns);
      assert.deepEqual(back.rows, rows.map((_, i) => rowOf(whole, i)));
      return;
    }
    const { extension, splitBy, bytes } = input;
    const file = { path: `${folder}/a`, name: `a.${extension}` };
    // Half of those that should be packed are not.
    const packing = bytes.length % 2 === 0 ? /\.(gz|zst)$/.exec(extension)?.[1] : undefined;
    await write(
      file.path,
      packing === "zst" ? Uint8Array.from(zstdCompressSync(bytes)) : bytes,
      packing === "gz",
    );
    const isText = extension === "txt" || extension === "md";
    const { value, errors } = await told(() =>
      readTables([file], { ...options, splitBy: isText ? splitBy : "line" })
    );
    for (const { message, parts: { at } } of errors ?? []) {
      assert.ok(at?.file === file.name || message.includes(file.name), `no place: ${message}`);
    }
    if (value === undefined) return;
    const names = new Set(value.columns.map((column) => column.name));
    assert.equal(names.size, value.columns.length, "a column twice");
    for (const row of value.rows) {
      for (const key in row) assert.ok(names.has(key), `no column ${key}`);
    }
    const limited = await readTables([file], {
      ...options,
      splitBy: isText ? splitBy : "line",
      limit: 1,
    });
    assert.deepEqual(limited.rows.length, Math.min(1, value.rows.length));
  },
};

async function write(path: string, bytes: Uint8Array<ArrayBuffer>, gzip: boolean): Promise<void> {
  const stream = new Blob([bytes]).stream();
  await Deno.writeFile(path, gzip ? stream.pipeThrough(new CompressionStream("gzip")) : bytes);
}

/** Attacks text files. */
export const textFiles: Part = fuzzPart(fuzz, import.meta.url);
