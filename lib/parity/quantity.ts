/**
 * What a trace says, number by number or token by token, and how close ours came.
 *
 * @module
 */
import type { Comparison } from "./compare.ts";

/** Largest relative errors: of one forward and backward pass, and of what AdamW's steps lead to. */
export const TOLERANCES = { pass: 1e-4, steps: 1e-3 } as const;

/** The kinds of numbers in a trace -> how a report calls them. */
export const TITLES = {
  logits: "logits",
  loss: "loss",
  gradients: "gradients",
  step_losses: "losses of the steps",
  grad_norms: "gradient norms",
  learning_rates: "learning rates",
  weights_after: "weights after",
  probabilities: "probabilities",
  perplexity: "perplexity",
  sequences: "sequences",
} as const;

/** One kind of number in a trace. */
export interface Quantity extends Omit<Comparison, "index"> {
  readonly name: keyof typeof TITLES;
  readonly tolerance: number;
  /** Where the largest error is: a tensor and place in it, a step, or a token. */
  readonly worst: string;
  /** The error of each tensor, where there are several. */
  readonly tensors?: Readonly<Record<string, number>>;
}

/** A comparison of one of several things under a name. */
export interface Part extends Comparison {
  readonly at: string;
}

/** Several comparisons as one quantity; its error is the worst of theirs. */
export function joined(
  name: Quantity["name"],
  { parts, tolerance }: { readonly parts: readonly Part[]; readonly tolerance: number },
): Quantity {
  const sum = (of: (part: Part) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  const worst = parts.reduce((a, b) => b.error > a.error ? b : a);
  return {
    name,
    tolerance,
    error: worst.error,
    holds: parts.every(({ holds }) => holds),
    count: sum(({ count }) => count),
    undetermined: sum(({ undetermined }) => undetermined),
    worst: `${worst.at}[${worst.index}]`,
    tensors: Object.fromEntries(parts.map(({ at, error }) => [at, error])),
  };
}
