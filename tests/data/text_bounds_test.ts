import assert from "node:assert/strict";
import { UserError } from "../../lib/base/errors.ts";
import { openCsv } from "../../lib/data/formats/text/csv.ts";
import { openJsonl } from "../../lib/data/formats/text/json.ts";
import { checkSafetensorsHeader } from "../../lib/data/formats/safetensors_check.ts";
import { openText } from "../../lib/data/formats/text/text.ts";
import type { InputFile } from "../../lib/data/formats/row_file.ts";
import { readRows } from "../fixtures/row_files.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** A file that begins with a text and goes on with 300 MB of zeros, which take no room on the disk. */
async function long(name: string, begin: string): Promise<InputFile> {
  const path = `${await temporaryDirectory()}/${name}`;
  await Deno.writeTextFile(path, begin);
  await Deno.truncate(path, 300e6);
  return { path, name };
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(error instanceof UserError, String(error?.stack ?? "it did not fail"));
  return error.message;
}

Deno.test("a line and a field without an end are told, with their file", async () => {
  const line = await long("a.jsonl", '{"text": "one"}\n{"text": "');
  assert.match(await refusal(readRows(openJsonl(line))), /this line has more than \d+ characters/);
  const field = await long("a.csv", 'text\none\n"');
  assert.match(await refusal(readRows(openCsv(field))), /the field that begins here has more than/);
});

Deno.test("a file that unpacks without measure is told", async () => {
  const zeros = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller): void => {
      for (let i = 0; i < 140; i++) controller.enqueue(new Uint8Array(1 << 20));
      controller.close();
    },
  });
  const path = `${await temporaryDirectory()}/a.jsonl.gz`;
  await Deno.writeFile(path, zeros.pipeThrough(new CompressionStream("gzip")));
  const file = { path, name: "a.jsonl.gz" };
  assert.match(
    await refusal(readRows(openJsonl(file))),
    /a\.jsonl\.gz unpacks to more than \d+ bytes/,
  );
});

Deno.test("lines cut anywhere come back whole", async () => {
  const path = `${await temporaryDirectory()}/a.txt`;
  const lines = Array.from({ length: 40 }, (_, i) => String(i).repeat(i * 997));
  await Deno.writeTextFile(path, lines.join("\r\n"));
  const file = openText({ path, name: "a.txt" }, { splitBy: "line", column: "text" });
  const { rows } = await readRows(file);
  assert.deepEqual(rows.map(({ text }) => text), lines);
});

Deno.test("a safetensors header of any JSON is told, before and after it is downloaded", async () => {
  const path = `${await temporaryDirectory()}/a.safetensors`;
  for (const header of ["null", "[1]", '{"w":null}', '{"w":{"data_offsets":"x"}}', '{"w":[]}']) {
    const bytes = new TextEncoder().encode(`12345678${header}  `);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
    await Deno.writeFile(path, bytes);
    assert.match(await refusal(checkSafetensorsHeader(path, "a")), /a is no safetensors file/);
  }
});
