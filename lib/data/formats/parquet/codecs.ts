/**
 * What unpacks pages, none of them to more bytes than were announced.
 *
 * Gzip is the system's, which checks its sum. Brotli, LZ4 and snappy fill memory of the announced size.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import type { Compressors } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { unzstdPage } from "./unzstd_page.ts";

/** By the name that parquet gives them. */
export const codecs: Compressors = Object.fromEntries(
  Object.entries({ ...compressors, GZIP: gunzipPage, ZSTD: unzstdPage }).map(([codec, unpack]) => [
    codec,
    // What holds nothing may be written as anything: as LZ4 it is one byte, which its reader refuses.
    (page: Uint8Array, length: number): Uint8Array =>
      length === 0 ? new Uint8Array(0) : unpack(page, length),
  ]),
);

function gunzipPage(page: Uint8Array, length: number): Uint8Array {
  // Some writers leave the head of gzip out.
  if (page[0] !== 0x1f || page[1] !== 0x8b) return compressors.GZIP!(page, length);
  const bytes = gunzipSync(Buffer.from(page.buffer, page.byteOffset, page.length), {
    maxOutputLength: length,
  });
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
