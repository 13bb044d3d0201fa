/**
 * Negative log-likelihoods of held-out tokens, window by window, for perplexity.
 *
 * Sums a window's tokens here, in float64, from a session that stays for the next batch; during training
 * (`lib/train/loop/evaluate.ts`) the engine sums a row and the session goes at once. What both share is the
 * operation `crossEntropy`.
 *
 * @module
 */
import { InternalError, UserError } from "../base/errors.ts";
import { int32 } from "../runtime/session/session.ts";
import { floatsOf, type Programs } from "../decoding/session/programs.ts";
import type { ScoringWindow } from "./windows.ts";

/** What a model makes of a window; sums of these give the perplexity of a text. */
export interface TokenLoss {
  /** Summed over the predicted tokens, in nats; scaled where the window counts for fewer tokens. */
  readonly negativeLogLikelihood: number;
  /** How many tokens the window counts for. */
  readonly tokens: number;
}

/** Logits of one run: more of them at once would take gigabytes with a large vocabulary. */
const MOST_LOGITS = 2 ** 27;

/**
 * Scores windows.
 *
 * @param programs The model.
 * @param options `windows`; `batchSize`: how many side by side, fewer where the vocabulary is large;
 *   `progress`: windows done.
 * @returns Losses in the order of the windows.
 * @throws {UserError} where a window holds a token that the model does not know.
 */
export async function scoreWindows(
  programs: Programs,
  options: {
    readonly windows: readonly ScoringWindow[];
    readonly batchSize: number;
    readonly progress?: (done: number) => void;
    readonly signal?: AbortSignal;
  },
): Promise<TokenLoss[]> {
  const { windows } = options;
  const { vocabSize, contextLength } = programs;
  checkIds(windows, vocabSize);
  const losses = new Array<TokenLoss>(windows.length);
  const longest = windows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  if (longest > contextLength) throw new InternalError(`a window of ${longest} tokens`);
  // Three lengths make three sessions; shorter windows are not padded to the longest.
  const lengths = [...new Set([4, 2, 1].map((part) => Math.ceil(longest / part)))];
  let done = 0;
  for (const [index, length] of lengths.entries()) {
    const shorter = lengths[index - 1] ?? 0;
    const group = [...windows.keys()].filter((i) => {
      const size = windows[i]!.ids.length;
      return size > shorter && size <= length;
    });
    const most = Math.max(1, Math.floor(MOST_LOGITS / (length * vocabSize)));
    const batch = Math.min(options.batchSize, most, group.length);
    for (let start = 0; start < group.length; start += batch) {
      options.signal?.throwIfAborted();
      const members = group.slice(start, start + batch);
      const sums = await scoreBatch(programs, {
        windows: members.map((i) => windows[i]!),
        batch,
        length,
      });
      members.forEach((i, row) => {
        losses[i] = sums[row]!;
      });
      done += members.length;
      options.progress?.(done);
    }
  }
  return losses;
}

async function scoreBatch(
  programs: Programs,
  options: {
    readonly windows: readonly ScoringWindow[];
    readonly batch: number;
    readonly length: number;
  },
): Promise<TokenLoss[]> {
  const { windows, batch, length } = options;
  const inputIds = new Int32Array(batch * length);
  const labels = new Int32Array(batch * length).fill(-100);
  windows.forEach(({ ids, from, labels: own = ids }, row) => {
    inputIds.set(ids, row * length);
    // The label of a place is the token that follows it.
    labels.set(own.subarray(from), row * length + from - 1);
  });
  const score = await programs.score({ batch, length });
  const { data: values } = floatsOf(
    await score({
      input_ids: int32(inputIds, [batch, length]),
      labels: int32(labels, [batch, length]),
    }),
    "losses",
  );
  return windows.map(({ ids, from, weight, labels: own }, row) => {
    const predicted = own === undefined ? ids.length - from : weight;
    const losses = values.subarray(row * length, row * length + ids.length);
    const sum = losses.reduce((total, value) => total + value, 0);
    return { negativeLogLikelihood: (sum * weight) / predicted, tokens: weight };
  });
}

function checkIds(windows: readonly ScoringWindow[], vocabSize: number): void {
  for (const { ids } of windows) {
    for (const id of ids) {
      if (id < vocabSize) continue;
      throw new UserError({
        what: `the data holds the token id ${id}, the model knows ${vocabSize} tokens`,
        requirement: "data that was tokenized with the model's tokenizer",
      });
    }
  }
}
