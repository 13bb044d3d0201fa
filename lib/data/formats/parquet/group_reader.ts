/**
 * Rows of a parquet file, read some of a row group at a time, column after column.
 *
 * @module
 */
import { parquetRead } from "hyparquet";
import type { ColumnChunk, FileMetaData, RowGroup, SchemaElement, SchemaTree } from "hyparquet";
import type { Watch } from "../../../base/watchdog.ts";
import { type Cell, cellText } from "../columns.ts";
import type { ReadColumn } from "../row_file.ts";
import { castCell } from "../text/cast.ts";
import type { ParquetBuffer } from "./buffer.ts";
import { PageChecks } from "./check.ts";
import { codecs } from "./codecs.ts";
import { explain } from "./explain.ts";
import { type ColumnPages, columnPages, cutOut } from "./pages.ts";
import type { Misfit, StretchRead } from "./stretch.ts";
import {
  exactParsers,
  isFlat,
  parquetCell,
  type ParquetType,
  parquetType,
  widened,
} from "./types.ts";

/** A parquet file that is open. */
export interface Opened {
  readonly file: ParquetBuffer;
  readonly shown: string;
  readonly metadata: FileMetaData;
  readonly fields: readonly SchemaTree[];
}

/** The chunks of a row group by the name of their column. */
export function chunksByName({ columns }: RowGroup): Map<string, ColumnChunk[]> {
  const chunks = new Map<string, ColumnChunk[]>();
  for (const chunk of columns) {
    const name = chunk.meta_data?.path_in_schema[0];
    if (name === undefined) continue;
    const known = chunks.get(name);
    if (known === undefined) chunks.set(name, [chunk]);
    else known.push(chunk);
  }
  return chunks;
}

/** A column that is read, with what it is in the file; one that the file lacks is null. */
type Wanted = ReadColumn & { readonly field?: SchemaTree; readonly own?: ParquetType };

/** Some rows of a row group: `start` counts from its first. */
interface Stretch {
  readonly start: number;
  readonly length: number;
}

/** Reads one row group after the other. */
export class GroupReader {
  readonly opened: Opened;
  readonly #columns: readonly Wanted[];
  /** Of each column a schema of that alone: hyparquet goes through all of a schema for each that it reads. */
  readonly #schemas: ReadonlyMap<SchemaTree, SchemaElement[]>;
  readonly #watch: Watch;
  #group = 0;
  #chunks: ReadonlyMap<string, ColumnChunk[]> = new Map();
  /** Of columns that are not nested. */
  readonly #pages = new Map<SchemaTree, ColumnPages>();
  /** Of columns that are nested, all values of the row group, where it is read in several stretches. */
  readonly #nested = new Map<SchemaTree, unknown[]>();

