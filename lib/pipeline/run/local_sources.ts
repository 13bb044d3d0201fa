/**
 * Local sources of a stage: copied as its key tells of them before it waits for anything, and what is
 * too much to copy looked at again when it is done.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { copyFile } from "../../store/mod.ts";
import type { Places } from "../sandbox/places.ts";
import { Marks } from "../key/marks.ts";
import type { FoundSources } from "../key/sources.ts";
import type { StageNode } from "../types.ts";
import type { Capture } from "./capture.ts";
import type { RunContext } from "./context.ts";
import { otherThanRemembered } from "./steady.ts";

/** What is asked of the run of a stage. */
export interface Reading {
  readonly node: StageNode;
  readonly sources: FoundSources | undefined;
  readonly capture: Capture;
  /** The snapshot that it is run from. */
  readonly root: string;
  readonly context: RunContext;
}

/** How much of a stage's sources is copied, in bytes; more is read where it lies, and digested again. */
const COPIED_BYTES = 1 << 30;

/** The sources of a stage that lie on this machine. */
export interface LocalSources {
  readonly places: Places;
  /** Where the copies lie; undefined where there are none. */
  readonly folder?: string | undefined;
  /** Files that are read where they lie: path -> SHA-256. */
  readonly inPlace: Readonly<Record<string, string>>;
  /** Marks of these. */
  readonly marks: Marks;
}

/** Copies local sources as the key tells of them; undefined where one of them has changed since. */
export async function copySources(run: Reading, folder: string): Promise<LocalSources | undefined> {
  const { sources, context: { store, signal } } = run;
  const places: Record<string, string> = {};
  const inPlace: Record<string, string> = {};
  let copied = 0;
  for (const [i, [path, digest]] of Object.entries(sources?.files ?? {}).entries()) {
    const size = (await Deno.stat(path).catch(() => undefined))?.size;
    if (size === undefined) return undefined;
    if (copied + size > COPIED_BYTES) {
      inPlace[path] = digest;
      continue;
    }
    copied += size;
    // Readers tell formats by names.
    const to = join(folder, String(i), basename(path));
    await Deno.mkdir(dirname(to), { recursive: true });
    if (!await copyFile(path, { to, digest, signal })) {
      // What is remembered of the file is wrong, or it changed this moment.
      if (await store.index.digestFile(path, signal) === digest) throw otherThanRemembered(path);
      return undefined;
    }
    places[path] = to;
  }
  const marks = await settledMarks(Object.keys(inPlace), signal);
  for (const [path, digest] of Object.entries(inPlace)) {
    // Better now than when the stage has read it for hours.
    if (await store.index.digestFile(path, signal) !== digest) return undefined;
  }
  return { places, inPlace, marks, folder: Object.keys(places).length > 0 ? folder : undefined };
}

/** Marks of files, when a change would be seen for certain. */
async function settledMarks(paths: readonly string[], signal: AbortSignal): Promise<Marks> {
  const marks = await marksOf(paths);
  const wait = marks.unsettledFor(Date.now());
  if (wait === 0) return marks;
  await pause(wait, undefined, { signal });
  return await marksOf(paths);
}

async function marksOf(paths: readonly string[]): Promise<Marks> {
  const marks = new Marks();
  for (const path of paths) {
    marks.addWayTo(path);
    marks.add(await Deno.realPath(path).catch(() => path));
  }
  return marks;
}

/**
 * What a stage read where it lies and that is no longer what its key tells; undefined where all is.
 *
 * @returns Words for it.
 */
export async function changedInPlace(
  run: Reading,
  { inPlace, marks }: LocalSources,
): Promise<string | undefined> {
  const { node, capture, root, context: { store, signal } } = run;
  for (const [path, digest] of Object.entries(inPlace)) {
    const now = await store.index.digestFile(path, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (now !== digest) return path;
  }
  const changed = (await marksOf(Object.keys(inPlace))).changedSince(marks);
  if (changed !== undefined) return changed;
  if (!await capture.isWhole(node, root)) return `the copy of its code and files (${root})`;
  const { isCopied } = await capture.grantedTo(node);
  return isCopied ? undefined : await capture.changeOf(node);
}
