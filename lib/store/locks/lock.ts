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
 * Left out: owners on another machine (a shared network folder) cannot be judged; the waiting
 * process says which file to remove.
 *
 * @module
 */
import { join } from "node:path";
import { listNames, removeQuietly, temporaryName, writeFileAtomic } from "../disk/durable.ts";
import { guarded, systemCode } from "../disk/failure.ts";
import { sha256Hex } from "../../base/hash.ts";
import { parseJson } from "../../base/json.ts";
import { safeName, type StoreLayout } from "../disk/layout.ts";
import { type Owner, ownerState, parseOwner, thisOwner } from "./owner.ts";

/** A lock that is held. */
export interface Lock extends AsyncDisposable {
  readonly name: string;
  readonly path: string;
  /** Gives it back; again is harmless. */
  release(): Promise<void>;
}

/** Options of {@linkcode Locks.acquire}. */
export interface AcquireOptions {
  /** Ends the waiting; `acquire` rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called once for each owner that is waited for, with the lock file's path. */
  readonly onWait?: (owner: Owner, path: string) => void;
}

/** How a lock file reads: its exact text identifies one holding of the lock. */
interface Held {
  readonly text: string;
  /** Undefined where the text is no lock: a file system lost it in a power cut. */
  readonly owner: Owner | undefined;
}

/** Waits start short, so that a quick stage costs little, and grow to this. */
const LONGEST_WAIT = 250;
/** A judgement "alive" costs a subprocess, so it holds this long. */
const JUDGED_FOR = 2000;
/** A lock file without content that is younger may be in the making (no hard links there). */
const WRITING_FOR = 10_000;

/** The locks in one folder. */
export class Locks {
  readonly #folder: string;
  readonly #temporary: string;

  /** The folders are made when first needed. */
  constructor(layout: Pick<StoreLayout, "locks" | "temporary">) {
    this.#folder = layout.locks;
    this.#temporary = layout.temporary;
  }

  /** Path of a lock's file. */
  pathOf(name: string): string {
    return join(this.#folder, `${safeName(name)}.lock`);
  }

  /**
   * Takes a lock, waiting for as long as a living owner holds it.
   *
   * @throws {UserError} Where the folder cannot be written.
   */
  async acquire(name: string, options: AcquireOptions = {}): Promise<Lock> {
    let announced: string | undefined;
    let judged = 0;
    for (let wait = 10;; wait = Math.min(wait * 1.5, LONGEST_WAIT)) {
      options.signal?.throwIfAborted();
      const lock = await this.#create(name);
      if (lock !== undefined) return lock;
      const held = await readHeld(this.pathOf(name));
      if (held === undefined) continue;
      if (held.text !== announced || Date.now() - judged > JUDGED_FOR) {
        if (await isDead(held, this.pathOf(name))) {
          const taken = await this.#takeOver(name, held);
          if (taken !== undefined) return taken;
          continue;
        }
        judged = Date.now();
        if (held.text !== announced && held.owner !== undefined) {
          options.onWait?.(held.owner, this.pathOf(name));
        }
        announced = held.text;
      }
      await sleep(wait, options.signal);
    }
  }

  /** Takes a lock that is free or whose owner is dead; undefined where a living owner holds it. */
  async tryAcquire(name: string): Promise<Lock | undefined> {
    for (;;) {
      const lock = await this.#create(name);
      if (lock !== undefined) return lock;
      const held = await readHeld(this.pathOf(name));
      if (held === undefined) continue;
      if (!await isDead(held, this.pathOf(name))) return undefined;
      return await this.#takeOver(name, held);
    }
  }

  /** Removes the files that dead owners left. */
  async sweep(): Promise<void> {
    for (const name of await listNames(this.#folder)) {
      if (!name.endsWith(".lock") || name.startsWith(".")) continue;
      const path = join(this.#folder, name);
      const held = await readHeld(path);
      const lockName = held === undefined ? undefined : nameIn(held.text);
      if (lockName === undefined || this.pathOf(lockName) !== path) continue;
      await (await this.tryAcquire(lockName))?.release();
    }
  }

  /** Makes the lock file if there is none. */
  async #create(name: string): Promise<Lock | undefined> {
    const path = this.pathOf(name);
    return await guarded({ doing: "take a lock", path }, async () => {
      const text = await lockText(name);
      const temporary = join(this.#temporary, temporaryName("lock"));
      await Deno.mkdir(this.#folder, { recursive: true });
      await Deno.mkdir(this.#temporary, { recursive: true });
      await Deno.writeTextFile(temporary, text, { createNew: true });
      try {
        await Deno.link(temporary, path);
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) return undefined;
        if (!NO_LINKS.includes(systemCode(error) ?? "")) throw error;
        if (!await createNew(path, text)) return undefined;
      } finally {
        await removeQuietly(temporary);
      }
      return new HeldLock(name, path, text);
    });
  }

  /** Replaces the file of an owner known to be dead; undefined where another was quicker. */
  async #takeOver(name: string, dead: Held): Promise<Lock | undefined> {
    const path = this.pathOf(name);
    // Only the holder of this inner lock may touch the file while it holds the dead owner's text.
    const inner = await this.tryAcquire(`takeover-${sha256Hex(`${name}\n${dead.text}`)}`);
    if (inner === undefined) return undefined;
    try {
      const now = await readHeld(path);
      if (now?.text !== dead.text) return undefined;
      const text = await lockText(name);
      await guarded(
        { doing: "take over a lock", path },
        () => writeFileAtomic(path, text, { durable: false, temporary: this.#temporary }),
      );
      return new HeldLock(name, path, text);
    } finally {
      await inner.release();
    }
  }
}

class HeldLock implements Lock {
  readonly name: string;
  readonly path: string;
  readonly #text: string;

  constructor(name: string, path: string, text: string) {
    this.name = name;
    this.path = path;
    this.#text = text;
  }

  async release(): Promise<void> {
    // Somebody who removed the file by hand may have let another owner in: that file is not ours.
    if ((await readHeld(this.path))?.text === this.#text) await removeQuietly(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

/** What file systems without hard links answer (FAT, some network folders). */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

async function createNew(path: string, text: string): Promise<boolean> {
  try {
    await Deno.writeTextFile(path, text, { createNew: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** The id makes each holding unique, also two by one process. */
async function lockText(name: string): Promise<string> {
  const owner = await thisOwner();
  return JSON.stringify({
    ...owner,
    name,
    since: new Date().toISOString(),
    id: crypto.randomUUID(),
  });
}

async function readHeld(path: string): Promise<Held | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    return { text, owner: parseOwner(parseJson(text)) };
  } catch {
    return { text, owner: undefined };
  }
}

/** The lock's name as its file tells it; the file's own name may be shortened. */
function nameIn(text: string): string | undefined {
  try {
    const { name } = parseJson(text) as { readonly name?: unknown };
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}

async function isDead(held: Held, path: string): Promise<boolean> {
  if (held.owner !== undefined) return await ownerState(held.owner) === "dead";
  try {
    const { mtime } = await Deno.stat(path);
    return mtime !== null && Date.now() - mtime.getTime() > WRITING_FOR;
  } catch {
    return false;
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
