/**
 * Cutting tokens into windows that a model can see at once, for perplexity.
 *
 * Rows by themselves, or one long text in overlapping windows after the recipe of transformers
 * ("Perplexity of fixed-length models", https://huggingface.co/docs/transformers/perplexity).
 *
 * @module
 */

/** Tokens to score together. */
export interface ScoringWindow {
  readonly ids: Int32Array;
  /** The first token to predict; those before it are context. At least 1: nothing predicts the first one. */
  readonly from: number;
  /** How many tokens the window counts for. The recipe counts one less where windows overlap. */
  readonly weight: number;
  /** Index of the row that it is of; of the window itself in a long text. */
  readonly row: number;
}

/**
 * Each row by itself: a prediction sees what stands before it in its row. Rows longer than the
 * window are scored in pieces; rows of one token have nothing to predict.
 *
 * @param rows Token ids by row.
 * @param window Most tokens of a piece, at least 2.
 */
export function rowWindows(rows: readonly Int32Array[], window: number): ScoringWindow[] {
  return rows.flatMap((ids, row) => {
    const windows: ScoringWindow[] = [];
    for (let begin = 0; begin + 1 < ids.length; begin += window) {
      const piece = ids.subarray(begin, begin + window);
      if (piece.length > 1) windows.push({ ids: piece, from: 1, weight: piece.length - 1, row });
    }
    return windows;
  });
}

/**
 * One long text in windows that overlap, so that predictions see at least `window - stride` tokens.
 *
 * @param ids The whole text.
 * @param options `window`: tokens of a window; `stride`: how far it moves, at most the window.
 */
export function slidingWindows(
  ids: Int32Array,
  options: { readonly window: number; readonly stride: number },
): ScoringWindow[] {
  const windows: ScoringWindow[] = [];
  let previous = 0;
  for (let begin = 0; begin < ids.length; begin += options.stride) {
    const end = Math.min(begin + options.window, ids.length);
    const fresh = end - previous;
    const from = Math.max(1, end - begin - fresh);
    // The recipe subtracts one for the shift of the labels even where the token before the fresh
    // ones is there to predict from; the published figures are computed so.
    const weight = fresh - 1;
    if (weight > 0) {
      windows.push({ ids: ids.subarray(begin, end), from, weight, row: windows.length });
    }
    previous = end;
    if (end === ids.length) break;
  }
  return windows;
}
