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
  // Twice the same crossing is one; as two, what does not match would be tried in every division.
  const pieces = pattern.replaceAll(/\*{3,}/g, "**").replaceAll(/(?:\*\*\/){2,}/g, "**/")
    .match(PIECES) ?? [];
  const pairs = pairedBraces(pieces);
  let depth = 0;
  const source = pieces.map((piece, i) => {
    if (piece === "**/") return "(?:[^]*/)?";
    if (piece === "**") return "[^]*";
    if (piece === "*") return `${any}*`;
    if (piece === "?") return any;
    if (pairs.has(i)) return piece === "{" ? (depth++, "(?:") : (depth--, ")");
    if (piece === "," && depth > 0) return "|";
    if (piece.length > 2 && piece.startsWith("[")) return `${slash ? "" : "(?!/)"}${setOf(piece)}`;
    return piece.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
  }).join("");
  return new RegExp(`^${source}$`, "u");
}

/** Which pieces are braces that have their other half; the others are text. */
function pairedBraces(pieces: readonly string[]): ReadonlySet<number> {
  const open: number[] = [];
  const pairs = new Set<number>();
  for (const [i, piece] of pieces.entries()) {
    if (piece === "{") open.push(i);
    const start = piece === "}" ? open.pop() : undefined;
    if (start !== undefined) pairs.add(start).add(i);
  }
  return pairs;
}

/** `[!a-c]` as an expression; a range that runs backwards holds nothing, as in a shell. */
function setOf(piece: string): string {
  const [, negated, members] = /^\[([!^]?)([^]*)\]$/u.exec(piece)!;
  const chars = [...members!];
  const escaped = (char: string): string => char.replace(/[\\\]^[-]/, "\\$&");
  let set = "";
  for (let i = 0; i < chars.length; i++) {
    const [from, dash, to] = [chars[i]!, chars[i + 1], chars[i + 2]];
    if (dash !== "-" || to === undefined) set += escaped(from);
    else {
      i += 2;
      if (from.codePointAt(0)! <= to.codePointAt(0)!) set += `${escaped(from)}-${escaped(to)}`;
    }
  }
  return `[${negated === "" ? "" : "^"}${set}]`;
}

/** Made when first needed: it costs 9 ms, and every call of the command line loads this file. */
let collator: Intl.Collator | undefined;

/** Orders names as a person counts: `chapter_2` before `chapter_10`. */
export function naturalCompare(a: string, b: string): number {
  collator ??= new Intl.Collator("en", { numeric: true });
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

/**
 * Every file below a folder that a pattern names, in natural order; paths count from the folder.
 *
 * Links that lead nowhere, back to themselves or to a folder that they lie in are passed over, and so are
 * pipes, sockets and devices, of which nobody knows an end.
 *
 * @throws What the system answers where a folder is missing or may not be read.
 */
export async function expandGlob(folder: string, pattern: string): Promise<string[]> {
  const matches: string[] = [];
  const expression = globToRegExp(pattern);
  const parts = pattern.split("/");
  const fixed = parts.slice(0, Math.min(parts.findIndex(isGlob), parts.length - 1));
  const deep = pattern.includes("**") || pattern.includes("{") ? Infinity : parts.length;
  const walk = async (path: string[]): Promise<void> => {
    for await (const entry of Deno.readDir([folder, ...path].join("/") || "/")) {
      const inner = [...path, entry.name];
      const info = entry.isSymlink ? await targetOf([folder, ...inner].join("/")) : entry;
      if (info === undefined) continue;
      const { isDirectory, isFile } = info;
      if (isDirectory && entry.isSymlink && await isAbove(folder, inner)) continue;
      if (isDirectory && inner.length < deep) await walk(inner);
      else if (isFile && expression.test(inner.join("/"))) matches.push(inner.join("/"));
    }
  };
  await walk(fixed);
  return matches.sort(naturalCompare);
}

/** What a link leads to; undefined where that is nothing. */
async function targetOf(link: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(link);
  } catch (error) {
    const isLost = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.FilesystemLoop || error instanceof Deno.errors.NotADirectory;
    if (isLost) return undefined;
    throw error;
  }
}

/** Whether a link leads to one of the folders on the way to it: what is below has no end. */
async function isAbove(folder: string, link: readonly string[]): Promise<boolean> {
  const realOf = (path: readonly string[]): Promise<string> =>
    Deno.realPath([folder, ...path].join("/") || "/");
  const target = await realOf(link);
  for (let length = 0; length < link.length; length++) {
    if (await realOf(link.slice(0, length)) === target) return true;
  }
  return false;
}
