/**
 * Whether a file can be safetensors at all, told from its first bytes and its size.
 *
 * For downloads: servers that announce no checksum may send a page of HTML or half of a file.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { isJsonObject, parseJsonObject } from "../../base/json.ts";

/** @throws {UserError} Where the header cannot be read or describes another number of bytes. */
export async function checkSafetensorsHeader(path: string, name: string): Promise<void> {
  const fail = (why: string): UserError =>
    new UserError({
      what: `${name} is no safetensors file: ${why}`,
      remedy: "run the same command again; if it stays, the file on the server is damaged",
    });
  const { size } = await Deno.stat(path);
  if (size < 10) throw fail(`it has ${size} bytes`);
  using file = await Deno.open(path);
  const length = Number(new DataView((await readBytes(file, 8)).buffer).getBigUint64(0, true));
  if (length < 2 || length > size - 8 || length > 100_000_000) {
    throw fail(`its header has ${length} bytes of ${size}`);
  }
  const header = parseJsonObject(new TextDecoder().decode(await readBytes(file, length)));
  if (header === undefined) throw fail("its header is no JSON object");
  let end = 0;
  for (const [tensor, entry] of Object.entries(header)) {
    if (tensor === "__metadata__") continue;
    const offsets = isJsonObject(entry) ? entry.data_offsets : undefined;
    const last: unknown = Array.isArray(offsets) ? offsets[1] : undefined;
    if (typeof last !== "number") throw fail(`its header has no data_offsets for "${tensor}"`);
    end = Math.max(end, last);
  }
  if (8 + length + end !== size) {
    throw fail(`its header describes ${8 + length + end} bytes, and it has ${size}`);
  }
}

async function readBytes(file: Deno.FsFile, count: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const n = await file.read(bytes.subarray(at));
    if (n === null) break;
    at += n;
  }
  return bytes;
}
