/**
 * Run records: a folder per run that a person opens to see what happened.
 *
 * `runs/<yyyymmddThhmmssZ>-<name>-<id>/` with `run.json`, `events.ndjson`, `logs/<stage>.log` and
 * `artifacts/<stage>/`; `runs/latest` points to the newest. A run whose process died keeps saying
 * "running" in its file; whoever reads it asks whether that process lives and says "interrupted".
 * Where its pid doesn't tell, the file `.running` does, which the process holds until the run ends.
 *
 * @module
 */
import { join } from "node:path";
import { diskTime } from "../../base/disk_time.ts";
import { UserError } from "../../base/errors.ts";
import { valueWithoutSecrets } from "../../base/outside/secrets.ts";
import {
  ensureFolder,
  isTemporaryName,
  listNames,
  lstatOf,
  readTextOf,
  removeQuietly,
  temporaryName,
  writeFileAtomic,
} from "../disk/durable.ts";
import { guarded, storeFailure, systemCode } from "../disk/failure.ts";
import { safeName, type StoreLayout } from "../disk/layout.ts";
import { HeldFile, holderState, isAbandoned, lookAtFile } from "../locks/held_file.ts";
import { isThisProcess, ownerState, thisOwner } from "../locks/owner.ts";
import { sealed } from "./sealed.ts";
import { parseRunRecord, type RunRecord, type RunStart } from "./run_record.ts";

/** A run that was found on disk. */
export interface FoundRun {
  /** Name of the folder. */
  readonly id: string;
  /** Absolute path of the folder. */
  readonly path: string;
  /** What `run.json` says, with "interrupted" for a run whose process is dead. */
  readonly record: RunRecord;
}

/** Options of {@linkcode Runs.list}. */
export interface ListOptions {
  /** Only runs of this pipeline. */
  readonly pipeline?: string;
  /** At most this many. */
  readonly limit?: number;
}

/** The runs under a `runs` folder. */
export class Runs {
  readonly #layout: StoreLayout;
  readonly #lease: number | undefined;

  /** @param options `lease`: length of the runs' leases in milliseconds; default a minute. */
  constructor(layout: StoreLayout, options: { readonly lease?: number } = {}) {
    this.#layout = layout;
    this.#lease = options.lease;
  }

