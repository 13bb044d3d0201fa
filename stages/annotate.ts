/**
 * Joins rows with labels of a second file.
 *
 * @module
 */
import { defineStage, type Misuse, type StageDefinition, UserError, z } from "temper";

const options = z.object({
  on: z.union([
    z.string().min(1),
    z.array(z.string().min(1)).min(1),
    z.record(z.string(), z.string().min(1)),
  ]).optional().describe(
    "the column, or columns, that tell which row is meant: those that both have, or a mapping from those of data to those of labels",
  ),
  hash: z.string().min(1).optional().describe(
    "instead of `on`: a column of the annotations with the SHA-256, in hex, of a row's text in UTF-8",
  ),
  column: z.string().optional().describe("for `hash`: the column with the text; default text"),
  columns: z.union([z.array(z.string().min(1)).min(1), z.record(z.string(), z.string().min(1))])
    .optional()
    .describe("columns to take over: a list, or a mapping to new names; default all but the key"),
  unmatched: z.enum(["keep", "drop", "error"]).default("keep").describe(
    "rows of which nothing is said: keep them with nulls, drop them, or fail",
  ),
});

/** Columns of the rows, each with the one of the annotations. */
function pairs(
  on: NonNullable<z.output<typeof options>["on"]>,
): (readonly [own: string, theirs: string])[] {
  if (typeof on === "string") return [[on, on]];
  return Array.isArray(on) ? on.map((name) => [name, name] as const) : Object.entries(on);
}

/** Rows, or annotations, that have no counterpart, and the keys of the first. */
interface Alone {
  readonly rows: number;
  readonly keys: readonly string[];
}

function firstKeys({ rows, keys }: Alone): string {
  return rows === 0 ? "" : ` (${keys.join(", ")}${rows > keys.length ? ", …" : ""})`;
}

const stage: StageDefinition<typeof options> = defineStage({
  doc: `Joins rows with what a second dataset says of them, such as labels from another file.

Reads rows (\`data\`) and rows of annotations (\`labels\`), and writes the first with columns of the second. A
row and its annotation have the same key: equal values of \`on\`, or the SHA-256 of the row's text. How many
rows nothing is said of, and what is said of no row, stands in the summary with the first of their keys. Two
annotations of one key that say different things are an error. The annotations are held in memory. It is the left
join of databases; with \`unmatched: drop\`, the inner one. Where the key is called otherwise in the second, say so:
\`on: { id: review_id }\`.

\`\`\`yaml
labelled:
  uses: annotate
  inputs: { data: reviews, labels: judged }
  with: { on: id, columns: { verdict: label }, unmatched: drop }
\`\`\``,
  inputs: { data: "rows", labels: "rows" },
  output: "rows",
  options,
  check({ options: { on, hash, column } }): Misuse | undefined {
    if (hash === undefined && column !== undefined) {
      return {
        what: "the option column does nothing beside on",
        requirement: "it is for hash: the column whose text is hashed",
        remedy: "leave it out",
      };
    }
    if (on !== undefined && typeof on !== "string" && Object.keys(on).length === 0) {
      return {
        what: "on names no column",
        remedy: "for instance on: id, or on: { id: review_id }",
      };
    }
    if ((on === undefined) !== (hash === undefined)) return undefined;
    return {
      what: on === undefined
        ? "nothing says which annotation belongs to which row"
        : "both on and hash are given",
      requirement: "either on, the columns that both have, or hash",
      remedy: "for instance on: id",
    };
  },
  async run({ inputs, output, options, progress, log, summary, signal }): Promise<void> {
    const { DatasetWriter, openDataset } = await import("../lib/data/rows/dataset.ts");
    const { besideBytes } = await import("../lib/data/rows/row_progress.ts");
    const { annotateRows } = await import("../lib/data/rows/annotate.ts");
    const { on, hash, column, columns, unmatched } = options;
    let writer: InstanceType<typeof DatasetWriter> | undefined;
    const stream = await openDataset(inputs.data!.path);
    const notes = await openDataset(inputs.labels!.path);
    const result = await annotateRows({ stream, notes }, {
      key: hash === undefined ? { on: pairs(on!) } : { hash, column: column ?? "text" },
      columns: Array.isArray(columns)
        ? Object.fromEntries(columns.map((name) => [name, name]))
        : columns,
      unmatched: unmatched === "drop" ? "drop" : "keep",
    }, {
      open: (columns, splits) => writer = new DatasetWriter(output.path, { columns, splits }),
      progress: besideBytes([stream, notes], progress),
      signal,
    });
    const { matched, unmatched: missed, unused } = result;
    const told = (keysOf: (keys: string) => string): string =>
      [
        `${matched} rows annotated`,
        `${missed.rows} of which nothing is said${keysOf(firstKeys(missed))}`,
        `${unused.rows} annotations of no row${keysOf(firstKeys(unused))}`,
      ].join("; ");
    const report = told((keys) => keys);
    log(report);
    if (matched === 0 || (unmatched === "error" && missed.rows > 0)) {
      throw new UserError({
        what: matched === 0
          ? `no row has an annotation: ${report}`
          : `some rows have no annotation: ${report}`,
        requirement: "the keys of both have to be the same texts",
        remedy: matched === 0
          ? "compare the keys, or join by other columns"
          : "set unmatched: keep, or drop",
      });
    }
    summary({ type: "note", text: told(() => "") });
    if (missed.rows + unused.rows > 0) {
      summary({
        type: "rules",
        title: "unmatched",
        rows: matched + missed.rows,
        rules: [
          { rule: "rows", rows: missed.rows, examples: [...missed.keys] },
          {
            rule: "annotations",
            rows: unused.rows,
            of: result.annotations,
            examples: [...unused.keys],
          },
        ],
      });
    }
    await writer!.finish();
  },
});

export default stage;