  constructor(
    opened: Opened,
    { columns, watch }: { readonly columns: readonly ReadColumn[]; readonly watch: Watch },
  ) {
    this.opened = opened;
    this.#watch = watch;
    this.#schemas = schemasOf(opened);
    const fields = new Map(
      opened.fields.toReversed().map((field) => [field.element.name, field] as const),
    );
    this.#columns = columns.map((column) => {
      const field = fields.get(column.name);
      return field === undefined ? column : { ...column, field, own: parquetType(field) };
    });
  }

  /**
   * Goes to a row group.
   *
   * @returns Bytes of its columns, unpacked.
   */
  async open(group: number): Promise<number> {
    const { file, metadata, shown } = this.opened;
    const { num_rows: rows } = metadata.row_groups[group]!;
    this.#group = group;
    this.#chunks = chunksByName(metadata.row_groups[group]!);
    this.#pages.clear();
    this.#nested.clear();
    let bytes = 0;
    for (const { name, field, own } of this.#columns) {
      if (field === undefined || own?.isNull) continue;
      for (const { meta_data: column } of this.#chunks.get(name) ?? []) {
        if (column === undefined) continue;
        const values = Number(isFlat(field) ? rows : column.num_values);
        const pages = await explain(
          `${shown}, column "${name}"`,
          () => columnPages(file, column, values),
        );
        if (isFlat(field)) this.#pages.set(field, pages);
        bytes += pages.content;
      }
    }
    return bytes;
  }

  /** Reads rows of the row group that was opened. */
  async read(stretch: Stretch): Promise<StretchRead> {
    const read = new Map<string, readonly Cell[]>();
    const bad = new Map<number, Misfit>();
    for (const column of this.#columns) {
      const { name, type, field, own, isCast } = column;
      if (field === undefined || own === undefined || own.isNull) {
        read.set(name, new Array<Cell>(stretch.length).fill(null));
        continue;
      }
      const same = own.type === type && own.items?.type === column.items?.type;
      const cellOf = (value: unknown, i: number): Cell => {
        const cell = parquetCell(value, own);
        if (!isCast) return same ? cell : widened(cell, column);
        const cast = castCell(cell, column);
        if (cast === undefined && !bad.has(i)) bad.set(i, { column, text: cellText(cell) });
        return cast ?? null;
      };
      read.set(
        name,
        await explain(
          `${this.opened.shown}, column "${name}"`,
          async () => {
            if (type === "list" && own.type !== "list" && !isCast) {
              throw new Error(`it holds ${own.type} values where lists are announced`);
            }
            return (await this.#column(field, own, stretch)).map(cellOf);
          },
        ),
      );
    }
    return { columns: read, bad };
  }

  /**
   * Of a column that is not nested only the pages are read that hold the rows. Of one that is, a row may lie
   * in several pages, and those of its parts end elsewhere: it is read once, as a whole.
   */
  async #column(field: SchemaTree, own: ParquetType, stretch: Stretch): Promise<unknown[]> {
    const { file } = this.opened;
    const metadata = { ...this.opened.metadata, schema: this.#schemas.get(field)! };
    const pages = this.#pages.get(field);
    if (pages !== undefined) {
      const { first, ...part } = cutOut(file, pages, { metadata, ...stretch });
      return await this.#values(field, own, { ...part, ...stretch, start: stretch.start - first });
    }
    const columns = this.#chunks.get(field.element.name) ?? [];
    const group = { ...metadata.row_groups[this.#group]!, columns };
    const rows = Number(group.num_rows);
    const alone = { ...metadata, row_groups: [group], num_rows: group.num_rows };
    const { start, length } = stretch;
    if (start === 0 && length === rows) {
      return await this.#values(field, own, { file, metadata: alone, group, ...stretch });
    }
    let all = this.#nested.get(field);
    if (all === undefined) {
      const whole = { file, metadata: alone, group, start: 0, length: rows };
      this.#nested.set(field, all = await this.#values(field, own, whole));
    }
    const values = all.slice(start, start + length);
    // What was read is needed no more.
    all.fill(undefined, start, start + length);
    return values;
  }

  /** @param part A file of one row group, and which of its rows. */
  async #values(
    field: SchemaTree,
    own: ParquetType,
    { file, metadata, group, start, length }: Stretch & {
      readonly file: ParquetBuffer;
      readonly metadata: FileMetaData;
      readonly group: FileMetaData["row_groups"][number];
    },
  ): Promise<unknown[]> {
    const checks = new PageChecks(file);
    checks.check(group, field);
    const cells: unknown[] = new Array(length);
    let filled = 0;
    this.#watch.step();
    try {
      await parquetRead({
        file,
        metadata,
        columns: [field.element.name],
        rowStart: start,
        rowEnd: start + length,
        compressors: checks.looking(codecs, this.#watch.step),
        // Bytes that are no declared text arrive as bytes, so that binary data is found out.
        utf8: false,
        geoparquet: false,
        parsers: exactParsers(own.items ?? own),
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

/** Of each column a schema that has that alone. */
function schemasOf({ fields, metadata: { schema } }: Opened): Map<SchemaTree, SchemaElement[]> {
  const sizeOf = ({ children }: SchemaTree): number =>
    children.reduce((sum, child) => sum + sizeOf(child), 1);
  const root = { ...schema[0]!, num_children: 1 };
  // A schema is a list of all elements, each before what lies in it.
  let at = 1;
  return new Map(fields.map((field) => [field, [root, ...schema.slice(at, at += sizeOf(field))]]));
}
