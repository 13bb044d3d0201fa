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
import { type Digest, hashFile, sha256Hex } from "../../base/hash.ts";
import { isSettled, stampOf, type StoreIndex, writeFileAtomic } from "../../store/mod.ts";

/** Of what the index remembers: a set's folder -> its files' digests and stamps. */
const NAMESPACE = "package files";

/** Up to this many bytes a file is read at once. */
const SMALL = 1 << 20;

/** Path below the set's folder -> SHA-256. */
type Digests = Readonly<Record<string, Digest>>;

/**
 * Compares the files of packages with what was written down, or writes it down.
 *
 * @param set The set's folder; what is known of it lies beside the place where it belongs.
 * @param options `packages`: folders below it; `index` remembers that all was as it was, for as long
 *   as no stamp of a file moves; where absent, every file is read.
 * @returns A file that is another, is gone or came in addition; undefined where all is as it was.
 */
export async function changedPackageFile(
  set: string,
  { known, packages, index }: {
    readonly known: string;
    readonly packages: readonly string[];
    readonly index?: StoreIndex | undefined;
  },
): Promise<string | undefined> {
  const began = Date.now();
  const paths = packages.flatMap(filesBelow).sort();
  const then = await readDigests(known);
  const stamps = paths.map((path) => stampOf(path));
  const state = sha256Hex(
    JSON.stringify([then ?? null, paths.map((path, i) => [path, stamps[i]?.text ?? null])]),
  );
  // A row for each of a thousand files would take longer than to look at them.
  if (index?.verify === false && index.get(NAMESPACE, set) === state) return undefined;
  const files: [string, Digest][] = [];
  for (const [i, path] of paths.entries()) {
    // Small files are read in a moment, and in many where each is waited for.
    const isSmall = (stamps[i]?.size ?? Infinity) <= SMALL;
    const digest = isSmall ? sha256Hex(Deno.readFileSync(path)) : (await hashFile(path)).digest;
    files.push([relative(set, path), digest]);
  }
  const now = Object.fromEntries(files);
  if (then === undefined) {
    const sum = sumOf(now);
    // Where it cannot be written, nothing is written beside it either.
    await writeFileAtomic(known, JSON.stringify({ files: now, sum })).catch(() => {});
    return undefined;
  }
  const changed = [...new Set([...Object.keys(then), ...Object.keys(now)])]
    .find((path) => then[path] !== now[path]);
  const isStill = stamps.every((stamp, i) =>
    stamp !== undefined && isSettled(stamp, began) && stampOf(paths[i]!)?.text === stamp.text
  );
  if (changed === undefined && isStill) index?.set(NAMESPACE, set, state);
  return changed;
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
