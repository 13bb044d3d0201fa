/** 1,000 broken files of every text format: a place or a count for each, no crash, no hang, bounded memory. */
import assert from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { UserError } from "../../lib/base/errors.ts";
import { type RandomStream, randomStream } from "../../lib/base/random.ts";
import type { BadRow, InputFile, RowFile } from "../../lib/data/formats/row_file.ts";
import { openCsv } from "../../lib/data/formats/text/csv.ts";
import { ENCODINGS } from "../../lib/data/formats/text/encoding.ts";
import { openJson, openJsonl } from "../../lib/data/formats/text/json.ts";
import { openText } from "../../lib/data/formats/text/text.ts";
import { readRows } from "../fixtures/row_files.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const utf8 = new TextEncoder();

const VALUES = [
  "1",
  "-2.5",
  "true",
  "null",
  '"text é"',
  '"𝄞 \\"q\\" \\u00e9"',
  "[1,[2]]",
  '{"b":{}}',
]
  .concat("9007199254740993", "12345678901234567890", "1e400", '""', '"line\\nend"');

const FIELDS = ["1", "-2.5", "true", "", "text é", '"𝄞 ""q"", x"', '"two\nlines"', '""']
  .concat("9007199254740993", "12345678901234567890", "1e400", "007");

interface Format {
  readonly names: readonly string[];
  readonly write: (random: RandomStream) => string;
  readonly open: (file: InputFile, random: RandomStream) => RowFile;
}

function any<T>(random: RandomStream, from: readonly T[]): T {
  return from[random.nextBelow(from.length)]!;
}

function times<T>(random: RandomStream, most: number, make: () => T): T[] {
  return Array.from({ length: 1 + random.nextBelow(most) }, make);
}

function jsonObject(random: RandomStream): string {
  const members = ["a", "b", "c"].map((key) => `"${key}":${any(random, VALUES)}`);
  return `{${members.slice(0, 1 + random.nextBelow(3)).join(",")}}`;
}

const FORMATS: readonly Format[] = [
  {
    names: ["a.csv", "a.tsv"],
    write: (random) => {
      const delimiter = any(random, [",", ";", "\t", "|"]);
      const lines = times(random, 30, () => [0, 1, 2].map(() => any(random, FIELDS)));
      return [["a", "b", "c"], ...lines].map((fields) => fields.join(delimiter) + "\r\n").join("");
    },
    open: (file, random) => openCsv(file, { encoding: any(random, [undefined, ...ENCODINGS]) }),
  },
  {
    names: ["a.jsonl", "a.json"],
    write: (random) => times(random, 30, () => `${jsonObject(random)}\n`).join(""),
    open: (file, random) => any(random, [openJson, openJsonl])(file),
  },
  {
    names: ["a.json", "a.jsonl"],
    write: (random) => {
      const array = `[${
        times(random, 30, () => jsonObject(random)).join(any(random, [",", ",\n"]))
      }]`;
      return any(random, [array, `{"v":1,"data":${array},"none":[]}`, `{\n"data":${array}}`]);
    },
    open: (file, random) => any(random, [openJson, openJson, openJsonl])(file),
  },
  {
    names: ["a.txt"],
    write: (random) =>
      times(random, 40, () => any(random, FIELDS) + any(random, ["\n", "\r\n\n"])).join(""),
    open: (file, random) =>
      openText(file, {
        splitBy: any(random, ["line", "blank_line", "file"]),
        column: "a",
        encoding: any(random, [undefined, ...ENCODINGS]),
      }),
  },
];

/** Bytes at the edges of what encodings, quotes and brackets are. */
const PIECES = [
  "\xff",
  "\xe2\x82",
  "\xed\xa0\x80",
  "\xf0",
  "\0",
  '"',
  '"x',
  ",",
  ";",
  "\n",
  "\r",
  "{",
]
  .concat(
    "}",
    "[",
    "]",
    '{"a":',
    "\\",
    '\\"',
    "\\u12",
    "\xef\xbb\xbf",
    "\xff\xfe",
    "oops",
    "1e999",
  );

function broken(bytes: Uint8Array, random: RandomStream): Uint8Array<ArrayBuffer> {
  let all = [...bytes];
  for (let edits = 1 + random.nextBelow(3); edits > 0; edits--) {
    const at = random.nextBelow(all.length + 1);
    const length = random.nextBelow(20);
    switch (random.nextBelow(6)) {
      case 0:
        all = all.slice(0, at); // cut off
        break;
      case 1:
        all.splice(at, length); // a hole
        break;
      case 2:
        all.splice(at, 0, ...all.slice(at, at + length)); // doubled
        break;
      case 3:
        if (at < all.length) all[at]! ^= 1 << random.nextBelow(8);
        break;
      default:
        all.splice(
          at,
          random.nextBelow(3),
          ...[...any(random, PIECES)].map((c) => c.charCodeAt(0)),
        );
    }
  }
  return Uint8Array.from(all);
}

