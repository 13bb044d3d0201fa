/**
 * Whether a file holds the bytes that were meant.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import type { PinnedFile } from "../data/sources/resolved.ts";

/** What a check found wrong: what should be and what is. */
export interface Mismatch {
  readonly expected: string;
  readonly got: string;
}

/**
 * Checks a file against its size and id.
 *
 * `git:` ids are SHA-1 of a git blob; a plain SHA-1 of the content passes as well, since servers that
 * only imitate a hub announce that.
 *
 * @returns The first thing that is wrong; undefined where all that is known agrees.
 */
export async function checkFile(path: string, expected: PinnedFile): Promise<Mismatch | undefined> {
  const { size } = await Deno.stat(path);
  if (expected.size !== undefined && size !== expected.size) {
    return { expected: `${expected.size} bytes`, got: `${size} bytes` };
  }
  const [kind, digest] = splitId(expected.id);
  if (kind === "sha256") {
    const got = await digestOf(path, [createHash("sha256")]);
    if (got[0] !== digest) return { expected: `sha256 ${digest}`, got: `sha256 ${got[0]}` };
  }
  if (kind === "git") {
    const blob = createHash("sha1").update(`blob ${size}\0`);
    const got = await digestOf(path, [blob, createHash("sha1")]);
    if (!got.includes(digest)) return { expected: `git blob ${digest}`, got: `git blob ${got[0]}` };
  }
  return undefined;
}

/** The SHA-256 of a file, hexadecimal. */
export async function sha256File(path: string): Promise<string> {
  return (await digestOf(path, [createHash("sha256")]))[0]!;
}

/** The SHA-256 of a text, hexadecimal. */
export function sha256Text(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** `sha256:abc` -> sha256 and abc. */
export function splitId(id: string | undefined): [kind: string, value: string] {
  const colon = id?.indexOf(":") ?? -1;
  return colon < 0 ? ["", ""] : [id!.slice(0, colon), id!.slice(colon + 1)];
}

/**
 * The id that an ETag of a hub stands for: 64 hexadecimal digits are the SHA-256 of a large file, 40 the
 * git hash of a small one, anything else is compared as it is.
 */
export function idOfEtag(etag: string): string {
  const bare = etag.replace(/^W\//, "").replace(/^"|"$/g, "");
  if (/^[0-9a-f]{64}$/.test(bare)) return `sha256:${bare}`;
  return /^[0-9a-f]{40}$/.test(bare) ? `git:${bare}` : `etag:${bare}`;
}

async function digestOf(path: string, hashes: Hash[]): Promise<string[]> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(1 << 20);
  for (let n = await file.read(buffer); n !== null; n = await file.read(buffer)) {
    for (const hash of hashes) hash.update(buffer.subarray(0, n));
  }
  return hashes.map((hash) => hash.digest("hex"));
}
