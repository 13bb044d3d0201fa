/**
 * Locks between processes that survive a dead owner: a file per lock that names who holds it.
 *
 * Taking: a complete lock file is written under a temporary name and hard-linked to the lock's name,
 * which fails if the name exists; so a lock file is never seen half written. Taking over from a dead
 * owner must not race: two processes may both judge owner X dead, one takes over, and the other must
 * not then remove the new owner's file. So whoever wants to remove X's file first takes a lock named
 * after X's file content, looks again, and only then replaces it. That inner lock is taken in
 * the same way, so its owner may die too.
 *
 * Who is dead: `owner.ts` tells by the pid where that says something, `held_file.ts` by a lock of
 * the kernel or by the lease, which a waiting process watches. An owner on another machine that an
 * earlier version wrote renews nothing and is waited for; the waiting process says which file to
 * remove.
 *
 * @module
 */
import { join } from "node:path";
import { diskTime } from "../../base/disk_time.ts";
import { ensureFolder, listNames } from "../disk/durable.ts";
import { guarded, systemCode } from "../disk/failure.ts";
import { sha256Hex } from "../../base/hash.ts";
import { nameOfSafe, safeName, type StoreLayout } from "../disk/layout.ts";
import { HeldFile, holderState, isAbandoned, type Look, lookAt } from "./held_file.ts";
import { LeaseWatch } from "./lease_watch.ts";
import { describeOwner, type Owner } from "./owner.ts";

/** A lock that is held. */
export interface Lock extends AsyncDisposable {
  readonly name: string;
  readonly path: string;
  /**
   * Aborted when it was found that another process took the lock over, because this one was held up
   * for longer than its lease; looked at every few seconds.
   */
  readonly lost: AbortSignal;
  /** Whether it is still held, looked at now: to be asked right before what only the holder may do. */
  isHeld(): Promise<boolean>;
  /** Gives it back; again is harmless. */
  release(): Promise<void>;
}

/** An owner that is waited for. */
export interface Waiting {
  readonly owner: Owner;
  /** The lock's file. */
  readonly path: string;
  /** The owner's name, and where the waiting may take long, the file and what ends it. */
  readonly words: string;
}

/** Options of {@linkcode Locks.acquire}. */
export interface AcquireOptions {
  /** Ends the waiting; `acquire` rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called once for each owner that is waited for. */
  readonly onWait?: (waiting: Waiting) => void;
}

/** Options of {@linkcode Locks}. */
export interface LocksOptions {
  /** Length of the leases in milliseconds; default a minute. */
  readonly lease?: number;
  /** What a lock's file is called; default its name and `.lock`. Different for different names. */
  readonly fileName?: (name: string) => string;
}

/** Waits start short, so that a quick stage costs little, and grow to this. */
const LONGEST_WAIT = 250;
/** A judgement "alive" costs a subprocess, so it holds this long. */
const JUDGED_FOR = 2000;
/** A lock file without content that is younger may be in the making (no hard links there). */
const WRITING_FOR = 10_000;
/** A lock file that nobody can read is swept when it is so old: a day, in milliseconds. */
const UNREADABLE_FOR = 24 * 3600 * 1000;

/** The locks in one folder. */
export class Locks {
  readonly #folder: string;
  readonly #temporary: string;
  readonly #lease: number | undefined;
  readonly #fileName: (name: string) => string;
  readonly #watch = new LeaseWatch();

  /** The folders are made when first needed. */
  constructor(layout: Pick<StoreLayout, "locks" | "temporary">, options: LocksOptions = {}) {
    this.#folder = layout.locks;
    this.#temporary = layout.temporary;
    this.#lease = options.lease;
    this.#fileName = options.fileName ?? ((name) => `${safeName(name)}.lock`);
  }

