/**
 * Class labels of rows as numbers: the label column of a text classification task.
 *
 * Whole numbers stand for themselves (with the column's names where it has any), booleans are
 * `false`, `true`; texts are numbered in their sorted order over all splits, so that the numbering
 * does not hang on how rows were shuffled. Left out: real-valued and multiple labels.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { cellText, type Dataset, requireColumn, type Row } from "../data/rows/dataset.ts";

/** Beyond this a column holds identifiers rather than classes. */
const MAX_CLASSES = 65_536;

/** Label names, and the label of a row. */
export interface Labels {
  /** Name of class 0, 1, … */
  readonly names: readonly string[];
  /** The class of a row. */
  readonly of: (row: Row) => number;
}

/**
 * Reads what classes a column holds.
 *
 * @param dataset All splits.
 * @param column Its name.
 * @throws {UserError} where there is no such column, a row has no label, or the values are no classes.
 */
export function readLabels(dataset: Dataset, column: string): Labels {
  const { type, names } = requireColumn(dataset.columns, column);
  const rows = Object.entries(dataset.splits).flatMap(([split, list]) =>
    list.map((row, index) => ({ split, row, index }))
  );
  const unlabelled = rows.find(({ row }) => row[column] === null || row[column] === undefined);
  if (unlabelled !== undefined) {
    throw new UserError({
      what: `row ${unlabelled.index} of split "${unlabelled.split}" has no "${column}"`,
      requirement: "every row needs a label",
      remedy: "drop such rows with the filter stage",
    });
  }
  const label = (row: Row): number => Number(row[column]);
  switch (type) {
    case "bool":
      return { names: ["false", "true"], of: label };
    case "string": {
      const classes = [...new Set(rows.map(({ row }) => cellText(row[column])))].sort();
      checkCount(classes.length, column);
      const idOf = new Map(classes.map((name, id) => [name, id]));
      return { names: classes, of: (row) => idOf.get(cellText(row[column])) ?? -1 };
    }
    case "int": {
      const highest = rows.reduce((most, { row }) => Math.max(most, label(row)), -1);
      const negative = rows.find(({ row }) => label(row) < 0);
      if (negative !== undefined) {
        throw new UserError({
          what: `row ${negative.index} of split "${negative.split}" has the label ${
            label(negative.row)
          }`,
          requirement: "labels count from 0",
          remedy: "drop unlabelled rows with the filter stage",
        });
      }
      checkCount(highest + 1, column);
      const count = Math.max(highest + 1, names?.length ?? 0);
      return {
        names: Array.from({ length: count }, (_, id) => names?.[id] ?? String(id)),
        of: label,
      };
    }
    case "float":
    case "json":
      throw new UserError({
        what: `column "${column}" holds ${type} values, which are no classes`,
        requirement: "a label column holds whole numbers from 0, class names or booleans",
      });
  }
}

function checkCount(count: number, column: string): void {
  if (count <= MAX_CLASSES) return;
  throw new UserError({
    what: `column "${column}" would make ${count} classes`,
    requirement: `at most ${MAX_CLASSES}`,
    remedy: "name the column that holds the class, not an identifier",
  });
}
