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
import { UserError } from "../../base/errors.ts";
import {
  type Cell,
  cellText,
  type Column,
  type ColumnType,
  requireColumn,
  type Row,
} from "../../data/formats/columns.ts";
import type { RowStream } from "../../data/rows/stream.ts";

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
 * Reads what classes a column holds, in one pass over it.
 *
 * @param stream All splits.
 * @param column Its name.
 * @throws {UserError} where there is no such column, a row has no label, or the values are no classes.
 */
export async function readLabels(stream: RowStream, column: string): Promise<Labels> {
  const counts = await countLabels(stream, column);
  const { names, id, numbered } = classesOf(counts, requireColumn(stream.columns, column));
  const seen = counts.map(({ split, values }) => {
    const rows = new Float64Array(names.length);
    for (const [value, count] of values) rows[id(value)]! += count;
    return { split, rows };
  });
  const train = seen.find(({ split }) => split === "train")?.rows;
  const unseen = seen.flatMap(({ split, rows }) =>
    names.flatMap((name, i) =>
      train?.[i] === 0 && rows[i]! > 0
        ? [`rows of the class "${name}": ${rows[i]} in ${split}, none in train to learn from`]
        : []
    )
  );
  // Names that came with the column are the data set's own choice.
  const unused = numbered ? names.filter((_, i) => seen.every(({ rows }) => rows[i] === 0)) : [];
  return {
    names,
    of: (row) => id(row[column]!),
    notes: [
      ...unseen,
      ...unused.length === 0
        ? []
        : [`no row has the class ${unused.slice(0, 5).join(", ")}: whole numbers count from 0`],
    ],
  };
}

/** How often each value stands in the label column of a split. */
interface LabelCounts {
  readonly split: string;
  readonly values: ReadonlyMap<Cell, number>;
}

async function countLabels(stream: RowStream, column: string): Promise<LabelCounts[]> {
  const { type } = requireColumn(stream.columns, column);
  if (type === "float" || type === "json" || type === "list" || type === "timestamp") {
    throw new UserError({
      what: `column "${column}" holds ${type} values, which are no classes`,
      requirement: "a label column holds whole numbers from 0, class names or booleans",
    });
  }
  const counts: LabelCounts[] = [];
  for (const split of Object.keys(stream.splits)) {
    const values = new Map<Cell, number>();
    let index = 0;
    for await (const batch of stream.batches(split, { columns: [column] })) {
      for (const cell of batch.columns.get(column)!) {
        checkLabel(cell, { split, index, column, type });
        values.set(cell, (values.get(cell) ?? 0) + 1);
        if (values.size > MAX_CLASSES) checkCount(values.size, column);
        index++;
      }
    }
    counts.push({ split, values });
  }
  return counts;
}

function checkLabel(
  cell: Cell,
  { split, index, column, type }: {
    readonly split: string;
    readonly index: number;
    readonly column: string;
    readonly type: ColumnType;
  },
): void {
  if (cell === null) {
    throw new UserError({
      what: `row ${index} of split "${split}" has no "${column}"`,
      requirement: "every row needs a label",
      remedy: "drop such rows with the filter stage",
    });
  }
  if (type === "int" && Number(cell) < 0) {
    throw new UserError({
      what: `row ${index} of split "${split}" has the label ${cell}`,
      requirement: "labels count from 0",
      remedy: "drop unlabelled rows with the filter stage",
    });
  }
  if (type === "int") checkCount(Number(cell) + 1, column);
}

/** Names and numbers; `numbered` where the names were made of the numbers. */
function classesOf(
  counts: readonly LabelCounts[],
  { name, type, names }: Column,
): { names: readonly string[]; id: (cell: Cell) => number; numbered: boolean } {
  const values = new Set(counts.flatMap((each) => [...each.values.keys()]));
  switch (type) {
    case "bool":
      return { names: ["false", "true"], id: Number, numbered: false };
    case "int": {
      let highest = -1;
      for (const value of values) highest = Math.max(highest, Number(value));
      const count = Math.max(highest + 1, names?.length ?? 0);
      return {
        names: Array.from({ length: count }, (_, i) => names?.[i] ?? String(i)),
        id: Number,
        numbered: names === undefined,
      };
    }
    default: {
      const classes = [...values].map(cellText).sort();
      checkCount(classes.length, name);
      const idOf = new Map(classes.map((each, i) => [each, i]));
      return { names: classes, id: (cell) => idOf.get(cellText(cell)) ?? -1, numbered: false };
    }
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
