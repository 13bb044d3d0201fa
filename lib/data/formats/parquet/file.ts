/**
 * Parquet files as batches, by hyparquet: every encoding and codec, one row group after the other.
 *
 * What a file may hold and a {@linkcode Cell} may not is turned into what is nearest: dates into ISO 8601
 * texts, structs, maps and lists of anything but flat values into `json`, int64 into a number where it is safe and a
 * bigint where it is not. Binary columns are an error unless they hold UTF-8. Left out: encrypted files, BSON, INTERVAL.
 *
 * @module
 */
import { parquetMetadataAsync, parquetSchema } from "hyparquet";
import type { ColumnMetaData, FileMetaData, KeyValue, RowGroup } from "hyparquet";
import { nearest, UserError } from "../../../base/errors.ts";
import { isJsonObject, parseJson } from "../../../base/json.ts";
import { startWatch } from "../../../base/watchdog.ts";
import { BATCH, type Batch } from "../batch.ts";
import { type Cell, cellCharacters, refuseColumnName } from "../columns.ts";
import { decideColumns } from "../decide.ts";
import { openBuffer, type ParquetBuffer } from "./buffer.ts";
import { checkMetadata } from "./check.ts";
import { explain } from "./explain.ts";
import { checkFooter, checkSchema } from "./footer.ts";
import { chunksByName, GroupReader, type Opened } from "./group_reader.ts";
import { asList, exactElement, isFlat, itemOf, parquetType } from "./types.ts";
import type { Finding, FoundColumn, ReadColumn, Reading, RowFile } from "../row_file.ts";
import { withoutBad } from "./stretch.ts";

/** A page may take this long, in milliseconds, and a second more for every megabyte of the file. */
const PAGE_DEADLINE = 30_000;

/** Bytes of a row group, unpacked, that are read at once; a larger one is read in stretches of rows. */
const STRETCH = 1 << 25;

