/**
 * Fetches what a `download` stage resolved, and writes the artifact.
 *
 * @module
 */
import { InternalError, UserError } from "../../base/errors.ts";
import type { BadRow, InputFile, Reading } from "../formats/row_file.ts";
import { DatasetWriter } from "../rows/dataset.ts";
import {
  findColumns,
  openFiles,
  passesOf,
  readFiles,
  type ReadOptions,
} from "../rows/table_files.ts";
import { forget } from "./download.ts";
import type { Download } from "./pinned_file.ts";
import { MODEL_SPLIT, type ResolvedDownload, type ResolvedSplits } from "./resolve_download.ts";
import type { FetchSettings, ResolvedSource } from "./resolved.ts";
import { fetchSource } from "./sources.ts";

/** The options of the stage that decide how files are read. */
export interface DownloadReading {
  readonly format: ReadOptions["format"];
  readonly split_by: ReadOptions["splitBy"];
  readonly text_column: string;
  readonly delimiter?: string | undefined;
  readonly column_names?: readonly string[] | undefined;
  readonly field?: string | undefined;
  readonly columns?: ReadOptions["columns"];
  readonly types?: ReadOptions["types"];
  readonly limit: number;
  readonly encoding?: ReadOptions["encoding"];
  /** What becomes of a row that cannot be read: an error, nothing, or a line of `rejected.jsonl`. */
  readonly on_error: "error" | "skip" | "reject";
}

/** Everything a run needs besides its sources. */
export interface DownloadRun extends Omit<FetchSettings, "progress" | "fetched"> {
  readonly options: DownloadReading;
  /** The folder to fill. */
  readonly folder: string;
  readonly progress: (
    done: number,
    total: number,
    unit: string,
    also?: { readonly done: number; readonly unit: string },
  ) => void;
  /** Takes what a person should know of the sources, a sentence each. */
  readonly note: (text: string) => void;
}

/** What came of it. */
export interface Downloaded {
  /** Rows that were written; none of a model. */
  readonly rows: number;
  /** Rows that cannot be read and were left out, and of the first where they are and why. */
  readonly rejected: { readonly rows: number; readonly examples: readonly string[] };
}

/** So many of them are told one by one. */
const EXAMPLES = 3;

/**
 * Fetches and writes.
 *
 * @param sources What `resolveDownload` gave as its `data`, after a way through JSON.
 * @throws {UserError} Where a server or a file fails.
 */
export async function runDownload(sources: unknown, run: DownloadRun): Promise<Downloaded> {
  const { kind, splits, notes: told } = sources as ResolvedDownload["data"];
  const finished: Download[] = [];
  const settings: FetchSettings = {
    ...run,
    fetched: (file) => void finished.push(file),
    progress: (done, total) => run.progress(done, total, "bytes"),
  };
  let done: Downloaded = { rows: 0, rejected: { rows: 0, examples: [] } };
  if (kind === "model") {
    const model = splits[MODEL_SPLIT]?.[0];
    if (model === undefined) throw new InternalError("a model without a source");
    await fetchSource(model, settings, run.folder);
  } else {
    const all = Object.values(splits).flat();
    const notes = all.flatMap((source) => source.type === "hub" ? source.notes ?? [] : []);
    for (const text of new Set([...told, ...notes])) {
      run.log(text);
      run.note(text);
    }
    done = await writeRows(splits, settings, run);
  }
  await forget(finished, run.cacheDir);
  // Where the runner gave no folder for half-done downloads, it lies in the output.
  if (run.cacheDir.startsWith(`${run.folder}/`)) await removeFolder(run.cacheDir);
  return done;
}

async function writeRows(
  splits: ResolvedDownload["data"]["splits"],
  settings: FetchSettings,
  run: DownloadRun,
): Promise<Downloaded> {
  const { options, folder, log } = run;
  const fetched = `${folder}/.fetched`;
  const files = await fetchAll(splits, { settings, folder: fetched });
  // Together: an option is for one of them where any is of its format.
  const rows = openFiles(files.flatMap(([, own]) => own), {
    format: options.format,
    splitBy: options.split_by,
    textColumn: options.text_column,
    delimiter: options.delimiter,
    columnNames: options.column_names,
    field: options.field,
    columns: options.columns,
    encoding: options.encoding,
  });
  let next = 0;
  const opened = files.map(([split, own]) => {
    return { split, rows: rows.slice(next, next += own.length) };
  });
  const limit = options.limit === 0 ? undefined : options.limit;
  const rejected = new Rejected(`${folder}/rejected.jsonl`, options.on_error);
  const reads = new ReadBytes(files.flatMap(([, own]) => own), run);
  // Files are read twice: what is guessed and rejected is told once.
  const looking = {
    limit,
    signal: run.signal,
    progress: (bytes: number) => reads.add(bytes),
    ...(rejected.isTaken && { reject: () => {} }),
  };
  const chosen = await findColumns(rows, {
    ...looking,
    columns: options.columns,
    types: options.types,
  });
  if (chosen.columns.length === 0) {
    throw new UserError({
      what: "the source is empty: it has neither rows nor columns",
      remedy: "check that the right file is named",
    });
  }
  const writer = new DatasetWriter(folder, {
    columns: chosen.columns,
    splits: opened.map(({ split }) => split),
  });
  const rowsWritten = (): number => opened.reduce((sum, { split }) => sum + writer.rows(split), 0);
  const reading: Reading = {
    limit,
    signal: run.signal,
    notice: log,
    progress: (bytes) => reads.add(bytes, rowsWritten()),
    ...(rejected.isTaken && { reject: (row) => rejected.take(row) }),
  };
  for (const { split, rows } of opened) {
    for await (const batch of readFiles(rows, chosen, reading)) writer.write(split, batch);
    log(
      `${split}: ${writer.rows(split)} rows from ${rows.length} file${
        rows.length === 1 ? "" : "s"
      }`,
    );
  }
  reads.end(rowsWritten());
  rejected.finish(log);
  await removeFolder(fetched);
  await writer.finish(rejected.count === 0 ? {} : { dropped: { on_error: rejected.count } });
  return {
    rows: rowsWritten(),
    rejected: { rows: rejected.count, examples: rejected.examples },
  };
}

