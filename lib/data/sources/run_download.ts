/**
 * Fetches what a `download` stage resolved, and writes the artifact.
 *
 * @module
 */
import { InternalError, UserError } from "../../base/errors.ts";
import { type Column, type Row, unionColumns } from "../formats/columns.ts";
import { writeDataset } from "../rows/dataset.ts";
import { forget } from "./download.ts";
import type { Download } from "./pinned_file.ts";
import { fetchHub } from "./hub_source.ts";
import { type ReadOptions, readTables } from "../rows/read_table.ts";
import { MODEL_SPLIT, type ResolvedDownload } from "./resolve_download.ts";
import type { FetchSettings } from "./resolved.ts";
import { fetchSource } from "./sources.ts";
import type { InputFile } from "../formats/row_file.ts";

/** The options of the stage that decide how files are read. */
export interface DownloadReading {
  readonly format: ReadOptions["format"];
  readonly split_by: ReadOptions["splitBy"];
  readonly text_column: string;
  readonly delimiter?: string | undefined;
  readonly column_names?: readonly string[] | undefined;
  readonly columns?: ReadOptions["columns"];
  readonly limit: number;
}

/** Everything a run needs besides its sources. */
export interface DownloadRun extends Omit<FetchSettings, "progress" | "fetched"> {
  readonly options: DownloadReading;
  /** The folder to fill. */
  readonly folder: string;
  readonly progress: (done: number, total: number, unit: string) => void;
}

/**
 * Fetches and writes.
 *
 * @param sources What `resolveDownload` gave as its `data`, after a way through JSON.
 * @throws {UserError} Where a server or a file fails.
 */
export async function runDownload(sources: unknown, run: DownloadRun): Promise<void> {
  const { kind, splits } = sources as ResolvedDownload["data"];
  const finished: Download[] = [];
  const settings: FetchSettings = {
    ...run,
    fetched: (file) => void finished.push(file),
    progress: (done, total) => run.progress(done, total, "bytes"),
  };
  if (kind === "model") {
    const model = splits[MODEL_SPLIT]?.[0];
    if (model?.type !== "hub") throw new InternalError("a model that is not on a hub");
    await fetchHub(model, settings, run.folder);
  } else {
    await writeRows(splits, settings, run);
  }
  await forget(finished, run.cacheDir);
  // Where the runner gave no folder for half-done downloads, it lies in the output.
  if (run.cacheDir.startsWith(`${run.folder}/`)) await removeFolder(run.cacheDir);
}

async function writeRows(
  splits: ResolvedDownload["data"]["splits"],
  settings: FetchSettings,
  { options, folder, log }: DownloadRun,
): Promise<void> {
  const read: ReadOptions = {
    format: options.format,
    splitBy: options.split_by,
    textColumn: options.text_column,
    delimiter: options.delimiter,
    columnNames: options.column_names,
    columns: options.columns,
    limit: options.limit === 0 ? undefined : options.limit,
    notice: log,
  };
  const fetched = `${folder}/.fetched`;
  const rows: Record<string, Row[]> = {};
  const columns: (readonly Column[])[] = [];
  for (const [split, sources] of Object.entries(splits)) {
    const files: InputFile[] = [];
    for (const [i, source] of sources.entries()) {
      const place = `${fetched}/${split}-${i}`;
      await Deno.mkdir(place, { recursive: true });
      files.push(...await fetchSource(source, settings, place));
    }
    const table = await readTables(files, read);
    log(
      `${split}: ${table.rows.length} rows from ${files.length} file${
        files.length === 1 ? "" : "s"
      }`,
    );
    rows[split] = table.rows;
    columns.push(table.columns);
  }
  await removeFolder(fetched);
  const union = unionColumns(columns);
  if (union.length === 0) {
    throw new UserError({
      what: "the source is empty: it has neither rows nor columns",
      remedy: "check that the right file is named",
    });
  }
  await writeDataset(folder, { columns: union, splits: rows });
}

async function removeFolder(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
