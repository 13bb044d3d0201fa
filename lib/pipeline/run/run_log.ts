/**
 * Keeps a run's folder up to date: `run.json`, `events.ndjson`, `logs/<stage>.log`.
 *
 * @module
 */
import { withoutSecrets } from "../../base/outside/secrets.ts";
import {
  type RunFolder,
  type RunStart,
  type StageRecord,
  type Store,
  storeFailure,
} from "../../store/mod.ts";
import type { DeviceChoice } from "./device.ts";
import type { RunEvent } from "./events.ts";

/** An event before its time is put in. */
export type Untimed<E extends RunEvent = RunEvent> = E extends RunEvent ? Omit<E, "time"> : never;

const PROGRESS_INTERVAL_MS = 1000;

/** Bytes of a stage's log: a stage that prints without end must not fill the disk. */
const LOG_LIMIT = 1 << 30;
const LOG_END = "(the log ends here: it holds as much as a log may; the stage went on)\n";

/** The record of one run while it goes on. */
export class RunLog {
  readonly folder: RunFolder;
  readonly #listen: (event: RunEvent) => void;
  readonly #stages: Record<string, StageRecord>;
  readonly #progress = new Map<string, number>();
  #writing: Promise<void> = Promise.resolve();

  private constructor(folder: RunFolder, listen: (event: RunEvent) => void) {
    this.folder = folder;
    this.#listen = listen;
    this.#stages = { ...folder.record.stages };
  }

  /** Makes the run's folder; `listen` gets every event. */
  static async create(
    start: RunStart,
    { store, listen }: { readonly store: Store; readonly listen: (event: RunEvent) => void },
  ): Promise<RunLog> {
    return new RunLog(await store.runs.create(start), listen);
  }

  /** Writes an event down and passes it on. */
  emit(event: Untimed): void {
    const timed = { time: new Date().toISOString(), ...event } as RunEvent;
    try {
      if (this.#worthKeeping(timed)) this.folder.appendEvent(timed);
    } catch (error) {
      throw storeFailure(error, { doing: "write the run's events", path: this.folder.eventsPath });
    }
    this.#listen(timed);
  }

  /** Progress is written once a second: a training of days would fill the disk with it. */
  #worthKeeping(event: RunEvent): boolean {
    if (event.type !== "progress") return true;
    const now = performance.now();
    if (now - (this.#progress.get(event.stage) ?? -Infinity) < PROGRESS_INTERVAL_MS) return false;
    this.#progress.set(event.stage, now);
    return true;
  }

  /** Replaces parts of a stage's record, in memory. */
  set(stage: string, record: StageRecord): void {
    this.#stages[stage] = { ...this.#stages[stage], ...record };
  }

  /** Notes and tells that a stage starts. */
  async stageStart(
    stage: string,
    { key, reasons, device, threads }: {
      readonly key: string;
      readonly reasons: readonly string[];
      /** Undefined for a stage that does not compute. */
      readonly device: DeviceChoice | undefined;
      readonly threads: number;
    },
  ): Promise<void> {
    this.set(stage, {
      status: "running",
      key,
      reasons,
      started: new Date().toISOString(),
      device: device?.device ?? null,
    });
    const engine = device === undefined
      ? {}
      : { device: device.device, device_why: device.why, threads };
    this.emit({ type: "stage_start", stage, key, reasons, ...engine });
    await this.save();
  }

  /** Writes `run.json` anew. Calls that overlap write one after the other, so that the last one stays. */
  async save(changes: Parameters<RunFolder["update"]>[0] = {}): Promise<void> {
    const before = this.#writing;
    const write = (async () => {
      await before.catch(() => {});
      await this.folder.update({ stages: { ...this.#stages }, ...changes });
    })();
    this.#writing = write;
    await write;
  }
}

/** A stage's log: what it printed and what it said, a line at a time. */
export class StageLog implements Disposable {
  readonly path: string;
  readonly #file: Deno.FsFile;
  /** Bytes that may still be written; below 0 where the log has ended. */
  #left: number;

  private constructor(path: string, file: Deno.FsFile, left: number) {
    this.path = path;
    this.#file = file;
    this.#left = left;
  }

  /**
   * Opens the log; a stage that runs twice in one run goes on in the same file.
   *
   * @param path The file.
   * @param options `limit`: bytes that it may hold. A stage that prints more goes on, its log does not.
   */
  static async open(
    path: string,
    { limit = LOG_LIMIT }: { readonly limit?: number } = {},
  ): Promise<StageLog> {
    const file = await Deno.open(path, { append: true, create: true });
    return new StageLog(path, file, Math.max(0, limit - (await file.stat()).size));
  }

  /** Appends a line. */
  line(text: string): void {
    if (this.#left < 0) return;
    const bytes = new TextEncoder().encode(withoutSecrets(text) + "\n");
    this.#left -= bytes.length;
    this.#write(this.#left < 0 ? new TextEncoder().encode(LOG_END) : bytes);
  }

  #write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
