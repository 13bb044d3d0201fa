/**
 * Parquet files as batches, by hyparquet: every encoding and codec, one row group after the other.
 *
 * What a file may hold and a {@linkcode Cell} may not is turned into what is nearest: dates into ISO 8601
 * texts, lists, structs and maps into `json`, int64 into a number where it is safe and a bigint where it
 * is not. Binary columns are an error unless they hold UTF-8. Left out: encrypted files, BSON, INTERVAL.
 *
 * @module
 */
import { parquetMetadataAsync, parquetRead, parquetSchema } from "hyparquet";
import type { ColumnMetaData, FileMetaData, KeyValue, SchemaTree } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { nearest, UserError } from "../../../base/errors.ts";
import { parseJson } from "../../../base/json.ts";
import { startWatch, type Watch } from "../../../base/watchdog.ts";
import { BATCH, type Batch } from "../batch.ts";
import { type Cell, cellText, refuseColumnName } from "../columns.ts";
import { openBuffer, type ParquetBuffer } from "./buffer.ts";
import { checkMetadata, PageChecks } from "./check.ts";
import {
  exactElement,
  exactParsers,
  parquetCell,
  type ParquetType,
  parquetType,
  widened,
} from "./types.ts";
import type { Finding, FoundColumn, ReadColumn, Reading, RowFile } from "../row_file.ts";
import { castCell } from "../text/cast.ts";
import { type Misfit, type StretchRead, withoutBad } from "./stretch.ts";

/** A page may take this long, in milliseconds, and a second more for every megabyte of the file. */
const PAGE_DEADLINE = 30_000;

/** Bytes of a row group, unpacked, that are read at once; a larger one is read in stretches of rows. */
const STRETCH = 1 << 25;

/** A parquet file that is open. */
interface Opened {
  readonly file: ParquetBuffer;
  readonly shown: string;
  readonly metadata: FileMetaData;
  readonly fields: readonly SchemaTree[];
}

/** A file's columns, and how many rows it has. */
export interface ParquetInfo {
  readonly columns: readonly FoundColumn[];
  readonly rows: number;
}

/**
 * A parquet file. What is damaged is an error; should a reader still never come back, the process ends
 * with words that name the file.
 *
 * @param file Where it is, and what messages call it.
 * @throws {UserError} From its methods: where it is no parquet file, is damaged, or a column is missing or
 *   binary.
 */
export function parquetFile(file: { readonly path: string; readonly name: string }): RowFile {
  return {
    name: file.name,
    find: async (finding) => {
      const { columns, rows } = await parquetInfo(file);
      await seeTimes(file, { columns, rows, finding });
      return columns;
    },
    batches: (columns, reading) => parquetBatches(file, columns, reading),
  };
}

/** Counts the times of columns that are to be cast to such. */
async function seeTimes(
  file: { readonly path: string; readonly name: string },
  { columns, rows, finding: { times, limit, signal } }: ParquetInfo & { readonly finding: Finding },
): Promise<void> {
  for (const { name, type, unit, utc } of columns) {
    const forms = times?.get(name);
    if (forms === undefined) continue;
    if (unit !== undefined) forms.seeAll(rows, { unit, utc: utc ?? true });
    if (type !== "string") continue;
    for await (const batch of parquetBatches(file, [{ name, type }], { limit, signal })) {
      for (const cell of batch.columns.get(name)!) if (typeof cell === "string") forms.see(cell);
    }
  }
}

/** What a file says of itself. */
export async function parquetInfo(
  file: { readonly path: string; readonly name: string },
): Promise<ParquetInfo> {
  return await withFile(file, async (opened) => {
    const labels = classLabels(opened.metadata.key_value_metadata ?? []);
    const columns: FoundColumn[] = [];
    for (const field of opened.fields) {
      const name = field.element.name;
      refuseColumnName(name, opened.shown);
      const found = parquetType(field);
      const type = found.isUnsigned && await isPastInt64(opened, field) ? "string" : found.type;
      const names = type === "int" ? labels.get(name) : undefined;
      columns.push({
        name,
        type: found.isNull ? undefined : type,
        isWide: type === "int" && found.isWide === true && !isNarrow(opened.metadata, name),
        ...(names === undefined ? {} : { names }),
        ...(found.unit === undefined ? {} : { unit: found.unit, utc: found.utc ?? true }),
      });
    }
    return { columns, rows: Number(opened.metadata.num_rows) };
  });
}

/** Opens a file, and closes it. */
async function withFile<T>(
  { path, name }: { readonly path: string; readonly name: string },
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const file = openBuffer(path);
  try {
    return await work(await opened(file, name));
  } finally {
    file.close();
  }
}

