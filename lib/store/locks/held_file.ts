/**
 * Files that say who holds something and show that the holder lives, for as long as it does.
 *
 * The holder renews the file's time every few seconds: that is its lease. A process that can't judge
 * the holder by its pid watches the file, and takes the holder for dead when the lease was not
 * renewed for its whole length (`lease_watch.ts`). Only whether the time changes counts, never what
 * it is: clocks jump, and those of two machines differ.
 *
 * On Linux the holder keeps the file locked, too (flock(2)), which the kernel ends with the process
 * and with nothing else: not when it is stopped or its thread is busy. Where both run on one kernel
 * and reach the file through one mount, the lock tells at once. On Windows such a lock would keep
 * readers out; there and on macOS the lease alone tells.
 *
 * A holder that was held up for longer than its lease may find the file another's. It must ask
 * {@linkcode HeldFile.isHeld} before it does what only the holder may.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { parseJson } from "../../base/json.ts";
import { join } from "node:path";
import { isAbsent, lstatOf, removeQuietly, temporaryName, writeAll } from "../disk/durable.ts";
import {
  type Owner,
  type OwnerState,
  ownerState,
  parseOwner,
  sharesKernel,
  thisOwner,
} from "./owner.ts";

/** A holder that shows no sign of life for so long is taken for dead: a minute, in milliseconds. */
export const LEASE = 60_000;
/** A lease is renewed so many times within its length. */
const RENEWALS = 12;
/** What can't be watched is left until its time is so much older than that of a new file: a day. */
const ABANDONED_AFTER = 24 * 3600 * 1000;

/** Options of {@linkcode HeldFile.write}. */
export interface HeldFileOptions {
  /** Folder for the temporary file, on the same file system; both folders exist. */
  readonly temporary: string;
  /** Begins the temporary file's name. */
  readonly prefix?: string;
  /** Members of the file beside those that name its holder. */
  readonly members?: Readonly<Record<string, string>>;
  /** Length of the lease in milliseconds; default {@linkcode LEASE}. */
  readonly lease?: number | undefined;
  /** Puts the finished temporary file in its place; false where the place is taken. */
  readonly place: (temporary: string) => Promise<boolean>;
}

/** A file that this process holds. */
export class HeldFile {
  readonly path: string;
  readonly #text: string;
  /** Open for as long as it is held, where the lock on it counts. */
  readonly #file: Deno.FsFile | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #lost = new AbortController();
  #renewing: Promise<void> = Promise.resolve();
  #released = false;

