/**
 * `<pipeline>.lock`: what the movable sources of a pipeline were resolved to, beside its YAML file.
 *
 * A branch, a tag or a URL can point to other bytes tomorrow. The first run pins it; later runs on
 * any machine use the pin, and `--update` moves it. Meant to be committed.
 *
 * Several runs may have one lock file, and a person or a version control system may replace it at
 * any time. So it is read, changed and written under a lock, a file `.<pipeline>.lock.writing` beside
 * it, for the runs may have different stores. The first pin of a source wins: where another one was
 * written since this run read the file, that one stays, and it is told that this run used another.
 * A run that ends leaves a pin for every source that it used.
 *
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";
import type { Json } from "../../base/json.ts";
import { diskTime } from "../../base/disk_time.ts";
import { UserError } from "../../base/errors.ts";
import { secretIn, secretInValue } from "../../base/outside/secrets.ts";
import { Locks, safeName, type Waiting, writeFileAtomic } from "../../store/mod.ts";
import { formatPins, parsePins, pinKey, pinKeyParts, type Pins, samePin } from "./lockfile_text.ts";

/** Writing takes milliseconds: a writer that shows no sign of life for so long is dead. In ms. */
const WRITING_LEASE = 10_000;
/** Where somebody holds the lock for longer, the run goes on without its pins written. In ms. */
const LONGEST_WAIT = 60_000;
/** The same where the run was stopped. In ms. */
const STOPPED_WAIT = 1000;
/** What a kill in the middle of writing leaves beside the file, and how old it is before it is removed. In ms. */
const LEFT = /^\.(?:write|lock)\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;
const LEFT_FOR = 24 * 3600 * 1000;
/** Links that lead to links, as systems count them. */
const MOST_LINKS = 40;

/** Pins as a stage sees and sets them. */
export interface StagePins {
  /** What a source is pinned to, or undefined. */
  get(source: string): Json | undefined;
  /** Every pin that the stage may see. */
  entries(): [source: string, pin: Json][];
  /**
   * Pins sources. A source that was pinned in this run already keeps that pin.
   *
   * @returns The sources that another stage of this run pinned to something else.
   */
  set(pins: ReadonlyMap<string, Json>): string[];
}

/** A source for which the file has another pin than this run used. */
interface Conflict {
  readonly key: string;
  readonly used: Json;
  readonly theirs: Json;
}

interface Merged {
  /** Whether the file has to be written. */
  readonly changed: boolean;
  readonly conflicts: readonly Conflict[];
}

/** The pins of one pipeline. Changes stay in memory until {@linkcode Lockfile.write}. */
export class Lockfile {
  /** Absolute path of the file. */
  readonly path: string;
  readonly #pins: Pins;
  /** What the file held when this process read it, and what this process wrote into it. */
  readonly #base: Pins;
  readonly #changes: Pins = new Map();
  /** Pins that were set in this run. */
  readonly #settled = new Set<string>();
  readonly #touched = new Set<string>();
  /** What others pinned and was told. */
  readonly #told: Pins = new Map();
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(path: string, pins: Pins) {
    this.path = path;
    this.#pins = pins;
    this.#base = new Map(pins);
  }

  /**
   * Opens the lock file of a pipeline; that there is none is fine.
   *
   * @param pipelineFile Absolute path of the YAML file.
   * @throws {UserError} Where the file is not what this program writes.
   */
  static async open(pipelineFile: string): Promise<Lockfile> {
    const path = lockfilePath(pipelineFile);
    await refuseSharing(pipelineFile, path);
    return new Lockfile(path, await readPins(path));
  }

  /**
   * The pins of a stage.
   *
   * @param own Name of an own stage, which has pins to itself; undefined for built-in ones, which
   *   share theirs.
   */
  of(own: string | undefined): StagePins {
    return {
      get: (source) => {
        const key = pinKey(source, own);
        this.#touched.add(key);
        return this.#pins.get(key);
      },
      entries: () =>
        [...this.#pins].flatMap(([key, pin]): [string, Json][] => {
          const { source, stage } = pinKeyParts(key);
          return stage === own ? [[source, pin]] : [];
        }),
      set: (pins) => [...pins].flatMap(([source, pin]) => this.#set(source, { pin, own })),
    };
  }

