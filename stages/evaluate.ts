/**
 * The `evaluate` stage: how well a model predicts and writes held-out text.
 *
 * @module
 */
import { acrossOptions, defineStage, UserError, z } from "temper";
import { OPTION_SCHEMAS } from "../lib/decoding/settings.ts";
import { withoutConflicts } from "./generation_rules.ts";

const METRICS = ["perplexity", "bleu", "rouge"] as const;

const options = z.object({
  metrics: z.array(z.enum(METRICS)).min(1).default([...METRICS])
    .describe("what to compute: perplexity of the split, BLEU and ROUGE of continuations"),
  split: z.string().default("test").describe("the held-out split"),
  per_device_eval_batch_size: z.int().min(1).default(8)
    .describe("rows computed side by side; changes the speed alone"),
  max_length: z.int().min(2).optional()
    .describe("most tokens that a prediction sees, for perplexity; default the model's window"),
  stride: z.int().min(1).optional().describe(
    "scores the split as one long text in windows that move by this many tokens; default: each row by itself",
  ),
  num_examples: z.int().min(1).default(64)
    .describe("rows to continue for BLEU and ROUGE, chosen by the seed"),
  prompt_tokens: z.int().min(1).optional().describe(
    "tokens of a row that are the prompt; shorter rows are left out. Default: half of a row, at most 32",
  ),
  max_new_tokens: z.int().min(1).optional()
    .describe("most tokens of a continuation; default 32, fewer where a model's window ends"),
  do_sample: z.boolean().default(false).describe("draw each token; else take the likeliest"),
  temperature: OPTION_SCHEMAS.temperature,
  top_k: OPTION_SCHEMAS.top_k,
  top_p: OPTION_SCHEMAS.top_p,
  seed: z.int().min(0).optional()
    .describe("decides rows, draws and confidence intervals; default the pipeline's seed"),
});

const checkedOptions = withoutConflicts(options, ["temperature", "top_k", "top_p"]).refine(
  ({ stride, max_length }) => (stride ?? 0) <= (max_length ?? Infinity),
  {
    path: ["stride"],
    message: "at most max_length, or tokens would be passed over",
    ...acrossOptions,
  },
);

