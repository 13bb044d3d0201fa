/**
 * gzip (RFC 1952) as it is met: several members one behind the other, and zeros after the last, as tapes
 * and block devices leave them.
 *
 * `DecompressionStream` takes one member alone. zlib takes several, but stops at the first zero behind one
 * without a word on what follows: so what it read is counted.
 *
 * @module
 */
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { InputFile } from "../row_file.ts";
import { damaged } from "./damaged.ts";

/** Bytes that are unpacked at once. */
const CHUNK = 1 << 18;

/**
 * Unpacks gzip.
 *
 * @throws {UserError} Where it is none, damaged, cut off, or followed by something else.
 */
export async function* gunzip(
  packed: AsyncGenerator<Uint8Array<ArrayBuffer>>,
  file: InputFile,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let given = 0;
  let contentEnd = 0; // behind the last byte that is not zero
  let failure: unknown;
  async function* watched(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    try {
      for (;;) {
        const { done, value } = await packed.next();
        if (done) return;
        let last = value.length - 1;
        while (last >= 0 && value[last] === 0) last--;
        if (last >= 0) contentEnd = given + last + 1;
        given += value.length;
        yield value;
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  const source = Readable.from(watched(), { highWaterMark: 1 });
  const unpacker = createGunzip({ chunkSize: CHUNK });
  source.on("error", (error) => unpacker.destroy(error));
  source.pipe(unpacker);
  try {
    for await (const chunk of unpacker) yield chunk as Uint8Array<ArrayBuffer>;
  } catch (error) {
    if (failure !== undefined) throw failure;
    throw damaged(file, reasonOf(error as Error), error);
  } finally {
    source.unpipe(unpacker);
    source.destroy();
    unpacker.destroy();
  }
  const unpackedEnd = unpacker.bytesWritten;
  for await (const rest of packed) {
    if (rest.some((byte) => byte !== 0)) contentEnd = Infinity;
  }
  if (contentEnd > unpackedEnd) {
    throw damaged(file, "there is something behind its end that is no gzip");
  }
}

function reasonOf({ message }: Error): string {
  if (/unexpected end/.test(message)) return "it is cut off";
  if (/header check/.test(message)) {
    return "it is no gzip, or something that is none follows a part of it";
  }
  if (/after EOF|after end/.test(message)) {
    return "there is something behind its end that is no gzip";
  }
  return `its gzip data is damaged (${message})`;
}
