/**
 * Artifacts: folders named by their content.
 *
 * `artifacts/<digest>.json` lists a folder's files; the digest is the SHA-256 of that very file,
 * which is canonical JSON and holds nothing but the kind and, per file, path, size, mode and digest.
 * Times, hosts and stage names stay out: the same content has the same name wherever it was made.
 *
 * Left out: empty folders (only files count), owners, times, links.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { UserError } from "../base/errors.ts";
import type { Blobs } from "./blobs.ts";
import { canonicalJson } from "../base/canonical_json.ts";
import {
  ensureFolder,
  lstatOf,
  readTextOf,
  removeQuietly,
  temporaryName,
  writeFileAtomic,
} from "./disk/durable.ts";
import { guarded, systemCode } from "./disk/failure.ts";
import { type Digest, hashFile, sha256Hex } from "../base/hash.ts";
import type { StoreLayout } from "./disk/layout.ts";
import { type Manifest, type ManifestFile, parseManifest } from "./manifest.ts";
import { listTree } from "./tree.ts";

/** What {@linkcode Artifacts.verify} found. */
export type ArtifactState =
  | { readonly ok: true; readonly bytes: number }
  | {
    readonly ok: false;
    /** Paths in the artifact whose bytes had changed; each blob was set aside. */
    readonly damaged: readonly DamagedFile[];
    /** Paths in the artifact that the store no longer holds. */
    readonly missing: readonly string[];
  };

/** A file of an artifact whose bytes no longer match. */
export interface DamagedFile {
  readonly path: string;
  readonly digest: Digest;
  /** Where the changed bytes lie now. */
  readonly setAside: string;
}

/** What {@linkcode Artifacts.publish} made. */
export interface Published {
  readonly digest: Digest;
  readonly files: number;
  readonly bytes: number;
}

/** The artifacts of a store. */
export class Artifacts {
  readonly #layout: StoreLayout;
  readonly #blobs: Blobs;

  constructor(layout: StoreLayout, blobs: Blobs) {
    this.#layout = layout;
    this.#blobs = blobs;
  }

