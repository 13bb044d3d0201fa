/** Parquet: datasets come back as they were written, and a damaged file is told, in time and memory. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Cell, Column, Row } from "../../../lib/data/formats/columns.ts";
import { readParquet, writeParquet } from "../../../lib/data/formats/parquet.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, isUsableName, told } from "./fuzzing.ts";
import { damagedBytes } from "./mutations.ts";

const text = fc.oneof(
  fc.constantFrom("", "a", "the sea", "é", "𝄞", "\0"),
  fc.string({ maxLength: 8 }),
);

const CELLS: Readonly<Record<"string" | "int" | "float" | "bool", fc.Arbitrary<Cell>>> = {
  string: text,
  int: fc.oneof(
    fc.integer(),
    fc.constantFrom(2 ** 53 - 1, -(2 ** 53 - 1), 2n ** 63n - 1n, -(2n ** 63n)),
  ),
  float: fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0.5, 5e-324, 1e308)),
  bool: fc.boolean(),
};

interface Sheet {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

const column = fc.record({
  name: fc.oneof(
    fc.constantFrom("text", "label", "toString", "a.b", ""),
    fc.string({ maxLength: 4 }),
  )
    .filter(isUsableName),
  type: fc.constantFrom(...Object.keys(CELLS) as (keyof typeof CELLS)[]),
}).map(({ name, type }) => ({ name, type }));

const sheet: fc.Arbitrary<Sheet> = fc.uniqueArray(column, {
  selector: ({ name }) => name,
  minLength: 1,
  maxLength: 3,
}).chain((columns) =>
  fc.array(
    fc.record(Object.fromEntries(columns.map(({ name, type }) => [name, fc.option(CELLS[type])]))),
    { maxLength: 12 },
  ).map((rows) => ({ columns, rows: rows.map((row) => ({ ...row })) as Row[] }))
);

type Input =
  | { readonly kind: "round trip"; readonly sheet: Sheet }
  | { readonly kind: "damaged"; readonly bytes: Uint8Array<ArrayBuffer> };

/** Files to damage; made in the process that damages them, for the writer has only paths. */
const WHOLE: readonly Uint8Array<ArrayBuffer>[] = await Promise.all(
  fc.sample(sheet, { seed: 8, numRuns: 12 }).map(async ({ columns, rows }) => {
    const path = await Deno.makeTempFile();
    try {
      writeParquet(path, columns, { rows });
      return await Deno.readFile(path);
    } finally {
      await Deno.remove(path);
    }
  }),
);

export const fuzz: Fuzz<Input> = {
  name: "fuzz-parquet",
  promise: "rows come back, and a damaged parquet file is told or read, in time and memory",
  perCase: 500,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.oneof(
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("round trip" as const), sheet }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("damaged" as const),
        bytes: damagedBytes(fc.constantFrom(...WHOLE)),
      }),
    },
  ),
  async check(input, folder): Promise<void> {
    const path = `${folder}/a.parquet`;
    if (input.kind === "round trip") {
      const { columns, rows } = input.sheet;
      writeParquet(path, columns, { rows });
      const back = await readParquet(path);
      assert.deepEqual(back.columns, columns);
      // A minus before a zero is lost by no reader here; bigints come back where a number would not do.
      assert.deepEqual(back.rows, rows);
      return;
    }
    await Deno.writeFile(path, input.bytes);
    const { value, errors } = await told(() => readParquet(path), { rough: true });
    for (const { message } of errors ?? []) assert.ok(message.includes(path), message);
    if (value === undefined) return;
    for (const row of value.rows) {
      for (const { name } of value.columns) assert.ok(Object.hasOwn(row, name), "a cell for each");
    }
  },
};

/** Attacks parquet files. */
export const parquet: Part = fuzzPart(fuzz, import.meta.url, { silence: 20_000 });
