/**
 * Paths that come from outside: from a hub's listing, an index of shards, a package, a lock file.
 *
 * Each names a file below a folder that we choose; anything else writes or reads where nobody asked it to.
 * They are checked here, once, where they enter.
 *
 * @module
 */
import { UserError } from "./errors.ts";
import { portabilityMistake, portableIdentity } from "./outside/portable_name.ts";

/** The longest path that every file system takes, in bytes. */
export const MAX_PATH = 1024;

const encoder = new TextEncoder();

/**
 * Checks a path that somebody else chose.
 *
 * @param path With `/` between folders.
 * @param from Who named it, for the message: "the listing of hf://org/name".
 * @returns The path.
 * @throws {UserError} Where it isn't a plain path below a folder, or no system could store it.
 *
 * @example
 * ```ts
 * import { checkOutsidePath } from "./outside_path.ts";
 * if (checkOutsidePath("data/a.txt", "a listing") !== "data/a.txt") throw new Error();
 * ```
 */
export function checkOutsidePath(path: unknown, from: string): string {
  const why = typeof path !== "string" ? "is no text" : problemOf(path);
  if (why === undefined) return path as string;
  const shown = typeof path === "string" && path.length > 100 ? `${path.slice(0, 100)}…` : path;
  throw new UserError({
    what: `${from} names the file ${JSON.stringify(shown) ?? String(shown)}, which ${why}`,
    requirement: "a path from outside is one below its folder, in plain names: data/train.txt",
    remedy: "nothing of it was taken; ask whoever publishes it",
  });
}

/**
 * Checks paths that are to lie in one folder.
 *
 * @throws {UserError} Where two are the same, differ by case or Unicode's composition alone, or one is
 * a folder of another: on some disks one would replace the other.
 */
export function checkOutsidePaths(paths: readonly unknown[], from: string): string[] {
  const checked = paths.map((path) => checkOutsidePath(path, from));
  // A folder and what is in it stand side by side, for nothing comes before the end of a name.
  const sorted = checked.map((path) =>
    [portableIdentity(path).replaceAll("/", "\0"), path] as const
  )
    .sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  for (let i = 1; i < sorted.length; i++) {
    const [before, other] = sorted[i - 1]!;
    const [folded, path] = sorted[i]!;
    if (folded === before || folded.startsWith(`${before}\0`)) throw clash(other, path, from);
  }
  return checked;
}

function problemOf(path: string): string | undefined {
  if (path === "") return "is empty";
  if (/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(path)) return "holds a control character";
  if (!path.isWellFormed()) return "is no Unicode";
  if (path.startsWith("/")) return "is absolute";
  if (path.includes("\\")) return "holds a backslash";
  if (/^[a-z]:/i.test(path)) return "begins with a drive";
  if (encoder.encode(path).length > MAX_PATH) return `is longer than ${MAX_PATH} bytes`;
  if (/%(?:2e|2f|5c|00)/i.test(path)) return "hides a separator or a dot in an escape";
  for (const part of path.split("/")) {
    if (part === "") return "has an empty part";
    if (part === "." || part === "..") return "leads elsewhere";
    if (part.toLowerCase() === ".git") return "lies in .git";
    const mistake = portabilityMistake(part);
    if (mistake !== undefined) return `can't be stored on every system: a name in it ${mistake}`;
  }
  return undefined;
}

function clash(a: string, b: string, from: string): UserError {
  return new UserError({
    what: `${from} names "${a}" and "${b}", which can't lie in one folder`,
    requirement: "on some disks names that differ by case alone are the same",
    remedy: "choose the files by a pattern that takes one of them",
  });
}
