/**
 * Cleans texts and drops rows.
 *
 * @module
 */
import { acrossOptions, defineStage, type StageDefinition, UserError, z } from "temper";

const options = z.object({
  column: z.string().default("text").describe("the column with the text"),
  add_columns: z.record(z.string().min(1), z.string()).optional().meta({ template: true })
    .describe(
      "columns to make from the others, each a Jinja template over the row as it was read; a column of that name is replaced",
    ),
  strip_html: z.boolean().default(false)
    .describe("remove tags, scripts and comments; <br> becomes a line end, entities characters"),
  normalize_unicode: z.enum(["NFC", "NFD", "NFKC", "NFKD"]).optional()
    .describe("the Unicode form to bring texts into"),
  passages: z.strictObject({
    min_chars: z.int().min(1).default(1).describe("shorter passages are joined where that fits"),
    max_chars: z.int().min(1).describe("no passage is longer"),
  }).optional().describe(
    "cut every text into passages, at the ends of paragraphs, else of sentences; a row becomes several",
  ),
  normalize_whitespace: z.union([z.boolean(), z.literal("lines")]).default(false)
    .describe("true: every run of white space becomes one space; lines: line ends stay"),
  lowercase: z.boolean().default(false).describe("turn texts into small letters"),
  drop_empty: z.boolean().default(false).describe("drop texts of nothing but white space"),
  min_length: z.int().min(0).optional().describe("drop texts with fewer characters"),
  max_length: z.int().min(0).optional().describe("drop texts with more characters"),
  min_words: z.int().min(0).optional().describe("drop texts with fewer words"),
  max_words: z.int().min(0).optional().describe("drop texts with more words"),
  where: z.string().optional().meta({ template: true })
    .describe('keep rows for which this Jinja condition is true: "{{ text | length > 40 }}"'),
  dedupe: z.enum(["exact", "normalized"]).optional().describe(
    "keep the first of equal texts, over all splits; normalized: case, white space and Unicode form do not count",
  ),
  shuffle: z.boolean().default(false).describe("put the rows of each split into random order"),
  seed: z.int().min(0).optional().describe("for shuffle; default the pipeline's seed"),
  limit: z.int().min(0).default(0).describe("keep this many rows of each split; 0: all"),
});

const checkedOptions = (["length", "words"] as const).reduce(
  (schema, unit) =>
    schema.refine((given) => !(given[`min_${unit}`]! > given[`max_${unit}`]!), {
      path: [`min_${unit}`],
      message: `at most max_${unit}, or nothing is left`,
      ...acrossOptions,
    }),
  options,
).refine((given) => given.shuffle || given.seed === undefined, {
  path: ["seed"],
  message: "left out, or go with shuffle: true",
  ...acrossOptions,
});

const stage: StageDefinition<typeof checkedOptions> = defineStage({
  doc: `Cleans texts and drops rows that are not wanted.

Reads rows (\`data\`) and writes rows with the same columns and those of \`add_columns\`. The rules apply in
the order in which they are listed, whatever their order in the pipeline: first columns are added, then
come the rules that change a text, then those that drop rows, then \`shuffle\` and \`limit\`. How many
rows each rule dropped stands in the summary of the run, in the log and in dataset.json (\`dropped\`).

\`\`\`yaml
clean:
  uses: filter
  inputs: { data: reviews }
  with: { strip_html: true, drop_empty: true, dedupe: exact, where: "{{ text | length > 40 }}" }
\`\`\`

An added column holds texts, such as a label that another column tells:

\`\`\`yaml
labelled:
  uses: filter
  inputs: { data: mails }
  with:
    add_columns: { label: "{{ 'spam' if group.startswith('spam') else 'ham' }}" }
\`\`\``,
  inputs: { data: "rows" },
  output: "rows",
  options: checkedOptions,
  async run({ inputs, output, options, seed, progress, log, summary, signal }): Promise<void> {
    const { DatasetWriter, openDataset } = await import("../lib/data/rows/dataset.ts");
    const { filterRows } = await import("../lib/data/rows/filter.ts");
    const { passages, limit } = options;
    const rules = {
      column: options.column,
      ...(options.add_columns && { addColumns: options.add_columns }),
      stripHtml: options.strip_html,
      ...(options.normalize_unicode && { normalizeUnicode: options.normalize_unicode }),
      ...(passages && { passages: { minChars: passages.min_chars, maxChars: passages.max_chars } }),
      normalizeWhitespace: options.normalize_whitespace,
      lowercase: options.lowercase,
      dropEmpty: options.drop_empty,
      ...(options.min_length !== undefined && { minLength: options.min_length }),
      ...(options.max_length !== undefined && { maxLength: options.max_length }),
      ...(options.min_words !== undefined && { minWords: options.min_words }),
      ...(options.max_words !== undefined && { maxWords: options.max_words }),
      ...(options.where !== undefined && { where: options.where }),
      ...(options.dedupe && { dedupe: options.dedupe }),
      ...(options.shuffle && { shuffle: { seed: options.seed ?? seed } }),
      ...(limit > 0 && { limit }),
    };
    let writer: InstanceType<typeof DatasetWriter> | undefined;
    const { dropped, read, kept } = await filterRows(await openDataset(inputs.data!.path), rules, {
      open: (columns, splits) => writer = new DatasetWriter(output.path, { columns, splits }),
      folder: output.path,
      progress: (done, total) => progress(done, total, "rows"),
      signal,
    });
    const counts = Object.entries(dropped).filter(([, count]) => count > 0)
      .map(([rule, count]) => `${rule} ${count}`).join(", ");
    const report = `${read} rows read, ${kept} written${
      counts === "" ? "" : `; dropped by ${counts}`
    }`;
    log(report);
    if (kept === 0 && read > 0) {
      throw new UserError({
        what: `the filter drops every row: ${report}`,
        remedy: "loosen the rule that drops the most",
      });
    }
    summary({ type: "note", text: report });
    await writer!.finish({ dropped });
  },
});

export default stage;
