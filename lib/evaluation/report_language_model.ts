/**
 * How well language models predict and continue held-out text: perplexity beside that of a unigram model,
 * BLEU and ROUGE of continuations, the rows that are predicted worst.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { rowOf, tokenRow, type TokenRows } from "../data/tokens/rows.ts";
import { contextLengthOf, openCausalModel } from "./open_model.ts";
import type { GenerationOptions } from "../decoding/settings.ts";
import type { MetricEntries } from "../metrics/entry.ts";
import { perplexityEntry } from "../metrics/perplexity.ts";
import { scoreTexts } from "../metrics/text_scores.ts";
import { unigramEntry } from "../metrics/unigram.ts";
import { evaluateModel, type EvaluationPlan, planEvaluation } from "./evaluation.ts";
import {
  ERRORS,
  type EvaluationReport,
  type EvaluationRequest,
  figures,
  heldOutRows,
} from "./report.ts";
import type { TokenLoss } from "./score.ts";

/** How the models are asked; names as in the `evaluate` stage. */
export interface LanguageModelSettings
  extends Pick<GenerationOptions, "do_sample" | "temperature" | "top_k" | "top_p"> {
  readonly max_length?: number | undefined;
  readonly stride?: number | undefined;
  readonly num_examples?: number | undefined;
  readonly prompt_tokens?: number | undefined;
  readonly max_new_tokens?: number | undefined;
}

/** Rows to continue where no number is asked for. */
const DEFAULT_EXAMPLES = 64;

/** What one model reached. */
interface Measured {
  readonly metrics: MetricEntries;
  readonly losses: readonly TokenLoss[];
  readonly predictions: readonly {
    readonly prediction: string;
    readonly scores: Readonly<Record<string, number>>;
  }[];
}

/**
 * Measures language models.
 *
 * @throws {UserError} where the settings, the models and the rows do not fit together.
 */
export async function reportLanguageModel(
  request: EvaluationRequest,
  settings: LanguageModelSettings,
): Promise<EvaluationReport> {
  const { tokens: { info, splits }, metrics: asked, seed, text, continuation, log } = request;
  if (info.labels !== undefined) {
    throw new UserError({
      what: `the rows have classes (${info.labels.join(", ")}), and a language model uses none`,
      remedy: "leave label_column out of the tokenize stage, or evaluate a classifier",
    });
  }
  const rows = heldOutRows(request);
  const { labels } = rows.columns;
  const eosTokenIds = info.eos_token_id === null ? [] : [info.eos_token_id];
  const models = Object.entries({ model: request.model, baseline: request.baseline })
    .filter((entry): entry is [string, string] => entry[1] !== undefined);
  const contexts = await Promise.all(models.map(([, dir]) => contextLengthOf(dir)));
  const plan = planEvaluation(
    Array.from({ length: rows.rows }, (_, row) => ({
      ids: tokenRow(rows, row),
      labels: labels?.per === "token" ? rowOf(labels, row) : undefined,
    })),
    {
      perplexity: asked.includes("perplexity"),
      texts: asked.some((metric) => metric !== "perplexity"),
      contextLength: Math.min(...contexts),
      maxLength: settings.max_length,
      stride: settings.stride,
      promptTokens: settings.prompt_tokens,
      maxNewTokens: settings.max_new_tokens,
      count: settings.num_examples ?? DEFAULT_EXAMPLES,
      seed,
      eosTokenIds,
    },
  );
  const { windows, examples } = plan;
  log(`${windows.length} windows to predict, ${examples.length} rows to continue`);
  const total = windows.length + examples.length;
  const measured: Measured[] = [];
  for (const [index, [role, dir]] of models.entries()) {
    measured.push(
      await measure(request, {
        ...{ role, dir, plan, eosTokenIds, settings },
        progress: (done) => request.progress(index * total + done, models.length * total, "rows"),
      }),
    );
  }
  const [tuned, baseline] = measured as [Measured, Measured?];
  const train = splits["train"];
  const unigram = train === undefined || windows.length === 0 ? undefined : unigramEntry(windows, {
    train: learnedIds(train),
    vocabSize: info.vocab_size,
    seed,
  });
  const predictions = examples.map((example, i) => ({
    row: example.row,
    prompt: text(example.prompt),
    ...tuned.predictions[i]!,
    reference: continuation(example.prompt, example.reference),
    ...(baseline === undefined ? {} : { baseline: baseline.predictions[i]! }),
  }));
  return {
    metrics: {
      ...tuned.metrics,
      ...(unigram === undefined ? {} : { unigram_perplexity: unigram }),
    },
    ...(baseline === undefined ? {} : { baseline: baseline.metrics }),
    predictions,
    errors: windows.length > 0
      ? worstWindows(tuned.losses, { plan, text })
      : predictions.toSorted((a, b) => meanOf(a.scores) - meanOf(b.scores)).slice(0, ERRORS),
    summary: figures(tuned.metrics, {
      unlearned: { perplexity: unigram && { label: "unigram model", entry: unigram } },
      baseline: baseline?.metrics,
    }),
  };
}