  #set(
    source: string,
    { pin, own }: { readonly pin: Json; readonly own: string | undefined },
  ): string[] {
    refuseSecret(source, pin);
    const key = pinKey(source, own);
    this.#touched.add(key);
    const isSame = samePin(this.#pins.get(key), pin);
    if (this.#settled.has(key) && !isSame) return [source];
    this.#settled.add(key);
    if (isSame) return [];
    this.#pins.set(key, pin);
    this.#changes.set(key, pin);
    return [];
  }

  /**
   * Writes what has changed. What another process wrote meanwhile stays.
   *
   * @param options `prune`: drop pins that nothing asked for, after every source was resolved; those
   *   that were written since this run read the file stay.
   * @returns A sentence for each source for which this run used another pin than the file now has.
   * @throws {UserError} Where the file can't be read or written.
   */
  async write(
    options: { readonly prune?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<readonly string[]> {
    const writing = this.#writing.catch(() => {}).then(() => this.#write(options));
    this.#writing = writing;
    return await writing;
  }

  async #write(
    { prune = false, signal }: { readonly prune?: boolean; readonly signal?: AbortSignal },
  ): Promise<string[]> {
    const before = this.#merge(await readPins(this.path), { prune });
    if (!before.changed) {
      await this.#sweep();
      return this.#tell(before.conflicts);
    }
    try {
      const path = await behindLinks(this.path);
      await using lock = await acquire(path, signal);
      const pins = await readPins(path);
      // Other stages may pin theirs while this is being written: those are the next write's.
      const changes = [...this.#changes];
      const { changed, conflicts } = this.#merge(pins, { prune });
      if (changed) {
        // A holder that was held up may have lost its lock, and with it what it read.
        if (!await lock.isHeld()) throw new Error("another process writes it");
        await writeFileAtomic(path, formatPins(pins));
      }
      for (const [key, pin] of changes) {
        if (!samePin(pins.get(key), pin)) continue;
        this.#base.set(key, pin);
        if (this.#changes.get(key) === pin) this.#changes.delete(key);
      }
      return this.#tell(conflicts);
    } catch (error) {
      const why = error instanceof UserError
        ? error.parts.what
        : error instanceof Error
        ? error.message
        : String(error);
      throw new UserError({
        what: `cannot write ${this.path}: ${why}`,
        requirement: "the lock file beside the pipeline pins what its sources were resolved to",
        remedy: "make the folder writable, or commit a lock file that has every pin",
        cause: error,
      });
    }
  }

  /** Brings what the file holds and what this run found together, in `pins`. */
  #merge(pins: Pins, { prune }: { readonly prune: boolean }): Merged {
    let changed = false;
    const conflicts: Conflict[] = [];
    for (const key of this.#touched) {
      const used = this.#pins.get(key);
      const theirs = pins.get(key);
      if (used === undefined || samePin(used, theirs)) continue;
      const isAsRead = this.#changes.has(key) && samePin(theirs, this.#base.get(key));
      if (theirs !== undefined && !isAsRead) conflicts.push({ key, used, theirs });
      else {
        pins.set(key, used);
        changed = true;
      }
    }
    if (!prune) return { changed, conflicts };
    for (const [key, pin] of pins) {
      // One that is not as it was when this run read it is another run's.
      if (this.#touched.has(key) || !samePin(this.#base.get(key), pin)) continue;
      pins.delete(key);
      changed = true;
    }
    return { changed, conflicts };
  }

  #tell(conflicts: readonly Conflict[]): string[] {
    return conflicts.flatMap(({ key, used, theirs }) => {
      if (samePin(this.#told.get(key), theirs)) return [];
      this.#told.set(key, theirs);
      const { source, stage } = pinKeyParts(key);
      const whose = stage === undefined ? "" : ` of stage "${stage}"`;
      return `source ${source.slice(0, 200)}${whose}: this run used ${
        shown(used)
      }, and meanwhile ${this.path} was ` +
        `changed to pin it to ${shown(theirs)}, which stays; run again to use that`;
    });
  }

  /** Removes what a killed process left beside the file. */
  async #sweep(): Promise<void> {
    const path = await behindLinks(this.path).catch(() => this.path);
    await locksBeside(path).sweepOne(basename(path)).catch(() => {});
    await removeLeft(dirname(path)).catch(() => {});
  }
}

/** By the disk's own times: what was made in the folder last tells how late it is. */
async function removeLeft(folder: string): Promise<void> {
  const found: { readonly path: string; readonly time: number }[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (!LEFT.test(name)) continue;
    const path = join(folder, name);
    found.push({ path, time: (await Deno.lstat(path)).mtime?.getTime() ?? Infinity });
  }
  if (found.length === 0) return;
  const now = await diskTime(folder);
  for (const { path, time } of found) {
    if (now - time > LEFT_FOR) await Deno.remove(path).catch(() => {});
  }
}

/** @throws {UserError} Where a secret would be kept: the file is committed. */
function refuseSecret(source: string, pin: Json): void {
  const secret = secretIn(source) ?? secretInValue(pin);
  if (secret === undefined) return;
  throw new UserError({
    what: `the pin of "${source}" holds ${secret}`,
    requirement: "pins are kept in the lock file, which is committed for all to read",
    remedy: "pin a digest or a version, and grant the secret as a variable: env: [NAME]",
  });
}

/** `pipelines/imdb.yaml` -> `pipelines/imdb.lock`. */
export function lockfilePath(pipelineFile: string): string {
  return pipelineFile.replace(/\.ya?ml$/i, "") + ".lock";
}

/**
 * Refuses `imdb.yml` beside `imdb.yaml`: each would take the other's pins for its own, and drop those that it
 * does not know.
 */
async function refuseSharing(pipelineFile: string, path: string): Promise<void> {
  const ending = /\.ya?ml$/i.exec(pipelineFile)?.[0];
  if (ending === undefined) return;
  const other = ending.toLowerCase() === ".yml" ? ".yaml" : ".yml";
  const sibling = pipelineFile.slice(0, -ending.length) + other;
  const isThere = await Deno.stat(sibling).then(({ isFile }) => isFile, () => false);
  if (!isThere) return;
  throw new UserError({
    what: `${basename(pipelineFile)} and ${basename(sibling)} would share the lock file ${
      basename(path)
    }`,
    requirement: "a pipeline has the pins of its sources to itself",
    remedy: "rename one of them",
  });
}

/** The locks for writing lock files in a folder; hidden, and gone when they are not held. */
function locksBeside(path: string): Locks {
  const folder = dirname(path);
  return new Locks({ locks: folder, temporary: folder }, {
    lease: WRITING_LEASE,
    fileName: (name) => `.${safeName(name)}.writing`,
  });
}

/** @param signal The run's: a person who stops it is not to wait for another process. */
async function acquire(
  path: string,
  signal: AbortSignal | undefined,
): ReturnType<Locks["acquire"]> {
  const controller = new AbortController();
  let waited: Waiting | undefined;
  const giveUp = (): void => {
    const who = waited === undefined ? "another process writes it" : `waited for ${waited.words}`;
    controller.abort(new Error(who));
  };
  const timer = setTimeout(giveUp, LONGEST_WAIT);
  let soon: ReturnType<typeof setTimeout> | undefined;
  const hurry = (): void => void (soon = setTimeout(giveUp, STOPPED_WAIT));
  if (signal?.aborted) hurry();
  else signal?.addEventListener("abort", hurry);
  try {
    return await locksBeside(path).acquire(basename(path), {
      signal: controller.signal,
      onWait: (waiting) => waited = waiting,
    });
  } finally {
    clearTimeout(timer);
    clearTimeout(soon);
    signal?.removeEventListener("abort", hurry);
  }
}

/** The file that a path leads to: a link stays a link, and all that lead to one file have one lock. */
async function behindLinks(path: string): Promise<string> {
  let at = path;
  for (let i = 0; i < MOST_LINKS; i++) {
    let target: string;
    try {
      target = await Deno.readLink(at);
    } catch {
      // No link, or nothing there yet; the folder may be reached by one.
      return join(await Deno.realPath(dirname(at)), basename(at));
    }
    at = resolve(await Deno.realPath(dirname(at)), target);
  }
  throw new UserError({ what: `${path} is a link that leads to no file` });
}

function shown(pin: Json): string {
  const text = JSON.stringify(pin);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

async function readPins(path: string): Promise<Pins> {
  let text: string;
  try {
    // To open a pipe waits for whoever writes into it, and nothing can stop that.
    const { isFile, isDirectory } = await Deno.stat(path);
    if (!isFile && !isDirectory) throw new Error("it is a pipe or a device");
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw new UserError({
      what: `cannot read ${path}: ${error instanceof Error ? error.message : error}`,
      requirement: "the lock file beside the pipeline pins what its sources were resolved to",
      remedy: "make it a readable file, or move away what stands there",
      cause: error,
    });
  }
  return parsePins(text, path);
}