  /**
   * Makes the folder of a new run, writes its first record and points `latest` to it.
   *
   * @throws {UserError} On a full or unwritable disk.
   */
  async create(start: RunStart): Promise<RunFolder> {
    const owner = await thisOwner();
    const time = nextTime();
    return await guarded(
      { doing: "make the folder of the run", path: this.#layout.runs },
      async () => {
        await ensureFolder(this.#layout.runs);
        for (;;) {
          const id = runId(time, start.pipeline);
          const path = join(this.#layout.runs, id);
          try {
            await Deno.mkdir(path, { mode: 0o755 });
          } catch (error) {
            if (error instanceof Deno.errors.AlreadyExists) continue;
            throw error;
          }
          const started = new Date(time).toISOString();
          const record: RunRecord = { ...start, id, status: "running", started, owner };
          const run = new RunFolder(path, record, await this.#hold(path));
          await Deno.mkdir(join(path, "logs"), { mode: 0o755 });
          await Deno.mkdir(join(path, "artifacts"), { mode: 0o755 });
          await run.update({});
          await this.#pointLatest(id);
          return run;
        }
      },
    );
  }

  /** Runs, newest first. Folders whose record cannot be read are skipped. */
  async list(options: ListOptions = {}): Promise<FoundRun[]> {
    const found: FoundRun[] = [];
    for await (const run of this.#newestFirst(options.pipeline)) {
      if (found.length >= (options.limit ?? Infinity)) break;
      found.push(run);
    }
    return found;
  }

  /**
   * Whether another process has a run that goes on: what it uses must stay, whatever the clock says.
   */
  async isBusy(): Promise<boolean> {
    for (const id of await this.#ids()) {
      const path = join(this.#layout.runs, id, RUNNING);
      const look = await lookAtFile(path);
      if (look?.owner === undefined || await isThisProcess(look.owner)) continue;
      const state = await holderState(path, look);
      if (state === "alive") return true;
      if (state === "dead" || isAbandoned(look, await diskTime(this.#layout.temporary))) continue;
      return true;
    }
    return false;
  }

  /**
   * Removes temporary files and folders that a kill left among the runs and in the folder of one.
   *
   * Only a run that did not come to its end can have left any, so no other is looked into.
   */
  async sweep(): Promise<void> {
    const { runs, temporary } = this.#layout;
    const found = await temporariesIn(runs);
    for (const id of await this.#ids()) {
      const folder = join(runs, id);
      const isOver = await lstatOf(join(folder, RUNNING)) === undefined &&
        await lstatOf(join(folder, "run.json")) !== undefined;
      if (isOver) continue;
      found.push(...await temporariesIn(folder), ...await temporariesIn(join(folder, "artifacts")));
    }
    if (found.length === 0) return;
    const now = await diskTime(temporary);
    const isLeft = async (path: string): Promise<boolean> =>
      now - ((await lstatOf(path))?.mtime?.getTime() ?? now) > LEFT_FOR;
    for (const path of found) {
      // A clock that was set forward makes all old at once.
      if (await isLeft(path) && !await this.isBusy()) await removeQuietly(path);
    }
  }

  async *#newestFirst(pipeline: string | undefined): AsyncGenerator<FoundRun> {
    const part = pipeline === undefined ? "" : `-${folderName(pipeline)}-`;
    for (const id of await this.#ids()) {
      if (!id.includes(part)) continue;
      const run = await this.#read(id);
      if (run === undefined) continue;
      if (pipeline === undefined || run.record.pipeline === pipeline) yield run;
    }
  }

  /** Names of run folders, newest first. */
  async #ids(): Promise<string[]> {
    const names = await listNames(this.#layout.runs);
    const order = (id: string): string => `${id.slice(0, 16)}${id.slice(id.lastIndexOf("-"))}`;
    return names.filter((name) => RUN_ID.test(name))
      .sort((a, b) => (order(a) < order(b) ? 1 : -1));
  }

  async #read(id: string): Promise<FoundRun | undefined> {
    const path = join(this.#layout.runs, id);
    const text = await readTextOf(join(path, "run.json"));
    const record = text === undefined ? undefined : parseRunRecord(text);
    if (record === undefined) return undefined;
    if (record.status !== "running" || !await this.#isDead(path, record)) {
      return { id, path, record };
    }
    return { id, path, record: { ...record, status: "interrupted" } };
  }

  /** Shows that the run's process lives, for as long as the run goes on. */
  async #hold(folder: string): Promise<HeldFile | undefined> {
    const path = join(folder, RUNNING);
    return await HeldFile.write(path, {
      temporary: folder,
      lease: this.#lease,
      place: async (temporary) => {
        await Deno.rename(temporary, path);
        return true;
      },
    });
  }

  async #isDead(folder: string, { owner }: RunRecord): Promise<boolean> {
    const state = await ownerState(owner);
    if (state !== "elsewhere") return state === "dead";
    const path = join(folder, RUNNING);
    const look = await lookAtFile(path);
    if (look === undefined) return false;
    return await holderState(path, look) === "dead" ||
      isAbandoned(look, await diskTime(this.#layout.temporary));
  }

  async #pointLatest(id: string): Promise<void> {
    const link = join(this.#layout.runs, "latest");
    const temporary = join(this.#layout.runs, temporaryName("latest"));
    try {
      await Deno.symlink(id, temporary, { type: "dir" });
      await Deno.rename(temporary, link);
    } catch (error) {
      await removeQuietly(temporary);
      // Windows allows links to administrators only; the run itself is complete without one.
      if (Deno.build.os === "windows") return;
      if (["EISDIR", "ENOTEMPTY", "EEXIST"].includes(systemCode(error) ?? "")) {
        throw new UserError({
          what: `cannot point ${link} to the new run: a folder stands there`,
          remedy: "move that folder away and run again",
          cause: error,
        });
      }
      throw error;
    }
  }
}

/** The folder of a run in progress. */
export class RunFolder {
  /** Absolute path. */
  readonly path: string;
  #record: RunRecord;
  readonly #held: HeldFile | undefined;

  /** @param held What shows that the run goes on; given back when the record says how it ended. */
  constructor(path: string, record: RunRecord, held?: HeldFile) {
    this.path = path;
    this.#record = record;
    this.#held = held;
  }

  /** What `run.json` says now. */
  get record(): RunRecord {
    return this.#record;
  }

  /** Log of a stage; the folder exists. */
  logOf(stage: string): string {
    return join(this.path, "logs", `${safeName(stage)}.log`);
  }

  /** Where a stage's artifact is to be materialized. */
  artifactOf(stage: string): string {
    return join(this.path, "artifacts", safeName(stage));
  }

  /** The run's events, an object per line. */
  get eventsPath(): string {
    return join(this.path, "events.ndjson");
  }

  /** Appends an event. A line is written by one call, so that readers who follow see whole lines. */
  appendEvent(event: unknown): void {
    try {
      const text = JSON.stringify(valueWithoutSecrets(event));
      Deno.writeTextFileSync(this.eventsPath, `${text}\n`, { append: true });
    } catch (error) {
      throw storeFailure(error, { doing: "write the run's events", path: this.eventsPath });
    }
  }

  /** Replaces parts of the record and writes `run.json` anew. */
  async update(changes: Partial<RunRecord>): Promise<void> {
    this.#record = { ...this.#record, ...changes };
    const path = join(this.path, "run.json");
    await guarded(
      { doing: "write the run record", path },
      () =>
        writeFileAtomic(path, sealed(valueWithoutSecrets(this.#record)), {
          durable: this.#record.status !== "running",
        }),
    );
    if (this.#record.status !== "running") await this.#held?.release();
  }
}

/** Hidden: it says nothing to a person that `run.json` does not. */
const RUNNING = ".running";
const RUN_ID = /^\d{8}T\d{6}Z-.+-[0-9a-z]{6}$/;

/** What is written before it is renamed is a remainder when it is a day old, in milliseconds. */
const LEFT_FOR = 24 * 3600 * 1000;

async function temporariesIn(folder: string): Promise<string[]> {
  return (await listNames(folder)).filter(isTemporaryName).map((name) => join(folder, name));
}

/** Names of pipelines are free text; a folder's part of it stays short. */
function folderName(pipeline: string): string {
  return safeName(pipeline);
}

/** The id begins with the milliseconds, so that names sort by time within a second too. */
function runId(time: number, pipeline: string): string {
  const utc = new Date(time).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const milliseconds = (time % 1000).toString(36).padStart(2, "0");
  const random = Math.floor(Math.random() * 36 ** 4).toString(36).padStart(4, "0");
  return `${utc}-${folderName(pipeline)}-${milliseconds}${random}`;
}

let lastTime = 0;

/** Now in milliseconds, later than the time of every run that this process made before. */
function nextTime(): number {
  lastTime = Math.max(Date.now(), lastTime + 1);
  return lastTime;
}