/** Makes the files of all splits readable, and tells progress over all of them. */
async function fetchAll(
  splits: ResolvedSplits,
  { settings, folder }: { readonly settings: FetchSettings; readonly folder: string },
): Promise<(readonly [split: string, files: readonly InputFile[]])[]> {
  const announced = announcedBytes(Object.values(splits).flat());
  let before = 0;
  let last = 0;
  const fetching: FetchSettings = {
    ...settings,
    progress: (bytes) => {
      last = announced === 0 ? bytes : Math.min(bytes, announced - before);
      settings.progress(before + last, announced);
    },
  };
  const fetched: [string, InputFile[]][] = [];
  for (const [split, sources] of Object.entries(splits)) {
    const own: InputFile[] = [];
    for (const [i, source] of sources.entries()) {
      const place = `${folder}/${split}-${i}`;
      await Deno.mkdir(place, { recursive: true });
      for (const file of await fetchSource(source, fetching, place)) own.push(file);
      before += last;
      last = 0;
    }
    fetched.push([split, own]);
  }
  return fetched;
}

/** Bytes that are to be fetched; 0 where of one file nobody knows. */
function announcedBytes(sources: readonly ResolvedSource[]): number {
  const sizes = sources.flatMap((source) =>
    source.type === "http"
      ? [source.file.size]
      : source.type === "hub"
      ? source.files.map(({ size }) => size)
      : []
  );
  return sizes.includes(undefined) ? 0 : sizes.reduce((sum: number, size) => sum + size!, 0);
}

/** Bytes of files that were read. Of one that is read twice each time counts for half of it. */
class ReadBytes {
  readonly #progress: DownloadRun["progress"];
  /** Bytes of the files. */
  readonly #total: number;
  /** Bytes to read, and those that were. */
  readonly #work: number;
  #done = 0;

  constructor(files: readonly InputFile[], { options, progress }: DownloadRun) {
    this.#progress = progress;
    const sizes = files.map((file) => ({
      size: Deno.statSync(file.path).size,
      passes: passesOf(file, options),
    }));
    this.#total = sizes.reduce((sum, { size }) => sum + size, 0);
    this.#work = sizes.reduce((sum, { size, passes }) => sum + size * passes, 0);
  }

  /** @param rows Rows so far, in the pass that writes them. */
  add(bytes: number, rows?: number): void {
    this.#done = Math.min(this.#work, this.#done + bytes);
    this.#tell(rows);
  }

  /** Of files with a limit, or whose parts are not all wanted, the rest is not read. */
  end(rows: number): void {
    this.#done = this.#work;
    this.#tell(rows);
  }

  #tell(rows: number | undefined): void {
    const done = this.#work === 0 ? 0 : Math.round(this.#total * this.#done / this.#work);
    const also = rows === undefined ? undefined : { done: rows, unit: "rows" };
    this.#progress(done, this.#total, "bytes", also);
  }
}

/** Rows that cannot be read, as `on_error` says. */
class Rejected {
  readonly #path: string;
  readonly #mode: DownloadReading["on_error"];
  #file: Deno.FsFile | undefined;
  count = 0;
  readonly examples: string[] = [];

  constructor(path: string, mode: DownloadReading["on_error"]) {
    this.#path = path;
    this.#mode = mode;
  }

  /** Whether such rows are no error. */
  get isTaken(): boolean {
    return this.#mode !== "error";
  }

  take(row: BadRow): void {
    this.count++;
    if (this.count <= EXAMPLES) this.examples.push(`${row.file}:${row.row}: ${row.reason}`);
    if (this.#mode !== "reject") return;
    this.#file ??= Deno.openSync(this.#path, { create: true, write: true, truncate: true });
    const bytes = new TextEncoder().encode(JSON.stringify(row) + "\n");
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
  }

  finish(log: (message: string) => void): void {
    this.#file?.close();
    if (this.count === 0) return;
    log(
      `${this.count} rows that cannot be read were left out${
        this.#mode === "reject" ? ": rejected.jsonl says why" : ""
      }`,
    );
  }
}

async function removeFolder(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
