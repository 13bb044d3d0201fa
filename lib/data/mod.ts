/**
 * Reading and writing what stages hand on: `import { readDataset } from "temper/data"`.
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
  readDataset,
  readDatasetInfo,
  requireColumn,
  type Row,
  UNSPLIT,
  writeDataset,
} from "./rows/dataset.ts";
export type { Json as JsonValue } from "../base/json.ts";
export { inferColumns } from "./formats/columns.ts";
