/**
 * Patterns over the paths of a repository.
 *
 * @module
 */
import { compileGlob, isGlob, naturalCompare } from "../../../base/glob.ts";

/**
 * The paths that a pattern means, in natural order: the file that is called so, else all that match. As on this machine
 * (`expandGlob` of `lib/base/glob.ts`), hidden files are those alone whose dot it says, and brackets and braces are part
 * of a name where a folder is called so.
 */
export function pathsMatching(pattern: string, paths: readonly string[]): string[] {
  if (paths.includes(pattern)) return [pattern];
  const parts = pattern.split("/");
  let folder = "";
  for (const part of parts.slice(0, -1)) {
    const inner = `${folder}${part}/`;
    if (/[*?]/.test(part)) break;
    if (isGlob(part) && !paths.some((path) => path.startsWith(inner))) break;
    folder = inner;
  }
  const glob = compileGlob(pattern.slice(folder.length), { hidden: false });
  return paths.filter((path) => path.startsWith(folder) && glob.test(path.slice(folder.length)))
    .sort(naturalCompare);
}
