/**
 * Parquet files out, by hyparquet-writer, a row group at a time: snappy, UTF-8 strings, int64, double,
 * boolean, timestamps, lists of them; `json` as JSON text. DuckDB, pandas and `datasets` open them.
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
import {
  type Cell,
  cellCharacters,
  checkCell,
  type Column,
  type FlatCell,
  type Items,
} from "../columns.ts";
import { timestampCount } from "../timestamps.ts";

/** Rows of the first row group, from which a preview is shown, and most of each other. */
const FIRST_ROWS = 1_000;
const GROUP_ROWS = 100_000;

/** What hyparquet-writer is given of a cell. */
type Stored = FlatCell | readonly FlatCell[];

/** Characters of texts and lists at which a row group ends earlier: what reads it holds one in memory. */
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
  readonly #places: readonly Place[];
  readonly #writer: ParquetWriter;
  readonly #label: string;
  readonly #groupRows: number;
  #cells: Stored[][];
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
    const where = (): string => `row ${this.rows} of ${label}`;
    this.#places = columns.map((column) => ({ column, where }));
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
          this.#cells[c]!.push(null);
          continue;
        }
        const place = this.#places[c]!;
        checkCell(cell, place.column, place.where);
        const stored = storedValue(cell, place);
        this.#characters += cellCharacters(stored);
        this.#filled++;
        this.#cells[c]!.push(stored);
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
  const elements = columns.flatMap(({ name, type, items, ...more }) =>
    type === "list" ? listElements(name, items!) : [flatElement(name, { type, ...more })]
  );
  return [{ name: "root", num_children: columns.length }, ...elements];
}

function flatElement(
  name: string,
  { type, unit = "us", utc = true }: Pick<Column, "unit" | "utc"> & {
    readonly type: keyof typeof PHYSICAL;
  },
): SchemaElement {
  const columnData = [{ name, type: PHYSICAL[type], data: [] }];
  const element = schemaFromColumnData({ columnData })[1]!;
  if (type !== "timestamp") return element;
  const logical = { type: "TIMESTAMP", isAdjustedToUTC: utc, unit: UNITS[unit] } as const;
  return { ...element, logical_type: logical };
}

/** A list as the format wants it today, with the names that it prescribes and pyarrow writes. */
function listElements(name: string, items: Items): SchemaElement[] {
  return [
    {
      name,
      repetition_type: "OPTIONAL",
      num_children: 1,
      converted_type: "LIST",
      logical_type: { type: "LIST" },
    },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    flatElement("element", items),
  ];
}

/** Where a cell belongs: its column, and for messages its row. */
interface Place {
  readonly column: Column;
  readonly where: () => string;
}

function storedValue(cell: Cell | undefined, place: Place): Stored {
  if (cell === null || cell === undefined) return null;
  const { type, items } = place.column;
  switch (type) {
    case "json":
      return JSON.stringify(cell, (_, v) => typeof v === "bigint" ? String(v) : v);
    case "list": {
      const list = cell as readonly (FlatCell | undefined)[];
      const column = { name: place.column.name, ...items! };
      const stored: FlatCell[] = [];
      const item: Place = { column, where: () => `item ${stored.length} in ${place.where()}` };
      for (const each of list) stored.push(storedValue(each, item) as FlatCell);
      return stored;
    }
    case "int":
      return BigInt(cell as number | bigint);
    case "timestamp":
      return storedTime(cell as string, place);
    default:
      return cell as FlatCell;
  }
}

function storedTime(cell: string, { column, where }: Place): bigint {
  const { name, unit = "us", utc = true } = column;
  try {
    return timestampCount(cell, { unit, utc });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError({
      ...error.parts,
      what: `column "${name}" holds ${JSON.stringify(cell.slice(0, 60))} in ${where()}, ` +
        "which is no timestamp of it",
      cause: error,
    });
  }
}

const DTYPES = { string: "string", int: "int64", float: "float64", bool: "bool", json: "string" };

/** The note that makes `datasets` show a ClassLabel; nothing where no column has names. */
function featuresMetadata(columns: readonly Column[]): KeyValue[] {
  if (!columns.some(({ names, items }) => names ?? items?.names)) return [];
  const features = Object.fromEntries(columns.map(({ name, type, items, ...more }) => {
    if (type !== "list") return [name, featureOf({ type, ...more })];
    // Since datasets 4 its name is List, which older ones refuse; all of them read the older name.
    return [name, { feature: featureOf(items!), _type: "Sequence" }];
  }));
  return [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }];
}

function featureOf(
  { type, names, unit = "us", utc }: Omit<Items, "type"> & {
    readonly type: keyof typeof PHYSICAL;
  },
): Readonly<Record<string, unknown>> {
  if (names) return { names, _type: "ClassLabel" };
  const dtype = type === "timestamp"
    ? `timestamp[${unit}${utc === false ? "" : ", tz=UTC"}]`
    : DTYPES[type];
  return { dtype, _type: "Value" };
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
