/**
 * Parquet files out, by hyparquet-writer, a row group at a time: snappy, UTF-8 strings, int64, double,
 * boolean, timestamps; `json` as JSON text. DuckDB, pandas and `datasets` open them.
 *
 * @module
 */
import type { KeyValue, SchemaElement } from "hyparquet";
import {
  type ColumnSource,
  fileWriter,
  ParquetWriter,
  schemaFromColumnData,
} from "hyparquet-writer";
import { UserError } from "../../../base/errors.ts";
import type { Batch } from "../batch.ts";
import { type Cell, checkCell, type Column } from "../columns.ts";
import { timestampCount } from "../timestamps.ts";

/** Rows of the first row group, from which a preview is shown, and most of each other. */
const FIRST_ROWS = 1_000;
const GROUP_ROWS = 100_000;

/** Characters of texts at which a row group ends earlier: what reads it holds one in memory. */
const GROUP_CHARACTERS = 1 << 24;

/** Cells at which it does, too: of a table of very many columns, each null takes memory. */
const GROUP_CELLS = 1 << 23;

/** A table of more columns and cells than these, of which hardly any holds something, is a mistake. */
const EMPTY = { columns: 1_000, cells: 1 << 24, filled: 0.01 } as const;

/**
 * Writes a file row group by row group. The same rows give the same bytes, however they come in batches. A
 * lone surrogate in a text becomes U+FFFD.
 */
export class ParquetSink {
  readonly #columns: readonly Column[];
  readonly #label: string;
  readonly #writer: ParquetWriter;
  #cells: Exclude<Cell, object>[][] | (Exclude<Cell, object> | null)[][];
  readonly #groupRows: number;
  #characters = 0;
  /** Rows so far, and cells of them that are not null. */
  rows = 0;
  #filled = 0;
  #first = true;

  /**
   * @param path Where; an existing file is replaced.
   * @param options `label`: for messages, `split "train"`.
   */
  constructor(
    path: string,
    { columns, label }: { readonly columns: readonly Column[]; readonly label: string },
  ) {
    this.#columns = columns;
    this.#label = label;
    this.#cells = columns.map(() => []);
    this.#groupRows = Math.min(GROUP_ROWS, Math.ceil(GROUP_CELLS / columns.length));
    this.#writer = new ParquetWriter({
      writer: fileWriter(path),
      schema: schemaOf(columns),
      createdBy: "temper",
      kvMetadata: featuresMetadata(columns),
    });
  }

  /** @throws {UserError} Where a cell does not fit its column, naming row and column, or nearly all are null. */
  write(batch: Batch): void {
    const all = this.#columns.map((column) => batch.columns.get(column.name));
    for (let i = 0; i < batch.length; i++, this.rows++) {
      for (let c = 0; c < all.length; c++) {
        const cell = all[c]?.[i] ?? null;
        if (cell === null) {
          (this.#cells[c] as null[]).push(null);
          continue;
        }
        const column = this.#columns[c]!;
        checkCell(cell, column, () => `row ${this.rows} of ${this.#label}`);
        const stored = storedValue(cell, column);
        if (typeof stored === "string") this.#characters += stored.length;
        this.#filled++;
        (this.#cells[c] as (Exclude<Cell, object> | null)[]).push(stored);
      }
      const rows = this.#first ? Math.min(FIRST_ROWS, this.#groupRows) : this.#groupRows;
      if (this.#cells[0]!.length >= rows || this.#characters >= GROUP_CHARACTERS) this.#flush();
    }
    this.#refuseEmpty();
  }

  /** Where every row has names of its own, a small file would become a table without end. */
  #refuseEmpty(): void {
    const columns = this.#columns.length;
    const cells = this.rows * columns;
    if (columns <= EMPTY.columns || cells <= EMPTY.cells) return;
    if (this.#filled >= cells * EMPTY.filled) return;
    throw new UserError({
      what:
        `${this.#label} has ${columns} columns, and hardly any row has a value in one of them: ` +
        `${this.#filled} of the ${cells} cells of its first ${this.rows} rows are not null`,
      requirement: "a column is something that many rows have",
      remedy:
        "make a list of what has other names in each row, or name the columns to keep with `columns`",
    });
  }

  /** Writes what is left, and the end. */
  finish(): void {
    if (this.#cells[0]!.length > 0) this.#flush();
    this.#writer.finish();
  }

  #flush(): void {
    const columnData = this.#columns.map(({ name }, i): ColumnSource => ({
      name,
      data: this.#cells[i]!,
    }));
    this.#writer.write({ columnData, rowGroupSize: GROUP_ROWS });
    this.#cells = this.#columns.map(() => []);
    this.#characters = 0;
    this.#first = false;
  }
}

const PHYSICAL = {
  string: "STRING",
  int: "INT64",
  float: "DOUBLE",
  bool: "BOOLEAN",
  timestamp: "INT64",
  // Not JSON: pyarrow makes an extension type of it that `datasets` and pandas do not take.
  json: "STRING",
} as const;

const UNITS = { ms: "MILLIS", us: "MICROS", ns: "NANOS" } as const;

function schemaOf(columns: readonly Column[]): SchemaElement[] {
  const schema = schemaFromColumnData({
    columnData: columns.map(({ name, type }) => ({ name, type: PHYSICAL[type], data: [] })),
  });
  return schema.map((element) => {
    const column = columns.find(({ name }) => name === element.name);
    if (column?.type !== "timestamp" || element.type === undefined) return element;
    const { unit = "us", utc = true } = column;
    return {
      ...element,
      logical_type: { type: "TIMESTAMP", isAdjustedToUTC: utc, unit: UNITS[unit] },
    };
  });
}

function storedValue(cell: Cell | undefined, column: Column): Exclude<Cell, object> | null {
  if (cell === null || cell === undefined) return null;
  switch (column.type) {
    case "json":
      return JSON.stringify(cell, (_, v) => typeof v === "bigint" ? String(v) : v);
    case "int":
      return BigInt(cell as number | bigint);
    case "timestamp":
      return timestampCount(cell as string, { unit: column.unit ?? "us", utc: column.utc ?? true });
    default:
      return cell as Exclude<Cell, object>;
  }
}

/** The note that makes `datasets` show a ClassLabel; nothing where no column has names. */
function featuresMetadata(columns: readonly Column[]): KeyValue[] {
  if (!columns.some((column) => column.names)) return [];
  const dtypes = { string: "string", int: "int64", float: "float64", bool: "bool", json: "string" };
  const features = Object.fromEntries(columns.map(({ name, type, names, unit = "us", utc }) => {
    if (names) return [name, { names, _type: "ClassLabel" }];
    const dtype = type === "timestamp"
      ? `timestamp[${unit}${utc === false ? "" : ", tz=UTC"}]`
      : dtypes[type];
    return [name, { dtype, _type: "Value" }];
  }));
  return [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }];
}

/** Refuses columns that no table can have. */
export function refuseColumns(columns: readonly Column[]): void {
  if (columns.length === 0) {
    throw new UserError({ what: "cannot write a dataset without columns" });
  }
  const names = new Set<string>();
  for (const { name } of columns) {
    if (names.has(name) || name === "" || name === "__proto__") {
      throw new UserError({
        what: names.has(name)
          ? `two columns are called "${name}"`
          : `no column may be called "${name}"`,
      });
    }
    names.add(name);
  }
}