/** The tokens of a part; of one with labels only those that these name. */
function learnedIds({ columns: { input_ids, labels } }: TokenRows): Int32Array {
  return labels?.per === "token" ? labels.data.filter((id) => id >= 0) : input_ids.data;
}

/** Asks one model. */
async function measure(
  { metrics: asked, seed, continuation, device, threads, batchSize, log, signal }:
    EvaluationRequest,
  { role, dir, plan, eosTokenIds, settings, progress }: {
    readonly role: string;
    readonly dir: string;
    readonly plan: EvaluationPlan;
    readonly eosTokenIds: readonly number[];
    readonly settings: LanguageModelSettings;
    readonly progress: (done: number) => void;
  },
): Promise<Measured> {
  await using model = await openCausalModel(dir, { device, threads });
  log(`${role}: ${model.description}`);
  const { losses, continuations } = await evaluateModel(model, {
    ...{ plan, eosTokenIds, seed, batchSize, progress, signal },
    generation: settings,
  });
  const predictions = continuations.map((ids, i) => continuation(plan.examples[i]!.prompt, ids));
  const pairs = predictions.map((prediction, i) => ({
    prediction,
    reference: continuation(plan.examples[i]!.prompt, plan.examples[i]!.reference),
  }));
  const texts = scoreTexts(pairs, { metrics: pairs.length === 0 ? [] : asked, seed });
  const perplexity = plan.windows.length === 0 ? {} : {
    perplexity: perplexityEntry(losses, {
      ...{ context: plan.window, stride: plan.stride, seed },
      isMarked: plan.windows.some(({ labels }) => labels !== undefined),
    }),
  };
  return {
    metrics: { ...perplexity, ...texts.metrics },
    losses,
    predictions: predictions.map((prediction, i) => ({ prediction, scores: texts.pairs[i]! })),
  };
}

function worstWindows(
  losses: readonly TokenLoss[],
  { plan, text }: { readonly plan: EvaluationPlan; readonly text: EvaluationRequest["text"] },
): object[] {
  return losses.flatMap(({ negativeLogLikelihood, tokens }, window) =>
    tokens === 0 ? [] : { window, loss: negativeLogLikelihood / tokens, tokens }
  ).toSorted((a, b) => b.loss - a.loss).slice(0, ERRORS).map(({ window, loss, tokens }) => {
    const { ids, row } = plan.windows[window]!;
    return { row, loss, perplexity: Math.exp(loss), tokens, text: text(ids) };
  });
}

/** How well a text does by all its scores, 0 to 1: BLEU alone counts to 100. */
function meanOf(scores: Readonly<Record<string, number>>): number {
  const values = Object.entries(scores).map(([name, value]) =>
    name === "bleu" ? value / 100 : value
  );
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
