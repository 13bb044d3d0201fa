/**
 * What an own stage may read beside its inputs: the files and folders that it was granted, and the
 * variables. Their digests are a part of its key; without it a changed word list would leave an old
 * result standing. The files are listed, too, for the copy that the stage reads.
 *
 * Left out: hosts, whose answers nobody can know beforehand; the system's own folders, which are no
 * data. Stages with a `resolve` say themselves what their result depends on: what they were granted is
 * copied, and not part of the key.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { canonicalDigest, sha256Hex, snapshotPath, type StoreIndex } from "../../store/mod.ts";
import type { Granted } from "./fingerprint.ts";
import { Marks } from "./marks.ts";
import type { Places } from "../sandbox/places.ts";
import type { StageNode } from "../types.ts";

/** What {@linkcode grantedTo} needs. */
export interface GrantedOptions {
  /** Absolute folder of the pipeline file. */
  readonly baseDir: string;
  /** Absolute folder of runs and store: a result must not depend on that others were made. */
  readonly runs: string;
  /** Remembers the digests of files. */
  readonly index: StoreIndex;
  readonly signal?: AbortSignal | undefined;
}

/** What a stage was granted, as it is right now. */
export interface GrantedFiles {
  /** The part of the key; undefined where there is nothing of the kind. */
  readonly key: Granted | undefined;
  /** Every absolute name of what was granted, with and without links -> its name as it was declared. */
  readonly names: Readonly<Record<string, string>>;
  /** Absolute path of every file, below the paths as they were declared -> SHA-256. */
  readonly files: Readonly<Record<string, string>>;
  /** Whether all of it can be copied for the stage: it is data, and not too much. */
  readonly isCopied: boolean;
  /** Digest of all of it, to tell whether anything has changed. */
  readonly digest: string;
  /** To tell whether anything was changed meanwhile and changed back. */
  readonly marks: Marks;
}

/** More than this is read where it lies, and looked at again before the result is kept. */
const COPIED_BYTES = 256 << 20;
const COPIED_FILES = 20_000;

/** The system's own folders: endless, or different at each look. */
const SYSTEM = /^\/(proc|sys|dev)(\/|$)/;

/** Digests of what a stage was granted. */
export async function grantedTo(node: StageNode, options: GrantedOptions): Promise<GrantedFiles> {
  const { builtin } = node.description;
  const { read = [], env = [] } = node.permissions;
  if (builtin || read.length + env.length === 0) return NOTHING;
  const found = await grantedNow(node, options);
  const wait = found.isCopied ? 0 : found.marks.unsettledFor(Date.now());
  if (wait === 0) return found;
  await pause(wait, undefined, { signal: options.signal });
  return await grantedNow(node, options);
}

async function grantedNow(node: StageNode, options: GrantedOptions): Promise<GrantedFiles> {
  const { resolves } = node.description;
  const { read = [], env = [] } = node.permissions;
  const walk = new Walk(options);
  // Maps: a file that is called `__proto__` would be in no key.
  const files = new Map<string, string | null>();
  const names = new Map<string, string>();
  for (const path of read) {
    const absolute = resolve(options.baseDir, path);
    files.set(path, await walk.digestOf(absolute));
    const real = await Deno.realPath(absolute).catch(() => absolute);
    if (!names.has(real)) names.set(real, absolute);
    names.set(absolute, absolute);
  }
  const variables = env.map((name): [string, string | null] => {
    const value = Deno.env.get(name);
    // Values may be secrets; records are for reading.
    return [name, value === undefined ? null : sha256Hex(`${name}=${value}`)];
  });
  const granted = { read: Object.fromEntries(files), env: Object.fromEntries(variables) };
  return {
    key: resolves ? undefined : granted,
    names: Object.fromEntries(names),
    files: Object.fromEntries(walk.files),
    isCopied: !walk.hasOther && walk.bytes <= COPIED_BYTES && walk.files.size <= COPIED_FILES,
    digest: canonicalDigest(granted),
    marks: walk.marks,
  };
}

const NOTHING: GrantedFiles = {
  key: undefined,
  names: {},
  files: {},
  isCopied: true,
  digest: "",
  marks: new Marks(),
};

/** Where a snapshot holds copies of what a stage was granted to read; nowhere where it is read in place. */
export function grantedPlaces({ names, isCopied }: GrantedFiles, root: string): Places {
  if (!isCopied) return {};
  return Object.fromEntries(
    Object.entries(names).map(([name, declared]) => [name, snapshotPath(root, declared)]),
  );
}

/** Goes through granted files and folders. */
class Walk {
  readonly files = new Map<string, string>();
  bytes = 0;
  /** Whether something is among them that is no data. */
  hasOther = false;
  readonly marks = new Marks();
  readonly #options: GrantedOptions;

  constructor(options: GrantedOptions) {
    this.#options = options;
    this.marks.allowWorkIn(options.baseDir);
    this.marks.allowWorkIn(dirname(options.runs));
  }

  /**
   * Digest of a file or of all in a folder; null for what is not there and for what is no data.
   *
   * @param above The folders that it lies in, without links, the next one last.
   */
  async digestOf(path: string, above: readonly string[] = []): Promise<string | null> {
    const { index, runs, signal } = this.#options;
    try {
      const real = await Deno.realPath(path);
      const info = await Deno.stat(real);
      if (SYSTEM.test(real) || !info.isFile && !info.isDirectory) {
        // In a folder it is left out, as the copy leaves it out; granted by name it is read in place.
        if (above.length === 0) this.hasOther = true;
        return null;
      }
      if (real === runs) return null;
      // A way leads to what is granted, and to where a link in it leads.
      if (above.length === 0 || dirname(real) !== above.at(-1)) this.marks.addWayTo(path);
      this.marks.add(real);
      if (info.isFile) {
        const digest = await index.digestFile(real, signal);
        this.files.set(path, digest);
        this.bytes += info.size;
        return digest;
      }
      // A link to a folder that it lies in has no end.
      if (above.includes(real)) return null;
      const inside = [...above, real];
      const entries = new Map<string, string | null>();
      for await (const { name } of Deno.readDir(real)) {
        entries.set(name, await this.digestOf(join(path, name), inside));
      }
      return canonicalDigest(Object.fromEntries(entries));
    } catch (error) {
      signal?.throwIfAborted();
      // What the runner cannot read, the stage cannot either: both run as the same user.
      if (error instanceof Error && "code" in error) return null;
      // The system's own folders, which Deno shows to nobody without every permission.
      if (error instanceof Deno.errors.NotCapable) return null;
      throw error;
    }
  }
}
