/**
 * Cleans texts and drops rows.
 *
 * @module
 */
import { acrossOptions, defineStage, type StageDefinition, UserError, z } from "temper";
import { MASK_KINDS } from "../lib/text/masking/mask.ts";
import { QUALITY_NAMES, QUALITY_SETS, type QualityThresholds } from "../lib/text/quality/rules.ts";
import { nearDuplicateOptions } from "./near_duplicate_options.ts";

const options = z.object({
  column: z.string().default("text").describe("the column with the text"),
  add_columns: z.record(z.string().min(1), z.string()).optional().meta({ template: true })
    .describe(
      "columns to make from the others, each a Jinja template over the row as it was read; a column of that name is replaced",
    ),
  strip_html: z.boolean().default(false)
    .describe("remove tags, scripts and comments; <br> becomes a line end, entities characters"),
  fix_mojibake: z.boolean().default(false)
    .describe("repair UTF-8 that was read as another encoding: Itâ€™s becomes It’s"),
  normalize_unicode: z.enum(["NFC", "NFD", "NFKC", "NFKD"]).optional()
    .describe("the Unicode form to bring texts into"),
  remove_control_characters: z.boolean().default(false)
    .describe("remove control characters other than tabs and line ends"),
  mask: z.union([
    z.array(z.enum(MASK_KINDS)).min(1),
    z.partialRecord(z.enum(MASK_KINDS), z.string()),
  ])
    .optional()
    .describe(
      "put tags in place of personal data: a list of kinds, or a mapping from kinds to tags",
    ),
  spelling: z.record(z.string().min(1), z.string()).optional()
    .describe("whole words, or phrases, and what takes their place; capital letters stay"),
  replace_patterns: z.record(z.string().min(1), z.string()).optional()
    .describe("regular expressions, and what takes the place of their matches"),
  c4_lines: z.boolean().default(false)
    .describe(
      "keep the lines that look like sentences, as C4 does: an end mark, 3 words, no notice",
    ),
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
  drop_words: z.array(z.string().min(1)).min(1).optional()
    .describe("drop texts with one of these words or phrases, in any case"),
  drop_patterns: z.array(z.string().min(1)).min(1).optional()
    .describe("drop texts that match one of these regular expressions"),
  quality: z.array(z.enum(QUALITY_SETS)).min(1).optional().describe(
    "drop texts by the quality rules of these papers: Gopher (Rae et al. 2021), C4 (Raffel et al. 2020)",
  ),
  quality_thresholds: z.partialRecord(z.enum(QUALITY_NAMES), z.number().nullable()).optional()
    .describe("other thresholds than the papers', by rule; null: the rule does not apply"),
  bad_words: z.array(z.string().min(1)).min(1).optional()
    .describe("for the rule c4_max_bad_words: the words"),
  languages: z.array(z.string().regex(/^[a-z]{2,3}$/)).min(1).optional()
    .describe("keep texts in these languages: en, de, ... (ISO 639-1)"),
  min_language_probability: z.number().min(0).max(1).optional()
    .describe("for languages: drop texts whose language is less certain; default 0.65"),
  where: z.string().optional().meta({ template: true })
    .describe('keep rows for which this Jinja condition is true: "{{ text | length > 40 }}"'),
  dedupe: z.enum(["exact", "normalized"]).optional().describe(
    "keep the first of equal texts, over all splits; normalized: case, white space and Unicode form do not count",
  ),
  near: nearDuplicateOptions.extend({
    keep: z.enum(["first", "longest"]).default("first").describe("which of a cluster is kept"),
  }).optional().describe("keep one of texts that are nearly the same, over all splits"),
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
).refine((given) => given.bad_words === undefined || given.quality?.includes("c4") === true, {
  path: ["bad_words"],
  message: "left out, or go with quality: [c4]",
  ...acrossOptions,
}).refine((given) => given.languages || given.min_language_probability === undefined, {
  path: ["min_language_probability"],
  message: "left out, or go with languages",
  ...acrossOptions,
}).refine((given) => given.shuffle || given.seed === undefined, {
  path: ["seed"],
  message: "left out, or go with shuffle: true",
  ...acrossOptions,
});

const stage: StageDefinition<typeof checkedOptions> = defineStage({
  doc: `Cleans texts and drops rows that are not wanted.

Reads rows (\`data\`) and writes rows with the same columns and those of \`add_columns\`. The rules apply in
the order in which they are listed, whatever their order in the pipeline: first columns are added, then
come the rules that change a text, then those that drop rows, then \`shuffle\` and \`limit\`. How many
rows each rule dropped stands in the summary of the run, in the log, both with the first three of each, and
in dataset.json (\`dropped\`). Near duplicates are found by MinHash and compared exactly; of a million texts
the first pass keeps some megabytes in memory.

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
    const { besideBytes } = await import("../lib/data/rows/row_progress.ts");
    const { defaultThresholds } = await import("../lib/text/quality/rules.ts");
    const { MASK_TAGS } = await import("../lib/text/masking/mask.ts");
    const { filterRows } = await import("../lib/data/rows/filter/filter_rows.ts");
    const { passages, limit } = options;
    const rules = {
      column: options.column,
      ...(options.add_columns && { addColumns: options.add_columns }),
      stripHtml: options.strip_html,
      fixMojibake: options.fix_mojibake,
      ...(options.normalize_unicode && { normalizeUnicode: options.normalize_unicode }),
      removeControls: options.remove_control_characters,
      ...(options.mask && {
        mask: Array.isArray(options.mask)
          ? Object.fromEntries(options.mask.map((kind) => [kind, MASK_TAGS[kind]]))
          : options.mask,
      }),
      ...(options.spelling && { spelling: options.spelling }),
      ...(options.replace_patterns && { replacePatterns: options.replace_patterns }),
      c4Lines: options.c4_lines,
      ...(passages && { passages: { minChars: passages.min_chars, maxChars: passages.max_chars } }),
      normalizeWhitespace: options.normalize_whitespace,
      lowercase: options.lowercase,
      dropEmpty: options.drop_empty,
      ...(options.min_length !== undefined && { minLength: options.min_length }),
      ...(options.max_length !== undefined && { maxLength: options.max_length }),
      ...(options.min_words !== undefined && { minWords: options.min_words }),
      ...(options.max_words !== undefined && { maxWords: options.max_words }),
      ...(options.drop_words && { dropWords: options.drop_words }),
      ...(options.drop_patterns && { dropPatterns: options.drop_patterns }),
      ...((options.quality ?? options.quality_thresholds) && {
        quality: {
          thresholds: Object.fromEntries(
            Object.entries({
              ...defaultThresholds(...options.quality ?? []),
              ...options.quality_thresholds,
            }).filter(([, threshold]) => threshold !== null),
          ) as QualityThresholds,
          ...(options.bad_words && { badWords: options.bad_words }),
        },
      }),
      ...(options.languages && {
        language: {
          keep: options.languages,
          minProbability: options.min_language_probability ?? 0.65,
          detector: await (await import("../lib/text/language.ts")).loadLanguageDetector(),
        },
      }),
      ...(options.where !== undefined && { where: options.where }),
      ...(options.dedupe && { dedupe: options.dedupe }),
      ...(options.near && { near: options.near }),
      ...(options.shuffle && { shuffle: { seed: options.seed ?? seed } }),
      ...(limit > 0 && { limit }),
    };
    const dataset = await openDataset(inputs.data!.path);
    let writer: InstanceType<typeof DatasetWriter> | undefined;
    const { dropped, examples, replaced, read, tested, kept } = await filterRows(
      dataset,
      rules,
      {
        open: (columns, splits) => writer = new DatasetWriter(output.path, { columns, splits }),
        folder: output.path,
        progress: besideBytes([dataset], progress),
        signal,
      },
    );
    const counts = Object.entries(dropped).filter(([, count]) => count > 0)
      .map(([rule, count]) => `${rule} ${count}`).join(", ");
    const places = Object.entries(replaced).map(([rule, count]) => `${rule} ${count}`).join(", ");
    const report = `${read} rows read, ${kept} written${
      counts === "" ? "" : `; dropped by ${counts}`
    }${places === "" ? "" : `; replaced by ${places}`}`;
    log(report);
    for (const [rule, texts] of Object.entries(examples)) {
      log(
        `dropped by ${rule}, for instance: ${texts.map((text) => JSON.stringify(text)).join(", ")}`,
      );
    }
    if (kept === 0 && read > 0) {
      throw new UserError({
        what: `the filter drops every row: ${report}`,
        remedy: "loosen the rule that drops the most",
      });
    }
    summary({ type: "note", text: report });
    if (Object.keys(dropped).length > 0) {
      summary({
        type: "rules",
        title: "dropped by",
        rows: tested,
        rules: Object.entries(dropped)
          .map(([rule, rows]) => ({
            rule,
            rows,
            examples: (examples[rule] ?? []).map((text) => JSON.stringify(text)),
          })),
      });
    }
    await writer!.finish({ dropped });
  },
});

export default stage;
