/**
 * Writes rows to train on anew, for more of them.
 *
 * @module
 */
import { defineStage, type StageDefinition, z } from "temper";
import { AUGMENT_RULES } from "../lib/text/augment/rules.ts";

const rate = z.number().min(0).max(1).default(0);

const options = z.object({
  column: z.string().default("text").describe("the column with the text"),
  source: z.array(z.string()).min(1).default(["train"])
    .describe("the splits whose rows get copies; the others are carried over as they are"),
  synonyms: rate.describe(
    "share of the words that a synonym takes the place of, at least one; English, of WordNet",
  ),
  insertion: rate.describe(
    "share of the words, at least one, for which a synonym of some word is put somewhere",
  ),
  swap: rate.describe("share of the words, at least one, for which two words change places"),
  deletion: rate.describe("how likely a word is left out"),
  apply: z.enum(["all", "in_turn"]).default("all").describe(
    "all rules with a rate change each copy; in_turn: one of them does, the next for the next copy, as in EDA",
  ),
  copies: z.int().min(1).max(1000).default(1).describe("copies of each row"),
  keep_original: z.boolean().default(true).describe(
    "write the rows beside their copies; false: only rows without a copy",
  ),
  provenance: z.string().min(1).default("augmented").describe(
    'the new column that says which rules changed a row: "synonyms+swap", or "none"',
  ),
  seed: z.int().min(0).optional().describe("decides every draw; default the pipeline's seed"),
});

const stage: StageDefinition<typeof options> = defineStage({
  doc: `Writes rows to train on anew with words replaced, put in, swapped or left out.

Reads rows (\`data\`) that were divided, and writes them with copies of the rows of \`train\`, each copy after its
row: its text is changed by the rules that have a rate, all other columns are the row's. The rules are those
of EDA (Wei and Zou 2019), in the order in which they are listed, and a rate is the paper's alpha: 0.1 is a good
beginning, 0.05 where there are many rows. Without rates nothing is added.

Synonyms are those of WordNet, for English. Words that hold a sentence together (\`the\`, \`of\`, \`isn't\`) have none;
case, punctuation and spaces stay. The same row gives the same copies, whatever is around it. A copy that would
be the same as its row, or as another copy of it, is left out and counted.

\`\`\`yaml
more:
  uses: augment
  inputs: { data: folds }
  with: { synonyms: 0.1, swap: 0.05, copies: 4, apply: in_turn }
\`\`\`

Augment what was divided, never what will be: a copy in \`test\` of a row in \`train\` is leakage, which
\`split\` finds (\`with: { source: [], leakage: report }\`).`,
  inputs: { data: "rows" },
  output: "rows",
  options,
  async run({ inputs, output, options, seed, progress, log, summary, signal }): Promise<void> {
    const { DatasetWriter, openDataset } = await import("../lib/data/rows/dataset.ts");
    const { augmentRows } = await import("../lib/data/rows/augment.ts");
    const { excerpt } = await import("../lib/text/excerpt.ts");
    const { loadWordNet } = await import("../lib/text/augment/wordnet.ts");
    const rates = Object.fromEntries(AUGMENT_RULES.map((rule) => [rule, options[rule]]));
    const needsLexicon = options.synonyms > 0 || options.insertion > 0;
    let writer: InstanceType<typeof DatasetWriter> | undefined;
    const result = await augmentRows(await openDataset(inputs.data!.path), {
      column: options.column,
      source: options.source,
      rates,
      apply: options.apply,
      copies: options.copies,
      keepOriginal: options.keep_original,
      provenance: options.provenance,
      seed: options.seed ?? seed,
      synonymsOf: needsLexicon ? await loadWordNet() : () => [],
    }, {
      open: (columns, splits) => writer = new DatasetWriter(output.path, { columns, splits }),
      progress: (done, total) => progress(done, total, "rows"),
      signal,
    });
    const changed = Object.entries(result.changed).map(([rule, count]) => `${rule} ${count}`);
    const report = [
      `${result.rows} rows of ${options.source.join(", ")}`,
      `${result.copies} copies${changed.length === 0 ? "" : `, changed by ${changed.join(", ")}`}`,
      ...(result.equal === 0 ? [] : [`${result.equal} left out that would be the same`]),
      ...(Object.values(rates).some((each) => each > 0) ? [] : ["no rule has a rate"]),
    ].join("; ");
    log(report);
    for (const { rules, from, to } of result.examples) {
      const [before, after] = [from, to].map((text) => JSON.stringify(excerpt(text, 100)));
      log(`${rules}, for instance: ${before} -> ${after}`);
    }
    summary({ type: "note", text: report });
    await writer!.finish();
  },
});

export default stage;
