/**
 * What a model's parameters are: names as in a Hugging Face checkpoint, shapes, how they start and whether
 * weight decay applies.
 *
 * @module
 */

/** How a parameter starts, as transformers' `_init_weights` and peft draw it. */
export type Init =
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" }
  /** Normal, around 0. */
  | { readonly kind: "normal"; readonly std: number }
  /** Uniform, from `-bound` to `bound`. */
  | { readonly kind: "uniform"; readonly bound: number }
  /** Sine waves over the positions (Vaswani et al., arXiv 1706.03762, section 3.5), `[T, D]`. */
  | { readonly kind: "sinusoidal" };

/** All 0. */
export const ZEROS: Init = { kind: "zeros" };

/** All 1. */
export const ONES: Init = { kind: "ones" };

/** Normal with a standard deviation. */
export function normal(std: number): Init {
  return { kind: "normal", std };
}

/** One trainable tensor of a model. */
export interface ParameterSpec {
  /** The name in the checkpoint, such as `transformer.h.0.attn.c_attn.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Init;
  /** Whether weight decay applies: matrices yes, biases and normalization no (transformers' Trainer). */
  readonly decay: boolean;
}
