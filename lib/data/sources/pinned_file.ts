/**
 * Files on servers, and whether what came from there is what was meant.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { hashFile } from "../../base/hash.ts";

/**
 * A file on a server.
 *
 * `id` says which bytes are meant: `sha256:...` and `git:...` (the SHA-1 of a git blob) are checked,
 * `etag:...` and `modified:...` are compared with what the server announces.
 */
export interface PinnedFile {
  readonly path: string;
  readonly size?: number;
  readonly id?: string;
}

/** A file to download. */
export interface Download extends PinnedFile {
  readonly url: string;
  /** What the user calls it, for messages. */
  readonly written: string;
}

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
  const [kind, id] = splitId(expected.id);
  if (kind === "sha256") {
    const { digest } = await hashFile(path);
    if (digest !== id) return { expected: `sha256 ${id}`, got: `sha256 ${digest}` };
  }
  if (kind === "git") {
    const [blob, plain] = [createHash("sha1").update(`blob ${size}\0`), createHash("sha1")];
    // Hubs name only their small files so; that SHA-256 is taken on the way costs nothing.
    const tee = (chunk: Uint8Array): Promise<void> => {
      blob.update(chunk);
      plain.update(chunk);
      return Promise.resolve();
    };
    await hashFile(path, { tee });
    const got = [blob.digest("hex"), plain.digest("hex")];
    if (!got.includes(id)) return { expected: `git blob ${id}`, got: `git blob ${got[0]}` };
  }
  return undefined;
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
  const bare = bareEtag(etag);
  if (/^[0-9a-f]{64}$/.test(bare)) return `sha256:${bare}`;
  return /^[0-9a-f]{40}$/.test(bare) ? `git:${bare}` : `etag:${bare}`;
}

/** An ETag without its quotes. */
export function bareEtag(etag: string): string {
  return etag.replace(/^W\//, "").replace(/^"|"$/g, "");
}
