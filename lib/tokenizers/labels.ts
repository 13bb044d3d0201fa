/**
 * Class labels of rows as numbers: the label column of a text classification task.
 *
 * Whole numbers stand for themselves (with the column's names where it has any), booleans are
 * `false`, `true`; texts are numbered in their sorted order over all splits, so that the numbering
 * does not hang on how rows were shuffled, as `Dataset.class_encode_column` of Hugging Face datasets does.
 * Left out: real-valued and multiple labels.
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
  /** Sentences about classes that nothing can be learned of. */
  readonly notes: readonly string[];
}

/**
 * Reads what classes a column holds.
 *
 * @param dataset All splits.
 * @param column Its name.
 * @throws {UserError} where there is no such column, a row has no label, or the values are no classes.
 */
export function readLabels(dataset: Dataset, column: string): Labels {
  const classes = readClasses(dataset, column);
  const { names, of } = classes;
  const counts = Object.entries(dataset.splits).map(([split, rows]) => {
    const seen = new Int32Array(names.length);
    for (const row of rows) seen[of(row)]!++;
    return { split, seen };
  });
  const train = counts.find(({ split }) => split === "train")?.seen;
  const unseen = counts.flatMap(({ split, seen }) =>
    names.flatMap((name, id) =>
      train?.[id] === 0 && seen[id]! > 0
        ? [`rows of the class "${name}": ${seen[id]} in ${split}, none in train to learn from`]
        : []
    )
  );
  // Names that came with the column are the data set's own choice.
  const unused = classes.numbered
    ? names.filter((_, id) => counts.every(({ seen }) => seen[id] === 0))
    : [];
  return {
    names,
    of,
    notes: [
      ...unseen,
      ...unused.length === 0
        ? []
        : [`no row has the class ${unused.slice(0, 5).join(", ")}: whole numbers count from 0`],
    ],
  };
}

/** Names and numbers; `numbered` where the names were made of the numbers. */
function readClasses(
  dataset: Dataset,
  column: string,
): Omit<Labels, "notes"> & { readonly numbered?: boolean } {
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
        numbered: names === undefined,
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
