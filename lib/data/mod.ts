/**
 * Reading and writing what stages hand on: `import { openDataset, readDataset } from "temper/data"`.
 *
 * `readDataset` and `writeDataset` hold all of a small dataset in memory; of any size a dataset is read and
 * written in batches of columns:
 *
 * ```ts ignore
 * const dataset = await openDataset(inputs.data.path);
 * const writer = new DatasetWriter(output.path, { columns: dataset.columns, splits: ["train"] });
 * for await (const batch of dataset.batches("train")) writer.write("train", batch);
 * await writer.finish();
 * ```
 *
 * A column is `string`, `int` (a bigint past 2^53), `float`, `bool`, `timestamp` (ISO 8601 text), `list` (an array of
 * cells of one of those, `{ name, type: "list", items: { type: "int" } }`) or `json`; any cell, and any item, may be
 * null.
 *
 * For stages outside this repository. Built-in stages import the one file they need, so that a
 * change elsewhere in the room does not change their key.
 *
 * @module
 */
export {
  type Cell,
  cellText,
  type Column,
  type ColumnType,
  type Dataset,
  type DatasetInfo,
  type DatasetReader,
  DatasetWriter,
  type FlatCell,
  type FlatType,
  type Items,
  openDataset,
  readDataset,
  readDatasetInfo,
  requireColumn,
  type Row,
  UNSPLIT,
  writeDataset,
} from "./rows/dataset.ts";
export { type Batch, batchOf, rowOf } from "./formats/batch.ts";
export type { Json as JsonValue } from "../base/json.ts";
export { inferColumns } from "./formats/columns.ts";
