/**
 * `<pipeline>.lock`: what the movable sources of a pipeline were resolved to, beside its YAML file.
 *
 * A branch, a tag or a URL can point to other bytes tomorrow. The first run pins it; later runs on
 * any machine use the pin, and `--update` moves it. Meant to be committed.
 *
 * @module
 */
import { isJsonObject, type Json, parseJson } from "../../base/json.ts";
import { UserError } from "../../base/errors.ts";
import { canonicalJson, writeFileAtomic } from "../../store/mod.ts";

const VERSION = 1;

/** The pins of one pipeline. Changes stay in memory until {@linkcode Lockfile.write}. */
export class Lockfile {
  /** Absolute path of the file. */
  readonly path: string;
  readonly #pins: Map<string, Json>;
  readonly #changes = new Map<string, Json>();
  readonly #touched = new Set<string>();
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, pins: Map<string, Json>) {
    this.path = path;
    this.#pins = pins;
  }

  /**
   * Opens the lock file of a pipeline; that there is none is fine.
   *
   * @param pipelineFile Absolute path of the YAML file.
   * @throws {UserError} Where the file is not what this program writes.
   */
  static async open(pipelineFile: string): Promise<Lockfile> {
    const path = lockfilePath(pipelineFile);
    return new Lockfile(path, await readPins(path));
  }

  /** What a source is pinned to, or undefined. */
  get(source: string): Json | undefined {
    this.#touched.add(source);
    return this.#pins.get(source);
  }

  /** Pins a source. */
  set(source: string, pin: Json): void {
    this.#touched.add(source);
    const before = this.#pins.get(source);
    if (before !== undefined && canonicalJson(before) === canonicalJson(pin)) return;
    this.#pins.set(source, pin);
    this.#changes.set(source, pin);
  }

  /** Every pin. */
  all(): Record<string, Json> {
    return Object.fromEntries(this.#pins);
  }

  /**
   * Writes what has changed. What another process wrote meanwhile stays.
   *
   * @param options `prune`: drop pins that nothing asked for, after every source was resolved.
   */
  async write(options: { readonly prune?: boolean } = {}): Promise<void> {
    const before = this.#writing;
    this.#writing = (async () => {
      await before.catch(() => {});
      await this.#write(options.prune ?? false);
    })();
    await this.#writing;
  }

  async #write(prune: boolean): Promise<void> {
    const stale = (source: string): boolean => prune && !this.#touched.has(source);
    const pins = await readPins(this.path);
    const dropped = [...pins.keys()].filter(stale);
    // Other stages may pin theirs while this is being written: those are the next write's.
    const changes = [...this.#changes];
    if (changes.length === 0 && dropped.length === 0) return;
    for (const [source, pin] of changes) pins.set(source, pin);
    for (const source of dropped) pins.delete(source);
    const sorted = Object.fromEntries([...pins].sort(([a], [b]) => (a < b ? -1 : 1)));
    const text = JSON.stringify({ version: VERSION, pins: sortKeys(sorted) }, undefined, 2) + "\n";
    try {
      await writeFileAtomic(this.path, text);
      for (const [source, pin] of changes) {
        if (this.#changes.get(source) === pin) this.#changes.delete(source);
      }
    } catch (error) {
      throw new UserError({
        what: `cannot write ${this.path}: ${error instanceof Error ? error.message : error}`,
        requirement: "the lock file beside the pipeline pins what its sources were resolved to",
        remedy: "make the folder writable, or commit a lock file that has every pin",
        cause: error,
      });
    }
  }
}

/** `pipelines/imdb.yaml` -> `pipelines/imdb.lock`. */
export function lockfilePath(pipelineFile: string): string {
  return pipelineFile.replace(/\.ya?ml$/i, "") + ".lock";
}

async function readPins(path: string): Promise<Map<string, Json>> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw new UserError({
      what: `cannot read ${path}: ${error instanceof Error ? error.message : error}`,
      requirement: "the lock file beside the pipeline pins what its sources were resolved to",
      remedy: "it has to be a file that may be read; move away what stands there",
      cause: error,
    });
  }
  try {
    const value = parseJson(text) as { version?: unknown; pins?: unknown };
    if (value.version === VERSION && isJsonObject(value.pins)) {
      return new Map(Object.entries(value.pins));
    }
  } catch {
    // Told below.
  }
  throw new UserError({
    what: `${path} is not a lock file of this version`,
    requirement: `JSON: {"version":${VERSION},"pins":{source: pin}}`,
    remedy: "restore it from version control, or delete it and run with --update",
  });
}

function sortKeys(value: Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sortKeys);
  const entries = Object.entries(value as Record<string, Json>);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sortKeys(member)]));
}