export default defineStage({
  doc: `Measures how well a model predicts and continues held-out text.

Perplexity is taken over every predicted token of the split, beside that of a unigram model of the \`train\`
split, which knows nothing of order. For BLEU (as sacrebleu) and ROUGE-1/2/L (as rouge_score) the start of
some rows is the prompt, and the model's continuation is compared with the real one. With \`baseline\`, say the
model before it was tuned, everything is computed for both.

Reads the \`tokens\` that the model was trained on (its tokenizer too). Writes \`metrics.json\` (for each metric
the value, the signature that says how it was computed, and a 95% confidence interval by the bootstrap),
\`predictions.jsonl\` (prompt, prediction, reference, scores) and \`errors.jsonl\` (the rows that the model
predicts worst).

\`\`\`yaml
scores:
  uses: evaluate
  inputs: { model: tuned, data: tokens, baseline: base }
  with: { metrics: [perplexity, bleu, rouge] }
\`\`\``,
  inputs: { model: "model", data: "tokens", baseline: "model?" },
  output: "metrics",
  options: checkedOptions,
  compute: true,
  async run(
    { inputs, output, options, device, threads, log, progress, summary, signal, ...context },
  ): Promise<void> {
    const { nearest } = await import("../lib/base/errors.ts");
    const { readTokens, tokenRow } = await import("../lib/data/tokens/tokens.ts");
    const { contextLengthOf, openCausalModel } = await import("../lib/evaluation/open_model.ts");
    const { evaluateModel, planEvaluation } = await import("../lib/evaluation/evaluation.ts");
    const { perplexityEntry, scoreTexts, unigramEntry } = await import("../lib/metrics/entries.ts");
    const { loadTokenizer } = await import("../lib/tokenizers/load.ts");

    const seed = options.seed ?? context.seed;
    const { info, splits } = await readTokens(inputs.data!.path);
    const split = splits[options.split];
    if (split === undefined) {
      throw new UserError({
        what: `there is no split "${options.split}" in the tokens`,
        nearest: nearest(options.split, Object.keys(splits)),
        requirement: `it has ${Object.keys(splits).join(", ")}`,
      });
    }
    const rows = Array.from({ length: split.rows }, (_, row) => tokenRow(split, row));
    const tokenizer = await loadTokenizer(inputs.data!.path);
    const text = (ids: ArrayLike<number>): string =>
      tokenizer.decode(ids, { skipSpecialTokens: true });
    const eosTokenIds = info.eos_token_id === null ? [] : [info.eos_token_id];

    const roles = (["model", "baseline"] as const).filter((role) => inputs[role] !== undefined);
    const contexts = await Promise.all(roles.map((role) => contextLengthOf(inputs[role]!.path)));
    const plan = planEvaluation(rows, {
      perplexity: options.metrics.includes("perplexity"),
      texts: options.metrics.some((metric) => metric !== "perplexity"),
      contextLength: Math.min(...contexts),
      maxLength: options.max_length,
      stride: options.stride,
      promptTokens: options.prompt_tokens,
      maxNewTokens: options.max_new_tokens,
      count: options.num_examples,
      seed,
      eosTokenIds,
    });
    const { windows, examples } = plan;
    log(`${windows.length} windows to predict, ${examples.length} rows to continue`);
    const references = examples.map((example) => text(example.reference));

    const total = windows.length + examples.length;
    const measured: Measured[] = [];
    for (const [index, role] of roles.entries()) {
      await using model = await openCausalModel(inputs[role]!.path, { device, threads });
      log(`${role}: ${model.description}`);
      const { losses, continuations } = await evaluateModel(model, {
        plan,
        generation: options,
        eosTokenIds,
        seed,
        batchSize: options.per_device_eval_batch_size,
        progress: (done) => progress(index * total + done, roles.length * total, "rows"),
        signal,
      });
      const predictions = continuations.map(text);
      const pairs = predictions.map((prediction, i) => ({ prediction, reference: references[i]! }));
      const texts = scoreTexts(pairs, { metrics: pairs.length === 0 ? [] : options.metrics, seed });
      const perplexity = windows.length === 0 ? {} : {
        perplexity: perplexityEntry(losses, { context: plan.window, stride: plan.stride, seed }),
      };
      measured.push({
        metrics: { ...perplexity, ...texts.metrics },
        losses,
        predictions: predictions.map((prediction, i) => ({ prediction, scores: texts.pairs[i]! })),
      });
    }
    const [tuned, baseline] = measured as [Measured, Measured?];
    const train = splits["train"];
    const unigram = train === undefined || windows.length === 0
      ? undefined
      : unigramEntry(windows, { train: train.inputIds, vocabSize: info.vocab_size, seed });

    const metrics = {
      kind: "metrics",
      split: options.split,
      metrics: {
        ...tuned.metrics,
        ...(unigram === undefined ? {} : { unigram_perplexity: unigram }),
      },
      ...(baseline === undefined ? {} : { baseline: baseline.metrics }),
    };
    await Deno.writeTextFile(
      `${output.path}/metrics.json`,
      JSON.stringify(metrics, null, 2) + "\n",
    );
    const predictions = examples.map((example, i) => ({
      row: example.row,
      prompt: text(example.prompt),
      ...tuned.predictions[i]!,
      reference: references[i]!,
      ...(baseline === undefined ? {} : { baseline: baseline.predictions[i]! }),
    }));
    await writeLines(`${output.path}/predictions.jsonl`, predictions);
    const worstWindows = tuned.losses.flatMap(({ negativeLogLikelihood, tokens }, window) =>
      tokens === 0 ? [] : { window, loss: negativeLogLikelihood / tokens, tokens }
    ).toSorted((a, b) => b.loss - a.loss).slice(0, ERRORS).map(({ window, loss, tokens }) => {
      const { ids, row } = windows[window]!;
      return { row, loss, perplexity: Math.exp(loss), tokens, text: text(ids) };
    });
    const worstTexts = predictions.toSorted((a, b) => meanOf(a.scores) - meanOf(b.scores));
    const errors = windows.length > 0 ? worstWindows : worstTexts.slice(0, ERRORS);
    await writeLines(`${output.path}/errors.jsonl`, errors);
    for (const [name, entry] of Object.entries(tuned.metrics)) {
      const before = baseline?.metrics[name];
      if (name === "perplexity" && unigram !== undefined) {
        const compare = { label: "unigram model", value: unigram.value };
        summary({ type: "figure", label: name, value: entry.value, compare });
        if (before === undefined) continue;
      }
      const compare = before && { compare: { label: "baseline", value: before.value } };
      summary({ type: "figure", label: name, value: entry.value, ...compare });
    }
  },
});

/** How many of the worst rows errors.jsonl lists. */
const ERRORS = 20;

/** What one model reached. */
interface Measured {
  readonly metrics: Readonly<Record<string, { readonly value: number }>>;
  readonly losses: readonly { readonly negativeLogLikelihood: number; readonly tokens: number }[];
  readonly predictions: readonly {
    readonly prediction: string;
    readonly scores: Readonly<Record<string, number>>;
  }[];
}

async function writeLines(path: string, lines: readonly unknown[]): Promise<void> {
  await Deno.writeTextFile(path, lines.map((line) => JSON.stringify(line) + "\n").join(""));
}

function meanOf(scores: Readonly<Record<string, number>>): number {
  const values = Object.values(scores);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
