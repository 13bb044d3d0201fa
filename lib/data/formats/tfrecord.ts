/**
 * The TFRecord format: records of bytes, one after the other, each with its length and masked CRC-32C
 * checksums of both (https://www.tensorflow.org/tutorials/load_data/tfrecord). Left out: reading, compression.
 *
 * @module
 */

/** CRC-32C (Castagnoli): the table of the reflected polynomial. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/**
 * The CRC-32C of some bytes.
 *
 * @example
 * ```ts
 * import { crc32c } from "./tfrecord.ts";
 * if (crc32c(new TextEncoder().encode("123456789")) !== 0xe3069283) throw new Error();
 * ```
 */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A checksum as the format stores it: one of data that holds checksums would be weak otherwise. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Lays records out as a file: length (8 bytes), its checksum, the record, its checksum. */
export function encodeTfRecords(records: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = records.reduce((sum, record) => sum + record.length + 16, 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const record of records) {
    view.setBigUint64(at, BigInt(record.length), true);
    view.setUint32(at + 8, masked(bytes.subarray(at, at + 8)), true);
    bytes.set(record, at + 12);
    view.setUint32(at + 12 + record.length, masked(record), true);
    at += record.length + 16;
  }
  return bytes;
}

/** Writes a file of records. */
export async function writeTfRecords(path: string, records: readonly Uint8Array[]): Promise<void> {
  await Deno.writeFile(path, encodeTfRecords(records));
}
