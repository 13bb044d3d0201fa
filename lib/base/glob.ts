/**
 * File patterns and the order in which their matches are read.
 *
 * `*` and `?` stay within a folder, `**` crosses folders, `[abc]`, `[!abc]` and `{a,b}` as in a
 * shell. Left out: extended globs, `~`.
 *
 * Not `glob` and `matchesGlob` of Node: they take a folder that is missing or may not be read for an empty
 * one, and read the environment, which stages are not granted.
 *
 * @module
 */

import { UserError } from "./errors.ts";

/** Whether a path is a pattern. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

/** The pieces of a pattern: what crosses folders, a set of characters, and every single character. */
const PIECES = /\*\*\/?|\[[!^]?[^][^\]]*\]|[^]/gu;

/** Whether a character fits, after the one before, which is "/" at the beginning. */
type Fits = (char: string, before: string) => boolean;

/** What a pattern matches. */
export interface Glob {
  test(path: string): boolean;
}

/**
 * A step of a pattern: takes a character that fits, goes on at another step, or at either of two.
 *
 * Not a regular expression: where a name almost fits, that tries every division of it among the stars, which
 * takes time without end for names that somebody else chose.
 */
type Step =
  | { readonly type: "take"; readonly fits: Fits }
  | { readonly type: "go"; to: number }
  | { readonly type: "fork"; to: number };

/**
 * Compiles a pattern. It is tried in time proportional to its own length times that of the path.
 *
 * @param pattern With `/` between folders.
 * @param options `slash`: `*` and `?` also match `/`, as Python's fnmatch does, which the hub's
 * `allow_patterns` follow. `hidden`: `*`, `?` and `**` also match names that begin with a dot; default true.
 */
export function compileGlob(pattern: string, { slash = false, hidden = true } = {}): Glob {
  const pieces = pattern.replaceAll(/\*{3,}/g, "**").match(PIECES) ?? [];
  const all: Fits = hidden ? () => true : (char, before) => char !== "." || before !== "/";
  const within: Fits = slash ? all : (char, before) => char !== "/" && all(char, before);
  const steps = stepsOf(pieces, { all, within });
  return {
    test: (path) => {
      let at = new Set<number>();
      reach(steps, 0, at);
      let before = "/";
      for (const char of path) {
        const next = new Set<number>();
        for (const i of at) {
          const step = steps[i];
          if (step?.type === "take" && step.fits(char, before)) reach(steps, i + 1, next);
        }
        at = next;
        before = char;
        if (at.size === 0) return false;
      }
      return at.has(steps.length);
    },
  };
}

/** Adds a step, and those that follow without a character. */
function reach(steps: readonly Step[], start: number, into: Set<number>): void {
  const waiting = [start];
  for (let i = waiting.pop(); i !== undefined; i = waiting.pop()) {
    if (into.has(i)) continue;
    into.add(i);
    const step = steps[i];
    if (step?.type === "fork") waiting.push(i + 1);
    if (step?.type === "fork" || step?.type === "go") waiting.push(step.to);
  }
}