/** Rows that are read at once: where nearly all are null, many take hardly a byte. */
const STRETCH_ROWS = 1 << 19;

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
  for (const column of columns) {
    const forms = times?.get(column.name);
    if (forms === undefined) continue;
    const { unit, utc = true } = column.items ?? column;
    if (unit !== undefined) forms.seeAll(rows, { unit, utc });
    else if (column.type === "string" || forms.isOfLists) {
      for await (
        const batch of parquetBatches(file, decideColumns([[column]]), { limit, signal })
      ) {
        for (const cell of batch.columns.get(column.name)!) forms.see(cell);
      }
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
    const chunks = chunksOf(opened.metadata);
    const past = await pastInt64(opened, chunks);
    for (const field of opened.fields) {
      const name = field.element.name;
      refuseColumnName(name, opened.shown);
      const found = parquetType(field);
      const own = found.items ?? found;
      const isPast = past.has(name);
      const isWide = own.type === "int" && own.isWide === true && !isPast &&
        !isNarrow(chunks.get(name) ?? []);
      const names = own.type === "int" && !isPast ? labels.get(name) : undefined;
      const more = {
        isWide,
        ...(names === undefined ? {} : { names }),
        ...(own.unit === undefined ? {} : { unit: own.unit, utc: own.utc ?? true }),
      };
      if (found.items === undefined) {
        const type = found.isNull ? undefined : isPast ? "string" : found.type;
        columns.push({ name, type, ...more });
        continue;
      }
      const isHuge = isPast || (own.scale !== undefined && own.type === "string");
      const type = found.items.isNull ? undefined : isHuge ? "float" : found.items.type;
      columns.push({ name, type: "list", items: { type, ...more, ...(isHuge ? { isHuge } : {}) } });
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
    checkFooter(file);
    // For columns of places it would go through the schema, for ever where one has -1 columns in it.
    const read = await parquetMetadataAsync(file, { geoparquet: false });
    checkSchema(read.schema);
    const metadata = { ...read, schema: read.schema.map(asList) };
    checkMetadata(metadata, file.byteLength);
    const fields = parquetSchema(metadata).children;
    // Of columns of their own and of lists alone: in structs nothing would put the point back.
    const own = new Set(fields.map((each) => isFlat(each) ? each.element : itemOf(each)?.element));
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
    let before = 0;
    for (const [index, group] of reader.opened.metadata.row_groups.entries()) {
      if (left <= 0) return;
      const rows = Number(group.num_rows);
      const count = isSure ? Math.min(rows, left) : rows;
      if (count <= 0) continue;
      const bytes = await reader.open(index);
      const stretches = Math.ceil(bytes / STRETCH) || 1;
      const stretch = Math.min(STRETCH_ROWS, Math.ceil(rows / stretches));
      for (let start = 0; start < count && left > 0; start += stretch) {
        signal?.throwIfAborted();
        const length = Math.min(stretch, count - start);
        const read = await reader.read({ start, length });
        progress?.(Math.round(packedBytes(group) * length / rows));
        const kept = withoutBad(read, {
          file: source,
          start: before + start,
          length,
          left,
          reject,
        });
        left -= kept.length;
        yield* inBatches(kept.columns, kept.length);
      }
      before += rows;
    }
  } finally {
    file.close();
  }
}

/** Bytes of a row group in the file, for progress; those of its columns where it does not say so. */
function packedBytes({ columns }: RowGroup): number {
  return columns.reduce((sum, { meta_data: column }) => {
    return sum + Number(column?.total_compressed_size ?? 0);
  }, 0);
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
        characters += cellCharacters(cells[to]);
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

/** Columns of unsigned integers that have values that no int64 holds. */
async function pastInt64(opened: Opened, chunks: Chunks): Promise<ReadonlySet<string>> {
  const past = new Set<string>();
  const unsure: ReadColumn[] = [];
  const most = (value: unknown): boolean =>
    typeof value === "bigint" && value > 0x7fffffffffffffffn;
  for (const field of opened.fields) {
    const { items, isUnsigned } = parquetType(field);
    if (!(items?.isUnsigned ?? isUnsigned)) continue;
    const { name } = field.element;
    const statistics = (chunks.get(name) ?? []).map((chunk) => chunk?.statistics?.max_value);
    const isSure = statistics.every((value) => typeof value === "bigint" && value >= 0n);
    if (!isSure) unsure.push({ name, ...isFlat(field) ? INTEGER : INTEGERS });
    else if (statistics.some(most)) past.add(name);
  }
  if (unsure.length === 0) return past;
  const source = { path: opened.file.path, name: opened.shown };
  for await (const { columns } of parquetBatches(source, unsure, {})) {
    for (const [name, cells] of columns) {
      if (past.has(name)) continue;
      const isPast = cells.some((cell) => Array.isArray(cell) ? cell.some(most) : most(cell));
      if (isPast) past.add(name);
    }
  }
  return past;
}

const INTEGER = { type: "int" } as const;
const INTEGERS = { type: "list", items: { type: "int" } } as const;

/** Whether statistics say that a column has no integer past 2^53. */
function isNarrow(chunks: readonly (ColumnMetaData | undefined)[]): boolean {
  return chunks.every((chunk) => {
    const { min_value: min, max_value: max } = chunk?.statistics ?? {};
    return typeof min === "bigint" && typeof max === "bigint" &&
      min >= BigInt(Number.MIN_SAFE_INTEGER) && max <= BigInt(Number.MAX_SAFE_INTEGER);
  });
}

/** What each column has in each row group. */
type Chunks = ReadonlyMap<string, readonly (ColumnMetaData | undefined)[]>;

function chunksOf({ row_groups: groups }: FileMetaData): Chunks {
  const chunks = new Map<string, (ColumnMetaData | undefined)[]>();
  for (const [i, group] of groups.entries()) {
    for (const [name, [chunk]] of chunksByName(group)) {
      let known = chunks.get(name);
      if (known === undefined) {
        chunks.set(name, known = new Array<undefined>(groups.length).fill(undefined));
      }
      known[i] = chunk?.meta_data;
    }
  }
  return chunks;
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
  const byName = new Map(found.toReversed().map((each) => [each.name, each] as const));
  return names.map((name) => {
    const column = byName.get(name);
    if (column !== undefined) return column;
    const known = found.map((each) => each.name);
    throw new UserError({
      what: `${path} has no column "${name}"`,
      nearest: nearest(name, known),
      requirement: `its columns are ${known.join(", ")}`,
    });
  });
}

/** Label names as `datasets` keeps them in a file: {"info": {"features": {"label": {"names": ...}}}}; of lists, too. */
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
    const names: unknown = feature?.names ?? itemFeature(feature)?.names;
    if (Array.isArray(names)) labels.set(name, names.map(String));
  }
  return labels;
}

/** What a list is of: `{"feature": ...}` (a List or a Sequence) or `[...]`. */
function itemFeature(feature: unknown): { readonly names?: unknown } | undefined {
  const item: unknown = Array.isArray(feature)
    ? feature[0]
    : isJsonObject(feature)
    ? feature.feature
    : undefined;
  return isJsonObject(item) ? item : undefined;
}