async function opened(file: ParquetBuffer, shown: string): Promise<Opened> {
  return await explain(shown, async () => {
    const metadata = await parquetMetadataAsync(file);
    checkMetadata(metadata, file.byteLength);
    const fields = parquetSchema(metadata).children;
    // Of columns of their own alone: in lists and structs nothing would put the point back.
    const own = new Set(
      fields.filter(({ children }) => children.length === 0).map((each) => each.element),
    );
    const schema = metadata.schema.map((each) => own.has(each) ? exactElement(each) : each);
    return { file, shown, metadata: { ...metadata, schema }, fields };
  });
}

async function* parquetBatches(
  source: { readonly path: string; readonly name: string },
  columns: readonly ReadColumn[],
  { limit = Infinity, signal, progress, reject }: Reading,
): AsyncGenerator<Batch> {
  const file = openBuffer(source.path);
  const shown = source.name;
  using watch = await startWatch({
    deadline: PAGE_DEADLINE + file.byteLength / 1000,
    parts: {
      what: `reading ${shown} as parquet comes to no end: the file is damaged`,
      remedy: "fetch or make the file again",
    },
  });
  try {
    const reader = new GroupReader(await opened(file, shown), { columns, watch });
    // Of what is cast a row may be bad, and another counts instead.
    const isSure = columns.every(({ isCast }) => !isCast);
    let left = limit;
    let start = 0;
    for (const [index, group] of reader.opened.metadata.row_groups.entries()) {
      if (left <= 0) return;
      const rows = Number(group.num_rows);
      const count = isSure ? Math.min(rows, left) : rows;
      const stretches = Math.ceil(Number(group.total_byte_size) / STRETCH) || 1;
      const stretch = Math.max(1, Math.ceil(count / stretches));
      for (let at = 0; at < count && left > 0; at += stretch) {
        signal?.throwIfAborted();
        const length = Math.min(stretch, count - at);
        const read = await reader.read({ group: index, start: start + at, length });
        progress?.(
          Math.round(
            Number(group.total_compressed_size ?? group.total_byte_size) * length / rows,
          ),
        );
        const kept = withoutBad(read, { file: source, start: start + at, length, left, reject });
        left -= kept.length;
        yield* inBatches(kept.columns, kept.length);
      }
      start += rows;
    }
  } finally {
    file.close();
  }
}

/** Cuts what was read at once into batches. */
function* inBatches(
  columns: ReadonlyMap<string, readonly Cell[]>,
  length: number,
): Generator<Batch> {
  for (let from = 0; from < length;) {
    let to = from;
    let characters = 0;
    while (to < length && to - from < BATCH.rows && characters < BATCH.characters) {
      for (const cells of columns.values()) {
        const cell = cells[to];
        if (typeof cell === "string") characters += cell.length;
      }
      to++;
    }
    yield {
      length: to - from,
      columns: new Map([...columns].map(([name, cells]) => [name, cells.slice(from, to)])),
    };
    from = to;
  }
}

/** Reads rows of a file, column after column. */
class GroupReader {
  readonly opened: Opened;
  readonly #columns:
    readonly (ReadColumn & { readonly field?: SchemaTree; readonly own?: ParquetType })[];
  readonly #watch: Watch;
  readonly #checks: PageChecks;

  constructor(
    opened: Opened,
    { columns, watch }: { readonly columns: readonly ReadColumn[]; readonly watch: Watch },
  ) {
    this.opened = opened;
    this.#watch = watch;
    this.#checks = new PageChecks(opened.file);
    this.#columns = columns.map((column) => {
      const field = opened.fields.find(({ element }) => element.name === column.name);
      return field === undefined ? column : { ...column, field, own: parquetType(field) };
    });
  }

  /** @param stretch `start` counts from the first row of the file. */
  async read(
    { group, start, length }: { group: number; start: number; length: number },
  ): Promise<StretchRead> {
    const { metadata, shown } = this.opened;
    const read = new Map<string, readonly Cell[]>();
    const bad = new Map<number, Misfit>();
    for (const column of this.#columns) {
      const { name, type, field, own, isCast } = column;
      if (field === undefined || own === undefined || own.isNull) {
        read.set(name, new Array<Cell>(length).fill(null));
        continue;
      }
      const values = await explain(`${shown}, column "${name}"`, async () => {
        this.#checks.check(metadata.row_groups[group]!, field);
        return await this.#column(field, { own, start, length });
      });
      const same = own.type === type;
      const cellOf = (value: unknown, i: number): Cell => {
        const cell = parquetCell(value, own);
        if (!isCast) return same ? cell : widened(cell, { type });
        const cast = castCell(cell, column);
        if (cast === undefined && !bad.has(i)) bad.set(i, { column, text: cellText(cell) });
        return cast ?? null;
      };
      read.set(
        name,
        await explain(
          `${shown}, column "${name}"`,
          () => Promise.resolve(values.map(cellOf)),
        ),
      );
    }
    return { columns: read, bad };
  }

  /** One row group at a time: were two to fail at once, nobody would hear of the second. */
  async #column(
    { element: { name } }: SchemaTree,
    { own, start, length }: { own: ParquetType; start: number; length: number },
  ): Promise<unknown[]> {
    const { file, metadata } = this.opened;
    const cells: unknown[] = new Array(length);
    let filled = 0;
    this.#watch.step();
    try {
      await parquetRead({
        file,
        metadata,
        columns: [name],
        rowStart: start,
        rowEnd: start + length,
        compressors: this.#checks.looking(compressors, this.#watch.step),
        // Bytes that are no declared text arrive as bytes, so that binary data is found out.
        utf8: false,
        geoparquet: false,
        parsers: exactParsers(own),
        onChunk({ columnData, rowStart, rowEnd }): void {
          // A chunk may begin before and go past the rows that were asked for.
          const to = Math.min(rowEnd, start + length);
          for (let i = Math.max(rowStart, start); i < to; i++, filled++) {
            cells[i - start] = columnData[i - rowStart];
          }
        },
      });
    } finally {
      this.#watch.rest();
    }
    if (filled < length) throw new Error(`it has ${filled} values for ${length} rows`);
    return cells;
  }
}

