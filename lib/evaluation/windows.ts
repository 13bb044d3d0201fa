/**
 * Cutting tokens into windows that a model can see at once, for perplexity.
 *
 * Rows by themselves, or one long text in overlapping windows after the recipe of transformers
 * ("Perplexity of fixed-length models", https://huggingface.co/docs/transformers/perplexity).
 *
 * @module
 */
import { IGNORED_LABEL } from "../data/tokens/rows.ts";

/** Tokens to score together. */
export interface ScoringWindow {
  readonly ids: Int32Array;
  /** The first token to predict; those before it are context. At least 1: nothing predicts the first one. */
  readonly from: number;
  /** How many tokens the window counts for. The recipe counts one less where windows overlap. */
  readonly weight: number;
  /** The label of each id, where not every token counts: the id itself or -100. */
  readonly labels?: Int32Array;
  /** Index of the row that it is of; of the window itself in a long text. */
  readonly row: number;
}

/** Rows of token ids; where not every token counts, each with its labels. */
export interface ScoredRow {
  readonly ids: Int32Array;
  readonly labels?: Int32Array | undefined;
}

/**
 * Each row by itself: a prediction sees what stands before it in its row. Rows longer than the
 * window are scored in pieces; rows of one token have nothing to predict.
 *
 * @param rows Token ids by row. Where they have labels, only what those name counts.
 * @param window Most tokens of a piece, at least 2.
 */
export function rowWindows(
  rows: readonly (Int32Array | ScoredRow)[],
  window: number,
): ScoringWindow[] {
  return rows.flatMap((given, row) => {
    const { ids, labels }: ScoredRow = given instanceof Int32Array ? { ids: given } : given;
    const windows: ScoringWindow[] = [];
    for (let begin = 0; begin + 1 < ids.length; begin += window) {
      const piece = ids.subarray(begin, begin + window);
      if (piece.length < 2) continue;
      const own = labels?.subarray(begin, begin + window);
      const weight = own === undefined ? piece.length - 1 : counted(own, 1);
      if (weight === 0) continue;
      windows.push({
        ids: piece,
        from: 1,
        weight,
        row,
        ...own === undefined ? {} : { labels: own },
      });
    }
    return windows;
  });
}

/**
 * One long text in windows that overlap, so that predictions see at least `window - stride` tokens.
 *
 * @param ids The whole text.
 * @param options `window`: tokens of a window; `stride`: how far it moves, at most the window; `labels` of
 *   the ids, where not every token counts: each that does then counts once.
 */
export function slidingWindows(
  ids: Int32Array,
  options: {
    readonly window: number;
    readonly stride: number;
    readonly labels?: Int32Array | undefined;
  },
): ScoringWindow[] {
  const windows: ScoringWindow[] = [];
  let previous = 0;
  for (let begin = 0; begin < ids.length; begin += options.stride) {
    const end = Math.min(begin + options.window, ids.length);
    const fresh = end - previous;
    const from = Math.max(1, end - begin - fresh);
    // The recipe subtracts one for the shift of the labels even where the token before the fresh
    // ones is there to predict from; the published figures are computed so.
    const labels = options.labels?.subarray(begin, end);
    const weight = labels === undefined ? fresh - 1 : counted(labels, from);
    if (weight > 0) {
      const piece = { ids: ids.subarray(begin, end), from, weight, row: windows.length };
      windows.push(labels === undefined ? piece : { ...piece, labels });
    }
    previous = end;
    if (end === ids.length) break;
  }
  return windows;
}

/** Labels from a place on that count. */
function counted(labels: Int32Array, from: number): number {
  let count = 0;
  for (let i = from; i < labels.length; i++) if (labels[i] !== IGNORED_LABEL) count++;
  return count;
}
