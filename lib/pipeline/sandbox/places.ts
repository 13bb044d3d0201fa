/**
 * Where a stage's process reads what lies elsewhere than its name says: granted files and sources are
 * read from copies that were taken when the stage's key was made.
 *
 * A stage asks for them by the paths that its author knows: functions of Deno and of `node:fs` that take
 * a path are led to the copy. Paths that count from the stage's own module lead there by themselves,
 * since the module is run from its copy, too.
 *
 * Left out: functions that are seldom used (`openAsBlob`, paths as bytes), for which `context.file()` tells
 * the place.
 *
 * @module
 */
import { createRequire, syncBuiltinESMExports } from "node:module";
import { isAbsolute, join, normalize, relative } from "node:path";
import { filePath, fileUrl, isWithin } from "../../base/paths.ts";

/** Absolute path of a file or folder -> where its copy lies. */
export type Places = Readonly<Record<string, string>>;

/** Where to read a path: its copy, or the path itself where there is none. */
export function placeOf(path: string, places: Places): string {
  // What does not begin at the root counts from a folder in which nothing of the kind lies.
  if (!isAbsolute(path)) return path;
  const absolute = normalize(path);
  // A stage may have ten thousand sources, each of them asked for by its own name.
  if (Object.hasOwn(places, absolute)) return places[absolute]!;
  for (const [original, copy] of Object.entries(places)) {
    if (isWithin(original, absolute)) return join(copy, relative(original, absolute));
  }
  return path;
}

/** Functions of Deno that read what their first argument names. */
const DENO =
  "readFile readFileSync readTextFile readTextFileSync open openSync stat statSync lstat " +
  "lstatSync readDir readDirSync realPath realPathSync copyFile copyFileSync";

/** Those of node:fs, with and without `Sync`, and of its promises. */
const NODE = "readFile open stat lstat readdir realpath access exists opendir copyFile cp";

type Reading = (path: unknown, ...rest: unknown[]) => unknown;

/** Leads this process's reading functions to the copies. */
export function readCopies(places: Places): void {
  if (Object.keys(places).length === 0) return;
  lead(Deno, DENO.split(" "), places);
  const fs = createRequire(import.meta.url)("node:fs") as { readonly promises: object };
  const names = NODE.split(" ");
  lead(fs, [...names, ...names.map((name) => `${name}Sync`), "createReadStream"], places);
  lead(fs.promises, names, places);
  syncBuiltinESMExports();
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!url.startsWith("file:")) return fetch(input, init);
    return fetch(fileUrl(placeOf(filePath(url), places)), init);
  };
}

function lead(owner: object, names: readonly string[], places: Places): void {
  const functions = owner as Record<string, unknown>;
  for (const name of names) {
    const read = functions[name];
    if (typeof read !== "function") continue;
    const led: Reading = (path, ...rest) =>
      (read as Reading).call(owner, pathAt(path, places), ...rest);
    functions[name] = Object.assign(led, read);
  }
}

function pathAt(path: unknown, places: Places): unknown {
  if (path instanceof URL) {
    if (path.protocol !== "file:") return path;
    return placeOf(filePath(path.href), places);
  }
  return typeof path === "string" ? placeOf(path, places) : path;
}