/** Whether an unsigned column has values that no int64 holds. */
async function isPastInt64(opened: Opened, field: SchemaTree): Promise<boolean> {
  const name = field.element.name;
  const most = (value: unknown): boolean =>
    typeof value === "bigint" && value > 0x7fffffffffffffffn;
  const statistics = chunksOf(opened.metadata, name).map((chunk) => chunk?.statistics?.max_value);
  if (statistics.every((value) => typeof value === "bigint" && value >= 0n)) {
    return statistics.some(most);
  }
  for await (
    const { columns } of parquetBatches({ path: opened.file.path, name: opened.shown }, [{
      name,
      type: "int",
    }], {})
  ) {
    if (columns.get(name)!.some(most)) return true;
  }
  return false;
}

/** Whether the statistics of a file say that a column has no integer past 2^53. */
function isNarrow(metadata: FileMetaData, name: string): boolean {
  return chunksOf(metadata, name).every((chunk) => {
    const { min_value: min, max_value: max } = chunk?.statistics ?? {};
    return typeof min === "bigint" && typeof max === "bigint" &&
      min >= BigInt(Number.MIN_SAFE_INTEGER) && max <= BigInt(Number.MAX_SAFE_INTEGER);
  });
}

function chunksOf(
  { row_groups: groups }: FileMetaData,
  name: string,
): (ColumnMetaData | undefined)[] {
  return groups.map(({ columns }) =>
    columns.find(({ meta_data: chunk }) => chunk?.path_in_schema[0] === name)?.meta_data
  );
}

/** hyparquet's plain errors as ours, with the file's name. */
async function explain<T>(where: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UserError) {
      throw new UserError({ ...error.parts, what: `cannot read ${where}: ${error.parts.what}` });
    }
    throw new UserError({
      what: `cannot read ${where} as parquet: ${(error as Error).message}`,
      remedy: "the file may be cut short or of another format; see the option `format`",
      cause: error,
    });
  }
}

/**
 * Columns of a file by name.
 *
 * @throws {UserError} Where one is missing, with the names that are there.
 */
export function requireFields(
  found: readonly FoundColumn[],
  { names, path }: { readonly names: readonly string[]; readonly path: string },
): FoundColumn[] {
  return names.map((name) => {
    const column = found.find((each) => each.name === name);
    if (column !== undefined) return column;
    const known = found.map((each) => each.name);
    throw new UserError({
      what: `${path} has no column "${name}"`,
      nearest: nearest(name, known),
      requirement: `its columns are ${known.join(", ")}`,
    });
  });
}

/** Label names as `datasets` keeps them in a file: {"info": {"features": {"label": {"names": ...}}}}. */
function classLabels(metadata: readonly KeyValue[]): Map<string, readonly string[]> {
  const labels = new Map<string, readonly string[]>();
  const entry = metadata.find(({ key }) => key === "huggingface")?.value;
  if (entry === undefined) return labels;
  let features: unknown;
  try {
    features = (parseJson(entry) as { info?: { features?: unknown } } | null)?.info?.features;
  } catch {
    // Names are an extra: a file whose note about them cannot be parsed is still a good file.
    return labels;
  }
  for (const [name, feature] of Object.entries(features ?? {})) {
    const names: unknown = feature?.names;
    if (Array.isArray(names)) labels.set(name, names.map(String));
  }
  return labels;
}