  private constructor(
    path: string,
    { text, file, lease }: { text: string; file: Deno.FsFile | undefined; lease: number },
  ) {
    this.path = path;
    this.#text = text;
    this.#file = file;
    let busy = false;
    this.#timer = setInterval(() => {
      if (busy) return;
      busy = true;
      this.#renewing = this.#renew().finally(() => busy = false);
    }, Math.max(1, lease / RENEWALS));
    Deno.unrefTimer(this.#timer);
  }

  /**
   * Writes a file that names this process, complete before it is in its place.
   *
   * @returns undefined where the place was taken.
   */
  static async write(path: string, options: HeldFileOptions): Promise<HeldFile | undefined> {
    const { lease = LEASE, place } = options;
    const temporary = join(options.temporary, temporaryName(options.prefix ?? "held"));
    const owner = await thisOwner();
    let file: Deno.FsFile | undefined = await Deno.open(temporary, { ...NEW, mode: 0o644 });
    try {
      const device = await lockedOn(file, temporary);
      // The id makes each holding unique, also two by one process.
      const text = JSON.stringify({
        ...owner,
        ...options.members,
        since: new Date().toISOString(),
        id: crypto.randomUUID(),
        lease,
        ...(device === undefined ? {} : { device }),
      });
      await writeAll(file, new TextEncoder().encode(text));
      if (device === undefined) file = void file.close();
      if (!await place(temporary)) return undefined;
      const held = new HeldFile(path, { text, file, lease });
      file = undefined;
      return held;
    } finally {
      file?.close();
      await removeQuietly(temporary);
    }
  }

  /** Aborted when the file was found to be another's; this is looked at when the lease is renewed. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether the file is still this holder's: it was not taken over, nor removed by hand. */
  async isHeld(): Promise<boolean> {
    if (this.#released) return false;
    if ((await lookAt(this.path))?.text === this.#text) return true;
    this.#lost.abort(new DOMException(`${this.path} is held by another.`, "AbortError"));
    return false;
  }

  /**
   * Removes the file, if it is still this holder's; again is harmless.
   *
   * @param options `keep`: leave the file for a sweep, which finds its holder dead one day.
   */
  async release({ keep = false }: { readonly keep?: boolean } = {}): Promise<void> {
    if (this.#released) return;
    clearInterval(this.#timer);
    await this.#renewing;
    const isOurs = await this.isHeld().catch(() => false);
    this.#released = true;
    // Somebody who removed the file by hand may have let another owner in: that file is not ours.
    if (isOurs && !keep) await removeQuietly(this.path);
    this.#file?.close();
  }

  async #renew(): Promise<void> {
    try {
      using file = await Deno.open(this.path, { read: true, write: true });
      if (await textOf(file) !== this.#text) return await void this.isHeld();
      // Through the handle, so that the file of one who takes over right now stays as it is. Written
      // and not set, so that the time is that of the clock of whoever keeps the file.
      await file.seek(0, Deno.SeekMode.Start);
      await file.write(new TextEncoder().encode(this.#text.slice(0, 1)));
    } catch {
      // A network folder may be gone for a moment; that the file is gone for good is another thing.
      await this.isHeld().catch(() => {});
    }
  }
}

const NEW = { read: true, write: true, createNew: true } as const;

/** Locks a file for as long as it is open. @returns The device it lies on; undefined where no lock counts. */
async function lockedOn(
  file: Deno.FsFile,
  path: string,
): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  try {
    if (!await file.tryLock(true)) return undefined;
    // Some network file systems know no locks and say that all is well.
    using other = await Deno.open(path, { read: true });
    return await other.tryLock(false) ? undefined : (await file.stat()).dev;
  } catch {
    return undefined; // Others refuse.
  }
}

/** A file of a holder at one moment. Its text names one holding. */
export interface Look {
  readonly text: string;
  /** Undefined where the text names nobody: a file system lost it in a power cut. */
  readonly owner: Owner | undefined;
  /** What the holder calls the thing that it holds. */
  readonly name: string | undefined;
  /** Length of the lease in milliseconds; undefined for a holder of an earlier version, which renews nothing. */
  readonly lease: number | undefined;
  /** The device on which the holder keeps the file locked. */
  readonly device: number | undefined;
  /** When it was last renewed, by whatever clock: good to be compared with another look. */
  readonly renewed: number;
}

/**
 * Looks at a holder's file; undefined where there is none.
 *
 * @throws {UserError} Where something stands there that is no file: nobody could read it or replace it.
 */
export async function lookAt(path: string): Promise<Look | undefined> {
  try {
    // A pipe would be opened without end.
    const info = await lstatOf(path);
    if (info !== undefined && !info.isFile) throw notAFile(path);
    // Opened first: a network file system asks its server then, and else tells what it remembers.
    using file = await Deno.open(path, { read: true });
    const renewed = (await file.stat()).mtime?.getTime() ?? 0;
    return { ...parseHeld(await textOf(file)), renewed };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** As {@linkcode lookAt}; undefined also where something stands there that is no file and names nobody. */
export async function lookAtFile(path: string): Promise<Look | undefined> {
  try {
    return await lookAt(path);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

function notAFile(path: string): UserError {
  return new UserError({
    what: `${path} is no file`,
    requirement: "a file that says who holds something belongs there",
    remedy: "remove it and run again",
  });
}

function parseHeld(text: string): Omit<Look, "renewed"> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    value = undefined;
  }
  const { name, lease, device } = Object(value) as Readonly<Record<string, unknown>>;
  return {
    text,
    owner: parseOwner(value),
    name: typeof name === "string" ? name : undefined,
    lease: typeof lease === "number" && lease > 0 ? lease : undefined,
    device: typeof device === "number" ? device : undefined,
  };
}

/** Whether the holder of a file lives, as far as one look tells. */
export async function holderState(
  path: string,
  { owner, device, text }: Look,
): Promise<OwnerState> {
  if (owner === undefined) return "elsewhere";
  const state = await ownerState(owner);
  if (state !== "elsewhere" || device === undefined || !await sharesKernel(owner)) return state;
  try {
    using file = await Deno.open(path, { read: true });
    // Through another mount the kernel may keep other locks.
    if ((await file.stat()).dev !== device || await textOf(file) !== text) return state;
    return await file.tryLock(false) ? "dead" : "alive";
  } catch {
    return state;
  }
}

/**
 * Whether nobody has renewed a file for so long that not even a machine that slept over night can
 * hold it: for those who look once and can't watch.
 *
 * @param now Milliseconds since 1970 by the clock that the file's time is of.
 */
export function isAbandoned({ lease, renewed }: Look, now: number): boolean {
  return lease !== undefined && now - renewed > Math.max(ABANDONED_AFTER, lease);
}

async function textOf(file: Deno.FsFile): Promise<string> {
  // No holder writes more than a few hundred bytes.
  const buffer = new Uint8Array(64 * 1024);
  let length = 0;
  for (;;) {
    const read = await file.read(buffer.subarray(length));
    if (read === null || read === 0) break;
    length += read;
  }
  return new TextDecoder().decode(buffer.subarray(0, length));
}
