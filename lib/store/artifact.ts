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
import { basename, dirname, join, relative } from "node:path";
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

/** What {@linkcode Artifacts.check} found. */
export type ArtifactCheck =
  | { readonly ok: true; readonly manifest: Manifest }
  | {
    readonly ok: false;
    /** Undefined where the manifest itself is gone or not what its name says. */
    readonly manifest?: Manifest;
    readonly problems?: readonly {
      readonly file: ManifestFile;
      readonly state: "missing" | "damaged";
    }[];
  };

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
      return await lstatOf(folder) === undefined ? [] : await listTree(folder, options.signal);
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
      await writeFileAtomic(this.pathOf(digest), text, {
        temporary: this.#layout.temporary,
        replacesFolder: true,
      });
    });
    return { digest, files: files.length, bytes };
  }

  /** What an artifact holds, or undefined where its manifest is missing or not what its name says. */
  async manifest(digest: Digest): Promise<Manifest | undefined> {
    const text = await readTextOf(this.pathOf(digest));
    return text === undefined || sha256Hex(text) !== digest ? undefined : parseManifest(text);
  }

  /** Whether the manifest and every blob are there and sound. */
  async has(digest: Digest): Promise<boolean> {
    return (await this.check(digest)).ok;
  }

  /**
   * Whether an artifact is what its name says. A blob is read only where its inode, ctime, mtime or
   * size are not those that it was last found sound with. Nothing is set aside.
   */
  async check(digest: Digest, signal?: AbortSignal): Promise<ArtifactCheck> {
    const manifest = await this.manifest(digest);
    if (manifest === undefined) return { ok: false };
    const problems: { file: ManifestFile; state: "missing" | "damaged" }[] = [];
    for (const file of manifest.files) {
      const state = await this.#blobs.check(file.digest, signal);
      if (state !== "ok") problems.push({ file, state });
    }
    return problems.length === 0 ? { ok: true, manifest } : { ok: false, manifest, problems };
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
   * The folder in which stages read an artifact: read-only links of the blobs, made once. Whoever
   * reads from it verifies the blobs first.
   *
   * @returns Its absolute path.
   * @throws {UserError} Where the store no longer holds the artifact.
   */
  async open(digest: Digest): Promise<string> {
    const manifest = await this.manifest(digest);
    if (manifest === undefined) throw incomplete(digest);
    const target = join(this.#layout.trees, digest);
    await guarded({ doing: "open an artifact", path: target }, async () => {
      if (await this.#matches(manifest, target)) return;
      await ensureFolder(this.#layout.trees);
      // What a kill leaves there is swept.
      await ensureFolder(this.#layout.temporary);
      const temporary = join(this.#layout.temporary, temporaryName(digest));
      try {
        await this.#fill(manifest, { folder: temporary, as: "links" });
        // Another process may have made the same meanwhile, and have a stage read from it already.
        if (!await this.#matches(manifest, target)) await replaceFolder(temporary, target);
      } catch (error) {
        throw error instanceof Deno.errors.NotFound ? incomplete(digest) : error;
      } finally {
        await removeQuietly(temporary);
      }
    });
    return target;
  }

  /** Whether the folder that `open` gave still holds exactly the artifact's files. */
  async isOpen(digest: Digest): Promise<boolean> {
    const manifest = await this.manifest(digest);
    return manifest !== undefined &&
      await this.#matches(manifest, join(this.#layout.trees, digest));
  }

  /**
   * Makes `target` show the artifact's files to a person. Where these are few and small they are
   * copies: an edit changes the copy alone. Else it is a link to the folder that stages read, whose
   * files are read-only; an edit there is found. It appears at once, and replaces what is there.
   *
   * @throws {UserError} Where the store no longer holds the artifact.
   */
  async materialize(digest: Digest, target: string): Promise<void> {
    const manifest = await this.manifest(digest);
    if (manifest === undefined) throw incomplete(digest);
    await guarded({ doing: "open an artifact", path: target }, async () => {
      const parent = dirname(target);
      await Deno.mkdir(parent, { recursive: true });
      const temporary = join(parent, temporaryName(basename(target)));
      try {
        if (isCheap(manifest) || !await this.#linkFolder(digest, temporary)) {
          await this.#fill(manifest, { folder: temporary, as: "copies" });
        }
        await replaceFolder(temporary, target);
      } catch (error) {
        throw error instanceof Deno.errors.NotFound ? incomplete(digest) : error;
      } finally {
        await removeQuietly(temporary);
      }
    });
  }

  /** A relative link, which holds when the folder `runs` moves; false where the system has none. */
  async #linkFolder(digest: Digest, path: string): Promise<boolean> {
    const tree = await this.open(digest);
    try {
      await Deno.symlink(relative(dirname(path), tree), path, { type: "dir" });
      return true;
    } catch (error) {
      // Windows allows links to administrators only.
      if (Deno.build.os === "windows" || NO_LINKS.includes(systemCode(error) ?? "")) return false;
      throw error;
    }
  }

  /** Fills a new folder: links of the blobs for stages, which run nothing; copies with their modes for people. */
  async #fill(
    manifest: Manifest,
    { folder, as }: { readonly folder: string; readonly as: "links" | "copies" },
  ): Promise<void> {
    await Deno.mkdir(folder, { mode: 0o755 });
    const folders = new Set(manifest.files.map(({ path }) => dirname(join(folder, path))));
    for (const each of folders) await Deno.mkdir(each, { recursive: true, mode: 0o755 });
    for (const { path, digest, mode } of manifest.files) {
      const to = join(folder, path);
      if (as === "links" && this.#link(digest, to)) continue;
      await Deno.copyFile(this.#blobs.pathOf(digest), to);
      await Deno.chmod(to, as === "copies" && mode === "0755" ? 0o555 : 0o444);
    }
  }

  /** Links a blob; false where links cannot go. */
  #link(digest: Digest, path: string): boolean {
    try {
      this.#blobs.link(digest, path);
      return true;
    } catch (error) {
      if (NO_LINKS.includes(systemCode(error) ?? "")) return false;
      throw error;
    }
  }

  /** Whether a folder holds exactly the artifact's files, as links or, where these cannot go, as copies. */
  async #matches(manifest: Manifest, folder: string): Promise<boolean> {
    if (!(await lstatOf(folder))?.isDirectory) return false;
    let tree: Awaited<ReturnType<typeof listTree>>;
    try {
      tree = await listTree(folder);
    } catch (error) {
      if (error instanceof UserError) return false;
      throw error;
    }
    if (tree.length !== manifest.files.length) return false;
    for (const [i, file] of manifest.files.entries()) {
      const found = tree[i]!;
      if (found.path !== file.path) return false;
      const blob = await lstatOf(this.#blobs.pathOf(file.digest));
      if (blob === undefined) return false;
      if (blob.ino !== null && blob.ino === found.ino) continue;
      // A copy, as there are no links here: nobody else vouches for its bytes.
      if ((await hashFile(join(folder, file.path))).digest !== file.digest) return false;
    }
    return true;
  }
}

/** Up to this many files of this many bytes together, copies cost no more than links. */
const CHEAP_FILES = 64;
const CHEAP_BYTES = 8 << 20;

function isCheap({ files }: Manifest): boolean {
  return files.length <= CHEAP_FILES &&
    files.reduce((sum, { size }) => sum + size, 0) <= CHEAP_BYTES;
}

/** Other disks, file systems without links, and too many of them. */
const NO_LINKS = ["EXDEV", "EMLINK", "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/** Renames `from` to `to`; what is at `to` moves out of the way first, beside `from`, as a full folder must. */
async function replaceFolder(from: string, to: string): Promise<void> {
  for (let attempt = 0;; attempt++) {
    if (await lstatOf(to) !== undefined) {
      const old = join(dirname(from), temporaryName("old"));
      await Deno.rename(to, old).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
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
