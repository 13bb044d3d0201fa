/**
 * What a model is asked in an evaluation, the same for every model that is compared: windows of
 * held-out tokens to predict, and the starts of rows to continue.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { CausalModel } from "./open_model.ts";
import { chooseExamples, comparable, DEFAULT_PROMPT_TOKENS, type Example } from "./examples.ts";
import { generate } from "../decoding/generate.ts";
import type { TokenLoss } from "./score.ts";
import { resolveSettings } from "../decoding/resolve.ts";
import type { GenerationOptions } from "../decoding/settings.ts";
import { rowWindows, type ScoredRow, type ScoringWindow, slidingWindows } from "./windows.ts";

/** Longest continuation where no length is asked for. */
const DEFAULT_CONTINUATION = 32;

/** What to ask. */
export interface EvaluationPlan {
  /** Empty where perplexity is not asked for. */
  readonly windows: readonly ScoringWindow[];
  /** Most tokens of a window. */
  readonly window: number;
  readonly stride: number | "row";
  /** Empty where no texts are asked for. */
  readonly examples: readonly Example[];
  readonly maxNewTokens: number;
}

/** How a plan is made. */
export interface PlanOptions {
  /** Whether to score windows, whether to continue rows. */
  readonly perplexity: boolean;
  readonly texts: boolean;
  /** The smallest window of the models that are compared. */
  readonly contextLength: number;
  readonly maxLength?: number | undefined;
  readonly stride?: number | undefined;
  readonly promptTokens?: number | undefined;
  readonly maxNewTokens?: number | undefined;
  readonly count: number;
  readonly seed: number;
  readonly eosTokenIds: readonly number[];
}

/**
 * Cuts windows and chooses examples.
 *
 * @param rows Token ids by row, all with labels or none.
 * @throws {UserError} where the options do not fit the models or the rows.
 */
export function planEvaluation(rows: readonly ScoredRow[], options: PlanOptions): EvaluationPlan {
  const { contextLength, stride } = options;
  const window = options.maxLength ?? contextLength;
  if (window > contextLength) {
    throw new UserError({
      what: `max_length ${window} is more than the model's window of ${contextLength} tokens`,
    });
  }
  if (stride !== undefined && stride > window) {
    throw new UserError({
      what: `stride ${stride} is more than the window of ${window} tokens`,
      requirement: "windows that leave no token out",
    });
  }
  const isMarked = rows.some(({ labels }) => labels !== undefined);
  const windows = !options.perplexity
    ? []
    : stride === undefined
    ? rowWindows(rows, window)
    : slidingWindows(joined(rows.map(({ ids }) => ids)), {
      ...{ window, stride },
      labels: isMarked ? joined(rows.map(({ ids, labels }) => labels ?? ids)) : undefined,
    });
  if (options.perplexity && windows.length === 0) {
    throw new UserError({
      what: "the split has no token to predict",
      requirement: isMarked
        ? "at least one token after the first of its row that the template marks to be learned"
        : "at least one row of two tokens",
    });
  }
  const { promptTokens } = options;
  // One token of the continuation is written but never read: it needs no place in the window.
  // Where prompts are as long as they are, what is marked gets half of the window.
  const prompt = promptTokens ??
    Math.min(isMarked ? contextLength / 2 : DEFAULT_PROMPT_TOKENS, contextLength);
  const room = Math.floor(contextLength + 1 - prompt);
  const maxNewTokens = options.maxNewTokens ?? Math.max(1, Math.min(DEFAULT_CONTINUATION, room));
  const examples = options.texts
    ? chooseExamples(rows, {
      ...options,
      maxNewTokens,
      longestPrompt: contextLength + 1 - maxNewTokens,
    })
    : [];
  return { windows, window, stride: stride ?? "row", examples, maxNewTokens };
}

/** What a model answered. */
export interface Evaluation {
  /** By window of the plan. */
  readonly losses: readonly TokenLoss[];
  /** By example: the continuation, as far as it can be compared. */
  readonly continuations: readonly (readonly number[])[];
}

/**
 * Asks a model.
 *
 * @param model The model.
 * @param options `plan`; `generation`: how to choose tokens; `tokenizer`: knows the end token where
 *   the model's files don't; `progress`: windows and examples done, of their sum.
 */
export async function evaluateModel(
  model: CausalModel,
  options: {
    readonly plan: EvaluationPlan;
    readonly generation: Pick<GenerationOptions, "do_sample" | "temperature" | "top_k" | "top_p">;
    readonly eosTokenIds: readonly number[];
    readonly seed: number;
    readonly batchSize: number;
    readonly progress?: (done: number) => void;
    readonly signal?: AbortSignal;
  },
): Promise<Evaluation> {
  const { plan, seed, batchSize, progress, signal } = options;
  const common = { batchSize, ...(signal === undefined ? {} : { signal }) };
  const losses = await model.score(plan.windows, {
    ...common,
    progress: (done) => progress?.(done),
  });
  if (plan.examples.length === 0) return { losses, continuations: [] };
  // Defaults of the model's folder stay out: two models are compared under the same settings.
  const { do_sample, temperature, top_k, top_p } = options.generation;
  const settings = resolveSettings({
    ...{ do_sample, temperature, top_k, top_p },
    max_new_tokens: plan.maxNewTokens,
    eos_token_id: [...options.eosTokenIds],
  });
  const sequences = await generate(model.decoder({ cache: true }), {
    ...common,
    prompts: plan.examples.map((example) => example.prompt),
    settings,
    seed,
    decode: () => "",
    progress: (done, total) => {
      progress?.(plan.windows.length + Math.floor((plan.examples.length * done) / total));
    },
  });
  const continuations = sequences.map(({ prompt, ids, promptLength }) =>
    comparable(plan.examples[prompt]!, ids.slice(promptLength))
  );
  return { losses, continuations };
}

function joined(rows: readonly Int32Array[]): Int32Array {
  const ids = new Int32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let offset = 0;
  for (const row of rows) {
    ids.set(row, offset);
    offset += row.length;
  }
  return ids;
}
