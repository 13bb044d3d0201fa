/**
 * The files of a folder that is to become an artifact, checked: only plain files with plain names.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../base/errors.ts";
import { MAX_PATH } from "../base/outside_path.ts";
import { portabilityMistake, portableIdentity } from "../base/outside/portable_name.ts";

/** A file found in a folder. */
export interface TreeFile {
  /** Relative to the folder, with `/`. */
  readonly path: string;
  readonly executable: boolean;
  /** Bytes. */
  readonly size: number;
  readonly ino: number | null;
}

/** Most files and folders of an artifact: a manifest names each, and is read whole. */
export const MAX_ENTRIES = 250_000;

/**
 * Every file under `folder`, sorted by path in UTF-16 code units. It takes time in proportion to what is there, and
 * lets others have their turn.
 *
 * @throws {UserError} For a link, socket, device or pipe, for a name that is not portable, for a path of more than
 *   {@linkcode MAX_PATH} bytes and for more than {@linkcode MAX_ENTRIES} files and folders.
 * @throws {DOMException} Where the signal says so.
 */
export async function listTree(folder: string, signal?: AbortSignal): Promise<TreeFile[]> {
  const found: Found = { files: [], entries: 0, signal };
  await walk(folder, "", found);
  return found.files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What a walk found so far. */
interface Found {
  readonly files: TreeFile[];
  /** Files and folders. */
  entries: number;
  readonly signal: AbortSignal | undefined;
}

/** Refuses an output of too many entries. */
export function refuseMany(entries: number): void {
  if (entries <= MAX_ENTRIES) return;
  throw new UserError({
    what: `the output holds more than ${MAX_ENTRIES} files and folders`,
    requirement: "an artifact is listed whole wherever it is used",
    remedy: "put rows into files of rows, or pack what belongs together into one file",
  });
}

async function walk(folder: string, prefix: string, found: Found): Promise<void> {
  // What is one name on a system that knows no case or no accents apart.
  const seen = new Map<string, string>();
  for await (const entry of Deno.readDir(folder)) {
    found.signal?.throwIfAborted();
    refuseMany(++found.entries);
    const path = `${prefix}${entry.name}`;
    const mistake = portabilityMistake(entry.name);
    if (mistake !== undefined) {
      throw new UserError({
        what: `the output holds ${JSON.stringify(path)}, whose name ${mistake}`,
        requirement: "an artifact can be opened on every system, so its names are allowed on all",
        remedy:
          "name the file otherwise; where it was fetched, rename it at its source or leave it out " +
          "(`ignore_patterns` of download)",
      });
    }
    refuseLong(path);
    const identity = portableIdentity(entry.name);
    const other = seen.get(identity);
    if (other !== undefined) throw clash(`${prefix}${other}`, path);
    seen.set(identity, entry.name);
    if (entry.isDirectory) {
      await walk(join(folder, entry.name), `${path}/`, found);
      continue;
    }
    const info = await Deno.lstat(join(folder, entry.name));
    if (!info.isFile) {
      throw new UserError({
        what: `the output holds ${
          info.isSymlink ? "a symbolic link" : "something that is no file"
        }: ${path}`,
        requirement: "an artifact consists of plain files and folders",
        remedy: "copy the file itself into the output folder",
      });
    }
    const executable = ((info.mode ?? 0) & 0o100) !== 0;
    found.files.push({ path, executable, size: info.size, ino: info.ino });
  }
}

const encoder = new TextEncoder();

function refuseLong(path: string): void {
  // No character takes more than three bytes a unit.
  if (path.length * 3 <= MAX_PATH || encoder.encode(path).length <= MAX_PATH) return;
  throw new UserError({
    what: `the output holds a path of more than ${MAX_PATH} bytes: ${
      JSON.stringify(path.slice(0, 100))
    }…`,
    requirement: "an artifact can be opened on every system, and some hold no longer one",
    remedy: "use shorter names, and fewer folders in one another",
  });
}

function clash(a: string, b: string): UserError {
  return new UserError({
    what: `the output holds ${JSON.stringify(a)} and ${JSON.stringify(b)}, ` +
      "which differ by case, the spelling of accents or invisible characters alone",
    requirement: "an artifact can be opened on every system, and on some these are one file",
    remedy: "name one of them otherwise; where they were fetched, leave one out",
  });
}
