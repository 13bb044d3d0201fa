/**
 * The bytes of a file that may be packed, in pieces, with what no reader of it should have to see to:
 * progress, an end on request, and the trap of a file that unpacks without measure.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import type { InputFile, Reading } from "../row_file.ts";
import { gunzip } from "./gzip.ts";
import { unzstd } from "./zstd.ts";

/** Bytes that are read at once. */
const CHUNK = 1 << 18;

/** A packed file that unpacks to more than this many bytes, and to so many times its own, is a trap. */
const UNPACKED = { bytes: 1 << 27, times: 200 };

/** The ends of names of packed files, for patterns. */
export const PACKED = "(?:\\.(?:gz|zst))?";

/**
 * The bytes of a file: unpacked where its name ends in `.gz` or `.zst`.
 *
 * @throws {UserError} Where it cannot be read, or is packed and damaged.
 */
export async function* fileBytes(
  file: InputFile,
  reading: Pick<Reading, "signal" | "progress">,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let opened: Deno.FsFile;
  let size: number;
  try {
    opened = await Deno.open(file.path);
  } catch (error) {
    throw new UserError({
      what: `cannot open ${file.name}: ${(error as Error).message}`,
      cause: error,
    });
  }
  try {
    ({ size } = await opened.stat());
    const bytes = readBytes(opened, reading);
    const format = /\.(gz|zst)$/i.exec(file.name)?.[1]?.toLowerCase();
    if (format === undefined) yield* bytes;
    else {yield* bounded(format === "gz" ? gunzip(bytes, file) : unzstd(bytes, file), {
        file,
        size,
      });}
  } catch (error) {
    if (error instanceof UserError || reading.signal?.aborted) throw error;
    throw new UserError({
      what: `cannot read ${file.name}: ${(error as Error).message}`,
      cause: error,
    });
  } finally {
    opened.close();
  }
}

async function* readBytes(
  file: Deno.FsFile,
  { signal, progress }: Pick<Reading, "signal" | "progress">,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (;;) {
    signal?.throwIfAborted();
    const chunk = new Uint8Array(CHUNK);
    const length = await file.read(chunk);
    if (length === null) return;
    progress?.(length);
    yield chunk.subarray(0, length);
  }
}

/**
 * The same bytes, as long as they are not absurdly more than those of the file that they were packed in.
 *
 * @throws {UserError} Where they are.
 */
export async function* bounded(
  bytes: AsyncIterable<Uint8Array<ArrayBuffer>>,
  { file, size }: { file: InputFile; size: number },
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let unpacked = 0;
  for await (const chunk of bytes) {
    unpacked += chunk.length;
    if (unpacked > Math.max(UNPACKED.bytes, UNPACKED.times * size)) {
      throw new UserError({
        what:
          `${file.name} unpacks to more than ${unpacked} bytes, ${UNPACKED.times} times its own`,
        requirement: "no text is so much smaller when it is packed; this is made to fill a memory",
        remedy: "unpack it first, if it is meant to be so",
      });
    }
    yield chunk;
  }
}
