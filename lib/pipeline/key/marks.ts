/**
 * Marks of what a stage reads where it lies, for it is too much to copy: they tell whether anything was
 * changed, replaced or moved meanwhile, also where all is as it was in the end.
 *
 * A file is marked by device, inode, size, mtime and ctime, a link by the same, and a folder too, for
 * to rename a folder moves its own ctime alone. Of folders further up, in which people work meanwhile,
 * only that is looked at: a ctime that moved without the mtime.
 *
 * Left out: a folder further up that was renamed, and renamed back, and in which something else was made
 * or removed besides.
 *
 * @module
 */
import { lstatSync, readlinkSync } from "node:fs";
import { dirname, join, parse, resolve, sep } from "node:path";
import { isSettled, REST } from "../../store/mod.ts";

/** What `lstat` says of a file, a link or a folder. */
interface Mark {
  readonly identity: string;
  readonly mtime: bigint;
  readonly ctime: bigint;
}

/** Longer chains of links the system does not follow either. */
const MAX_LINKS = 40;

/** Marks of files, links and folders at one time. */
export class Marks {
  readonly #marks = new Map<string, Mark>();
  readonly #within = new Set<string>();
  readonly #above = new Set<string>();
  /** Folders in which other things come and go, wherever they lie. */
  readonly #busy = new Set<string>();
  /** Milliseconds since 1970. */
  #newest = 0;

  /** Marks a file or folder, by its path without links. */
  add(real: string): void {
    this.#within.add(real);
    const ctime = this.#mark(real);
    if (ctime !== undefined) this.#newest = Math.max(this.#newest, Number(ctime / 1_000_000n));
  }

  /** Marks the folders above a path, and the links that lead to it. */
  addWayTo(path: string): void {
    this.#follow(resolve(path), MAX_LINKS);
  }

  /** Lets other things come and go in a folder and in those above it, whether or not they are read. */
  allowWorkIn(folder: string): void {
    for (let each = folder;; each = dirname(each)) {
      this.#busy.add(each);
      if (dirname(each) === each) return;
    }
  }

  /** Milliseconds until a change would be seen for certain: what was made this moment shares its time with it. */
  unsettledFor(now: number): number {
    if (isSettled({ changed: this.#newest }, now)) return 0;
    return Math.min(REST, REST - (now - this.#newest));
  }

  /** What is not as it was, by its path; undefined where all is. */
  changedSince(earlier: Marks): string | undefined {
    for (const path of new Set([...earlier.#marks.keys(), ...this.#marks.keys()])) {
      const [then, now] = [earlier.#marks.get(path), this.#marks.get(path)];
      if (then === undefined || now === undefined || then.identity !== now.identity) return path;
      if (then.ctime === now.ctime && then.mtime === now.mtime) continue;
      // In a folder where people work, files come and go, which moves both.
      if (!earlier.#hasWork(path) || then.mtime === now.mtime) return path;
    }
    return undefined;
  }

  #hasWork(path: string): boolean {
    return this.#busy.has(path) || this.#above.has(path) && !this.#within.has(path);
  }

  /** @returns ctime, in nanoseconds. */
  #mark(path: string): bigint | undefined {
    const info = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (info === undefined) return undefined;
    const { dev, ino, size, mtimeNs: mtime, ctimeNs: ctime } = info;
    const identity = `${dev} ${ino} ${info.isDirectory() ? "" : size}`;
    this.#marks.set(path, { identity, mtime, ctime });
    return ctime;
  }

  /** @returns The path without links; undefined where there is nothing. */
  #follow(path: string, links: number): string | undefined {
    let real = parse(path).root;
    const names = path.slice(real.length).split(sep).filter((name) => name !== "");
    for (const [i, name] of names.entries()) {
      const next = join(real, name);
      const info = entryAt(next);
      if (info === undefined) return undefined;
      if (info.isSymbolicLink()) {
        this.#mark(next);
        const target = links === 0
          ? undefined
          : this.#follow(resolve(real, readlinkSync(next)), links - 1);
        if (target === undefined) return undefined;
        real = target;
      } else {
        real = next;
      }
      if (i === names.length - 1) return real;
      this.#mark(real);
      this.#above.add(real);
    }
    return real;
  }
}

/** What is at a path, without following it; undefined for nothing, and for what Deno shows to nobody. */
function entryAt(path: string): { isSymbolicLink(): boolean } | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
