/**
 * The files of a folder that is to become an artifact, checked: only plain files with plain names.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../base/errors.ts";
import { isPlainPath } from "./manifest.ts";

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
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function walk(folder: string, prefix: string, files: TreeFile[]): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${prefix}${entry.name}`;
    if (!isPlainPath(path) || !path.isWellFormed() || path.includes("\uFFFD")) {
      throw new UserError({
        what: `the output holds a file named ${JSON.stringify(path)}`,
        requirement: "names must be Unicode text without control characters, `\\` and `:`",
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
