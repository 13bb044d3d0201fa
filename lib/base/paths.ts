/**
 * Paths as `file:` URLs and back, the one place that turns either into the other; and which lie in which.
 *
 * In a URL `#`, `?` and `%` have a meaning that they lack in a path. And the same file has several
 * spellings: `node:url` escapes `[`, `]`, `^`, `|` and `~`, which Deno leaves as they are in the
 * names of modules. Left out: Windows' network shares.
 *
 * @module
 */
import { isAbsolute, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The URL of a file, spelt as Deno spells the names of modules.
 *
 * @param path Counts from the working folder where it is relative.
 * @returns A `file:` URL.
 *
 * @example
 * ```ts
 * import { filePath, fileUrl } from "./paths.ts";
 * if (fileUrl("/c#/50%/[1].ts") !== "file:///c%23/50%25/[1].ts") throw new Error();
 * if (filePath(fileUrl("/c#/50%/[1].ts")) !== "/c#/50%/[1].ts") throw new Error();
 * ```
 */
export function fileUrl(path: string): string {
  const url = new URL("file:///");
  // The setter escapes the rest; these it would read as an escape, as a separator, or drop.
  const escaped = resolve(path).replaceAll(/[%\t\r\n]/g, encodeURIComponent);
  url.pathname = sep === "\\"
    ? `/${escaped.replaceAll("\\", "/")}`
    : escaped.replaceAll("\\", "%5C");
  return url.href;
}

/** The absolute path that a `file:` URL names. */
export function filePath(url: string | URL): string {
  return fileURLToPath(url);
}

/** Whether an absolute path is `folder` or lies below it; a file may be called `..name`. */
export function isWithin(folder: string, path: string): boolean {
  const below = relative(folder, path);
  return below === "" || (below !== ".." && !/^\.\.[/\\]/.test(below) && !isAbsolute(below));
}

/** Why no file can have a path, in words; undefined where one can. */
export function pathMistake(path: string): string | undefined {
  if (path.includes("\0")) return "a path can't hold the character NUL";
  return path.isWellFormed()
    ? undefined
    : "a path is Unicode text, and this has half of a character";
}

/** What Deno lets everybody read in them. */
const OPEN_DEVICES = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

/**
 * Whether an absolute path lies in one of the system's own folders, which hold no data: they are endless,
 * or different at each look, and Deno keeps them from whoever has not every permission.
 */
export function isSystemPath(path: string): boolean {
  return /^\/(?:proc|sys|dev)(?:\/|$)/.test(path) && !OPEN_DEVICES.includes(path);
}

/** What is told of a path in the system's own folders, as the end of a sentence. */
export const SYSTEM_WORDS = "in the system's own folders (/proc, /sys, /dev) and is no data";

/** A path without slashes at its end; a long row of them elsewhere takes no time. */
export function withoutEndSlashes(path: string): string {
  let length = path.length;
  while (path[length - 1] === "/") length--;
  return path.slice(0, length);
}
