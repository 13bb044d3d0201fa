/**
 * The `evaluate` stage: how well a language model predicts and writes held-out text, or a classifier finds
 * its classes.
 *
 * @module
 */
import { acrossOptions, defineStage, z } from "temper";
import { OPTION_SCHEMAS } from "../lib/decoding/settings.ts";
import { CLASSIFIER_METRICS, LANGUAGE_MODEL_METRICS } from "../lib/metrics/names.ts";
import type { LanguageModelSettings } from "../lib/evaluation/report_language_model.ts";
import type { EvaluationReport, EvaluationRequest } from "../lib/evaluation/report.ts";
import type { EvaluatedTask } from "../lib/evaluation/task.ts";
import { withoutConflicts } from "./generation_rules.ts";

const options = z.object({
  metrics: z.array(z.enum([...LANGUAGE_MODEL_METRICS, ...CLASSIFIER_METRICS])).min(1).optional()
    .describe(
      "what to compute. Of a language model: perplexity of the split, bleu and rouge of continuations; of a " +
        "classifier: accuracy, precision, recall, f1, confusion_matrix. Default: all that fit the model",
    ),
  split: z.string().default("test").describe("the held-out split"),
  per_device_eval_batch_size: z.int().min(1).default(8)
    .describe("rows computed side by side; changes the speed alone"),
  max_length: z.int().min(2).optional()
    .describe("most tokens that a prediction sees, for perplexity; default the model's window"),
  stride: z.int().min(1).optional().describe(
    "scores the split as one long text in windows that move by this many tokens; default: each row by itself",
  ),
  num_examples: z.int().min(1).optional()
    .describe("rows to continue for BLEU and ROUGE, chosen by the seed; default 64"),
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
  doc: `Measures how well a model predicts and continues held-out text, or puts it into classes.

Of a language model, perplexity is taken over every predicted token of the split, beside that of a unigram model
of the \`train\` split, which knows nothing of order. For BLEU (as sacrebleu) and ROUGE-1/2/L (as rouge_score)
the start of some rows is the prompt, and the model's continuation is compared with the real one. Of a classifier
(its config.json names a class that ends in ForSequenceClassification), accuracy, precision, recall, F1 and the
confusion matrix are those of scikit-learn, over rows that were tokenized with \`label_column\`; what always
saying the most frequent class would reach stands beside them. With \`baseline\`, say the model before it was
tuned, everything is computed for both.

Where the template of \`tokenize\` marks what is learned, perplexity is taken over that alone, and without
\`prompt_tokens\` a prompt is what stands before it (as its last tokens, if it is too long), its continuation
compared with what is marked.

Reads the \`tokens\` that the model was trained on (its tokenizer too). Writes \`metrics.json\` (for each metric
the value, the signature that says how it was computed, and a 95% confidence interval by the bootstrap),
\`predictions.jsonl\` (prompt, prediction, reference, scores; of a classifier text, label, predicted, probability)
and \`errors.jsonl\` (the rows that the model predicts worst, the mistakes it was surest of).

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
  async run({ inputs, output, options, seed, summary, ...context }): Promise<void> {
    const { readTokens } = await import("../lib/data/tokens/tokens.ts");
    const { commonTask, fittingMetrics } = await import("../lib/evaluation/task.ts");
    const { continuationText } = await import("../lib/tokenizers/continuation.ts");
    const { loadTokenizer } = await import("../lib/tokenizers/load.ts");
    const { watchedTokenizer } = await import("../lib/tokenizers/watched.ts");

    const { device, threads, log, progress, signal } = context;
    const models = { model: inputs.model!.path, baseline: inputs.baseline?.path };
    const task = await commonTask(models);
    const metrics = fittingMetrics(task, options);
    const name = inputs.data!.path;
    using tokenizer = await watchedTokenizer(await loadTokenizer(name), { name });
    const request = {
      ...models,
      ...{ metrics, device, threads, log, progress, signal },
      tokens: await readTokens(inputs.data!.path),
      split: options.split,
      text: (ids: ArrayLike<number>): string => tokenizer.decode(ids, { skipSpecialTokens: true }),
      continuation: (prompt: ArrayLike<number>, ids: ArrayLike<number>): string =>
        continuationText(tokenizer, [...Array.from(prompt), ...Array.from(ids)], {
          promptLength: prompt.length,
          skipSpecialTokens: true,
        }),
      batchSize: options.per_device_eval_batch_size,
      seed: options.seed ?? seed,
    };
    const report = await evaluate(task, { request, options });

    const document = {
      kind: "metrics",
      split: options.split,
      metrics: report.metrics,
      ...(report.baseline === undefined ? {} : { baseline: report.baseline }),
      ...report.tables,
    };
    const at = (name: string): string => `${output.path}/${name}`;
    await Deno.writeTextFile(at("metrics.json"), JSON.stringify(document, null, 2) + "\n");
    await writeLines(at("predictions.jsonl"), report.predictions);
    await writeLines(at("errors.jsonl"), report.errors);
    report.summary.forEach(summary);
  },
});

/** A classifier's run does not load what writes texts, nor the other way round. */
async function evaluate(
  task: EvaluatedTask,
  { request, options }: {
    readonly request: EvaluationRequest;
    readonly options: LanguageModelSettings;
  },
): Promise<EvaluationReport> {
  switch (task) {
    case "causal_lm": {
      const { reportLanguageModel } = await import("../lib/evaluation/report_language_model.ts");
      return await reportLanguageModel(request, options);
    }
    case "sequence_classification": {
      const { reportClassifier } = await import("../lib/evaluation/report_classifier.ts");
      return await reportClassifier(request);
    }
  }
}

async function writeLines(path: string, lines: readonly object[]): Promise<void> {
  await Deno.writeTextFile(path, lines.map((line) => JSON.stringify(line) + "\n").join(""));
}
