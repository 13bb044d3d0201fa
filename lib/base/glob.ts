/**
 * File patterns and the order in which their matches are read.
 *
 * `*` and `?` stay within a folder, `**` crosses folders, `[abc]`, `[!abc]` and `{a,b}` as in a
 * shell. Left out: extended globs, `~`, hidden files being special.
 *
 * Not `glob` and `matchesGlob` of Node: they pass over hidden files, take a folder that is missing or
 * may not be read for an empty one, and read the environment, which stages are not granted.
 *
 * @module
 */

/** Whether a path is a pattern. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

/** The pieces of a pattern: what crosses folders, a set of characters, and every single character. */
const PIECES = /\*\*\/?|\[[!^]?[^][^\]]*\]|[^]/gu;

/**
 * The regular expression that a pattern stands for.
 *
 * @param pattern With `/` between folders.
 * @param options `slash`: `*` and `?` also match `/`, as Python's fnmatch does, which the hub's
 * `allow_patterns` follow.
 */
export function globToRegExp(pattern: string, { slash = false } = {}): RegExp {
  const any = slash ? "[^]" : "[^/]";
  let braces = 0;
  const source = pattern.replace(PIECES, (piece, at: number) => {
    if (piece === "**/") return "(?:[^]*/)?";
    if (piece === "**") return "[^]*";
    if (piece === "*") return `${any}*`;
    if (piece === "?") return any;
    if (piece === "{" && pattern.includes("}", at)) return braces++, "(?:";
    if (piece === "}" && braces > 0) return braces--, ")";
    if (piece === "," && braces > 0) return "|";
    if (piece.length > 2 && piece.startsWith("[")) {
      const [, negated, members] = /^\[([!^]?)([^]*)\]$/.exec(piece)!;
      return `[${negated === "" ? "" : "^"}${members!.replace(/[\\\]^[]/g, "\\$&")}]`;
    }
    return piece.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
  });
  return new RegExp(`^${source}$`, "u");
}

/** Made when first needed: it costs 9 ms, and every call of the command line loads this file. */
let collator: Intl.Collator | undefined;

/** Orders names as a person counts: `chapter_2` before `chapter_10`. */
export function naturalCompare(a: string, b: string): number {
  collator ??= new Intl.Collator("en", { numeric: true });
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** Every file below a folder that a pattern names, in natural order; paths count from the folder. */
export async function expandGlob(folder: string, pattern: string): Promise<string[]> {
  const matches: string[] = [];
  const expression = globToRegExp(pattern);
  const parts = pattern.split("/");
  const fixed = parts.slice(0, Math.min(parts.findIndex(isGlob), parts.length - 1));
  const deep = pattern.includes("**") || pattern.includes("{") ? Infinity : parts.length;
  const walk = async (path: string[]): Promise<void> => {
    for await (const entry of Deno.readDir([folder, ...path].join("/") || "/")) {
      const inner = [...path, entry.name];
      const info = entry.isSymlink ? await Deno.stat([folder, ...inner].join("/")) : undefined;
      const isDirectory = info?.isDirectory ?? entry.isDirectory;
      if (isDirectory && inner.length < deep) await walk(inner);
      else if (!isDirectory && expression.test(inner.join("/"))) matches.push(inner.join("/"));
    }
  };
  await walk(fixed);
  return matches.sort(naturalCompare);
}