  /** Path of a lock's file. */
  pathOf(name: string): string {
    return join(this.#folder, this.#fileName(name));
  }

  /**
   * Takes a lock, waiting for as long as a living owner holds it.
   *
   * @throws {UserError} Where the folder cannot be written.
   */
  async acquire(name: string, options: AcquireOptions = {}): Promise<Lock> {
    const path = this.pathOf(name);
    let announced: string | undefined;
    let alive: { readonly text: string; readonly at: number } | undefined;
    for (let wait = 10;; wait = Math.min(wait * 1.5, LONGEST_WAIT)) {
      options.signal?.throwIfAborted();
      const look = await lookAt(path);
      if (look === undefined) {
        const lock = await this.#create(name);
        if (lock !== undefined) return lock;
        continue;
      }
      if (alive?.text !== look.text || performance.now() - alive.at > JUDGED_FOR) {
        const state = await this.#judge(path, look);
        if (state === "dead") {
          const taken = await this.#takeOver(name, look);
          if (taken !== undefined) return taken;
        }
        // Only a watched lease has to be looked at each time.
        alive = state === "alive" ? { text: look.text, at: performance.now() } : undefined;
        if (state !== "dead" && look.text !== announced && look.owner !== undefined) {
          const words = wordsFor(look.owner, { path, look, watched: state === "watched" });
          options.onWait?.({ owner: look.owner, path, words });
          announced = look.text;
        }
      }
      await sleep(wait, options.signal);
    }
  }

  /** Takes a lock that is free or whose owner is dead; undefined where a living owner holds it. */
  async tryAcquire(name: string): Promise<Lock | undefined> {
    const path = this.pathOf(name);
    for (;;) {
      const look = await lookAt(path);
      if (look === undefined) {
        const lock = await this.#create(name);
        if (lock !== undefined) return lock;
        continue;
      }
      const state = await this.#judge(path, look);
      const isDead = state === "dead" ||
        state === "watched" && isAbandoned(look, await diskTime(this.#temporary));
      return isDead ? await this.#takeOver(name, look) : undefined;
    }
  }

  /** Removes the files that dead owners left, and those whose text a disk has lost. */
  async sweep(): Promise<void> {
    for (const file of await listNames(this.#folder)) {
      const path = join(this.#folder, file);
      if (!file.endsWith(".lock") || file.startsWith(".")) continue;
      // What cannot be read, as a folder in its place, is told to whoever needs the lock.
      const look = await lookAt(path).catch(() => undefined);
      if (look === undefined) continue;
      // Its holder may live and only its file be damaged; nobody waits for it, so there is time.
      const isNameless = look.owner === undefined;
      const age = isNameless ? await diskTime(this.#temporary) - look.renewed : Infinity;
      if (age < UNREADABLE_FOR) continue;
      // The name in the text is the whole one; where that is lost, the file's own tells most.
      const name = [look.name, nameOfFile(file)].find((each) =>
        each !== undefined && this.pathOf(each) === path
      );
      if (name !== undefined) await this.sweepOne(name);
    }
  }

  /** Removes the file of one lock, if a dead owner left it. */
  async sweepOne(name: string): Promise<void> {
    if (await lookAt(this.pathOf(name)) === undefined) return;
    await (await this.tryAcquire(name))?.release();
  }

  /** `watched`: the pid says nothing, and the lease has not run out. */
  async #judge(path: string, look: Look): Promise<"alive" | "dead" | "watched"> {
    if (look.owner === undefined) {
      return await diskTime(this.#temporary) - look.renewed > WRITING_FOR ? "dead" : "watched";
    }
    const state = await holderState(path, look);
    if (state !== "elsewhere") return state;
    return this.#watch.sees(path, look) ? "dead" : "watched";
  }

  /** Makes the lock file if there is none. */
  async #create(name: string): Promise<Lock | undefined> {
    const path = this.pathOf(name);
    return await this.#write(name, async (temporary) => {
      try {
        await Deno.link(temporary, path);
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) return false;
        if (!NO_LINKS.includes(systemCode(error) ?? "")) throw error;
        if (!await createEmpty(path)) return false;
        await Deno.rename(temporary, path);
      }
      return true;
    });
  }

  /** Replaces the file of an owner known to be dead; undefined where another was quicker. */
  async #takeOver(name: string, dead: Look): Promise<Lock | undefined> {
    const path = this.pathOf(name);
    // Only the holder of this inner lock may touch the file while it holds the dead owner's text.
    const inner = await this.tryAcquire(`takeover-${sha256Hex(`${name}\n${dead.text}`)}`);
    if (inner === undefined) return undefined;
    try {
      const now = await lookAt(path);
      // One that was watched may have come back to life in the last moment.
      if (now?.text !== dead.text || now.renewed !== dead.renewed) return undefined;
      return await this.#write(name, async (temporary) => {
        if (!await inner.isHeld()) return false;
        await Deno.rename(temporary, path);
        return true;
      });
    } finally {
      await inner.release();
      this.#watch.forget(path);
    }
  }

  /** Writes a lock's file under a temporary name and has it placed. */
  async #write(
    name: string,
    place: (temporary: string) => Promise<boolean>,
  ): Promise<Lock | undefined> {
    const path = this.pathOf(name);
    const held = await guarded({ doing: "take a lock", path }, async () => {
      await ensureFolder(this.#folder);
      await ensureFolder(this.#temporary);
      return await HeldFile.write(path, {
        temporary: this.#temporary,
        prefix: "lock",
        members: { name },
        lease: this.#lease,
        place,
      });
    });
    if (held === undefined) return undefined;
    const release = (): Promise<void> => held.release();
    return {
      name,
      path,
      lost: held.lost,
      isHeld: () => held.isHeld(),
      release,
      [Symbol.asyncDispose]: release,
    };
  }
}

/** The name of a lock whose file is called so, unless it was too long for one. */
function nameOfFile(file: string): string | undefined {
  try {
    return nameOfSafe(file.slice(0, -".lock".length));
  } catch {
    return undefined;
  }
}

function wordsFor(
  owner: Owner,
  { path, look: { lease }, watched }: {
    readonly path: string;
    readonly look: Look;
    readonly watched: boolean;
  },
): string {
  const who = describeOwner(owner);
  if (!watched) return `${who} (${path})`;
  return lease === undefined
    ? `${who}, which can't be asked from here: if it no longer runs, remove ${path}`
    : `${who}, which can't be asked from here: it is taken for dead when it has not renewed ${path} ` +
      `for ${Math.ceil(lease / 1000)} s`;
}

/** What file systems without hard links answer (FAT, some network folders). */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

async function createEmpty(path: string): Promise<boolean> {
  try {
    await Deno.writeTextFile(path, "", { createNew: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      signal?.removeEventListener("abort", stop);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", stop, { once: true });
  });
}