/** Reads a file in both ways; returns what came of it. */
async function outcome(
  open: () => RowFile,
  name: string,
): Promise<"rows" | "rejects" | "error"> {
  const rejected: BadRow[] = [];
  const rowsOf = (reject?: (row: BadRow) => void): Promise<string | UserError> =>
    readRows(open(), { reject }).then(
      ({ rows }) =>
        JSON.stringify(rows, (_, cell) => typeof cell === "bigint" ? String(cell) : cell),
      (error) => {
        assert.ok(error instanceof UserError, `no words for it: ${error?.stack ?? error}`);
        const { at } = error.parts;
        assert.ok(at?.file === name || error.message.includes(name), `no place: ${error.message}`);
        assert.ok(error.message.length < 5000, "the message is the file");
        return error;
      },
    );
  const read = await rowsOf((row) => rejected.push(row));
  const strict = await rowsOf();
  for (const { file, row, reason, text } of rejected) {
    assert.equal(file, name);
    assert.ok(Number.isInteger(row) && row >= 1 && reason !== "");
    assert.ok((text ?? "").length <= 1000);
  }
  if (read instanceof UserError) {
    assert.ok(strict instanceof UserError, "what cannot be read is read");
    return "error";
  }
  assert.ok(!read.includes("\ufffd"), "a character was replaced");
  if (rejected.length === 0) assert.equal(strict, read);
  else assert.ok(strict instanceof UserError, "a bad row is no error");
  return rejected.length === 0 ? "rows" : "rejects";
}

Deno.test("1,000 broken files are read, rejected row by row or told", async () => {
  const folder = await temporaryDirectory();
  const counts = { rows: 0, rejects: 0, error: 0 };
  let most = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const random = randomStream(seed);
    const format = any(random, FORMATS);
    const packed = any(random, ["", "", "", ".gz", ".zst"]);
    const name = any(random, format.names) + packed;
    let bytes: Uint8Array = utf8.encode(format.write(random));
    // The text that is packed is broken, or what is packed.
    const isInside = random.nextBelow(2) === 0;
    if (isInside) bytes = broken(bytes, random);
    if (packed === ".gz") bytes = gzipSync(bytes);
    if (packed === ".zst") bytes = zstdCompressSync(bytes);
    if (!isInside) bytes = broken(bytes, random);
    const path = `${folder}/${seed}`;
    await Deno.writeFile(path, bytes);
    const choice = random.nextBelow(1e6);
    const began = performance.now();
    try {
      const kind = await outcome(() => format.open({ path, name }, randomStream(choice)), name);
      counts[kind]++;
    } catch (error) {
      throw new Error(`seed ${seed}, ${name}: ${(error as Error).message}`, { cause: error });
    }
    most = Math.max(most, performance.now() - began);
    await Deno.remove(path);
  }
  assert.ok(most < 60_000, `one took ${most} ms`);
  // The inputs are worth something: many of each kind.
  for (const [kind, count] of Object.entries(counts)) assert.ok(count > 100, `${kind}: ${count}`);
});

Deno.test("broken files of many megabytes are told or rejected in bounded memory", async () => {
  const folder = await temporaryDirectory();
  const size = 1 << 27;
  const spread = (piece: string): Uint8Array => {
    const bytes = utf8.encode(piece.repeat(Math.ceil((1 << 16) / piece.length)));
    const all = new Uint8Array(8 << 20);
    for (let at = 0; at < all.length; at += bytes.length) {
      all.set(bytes.subarray(0, all.length - at), at);
    }
    return all;
  };
  const zeros = new Uint8Array(size + (1 << 20));
  const cases: [name: string, content: Uint8Array][] = [
    ["a.csv.gz", gzipSync(zeros)],
    ["a.jsonl.zst", zstdCompressSync(zeros)],
    ["a.csv", spread('"')],
    ["a.csv", spread("\n,")],
    ["a.csv", spread('a,"b"c\n')],
    ["a.jsonl", spread(`${"x".repeat(500)}\n`)],
    ["a.jsonl", spread('{"a":')],
    ["a.json", spread("[")],
    ["a.json", spread('{"a":[{')],
    ["a.json", spread('[{"a":1},')],
    ["a.json", spread('{"a":1} ')],
    ["a.json", spread('"\\')],
    ["a.txt", spread("\xff\xfe")],
  ];
  for (const [name, content] of cases) {
    const path = `${folder}/a`;
    await Deno.writeFile(path, content);
    const file = { path, name };
    const row = name.includes("csv")
      ? openCsv(file)
      : name.includes("jsonl")
      ? openJsonl(file)
      : name.includes("json")
      ? openJson(file)
      : openText(file, { splitBy: "line", column: "a" });
    let [rejects, rows] = [0, 0];
    const reading = { reject: (): unknown => rejects++ } as { reject: () => void };
    const began = performance.now();
    try {
      await row.find(reading);
      for await (const batch of row.batches([{ name: "a", type: "string" }], reading)) {
        rows += batch.length;
      }
    } catch (error) {
      assert.ok(error instanceof UserError, `${name}: ${(error as Error).stack}`);
    }
    assert.ok(performance.now() - began < 240_000, name);
    // Not what the process has: other tests run in it, too.
    const { heapTotal, external } = Deno.memoryUsage();
    const bytes = heapTotal + external;
    assert.ok(bytes < 1.5e9, `${name}: ${bytes} bytes of memory, ${rows} rows, ${rejects} rejects`);
  }
});
