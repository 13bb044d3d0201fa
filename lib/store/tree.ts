/**
 * The files of a folder that is to become an artifact, checked: only plain files with plain names.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../base/errors.ts";
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

/**
 * Every file under `folder`, sorted by path in UTF-16 code units.
 *
 * @throws {UserError} For a link, socket, device or pipe, and for a name that is not portable.
 */
export async function listTree(folder: string): Promise<TreeFile[]> {
  const files: TreeFile[] = [];
  await walk(folder, "", files);
  const mistake = clash(files);
  if (mistake !== undefined) throw mistake;
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Two files, or folders on the way to them, that are one on a system that knows no case or no accents apart. */
function clash(files: readonly TreeFile[]): UserError | undefined {
  const seen = new Map<string, string>();
  for (const { path } of files) {
    const parts = path.split("/");
    for (let end = 1; end <= parts.length; end++) {
      const place = parts.slice(0, end).join("/");
      const identity = portableIdentity(place);
      const other = seen.get(identity) ?? place;
      if (other !== place) {
        return new UserError({
          what: `the output holds ${JSON.stringify(other)} and ${JSON.stringify(place)}, ` +
            "which differ by case, the spelling of accents or invisible characters alone",
          requirement: "an artifact can be opened on every system, and on some these are one file",
          remedy: "name one of them otherwise; where they were fetched, leave one out",
        });
      }
      seen.set(identity, place);
    }
  }
  return undefined;
}

async function walk(folder: string, prefix: string, files: TreeFile[]): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
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
    if (entry.isDirectory) {
      await walk(join(folder, entry.name), `${path}/`, files);
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
    files.push({ path, executable, size: info.size, ino: info.ino });
  }
}
