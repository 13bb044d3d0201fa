/**
 * Reading whole sequences in one run. B rows, T tokens, V vocabulary.
 *
 * @module
 */
import { int32 } from "../../runtime/session/session.ts";
import { floatsOf, type Outputs, type Programs } from "./programs.ts";

/** Lengths are rounded up to a multiple of this: a program is compiled for each. */
const LENGTH_STEP = 16;

/**
 * Reads sequences, padded on the right.
 *
 * @param programs The model.
 * @param options `sequences`: B lists of ids; `keep`: whether their keys and values are wanted.
 * @returns `logits` [B, V] after the last token of each, with `keep` also what {@linkcode Programs.prefill} says.
 */
export async function readSequences(
  programs: Programs,
  options: { readonly sequences: readonly (readonly number[])[]; readonly keep: boolean },
): Promise<Outputs> {
  const { sequences, keep } = options;
  const batch = sequences.length;
  const longest = Math.max(...sequences.map((ids) => ids.length));
  const length = Math.min(
    programs.contextLength,
    Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP,
  );
  const ids = new Int32Array(batch * length);
  sequences.forEach((sequence, row) => ids.set(sequence, row * length));
  const last = Int32Array.from(sequences, (sequence) => sequence.length - 1);
  const prefill = await programs.prefill({ batch, length, keep });
  return await prefill({ input_ids: int32(ids, [batch, length]), last: int32(last, [batch]) });
}

/** The rows [V] of a run's `logits` [B, V]. */
export function logitsRows(outputs: Outputs, vocabSize: number): (row: number) => Float32Array {
  const { data } = floatsOf(outputs, "logits");
  return (row) => data.subarray(row * vocabSize, (row + 1) * vocabSize);
}
