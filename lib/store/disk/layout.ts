/**
 * Where everything lies under `runs/`.
 *
 * ```text
 * runs/
 *   latest -> 20260102T030405Z-imdb-k3x9ab       the newest run
 *   20260102T030405Z-imdb-k3x9ab/                run.json  events.ndjson  logs/  artifacts/<stage>/
 *   store/
 *     blobs/<2>/<sha256>                         file contents, read-only
 *     artifacts/<sha256>.json                    which blobs make a folder
 *     actions/<key>.json                         which artifact a stage's key led to
 *     trees/<sha256>/                            an artifact as stages read it: links of its blobs
 *     snapshots/<sha256>/                        code and granted files as they were when a key was made
 *     damaged/<name>-<time>                      blobs whose bytes changed, and what stood in the place of
 *                                                a folder, set aside
 *     locks/  scratch/  tmp/                     work in progress, swept when its owner is dead
 *     resume/<key>/                              how far a stage has come, for the run after a kill
 *     index.db                                   caches only; may be deleted at any moment
 * ```
 *
 * @module
 */
import { join, resolve } from "node:path";
import { sha256Hex } from "../../base/hash.ts";

/** Absolute paths of a store. */
export interface StoreLayout {
  /** The folder `runs`. */
  readonly runs: string;
  readonly store: string;
  readonly blobs: string;
  readonly artifacts: string;
  readonly actions: string;
  readonly trees: string;
  readonly snapshots: string;
  readonly damaged: string;
  readonly locks: string;
  readonly scratch: string;
  readonly resume: string;
  readonly temporary: string;
  readonly index: string;
}

/** The layout under a `runs` folder; nothing is created. */
export function layoutOf(runs: string): StoreLayout {
  const root = resolve(runs);
  const store = join(root, "store");
  return {
    runs: root,
    store,
    blobs: join(store, "blobs"),
    artifacts: join(store, "artifacts"),
    actions: join(store, "actions"),
    trees: join(store, "trees"),
    snapshots: join(store, "snapshots"),
    damaged: join(store, "damaged"),
    locks: join(store, "locks"),
    scratch: join(store, "scratch"),
    resume: join(store, "resume"),
    temporary: join(store, "tmp"),
    index: join(store, "index.db"),
  };
}

/**
 * A name that is safe as a file's or folder's on every system, different for different names.
 * Letters, digits and `._@=,+-` stay; the rest becomes `~` and its UTF-8 in hexadecimal
 * (not `%`, which URLs and cmd.exe would read again); long names end in a digest.
 *
 * @example
 * ```ts
 * import { safeName } from "./layout.ts";
 * if (safeName("tuned@learning_rate=1e-5") !== "tuned@learning_rate=1e-5") throw new Error();
 * if (safeName("a/b") !== "a~2Fb" || safeName("..") !== "~2E.") throw new Error();
 * ```
 */
export function safeName(name: string): string {
  let safe = "";
  for (const byte of new TextEncoder().encode(name)) {
    const char = String.fromCharCode(byte);
    // A leading dot would hide the folder or, doubled, climb out of it.
    const plain = /[A-Za-z0-9_@=,+-]/.test(char) || (char === "." && safe !== "");
    safe += plain ? char : `~${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  if (safe === "") return "~";
  if (safe.length <= MAX_NAME) return safe;
  return `${safe.slice(0, MAX_NAME - 17)}~${sha256Hex(name).slice(0, 16)}`;
}

/**
 * The name that {@linkcode safeName} made a short safe one of.
 *
 * @throws {URIError} Where it made none that reads so.
 */
export function nameOfSafe(safe: string): string {
  return safe === "~" ? "" : decodeURIComponent(safe.replaceAll("~", "%"));
}

/** File systems allow 255 bytes; a run's folder adds its time and id, a temporary name its own. */
const MAX_NAME = 120;