  /** Path of an artifact's manifest. */
  pathOf(digest: Digest): string {
    return join(this.#layout.artifacts, `${digest}.json`);
  }

  /**
   * Stores a folder's files and the manifest that names them. The files may move out of `folder`.
   *
   * @param folder What a stage wrote. Nothing may write to it any more.
   * @throws {UserError} For a folder without files, for links, sockets and other non-files, for
   *   names that other systems cannot hold, and on a full or unwritable disk.
   */
  async publish(
    folder: string,
    options: { readonly kind: string; readonly signal?: AbortSignal | undefined },
  ): Promise<Published> {
    const tree = await guarded({ doing: "read the output", path: folder }, async () => {
      // A stage may have removed the folder itself, which comes to the same as leaving it empty.
      return await lstatOf(folder) === undefined ? [] : await listTree(folder);
    });
    if (tree.length === 0) {
      throw new UserError({
        what: `the output folder ${folder} is empty`,
        requirement: "a stage must write at least one file into `output.path`",
      });
    }
    const files: ManifestFile[] = [];
    let bytes = 0;
    for (const { path, executable } of tree) {
      const { digest, size } = await this.#blobs.put(join(folder, path), {
        signal: options.signal,
      });
      files.push({ path, size, mode: executable ? "0755" : "0644", digest });
      bytes += size;
    }
    const text = canonicalJson({ kind: options.kind, files });
    const digest = sha256Hex(text);
    await guarded({ doing: "store an artifact", path: this.pathOf(digest) }, async () => {
      await ensureFolder(this.#layout.artifacts);
      await writeFileAtomic(this.pathOf(digest), text, { temporary: this.#layout.temporary });
    });
    return { digest, files: files.length, bytes };
  }

  /** What an artifact holds, or undefined where its manifest is missing or not what its name says. */
  async manifest(digest: Digest): Promise<Manifest | undefined> {
    const text = await readTextOf(this.pathOf(digest));
    return text === undefined || sha256Hex(text) !== digest ? undefined : parseManifest(text);
  }

  /** Whether the manifest and every blob are there, by `stat` alone: bytes are not read. */
  async has(digest: Digest): Promise<boolean> {
    const manifest = await this.manifest(digest);
    if (manifest === undefined) return false;
    for (const file of manifest.files) {
      if (await this.#blobs.sizeOf(file.digest) !== file.size) return false;
    }
    return true;
  }

  /**
   * What of an artifact was edited: what a person opens under `runs/<run>/artifacts` are the blobs
   * themselves. Only files that were written to after `time` are read. Nothing is set aside.
   *
   * @returns `touched`: how many were read; `edited`: files whose bytes have changed.
   */
  async editedSince(
    digest: Digest,
    time: Date,
    signal?: AbortSignal,
  ): Promise<{ readonly touched: number; readonly edited: readonly ManifestFile[] }> {
    const edited: ManifestFile[] = [];
    let touched = 0;
    for (const file of (await this.manifest(digest))?.files ?? []) {
      const blob = this.#blobs.pathOf(file.digest);
      const modified = (await lstatOf(blob))?.mtime;
      if (!modified || modified.getTime() <= time.getTime()) continue;
      touched++;
      if ((await hashFile(blob, { signal })).digest !== file.digest) edited.push(file);
    }
    return { touched, edited };
  }

  /** Reads every byte of an artifact again. Damaged blobs are set aside and named. */
  async verify(digest: Digest, signal?: AbortSignal): Promise<ArtifactState> {
    const manifest = await this.manifest(digest);
    if (manifest === undefined) return { ok: false, damaged: [], missing: [`${digest}.json`] };
    const damaged: DamagedFile[] = [];
    const missing: string[] = [];
    const asides = new Map<Digest, string>();
    let bytes = 0;
    for (const { path, digest, size } of manifest.files) {
      const state = await this.#blobs.verify(digest, signal);
      if (state.state === "ok") bytes += size;
      if (state.state === "damaged") asides.set(digest, state.setAside);
      const setAside = asides.get(digest);
      if (setAside !== undefined) damaged.push({ path, digest, setAside });
      else if (state.state === "missing") missing.push(path);
    }
    return damaged.length + missing.length === 0
      ? { ok: true, bytes }
      : { ok: false, damaged, missing };
  }

  /**
   * Makes `target` a folder with the artifact's files: hard links of the blobs, read-only. It
   * appears at once. A folder that is right already stays; anything else there is replaced.
   *
   * @throws {UserError} Where the store no longer holds the artifact.
   */
  async materialize(digest: Digest, target: string): Promise<void> {
    const manifest = await this.manifest(digest);
    if (manifest === undefined) throw incomplete(digest);
    await guarded({ doing: "open an artifact", path: target }, async () => {
      if (await this.#matches(manifest, target)) return;
      const parent = dirname(target);
      await Deno.mkdir(parent, { recursive: true });
      const temporary = join(parent, temporaryName(basename(target)));
      try {
        await this.#fill(manifest, temporary, digest);
        await replaceFolder(temporary, target);
      } finally {
        await removeQuietly(temporary);
      }
    });
  }

  async #fill(manifest: Manifest, folder: string, artifact: Digest): Promise<void> {
    await Deno.mkdir(folder, { mode: 0o755 });
    for (const file of manifest.files) {
      const path = join(folder, file.path);
      await Deno.mkdir(dirname(path), { recursive: true, mode: 0o755 });
      try {
        await place(this.#blobs.pathOf(file.digest), path, file.mode === "0755");
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) throw incomplete(artifact);
        throw error;
      }
    }
  }

  /** Whether a folder is exactly the links that `materialize` would make. */
  async #matches(manifest: Manifest, target: string): Promise<boolean> {
    if (!(await lstatOf(target))?.isDirectory) return false;
    let tree: Awaited<ReturnType<typeof listTree>>;
    try {
      tree = await listTree(target);
    } catch (error) {
      if (error instanceof UserError) return false;
      throw error;
    }
    if (tree.length !== manifest.files.length) return false;
    for (const [i, file] of manifest.files.entries()) {
      if (tree[i]?.path !== file.path) return false;
      const blob = await lstatOf(this.#blobs.pathOf(file.digest));
      // Copies (executables, other disks) have an inode of their own and are made again.
      if (blob === undefined || blob.ino === null || blob.ino !== tree[i]?.ino) return false;
    }
    return true;
  }
}

/** A hard link, or a copy where links cannot go or where the mode differs from the blob's. */
async function place(blob: string, path: string, executable: boolean): Promise<void> {
  if (!executable) {
    try {
      return await Deno.link(blob, path);
    } catch (error) {
      if (
        !["EXDEV", "EMLINK", "EPERM", "ENOTSUP", "EOPNOTSUPP"].includes(systemCode(error) ?? "")
      ) {
        throw error;
      }
    }
  }
  await Deno.copyFile(blob, path);
  await Deno.chmod(path, executable ? 0o555 : 0o444);
}

/** Renames `from` to `to`; what is at `to` moves out of the way first, as a full folder must. */
async function replaceFolder(from: string, to: string): Promise<void> {
  for (let attempt = 0;; attempt++) {
    if (await lstatOf(to) !== undefined) {
      const old = join(dirname(to), temporaryName("old"));
      await Deno.rename(to, old);
      await removeQuietly(old);
    }
    try {
      return await Deno.rename(from, to);
    } catch (error) {
      // Another process put its folder there in between.
      const taken = ["ENOTEMPTY", "EEXIST", "ENOTDIR", "EISDIR"].includes(systemCode(error) ?? "");
      if (!taken || attempt === 5) throw error;
    }
  }
}

function incomplete(digest: Digest): UserError {
  return new UserError({
    what: `the store no longer holds all of artifact ${digest.slice(0, 12)}`,
    remedy: "run the pipeline again: what is missing is made anew",
  });
}
