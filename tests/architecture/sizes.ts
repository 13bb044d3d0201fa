/**
 * How large files and folders may be, and that no check of the compiler or of lint is switched off.
 *
 * @module
 */
import { resolve } from "node:path";
import { folderOf } from "./module_graph.ts";
import { codeOf } from "./source_code.ts";

/** Most lines of a file: past it, it is more than one concept. */
const LINES = 400;

/** Most files directly in a folder: past it, nobody finds a file by looking. */
const FILES = 16;

/** Folders that may hold more, each with why. */
export const LARGE_FOLDERS: Readonly<Record<string, string>> = {};

/** Files past the limit, as sentences. */
export async function longFiles(root: string, files: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const file of files) {
    const lines = (await Deno.readTextFile(resolve(root, file))).split("\n").length - 1;
    if (lines > LINES) found.push(`${file} has ${lines} lines: a file may have ${LINES}; split it`);
  }
  return found;
}

/** Folders past the limit without a reason, and reasons that nothing needs, as sentences. */
export function largeFolders(
  files: readonly string[],
  reasons: Readonly<Record<string, string>> = LARGE_FOLDERS,
): string[] {
  const counts = new Map(Object.keys(reasons).map((folder) => [folder, 0]));
  for (const file of files) counts.set(folderOf(file), (counts.get(folderOf(file)) ?? 0) + 1);
  return [...counts].flatMap(([folder, count]) => {
    const excused = folder in reasons;
    if (count > FILES && !excused) {
      return [`${folder} has ${count} files: a folder may have ${FILES}, or a reason in sizes.ts`];
    }
    return excused && count <= FILES
      ? [`${folder} has ${count} files: it needs no reason in sizes.ts`]
      : [];
  });
}

/** Places where a check is switched off, as sentences. */
export async function uncheckedPlaces(root: string, files: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const file of files) {
    const source = await Deno.readTextFile(resolve(root, file));
    const code = codeOf(source).split("\n");
    for (const [i, line] of source.split("\n").entries()) {
      const off = /deno-lint-ignore\S*|@ts-(?:ignore|expect-error|nocheck)/.exec(line)?.[0] ??
        /(?:[:<,|&]|\bas)\s*(any)\b(?!\s*[:(])/.exec(code[i]!)?.[1];
      if (off !== undefined) {
        found.push(
          `${file} has ${off} in line ${i + 1}: no check of types or lint is switched off`,
        );
      }
    }
  }
  return found;
}
