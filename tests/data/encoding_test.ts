import assert from "node:assert/strict";
import { formatUserError, UserError } from "../../lib/base/errors.ts";
import type { BadRow, InputFile, RowFile } from "../../lib/data/formats/row_file.ts";
import { openCsv } from "../../lib/data/formats/text/csv.ts";
import { type Encoding, ENCODINGS } from "../../lib/data/formats/text/encoding.ts";
import { openJson, openJsonl } from "../../lib/data/formats/text/json.ts";
import { openText } from "../../lib/data/formats/text/text.ts";
import { fileOf, readRows } from "../fixtures/row_files.ts";

const utf8 = new TextEncoder();

function utf16(text: string, isLittle: boolean, mark = ""): Uint8Array {
  const all = mark + text;
  const bytes = new Uint8Array(2 * all.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < all.length; i++) view.setUint16(2 * i, all.charCodeAt(i), isLittle);
  return bytes;
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** A file in each format, of the texts "é", "𝄞b" (where the encoding has it) and the given. */
const open: Record<string, (file: InputFile, encoding?: Encoding) => RowFile> = {
  csv: (file, encoding) => openCsv(file, { encoding }),
  jsonl: (file, encoding) => openJsonl(file, { encoding }),
  json: (file, encoding) => openJson(file, { encoding }),
  txt: (file, encoding) => openText(file, { splitBy: "line", column: "text", encoding }),
};

function written(format: string, texts: readonly string[]): string {
  const lines = texts.map((text) => JSON.stringify({ text }));
  switch (format) {
    case "csv":
      return ["text,n", ...texts.map((text) => `${text},1`), ""].join("\r\n");
    case "json":
      return `[${lines.join(",\n")}]`;
    case "jsonl":
      return lines.join("\n");
    default:
      return texts.join("\n");
  }
}

async function textsOf(file: RowFile): Promise<unknown[]> {
  return (await readRows(file)).rows.map(({ text }) => text);
}

async function failure(file: RowFile): Promise<string> {
  const error = await readRows(file).then(() => assert.fail("it did not fail"), (error) => error);
  assert.ok(error instanceof UserError, String(error.stack));
  return formatUserError(error);
}

Deno.test("text in any encoding is read where the encoding is said", async () => {
  // Long enough for characters that are cut between two pieces of the file.
  const any = ["é", "𝄞b", "€".repeat(1000), ...Array.from({ length: 9000 }, (_, i) => `𝄞 ${i} é€`)];
  const western = ["é", "“quoted”", "5 € für Ÿ"];
  for (const [format, opened] of Object.entries(open)) {
    const name = `a.${format}`;
    const of = async (
      content: Uint8Array,
      encoding: Encoding | undefined,
      expected: readonly string[],
    ): Promise<void> => {
      assert.deepEqual(await textsOf(opened(await fileOf(name, content), encoding)), expected);
    };
    const text = written(format, any);
    await of(utf8.encode(text), undefined, any);
    await of(utf8.encode(`\ufeff${text}`), undefined, any);
    await of(utf8.encode(`\ufeff${text}`), "utf-8", any);
    for (const mark of ["", "\ufeff"]) {
      await of(utf16(text, true, mark), "utf-16le", any);
      await of(utf16(text, false, mark), "utf-16be", any);
    }
    const codes: Record<string, number> = { "€": 0x80, "“": 0x93, "”": 0x94, "Ÿ": 0x9f };
    const windows = Uint8Array.from(
      written(format, western),
      (char) => codes[char] ?? char.charCodeAt(0),
    );
    await of(windows, "windows-1252", western);
    // ISO 8859-1 has control characters there, whatever browsers say.
    await of(
      windows,
      "latin1",
      western.map((text) => text.replace(/[€“”Ÿ]/g, (char) => String.fromCharCode(codes[char]!))),
    );
    await of(bytes(written(format, ["é", "ü"])), "latin1", ["é", "ü"]);
  }
});

Deno.test("another encoding is told with its place and the remedy, never read as UTF-8", async () => {
  const text = "text,n\nabc é,1\nxyz,2\n";
  const cases: [Uint8Array, Encoding | undefined, RegExp][] = [
    [utf16(text, true, "\ufeff"), undefined, /^a:1:1: .*it is UTF-16LE\n[^]*`encoding: utf-16le`/],
    [utf16(text, false, "\ufeff"), undefined, /it is UTF-16BE\n[^]*`encoding: utf-16be`/],
    [utf16(text, true), undefined, /it is UTF-16LE/],
    [utf16(text, false), undefined, /it is UTF-16BE/],
    [utf16(text, false, "\ufeff"), "utf-16le", /is not UTF-16LE text: it is UTF-16BE/],
    [utf16(text, true), "latin1", /is not LATIN1 text: it is UTF-16LE/],
    [utf16(text, true, "\ufeff"), "windows-1252", /it is UTF-16LE/],
    [utf8.encode(text), "utf-16le", /it is UTF-8\n[^]*leave `encoding` out/],
    [utf8.encode(`\ufeff${text}`), "latin1", /it is UTF-8/],
    [new Uint8Array([0xff, 0xfe, 0, 0, 65, 0, 0, 0]), undefined, /it is UTF-32\n[^]*iconv/],
    [bytes(text), undefined, /^a:2:5: .*byte 0xe9[^]*"é", say `encoding: latin1`/],
    [bytes("text,n\nabc\x93,1\n"), undefined, /0x93[^]*"“", say `encoding: windows-1252`/],
    // Windows-1252 leaves it open.
    [bytes("text,n\nabc\x81,1\n"), "windows-1252", /^a:2:4: .*is not WINDOWS-1252 text here/],
    [utf16("text,n\nab\ud83d,1\n", true), "utf-16le", /^a:2:3: .*is not UTF-16LE text here/],
    [utf16(text, true).subarray(0, -1), "utf-16le", /is not UTF-16LE text here/],
  ];
  for (const [content, encoding, message] of cases) {
    const file = { ...await fileOf("a", content), name: "a" };
    assert.match(await failure(openCsv(file, { encoding })), message);
    assert.match(
      await failure(openText(file, { splitBy: "line", column: "text", encoding })),
      message,
    );
  }
  assert.deepEqual([...ENCODINGS], ["utf-8", "utf-16le", "utf-16be", "latin1", "windows-1252"]);
});

/** Bytes that are no UTF-8: alone, cut short, too long, a surrogate, past the last character. */
const BAD = ["\xe9", "\x80", "\xe2\x82", "\xf0\x9d\x84", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80"]
  .concat("\xf4\x90\x80\x80", "\xff\xfe", "\xf8\x88\x80\x80\x80");

Deno.test("a row with bytes that are no UTF-8 is a bad row, and those around it are read", async () => {
  for (const [format, opened] of Object.entries(open)) {
    for (const bad of BAD) {
      const content = bytes(written(format, ["one", `tw${bad}o`, "three"]));
      const rejected: BadRow[] = [];
      const file = opened(await fileOf(`a.${format}`, content));
      const { rows } = await readRows(file, { reject: (row) => rejected.push(row) });
      const header = format === "csv" ? 1 : 0;
      assert.deepEqual(rows.map(({ text }) => text), ["one", "three"], `${format} ${bad}`);
      assert.deepEqual(rejected.map(({ file, row }) => [file, row]), [[`a.${format}`, 2 + header]]);
      assert.match(rejected[0]!.reason, /is not UTF-8 text here: there is a byte 0x[89a-f]/);
      assert.match(await failure(file), new RegExp(`^a\\.${format}:${2 + header}:\\d+: .*UTF-8`));
    }
  }
});

Deno.test("a bad byte is found at the end of a file and where it is cut, and good ones are not bad", async () => {
  const lines = (content: Uint8Array): Promise<RowFile> =>
    fileOf("a.txt", content).then((file) => openText(file, { splitBy: "line", column: "text" }));
  assert.match(await failure(await lines(bytes("ab\nc\xe2\x82"))), /^a\.txt:2:2: /);
  // The real character U+FFFD is a character.
  assert.deepEqual(await textsOf(await lines(utf8.encode("\ufffd\n\u{10ffff}"))), [
    "\ufffd",
    "\u{10ffff}",
  ]);
  for (let shift = 0; shift < 4; shift++) {
    const long = "x".repeat(shift) + "𝄞".repeat(200_000);
    assert.deepEqual(await textsOf(await lines(utf8.encode(long))), [long]);
    const content = new Uint8Array([...utf8.encode(`${long}\n`), 0xff]);
    assert.match(await failure(await lines(content)), /^a\.txt:2:1: /);
  }
});

Deno.test("a paragraph and a file with a bad byte are bad rows", async () => {
  for (const [splitBy, rows] of [["blank_line", ["a\nb", "e"]], ["file", []]] as const) {
    const rejected: BadRow[] = [];
    const file = openText(await fileOf("a.txt", bytes("a\nb\n\nc\nd\xe9\n\ne")), {
      splitBy,
      column: "text",
    });
    const read = await readRows(file, { reject: (row) => rejected.push(row) });
    assert.deepEqual(read.rows.map(({ text }) => text), rows);
    assert.deepEqual(rejected.map(({ row }) => row), [splitBy === "file" ? 1 : 4]);
    assert.match(await failure(file), /^a\.txt:5:2: /);
  }
});
