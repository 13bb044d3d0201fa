/**
 * The `generate` stage: a model continues prompts.
 *
 * @module
 */
import { defineStage, type Misuse, UserError, z } from "temper";
import { OPTION_SCHEMAS } from "../lib/decoding/settings.ts";
import { withoutConflicts } from "./generation_rules.ts";

/** The usual template: the column that the other stages call so. */
const ROW_TEXT = "{{ text }}";

const options = z.object({
  prompts: z.array(z.string()).min(1).optional()
    .describe("texts to continue; an empty one starts from the model's first token"),
  template: z.string().default(ROW_TEXT)
    .describe("Jinja template that makes a prompt of each row of `data`")
    .meta({ template: true }),
  split: z.string().optional()
    .describe("split of `data` to take rows from; default the only one, else `test`"),
  limit: z.int().min(1).optional().describe("most rows of `data` to take; default all"),
  ...OPTION_SCHEMAS,
  batch_size: z.int().min(1).default(8).describe(
    "texts computed side by side, beams among them; a prompt's beams stay together",
  ),
  return_full_text: z.boolean().default(true)
    .describe("whether `text` holds the prompt before the continuation"),
  seed: z.int().min(0).optional().describe("decides every draw; default the pipeline's seed"),
});

export default defineStage({
  doc: `Continues prompts with a model.

Prompts come from the option \`prompts\`, or from the rows of \`data\` through \`template\`. Options are those of
transformers' GenerationConfig and win over the model's own \`generation_config.json\`. The tokenizer is the
model's. Greedy search takes the likeliest token each time; \`do_sample: true\` draws, \`num_beams\` above 1
searches with beams, and both together draw beams. Options of either need it beside them.

Writes \`generations.jsonl\`, a line for each text: \`prompt\`, \`text\`, \`ids\` (prompt and continuation),
\`settings\` (every value used), \`seed\`, \`prompt_index\`, \`sequence\`, \`prompt_tokens\` and \`finish\`
(eos, length or stop_string). What is drawn depends on the seed, the place of the prompt and the number of
the sequence alone (in a beam search, on the place of the prompt), not on the batch.

\`\`\`yaml
samples:
  uses: generate
  inputs: { model: tuned }
  with: { prompts: ["The movie was"], max_length: 50, do_sample: true, top_k: 50, top_p: 0.95, temperature: 0.7 }
\`\`\``,
  inputs: { model: "model", data: "rows?" },
  output: "texts",
  options: withoutConflicts(options),
  check: ({ options, inputs }) => promptMisuse(options, inputs.includes("data")),
  compute: true,
  async run(
    { inputs, output, options, device, threads, log, progress, summary, signal, ...context },
  ): Promise<void> {
    const { openCausalModel } = await import("../lib/evaluation/open_model.ts");
    const { generate } = await import("../lib/decoding/generate.ts");
    const { resolveSettings } = await import("../lib/decoding/resolve.ts");
    const { continuationText } = await import("../lib/tokenizers/continuation.ts");
    const { encodePrompt, loadTokenizer } = await import("../lib/tokenizers/load.ts");
    const { watchedTokenizer } = await import("../lib/tokenizers/watched.ts");

    const texts = await promptTexts(options, inputs.data?.path);
    const seed = options.seed ?? context.seed;
    const name = inputs.model!.path;
    using tokenizer = await watchedTokenizer(await loadTokenizer(name), { name });
    await using model = await openCausalModel(inputs.model!.path, { device, threads });
    const settings = resolveSettings(options, { ...model.defaults, tokenizer });
    log(`${texts.length} prompts; ${model.description}`);
    const sequences = await generate(model.decoder({ cache: settings.use_cache }), {
      prompts: texts.map((text) => encodePrompt(tokenizer, text)),
      settings,
      seed,
      batchSize: options.batch_size,
      decode: (ids) => tokenizer.decode(ids),
      progress: (done, total) => progress(done, total, "tokens"),
      signal,
    });

    const lines = sequences.map(({ prompt, sequence, ids, promptLength, finish }) => {
      const continuation = continuationText(tokenizer, ids, {
        promptLength,
        skipSpecialTokens: true,
      });
      const text = texts[prompt]!;
      // Three texts are enough for a terminal, and of three prompts they say more than of one.
      const rank = sequence * texts.length + prompt;
      if (rank < 3) summary({ type: "text", prompt: text, text: continuation });
      return JSON.stringify({
        prompt: text,
        text: options.return_full_text ? text + continuation : continuation,
        ids,
        settings,
        seed,
        prompt_index: prompt,
        sequence,
        prompt_tokens: promptLength,
        finish,
      });
    });
    await Deno.writeTextFile(`${output.path}/generations.jsonl`, lines.join("\n") + "\n");
  },
});

/** What {@linkcode promptTexts} makes prompts of. */
interface PromptOptions {
  readonly prompts?: readonly string[] | undefined;
  readonly template: string;
  readonly split?: string | undefined;
  readonly limit?: number | undefined;
}

/** Prompts come from one place, and what belongs to the other would do nothing. */
function promptMisuse(options: PromptOptions, hasData: boolean): Misuse | undefined {
  const { prompts, template, split, limit } = options;
  if (hasData !== (prompts === undefined)) {
    return {
      what: hasData ? "there are prompts from two places" : "there are no prompts",
      requirement: "either the option prompts or the input data",
    };
  }
  const idle = hasData ? undefined : Object.entries({
    template: template !== ROW_TEXT,
    split: split !== undefined,
    limit: limit !== undefined,
  }).find(([, given]) => given)?.[0];
  return idle === undefined ? undefined : {
    what: `the option ${idle} does nothing beside prompts`,
    requirement: "it is for the rows of the input data",
    remedy: `leave out ${idle}, or give data instead of prompts`,
  };
}

/** The prompts as given, or one from each row of the dataset in `data`. */
async function promptTexts(
  options: PromptOptions,
  data: string | undefined,
): Promise<readonly string[]> {
  const misuse = promptMisuse(options, data !== undefined);
  if (misuse !== undefined) throw new UserError(misuse);
  if (data === undefined) return options.prompts!;
  const { openDataset } = await import("../lib/data/rows/dataset.ts");
  const { rowOf } = await import("../lib/data/formats/batch.ts");
  const { compileTemplate } = await import("../lib/text/template.ts");
  const dataset = await openDataset(data);
  const names = Object.keys(dataset.splits);
  const split = options.split ?? (names.length === 1 ? names[0]! : "test");
  const render = compileTemplate(options.template, {
    columns: dataset.columns,
    option: "template",
  });
  const texts: string[] = [];
  for await (const batch of dataset.batches(split, { limit: options.limit })) {
    for (let i = 0; i < batch.length; i++) texts.push(render(rowOf(batch, i)));
  }
  if (texts.length === 0) throw new UserError({ what: `the split "${split}" of data has no rows` });
  return texts;
}
