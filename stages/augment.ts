/**
 * Writes rows to train on anew, for more of them.
 *
 * @module
 */
import {
  acrossOptions,
  defineStage,
  type Misuse,
  type StageContext,
  type StageDefinition,
  z,
} from "temper";
import type { ModelRewriter, Way } from "../lib/evaluation/rewriter.ts";
import type { Column } from "../lib/data/formats/columns.ts";
import { OPTION_SCHEMAS } from "../lib/decoding/settings.ts";
import { AUGMENT_RULES } from "../lib/text/augment/rules.ts";
import { withoutConflicts } from "./generation_rules.ts";

/** How many texts there are for a row, `copies` says. */
const { num_return_sequences: _, ...generationOptions } = OPTION_SCHEMAS;

const rate = z.number().min(0).max(1).default(0);

const options = z.object({
  column: z.string().default("text").describe("the column with the text"),
  source: z.array(z.string()).min(1).default(["train"])
    .describe("the splits whose rows get copies; the others are carried over as they are"),
  back_and_forth: z.array(z.string().min(1)).min(1).max(2).optional().meta({ template: true })
    .describe(
      "Jinja templates that make prompts of a row, for `model`: what it writes is the text, and on the way back the " +
        "text for the second; one template: there alone",
    ),
  generation: withoutConflicts(z.strictObject(generationOptions)).optional().describe(
    "for back_and_forth: settings of generation, as in generate; the text ends before a stop string",
  ),
  batch_size: z.int().min(1).optional().describe(
    "for back_and_forth: texts computed side by side; default 8",
  ),
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

const checkedOptions = (["generation", "batch_size"] as const).reduce(
  (schema, name) =>
    schema.refine((given) => given[name] === undefined || given.back_and_forth !== undefined, {
      path: [name],
      message: "left out, or go with back_and_forth",
      ...acrossOptions,
    }),
  options,
);

type Options = z.output<typeof checkedOptions>;

const stage: StageDefinition<typeof checkedOptions> = defineStage({
  doc:
    `Writes rows to train on anew: words replaced, put in, swapped or left out, or all by a model.

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

With \`back_and_forth\` a language model of the pipeline (\`model\`) writes each copy, before the other rules: there,
into another language or style, and back again, by the model of the input \`back\` if there is one. A draw for
each copy needs \`do_sample: true\`. A text that doesn't fit into the model's window is counted, and is changed by
the other rules alone.

\`\`\`yaml
translated:
  uses: augment
  inputs: { data: folds, model: translator }
  with:
    back_and_forth: ["English: {{ text }}\\nFrench:", "French: {{ text }}\\nEnglish:"]
    generation: { max_new_tokens: 100, do_sample: true, top_p: 0.9, stop_strings: "\\n" }
\`\`\`

Augment what was divided, never what will be: a copy in \`test\` of a row in \`train\` is leakage, which
\`split\` finds (\`with: { source: [], leakage: report }\`).`,
  inputs: { data: "rows", model: "model?", back: "model?" },
  output: "rows",
  options: checkedOptions,
  check: ({ options: { back_and_forth: ways }, inputs }) => modelMisuse(ways, inputs),
  compute: true,
  async run(context): Promise<void> {
    const { inputs, output, options, seed, progress, log, summary, signal } = context;
    const { DatasetWriter, openDataset } = await import("../lib/data/rows/dataset.ts");
    const { augmentRows } = await import("../lib/data/rows/augment.ts");
    const { refuseNothingWritten } = await import("../lib/evaluation/rewriter.ts");
    const { excerpt } = await import("../lib/text/excerpt.ts");
    const { loadWordNet } = await import("../lib/text/augment/wordnet.ts");
    const rates = Object.fromEntries(AUGMENT_RULES.map((rule) => [rule, options[rule]]));
    const needsLexicon = options.synonyms > 0 || options.insertion > 0;
    const dataset = await openDataset(inputs.data!.path);
    await using stack = new AsyncDisposableStack();
    const rewriter = await openRewriter(context, { stack, columns: dataset.columns });
    let writer: InstanceType<typeof DatasetWriter> | undefined;
    const result = await augmentRows(dataset, {
      column: options.column,
      source: options.source,
      rates,
      ...(rewriter && { rewriter }),
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
      ...(rewriter === undefined || rewriter.tooLong === 0
        ? []
        : [`${rewriter.tooLong} texts too long for the model`]),
      ...(rewriter === undefined || rewriter.empty === 0
        ? []
        : [`${rewriter.empty} for which it wrote nothing`]),
      ...(rewriter !== undefined || Object.values(rates).some((each) => each > 0)
        ? []
        : ["no rule has a rate"]),
    ].join("; ");
    log(report);
    if (rewriter !== undefined) refuseNothingWritten(rewriter);
    for (const { rules, from, to } of result.examples) {
      const [before, after] = [from, to].map((text) => JSON.stringify(excerpt(text, 100)));
      log(`${rules}, for instance: ${before} -> ${after}`);
    }
    summary({ type: "note", text: report });
    await writer!.finish();
  },
});

/** Models and templates come together. */
function modelMisuse(
  ways: readonly string[] | undefined,
  inputs: readonly string[],
): Misuse | undefined {
  const hasModel = inputs.includes("model");
  if (hasModel !== (ways !== undefined)) {
    return {
      what: hasModel ? "the input model does nothing" : "there is no model for back_and_forth",
      requirement: "a model goes with back_and_forth: templates that make prompts for it",
      remedy: hasModel
        ? 'for instance back_and_forth: ["Paraphrase: {{ text }}"]'
        : "inputs: { data: …, model: … }",
    };
  }
  return inputs.includes("back") && ways?.length !== 2
    ? {
      what: "the input back does nothing",
      requirement: "it is the model for the second template of back_and_forth",
      remedy: "leave it out, or give two templates",
    }
    : undefined;
}

/** The models of `back_and_forth` with their templates; undefined where there are none. */
async function openRewriter(
  { inputs, options, device, threads, log, signal }: StageContext<Options>,
  { stack, columns }: { readonly stack: AsyncDisposableStack; readonly columns: readonly Column[] },
): Promise<ModelRewriter | undefined> {
  const { back_and_forth: templates, generation = {}, batch_size: batchSize = 8 } = options;
  if (templates === undefined) return undefined;
  const { openCausalModel } = await import("../lib/evaluation/open_model.ts");
  const { modelRewriter } = await import("../lib/evaluation/rewriter.ts");
  const { resolveSettings } = await import("../lib/decoding/resolve.ts");
  const { continuationText } = await import("../lib/tokenizers/continuation.ts");
  const { encodePrompt, loadTokenizer } = await import("../lib/tokenizers/load.ts");
  const { watchedTokenizer } = await import("../lib/tokenizers/watched.ts");
  const { compileTemplate } = await import("../lib/text/template.ts");
  const open = async (path: string): Promise<Omit<Way, "prompt">> => {
    const tokenizer = stack.use(await watchedTokenizer(await loadTokenizer(path), { name: path }));
    const model = stack.use(await openCausalModel(path, { device, threads }));
    const settings = resolveSettings(generation, { ...model.defaults, tokenizer });
    log(model.description);
    return {
      decoder: model.decoder({ cache: settings.use_cache }),
      settings: { ...settings, num_return_sequences: 1 },
      encode: (text) => encodePrompt(tokenizer, text),
      decode: (ids) => tokenizer.decode(ids),
      continuation: (ids, promptLength) =>
        continuationText(tokenizer, ids, { promptLength, skipSpecialTokens: true }),
    };
  };
  const there = await open(inputs.model!.path);
  const back = inputs.back === undefined ? there : await open(inputs.back.path);
  const ways = templates.map((template, i): Way => ({
    ...(i === 0 ? there : back),
    prompt: compileTemplate(template, { columns, option: `back_and_forth[${i}]` }),
  }));
  return modelRewriter(ways, { column: options.column, batchSize, signal });
}

export default stage;