function stepsOf(
  pieces: readonly string[],
  { all, within }: { readonly all: Fits; readonly within: Fits },
): Step[] {
  const pairs = pairedBraces(pieces);
  const steps: Step[] = [];
  /** Of each open brace, the fork before the choice that is read, and the ways out of the others. */
  const open: { fork: Step & { to: number }; readonly ends: (Step & { to: number })[] }[] = [];
  const take = (fits: Fits): void => void steps.push({ type: "take", fits });
  const add = <T extends Step>(step: T): T => {
    steps.push(step);
    return step;
  };
  const repeat = (fits: Fits): void => {
    const start = steps.length;
    const fork = add({ type: "fork", to: 0 });
    take(fits);
    fork.to = add({ type: "go", to: start }) && steps.length;
  };
  pieces.forEach((piece, i) => {
    const group = open.at(-1);
    if (piece === "**/") {
      const fork = add({ type: "fork", to: 0 });
      repeat(all);
      take((char) => char === "/");
      fork.to = steps.length;
    } else if (piece === "**") repeat(all);
    else if (piece === "*") repeat(within);
    else if (piece === "?") take(within);
    else if (pairs.has(i) && piece === "{") {
      open.push({ fork: add({ type: "fork", to: 0 }), ends: [] });
    } else if (group !== undefined && (piece === "," || pairs.has(i))) {
      group.ends.push(add({ type: "go", to: 0 }));
      group.fork.to = steps.length;
      if (piece === ",") group.fork = add({ type: "fork", to: 0 });
      else {
        // The last choice has nothing else beside it: its fork leads nowhere.
        group.fork.to = NOWHERE;
        for (const end of group.ends) end.to = steps.length;
        open.pop();
      }
    } else if (piece.length > 2 && piece.startsWith("[")) {
      const set = new RegExp(`^${setOf(piece)}$`, "u");
      take((char, before) => within(char, before) && set.test(char));
    } else take((char) => char === piece);
  });
  return steps;
}

/** Past the end of every pattern, and no end itself. */
const NOWHERE = Number.MAX_SAFE_INTEGER;

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
 * Every file below a folder that a pattern names, in natural order; paths count from the folder. Names that
 * begin with a dot are matched only where the pattern says the dot, as in a shell.
 *
 * Links that lead nowhere, back to themselves or to a folder that they lie in are passed over, and so are
 * pipes, sockets and devices, of which nobody knows an end.
 *
 * @throws {UserError} Where a name that it needs is not UTF-8.
 * @throws What the system answers where a folder is missing or may not be read.
 */
export async function expandGlob(folder: string, pattern: string): Promise<string[]> {
  const matches: string[] = [];
  const parts = pattern.split("/");
  const fixed = parts.slice(0, await literalParts(folder, parts));
  const rest = parts.slice(fixed.length).join("/");
  const glob = compileGlob(rest, { hidden: false });
  const deep = rest.includes("**") || rest.includes("{") ? Infinity : parts.length;
  const walk = async (path: string[]): Promise<void> => {
    for await (const entry of Deno.readDir([folder, ...path].join("/") || "/")) {
      const inner = [...path, entry.name];
      const info = entry.isSymlink ? await targetOf([folder, ...inner].join("/")) : entry;
      if (info === undefined) continue;
      const { isDirectory, isFile } = info;
      if (isDirectory && entry.isSymlink && await isAbove(folder, inner)) continue;
      if (isDirectory && inner.length < deep) {
        await refuseLostName(folder, inner);
        await walk(inner);
      } else if (isFile && glob.test(inner.slice(fixed.length).join("/"))) {
        await refuseLostName(folder, inner);
        matches.push(inner.join("/"));
      }
    }
  };
  await walk(fixed);
  return matches.sort(naturalCompare);
}

/**
 * How many parts at the beginning of a pattern are names of folders. Brackets and braces are part of a name where a
 * folder is called so: `data[1]/*.txt`.
 */
export async function literalParts(folder: string, parts: readonly string[]): Promise<number> {
  for (const [i, part] of parts.slice(0, -1).entries()) {
    if (!isGlob(part)) continue;
    // A star matches a folder called so, too, and is meant to match others.
    if (/[*?]/.test(part)) return i;
    const path = `${folder}/${parts.slice(0, i + 1).join("/")}`;
    if (!await Deno.stat(path).then((info) => info.isDirectory, () => false)) return i;
  }
  return parts.length - 1;
}

/** A name that is not UTF-8 is listed with U+FFFD in it, by which nobody can open it. */
async function refuseLostName(folder: string, path: readonly string[]): Promise<void> {
  if (!path.at(-1)!.includes("\ufffd")) return;
  const full = [folder, ...path].join("/");
  if (await Deno.lstat(full).then(() => true, () => false)) return;
  throw new UserError({
    what: `${full} cannot be opened: its name is not UTF-8`,
    requirement: "names of files are Unicode text",
    remedy: "rename it, or have the pattern name the others alone",
  });
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
