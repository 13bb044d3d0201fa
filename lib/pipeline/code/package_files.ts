/**
 * What the files of a set of packages were when the set was first used.
 *
 * A stage's key names its packages by their versions, which never change. Their unpacked files can be
 * edited, though, as people do to look for a mistake, and a result of other code would be kept under the
 * same key. So their digests are written down once, and compared before a process loads them.
 *
 * @module
 */
import { join, relative } from "node:path";
import { isJsonObject, parseJsonObject } from "../../base/json.ts";
import { type Digest, sha256Hex } from "../../base/hash.ts";
import { writeFileAtomic } from "../../store/mod.ts";

/** Path below the set's folder -> SHA-256. */
type Digests = Readonly<Record<string, Digest>>;

/**
 * Compares the files of packages with what was written down, or writes it down.
 *
 * @param set The set's folder; what is known of it lies beside the place where it belongs.
 * @param options `packages`: folders below it; `digestOf`: SHA-256 of a file.
 * @returns A file that is another, is gone or came in addition; undefined where all is as it was.
 */
export async function changedPackageFile(
  set: string,
  { known, packages, digestOf }: {
    readonly known: string;
    readonly packages: readonly string[];
    readonly digestOf: (path: string) => Promise<Digest>;
  },
): Promise<string | undefined> {
  const files: [string, Digest][] = [];
  for (const folder of packages) {
    for (const path of filesBelow(folder)) files.push([relative(set, path), await digestOf(path)]);
  }
  const now = Object.fromEntries(files.sort(([a], [b]) => (a < b ? -1 : 1)));
  const then = await readDigests(known);
  if (then === undefined) {
    const sum = sumOf(now);
    // Where it cannot be written, nothing is written beside it either.
    await writeFileAtomic(known, JSON.stringify({ files: now, sum })).catch(() => {});
    return undefined;
  }
  return [...new Set([...Object.keys(then), ...Object.keys(now)])]
    .find((path) => then[path] !== now[path]);
}

function filesBelow(folder: string): string[] {
  const found: string[] = [];
  try {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = join(folder, name);
      if (isDirectory) found.push(...filesBelow(path));
      else found.push(path);
    }
  } catch (error) {
    // A package for another system is not downloaded.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

async function readDigests(path: string): Promise<Digests | undefined> {
  const text = await Deno.readTextFile(path).catch(() => undefined);
  const value = text === undefined ? undefined : parseJsonObject(text);
  if (value === undefined || !isJsonObject(value.files)) return undefined;
  const files = value.files as Digests;
  return value.sum === sumOf(files) ? files : undefined;
}

function sumOf(files: Digests): Digest {
  return sha256Hex(JSON.stringify(files));
}
