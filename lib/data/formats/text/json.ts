/**
 * JSON as rows: an object a line (https://jsonlines.org), an array of objects, an object with one array of
 * objects, or one object.
 *
 * A column whose cells are of several types is `json`, and its cells stay as they are. Numbers are exact
 * (`json_row.ts`).
 *
 * @module
 */
import { unreachable } from "../../../base/errors.ts";
import type { Batch } from "../batch.ts";
import type { Cell } from "../columns.ts";
import type { Finding, FoundColumn, InputFile, ReadColumn, Reading, RowFile } from "../row_file.ts";
import { misfitError, rejectRow } from "./bad_row.ts";
import { BatchBuilder } from "../batch_builder.ts";
import type { Encoding } from "./encoding.ts";
import { jsonText } from "./exact_json.ts";
import { FoundTypes } from "./found_types.ts";
import { type Layout, layoutOfDocument, layoutOfLines } from "./json_layout.ts";
import { addKinds, fillCells, type JsonRow, seeTimes } from "./json_row.ts";
import { type JsonSource, rowOfFile, rowsOfItems, rowsOfLines } from "./json_rows.ts";

/** How to read a file of JSON. */
export interface JsonOptions {
  readonly encoding?: Encoding | undefined;
  /** Of one document: the member whose array holds the rows. */
  readonly field?: string | undefined;
}

/** A file of lines. One that is an array or one object over several lines is read as such. */
export function openJsonl(file: InputFile, options: JsonOptions = {}): RowFile {
  return new JsonFile(file, { ...options, look: layoutOfLines });
}

/** A file of one document. One that is lines is read as such. */
export function openJson(file: InputFile, options: JsonOptions = {}): RowFile {
  return new JsonFile(file, { ...options, look: layoutOfDocument });
}

class JsonFile implements RowFile {
  readonly name: string;
  readonly #file: InputFile;
  readonly #encoding: Encoding | undefined;
  readonly #field: string | undefined;
  readonly #look: (source: JsonSource) => Promise<Layout>;
  #layout: Layout | undefined;
  /** What was found, until somebody takes it. */
  #notice: string | undefined;

  constructor(
    file: InputFile,
    { encoding, field, look }: JsonOptions & { look: (source: JsonSource) => Promise<Layout> },
  ) {
    this.name = file.name;
    this.#file = file;
    this.#encoding = encoding;
    this.#field = field;
    this.#look = look;
  }

  async find({ times, ...reading }: Finding): Promise<readonly FoundColumn[]> {
    const found = new FoundTypes(this.#file);
    let left = reading.limit ?? Infinity;
    if (left <= 0) return [];
    reading: for await (const rows of this.#rows(reading)) {
      for (const row of rows) {
        addKinds(found, row);
        if (times !== undefined) seeTimes(times, row);
        if (--left <= 0) break reading;
      }
    }
    return found.columns();
  }

  async *batches(columns: readonly ReadColumn[], reading: Reading): AsyncGenerator<Batch> {
    const batch = new BatchBuilder(columns);
    const cells: Cell[] = columns.map(() => null);
    let left = reading.limit ?? Infinity;
    if (left <= 0) return;
    reading: for await (const rows of this.#rows(reading)) {
      for (const row of rows) {
        const misfit = fillCells(cells, { row, columns });
        if (misfit !== undefined) {
          const shown = jsonText(row.values[misfit.name]!);
          const error = misfitError(this.#file, { column: misfit, shown, line: row.line });
          rejectRow(error, { file: this.#file, row, reading });
          continue;
        }
        batch.add(cells, row.text.length);
        if (batch.isFull) yield batch.take();
        if (--left <= 0) break reading;
      }
    }
    if (!batch.isEmpty) yield batch.take();
  }

  async *#rows(reading: Reading): AsyncGenerator<Iterable<JsonRow>> {
    const source = {
      file: this.#file,
      encoding: this.#encoding,
      field: this.#field,
      reading,
    };
    const notice = (text: string): void => void (this.#notice = text);
    const layout = this.#layout ??= await this.#look({
      ...source,
      reading: { ...reading, notice },
    });
    if (this.#notice !== undefined && reading.notice !== undefined) {
      reading.notice(this.#notice);
      this.#notice = undefined;
    }
    switch (layout.kind) {
      case "lines":
        return yield* rowsOfLines(source);
      case "items":
        return yield* rowsOfItems(source, layout.ordinal);
      case "row":
        return yield* rowOfFile(source);
      default:
        unreachable(layout);
    }
  }
}
