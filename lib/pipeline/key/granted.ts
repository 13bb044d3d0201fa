/**
 * What an own stage may read beside its inputs, as a part of its key: the files and folders that it
 * was granted, and the variables. Without it a changed word list would leave an old result standing.
 *
 * Left out: hosts, whose answers nobody can know beforehand; the system's own folders, which are no
 * data; and stages with a `resolve`, which say themselves what their result depends on.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { canonicalDigest, sha256Hex, type StoreIndex } from "../../store/mod.ts";
import type { Granted } from "./fingerprint.ts";
import type { StageNode } from "../types.ts";

/** What {@linkcode grantedOf} needs. */
export interface GrantedOptions {
  /** Absolute folder of the pipeline file. */
  readonly baseDir: string;
  /** Absolute folder of runs and store: a result must not depend on that others were made. */
  readonly runs: string;
  /** Remembers the digests of files. */
  readonly index: StoreIndex;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Digests of what a stage was granted.
 *
 * @returns undefined where there is nothing of the kind.
 */
export async function grantedOf(
  node: StageNode,
  options: GrantedOptions,
): Promise<Granted | undefined> {
  const { builtin, resolves } = node.description;
  const { read = [], env = [] } = node.permissions;
  if (builtin || resolves || read.length + env.length === 0) return undefined;
  // A map: a file that is called `__proto__` would be in no key.
  const files = new Map<string, string | null>();
  for (const path of read) {
    files.set(path, await digestOf(resolve(options.baseDir, path), options, new Set()));
  }
  const variables = env.map((name): [string, string | null] => {
    const value = Deno.env.get(name);
    // Values may be secrets; records are for reading.
    return [name, value === undefined ? null : sha256Hex(`${name}=${value}`)];
  });
  return { read: Object.fromEntries(files), env: Object.fromEntries(variables) };
}

/** The system's own folders: endless, or different at each look. */
const SYSTEM = /^\/(proc|sys|dev)(\/|$)/;

/** Digest of a file or of all in a folder; null for what is not there and for what is no data. */
async function digestOf(
  path: string,
  options: GrantedOptions,
  above: ReadonlySet<string>,
): Promise<string | null> {
  try {
    const real = await Deno.realPath(path);
    if (real === options.runs || SYSTEM.test(real)) return null;
    const info = await Deno.stat(real);
    if (info.isFile) return await options.index.digestFile(real, options.signal);
    // A link to a folder that it lies in has no end.
    if (!info.isDirectory || above.has(real)) return null;
    const inside = new Set([...above, real]);
    const entries = new Map<string, string | null>();
    for await (const { name } of Deno.readDir(real)) {
      entries.set(name, await digestOf(join(real, name), options, inside));
    }
    return canonicalDigest(Object.fromEntries(entries));
  } catch (error) {
    options.signal?.throwIfAborted();
    // What the runner cannot read, the stage cannot either: both run as the same user.
    if (error instanceof Error && "code" in error) return null;
    throw error;
  }
}
