/**
 * SHA-256 of bytes and of files of any size, by streaming.
 *
 * `node:crypto` because WebCrypto's digest takes the whole input at once and runs at half the speed.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** Bytes read at a time: large enough for full disk speed, small beside any model. */
const CHUNK = 1 << 20;

/** A SHA-256 digest in lower-case hexadecimal, 64 characters. */
export type Digest = string;

/** Whether a text has the form of a {@linkcode Digest}. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

/** SHA-256 of bytes, or of a string's UTF-8. */
export function sha256Hex(data: string | Uint8Array): Digest {
  return createHash("sha256").update(data).digest("hex");
}

/** What hashing a file found. */
export interface FileHash {
  readonly digest: Digest;
  /** Bytes read. */
  readonly size: number;
}

/** Options of {@linkcode hashFile}. */
export interface HashFileOptions {
  /** Receives every chunk after it was hashed: copying and hashing in one pass. */
  readonly tee?: (chunk: Uint8Array) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * SHA-256 of a file's bytes.
 *
 * @throws What `Deno.open` throws, and the signal's reason when aborted.
 */
export async function hashFile(path: string, options: HashFileOptions = {}): Promise<FileHash> {
  using file = await Deno.open(path, { read: true });
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK);
  let size = 0;
  for (;;) {
    options.signal?.throwIfAborted();
    const count = await file.read(buffer);
    if (count === null) break;
    const chunk = buffer.subarray(0, count);
    hash.update(chunk);
    if (options.tee !== undefined) await options.tee(chunk);
    size += count;
  }
  return { digest: hash.digest("hex"), size };
}
