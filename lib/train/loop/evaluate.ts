/**
 * The loss of a causal language model on a split: the sum of negative log likelihoods and how many
 * tokens they are of, from which come mean loss and perplexity. Dropout is off.
 *
 * `Trainer` averages over batches, which weighs a token in a short batch more; here every predicted
 * token counts the same, so that the number does not depend on the batch size.
 *
 * @module
 */
import {
  batches,
  type CollateOptions,
  hasTargets,
  IGNORED_LABEL,
  lengthBuckets,
  longestRow,
  nextTokenTargets,
  tokenLabels,
} from "../../data/tokens/batch.ts";
import type { TokenSplit } from "../../data/tokens/tokens.ts";
import { UserError } from "../../base/errors.ts";
import type { CausalLm } from "../../models/causal_lm.ts";
import {
  type AnyTensor,
  type Engine,
  type HostTensor,
  int32,
} from "../../runtime/session/session.ts";
import { compileEvaluation, type EvaluationProgram } from "../program/program.ts";

/** A model with its parameters in the memory of an engine. */
export interface PlacedModel {
  readonly model: CausalLm;
  readonly engine: Engine;
  /** Parameters by name. */
  readonly feeds: Readonly<Record<string, AnyTensor>>;
}

/** How to evaluate. */
export interface EvaluationOptions {
  /** Rows computed side by side. */
  readonly batchSize: number;
  /** Rows are all of one length. Default false. */
  readonly packed?: boolean;
  /** Called after each batch with the rows done. */
  readonly progress?: (done: number, total: number, unit: string) => void;
  readonly signal?: AbortSignal;
}

/** What {@linkcode sumNegativeLogLikelihood} returns. */
export interface NegativeLogLikelihood {
  /** Sum of -ln p(token | tokens before it). */
  readonly nll: number;
  /** Predicted tokens: all but the first of each row. */
  readonly tokens: number;
  /** The same for each row of the split. */
  readonly rows: { readonly nll: Float64Array; readonly tokens: Int32Array };
}

/**
 * Sums the negative log likelihood of every token of a split after the first of its row.
 *
 * @param placed The model, its parameters and the engine.
 * @param split Rows of token ids; labels of -100 are not counted where the split has labels per token.
 * @param options Batch size, progress.
 * @returns The sum and the count; perplexity is `exp(nll / tokens)`.
 * @throws {UserError} where a row is longer than the model's positions or holds an id beyond its
 * vocabulary, or where the split has no token to predict.
 */
export async function sumNegativeLogLikelihood(
  placed: PlacedModel,
  split: TokenSplit,
  options: EvaluationOptions,
): Promise<NegativeLogLikelihood> {
  const { model, engine, feeds } = placed;
  const { batchSize, packed = false, progress, signal } = options;
  checkFits(model, split, { what: "evaluate" });
  // Compiled anew each time: that is quick, and kept ones would hold on to memory that training needs.
  const programs = new Map<number, EvaluationProgram>();
  const collation: CollateOptions = {
    batchSize,
    lengths: lengthBuckets(Math.max(1, longestRow(split)), { limit: model.positions, packed }),
    padTokenId: 0,
  };
  const rows = { nll: new Float64Array(split.rows), tokens: new Int32Array(split.rows) };
  let done = 0;
  try {
    for (const batch of batches(split, collation)) {
      signal?.throwIfAborted();
      if (batch.predicted > 0) {
        let program = programs.get(batch.length);
        if (program === undefined) {
          program = await compileEvaluation(model, { engine, batchSize, length: batch.length });
          programs.set(batch.length, program);
        }
        const shape = [batchSize, batch.length];
        const inputs: Record<string, HostTensor> = {
          input_ids: int32(batch.inputIds, shape),
          targets: int32(nextTokenTargets(batch), shape),
        };
        const losses = await program.rowLosses(feeds, inputs);
        rows.nll.set(losses.subarray(0, batch.rows), done);
        rows.tokens.set(batch.rowPredicted.subarray(0, batch.rows), done);
      }
      done += batch.rows;
      progress?.(done, split.rows, "rows");
    }
  } finally {
    for (const program of programs.values()) await program.release();
  }
  const nll = rows.nll.reduce((sum, value) => sum + value, 0);
  const tokens = rows.tokens.reduce((sum, value) => sum + value, 0);
  return { nll, tokens, rows };
}

/**
 * Refuses rows that a model cannot take.
 *
 * @param model The model.
 * @param split The rows.
 * @param options `what` is being done, for the message.
 * @throws {UserError} naming an id beyond the vocabulary or the longest row, or where there is nothing to predict.
 */
export function checkFits(
  model: CausalLm,
  split: TokenSplit,
  options: { readonly what: string },
): void {
  const longest = longestRow(split);
  if (longest > model.positions) {
    throw new UserError({
      what: `cannot ${options.what}: the data has rows of ${longest} tokens, ` +
        `the model has ${model.positions} positions (n_positions)`,
      remedy: `tokenize with max_length: ${model.positions} or less`,
    });
  }
  const labels = tokenLabels(split);
  let highest = -1;
  for (const id of split.inputIds) if (id > highest) highest = id;
  for (const label of labels) if (label > highest) highest = label;
  if (highest >= model.vocabSize) {
    throw new UserError({
      what: `cannot ${options.what}: the data holds the token id ${highest}, ` +
        `the model's vocabulary has ${model.vocabSize} (vocab_size)`,
      requirement: "data that was tokenized with the model's tokenizer",
      remedy: "give the tokenize stage the model as its tokenizer, or leave vocab_size out",
    });
  }
  const negative = labels.find((label) => label < 0 && label !== IGNORED_LABEL);
  if (negative !== undefined) {
    throw new UserError({
      what: `cannot ${options.what}: the data holds the label ${negative}`,
      requirement: `token ids, and ${IGNORED_LABEL} where a label does not count`,
    });
  }
  if (!hasTargets(split)) {
    throw new UserError({
      what: `cannot ${options.what}: no row has a second token to predict`,
      requirement: "a row of at least two tokens, with a label that counts",
      remedy: "look at what filter and split left over",
    });
  }
}
