/**
 * What model code is given: it states arithmetic; names, adapters, dropout, recomputation, masks and caches are
 * Build's. A build carries the prefix of a parameter's name, so that a weight is named where it is used and
 * nowhere else (after candle's `VarBuilder`).
 *
 * B batch, T tokens, D width, H heads, K width of a head, L cached positions.
 *
 * @module
 */
import type { Tensor, TensorGraph } from "../../graph/ir/tensor.ts";
import * as ops from "../../graph/ops/mod.ts";
import { attention, causalBias, paddingBias } from "./attention.ts";
import { dropout, type DropoutSource } from "./dropout.ts";
import { type Init, type ParameterSpec, ZEROS } from "./parameters.ts";

/** How a linear layer is kept: torch's `Linear` as `[out, in]`, GPT-2's `Conv1D` as `[in, out]`. */
export type LinearLayout = "in_out" | "out_in";

/** A linear layer that a model has. */
export interface LinearSpec {
  /** `transformer.h.0.attn.c_attn`; its weight is `NAME.weight`. */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly layout: LinearLayout;
}

/** Adds to the result of a linear layer: `[N, in]` -> `[N, out]`, with dropout from a source. */
export type LinearAdapter = (
  rows: Tensor,
  options: { readonly dropout?: DropoutSource | undefined },
) => Tensor;

/** What an attention keeps while a text is continued: keys and values `[B, H, L, K]`. */
export interface Slot {
  readonly name: string;
  /** H. */
  readonly heads: number;
  /** K. */
  readonly width: number;
}

/** Keys and values of a slot. */
export interface KeysAndValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** What {@linkcode Build.attention} needs beside the queries. */
export interface BuildAttention extends KeysAndValues {
  /** The factor on the scores, such as `1 / sqrt(K)`. */
  readonly scale: number;
  /** Whether a query sees no key ahead of it. Default false. */
  readonly causal?: boolean;
  /** Share of the weights that is dropped. Default 0. */
  readonly dropout?: number;
  /** A name that no other attention of the model has: of what is cached and what is dropped. */
  readonly slot: string;
}

/** The model's side of a graph under construction. */
export interface Build {
  readonly graph: TensorGraph;
  /** The same build with `name.` before the names of parameters. */
  at(name: string): Build;
  /**
   * A parameter.
   *
   * @param name Under this build's prefix: `weight`.
   */
  param(name: string, shape: readonly number[], init: Init): Tensor;
  /**
   * `x W + b` over the last axis, and what adapters add to it.
   *
   * @param name The layer's, under this build's prefix; `NAME.weight` and `NAME.bias` are parameters.
   * @param x `[..., in]`.
   * @param options `out`: its width; `layout`: of the weight; `init`: of the weight; `bias`: default true.
   * @returns `[..., out]`.
   */
  linear(
    name: string,
    x: Tensor,
    options: {
      readonly out: number;
      readonly layout: LinearLayout;
      readonly init: Init;
      readonly bias?: boolean;
    },
  ): Tensor;
  /** Drops a share of `x` while the model is trained. `site` is a name that no other dropout of the model has. */
  dropout(x: Tensor, rate: number, site: string): Tensor;
  /**
   * A part of the model whose inner states may be computed again in the backward pass: one layer of the stack.
   *
   * @param inputs Tensors from outside that gradients flow to; parameters need not be among them.
   * @param body Adds the layer, at each call anew, with the build it is given.
   */
  block(
    inputs: readonly Tensor[],
    body: (b: Build, ...inputs: Tensor[]) => readonly Tensor[],
  ): readonly Tensor[];
  /**
   * Scaled dot-product attention under the masks of this build: padding, causality, and the keys that are cached.
   *
   * @param queries `[B, H, T, K]`.
   * @returns `[B, H, T, K]`.
   */
  attention(queries: Tensor, options: BuildAttention): Tensor;
  /**
   * The states whose scores are asked for.
   *
   * @param hidden `[B, T, D]`.
   * @returns All of them, or those of one position a row: `[B, 1, D]`.
   */
  asked(hidden: Tensor): Tensor;
}

/** A block that was added, and how to add it again. */
export interface Segment {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Adds it again, from other inputs and with its randomness from another source. */
  build(inputs: readonly Tensor[], dropout: DropoutSource | undefined): readonly Tensor[];
}

/** Keys and values of the tokens that were read before this run. */
export interface Past {
  /** int32 `[B, L]`: 1 where a place holds a token that may be attended to, else 0. */
  readonly mask: Tensor;
  /** What a slot holds, float32 `[B, H, L, K]`; places that hold nothing yet may have any finite content. */
  of(slot: string): KeysAndValues;
}

/** How a forward pass is to be built. */
export interface BuildOptions {
  /** The tensor of a parameter; asked once or more for each. */
  readonly parameter: (spec: ParameterSpec) => Tensor;
  /** int32 `[B, T]`: 0 where a token is padding, which is not attended to. Absent: none is. */
  readonly attentionMask?: Tensor | undefined;
  /** Randomness of dropout; nothing is dropped where absent. */
  readonly dropout?: DropoutSource | undefined;
  /** Where given, each block adds itself: to be computed again in the backward pass. */
  readonly segments?: Segment[] | undefined;
  /** What is added to the results of linear layers, by their names. */
  readonly adapters?: ReadonlyMap<string, LinearAdapter> | undefined;
  readonly past?: Past | undefined;
  /** Takes the keys and values of this run's own tokens, `[B, H, T, K]`, for the host to keep. */
  readonly keep?: ((slot: Slot, own: KeysAndValues) => void) | undefined;
  /** int32 `[B]`: the one position of each row that is asked for. Absent: all are. */
  readonly askedAt?: Tensor | undefined;
  /** Hears of each linear layer. */
  readonly onLinear?: ((linear: LinearSpec) => void) | undefined;
}

/** A build of a whole model, without a prefix. */
export function newBuild(graph: TensorGraph, options: BuildOptions): Build {
  return new GraphBuild(graph, options, "", new Map());
}

class GraphBuild implements Build {
  readonly graph: TensorGraph;
  readonly #options: BuildOptions;
  readonly #prefix: string;
  /** Masks by what they are: every layer has the same. */
  readonly #masks: Map<string, Tensor>;

  constructor(
    graph: TensorGraph,
    options: BuildOptions,
    prefix: string,
    masks: Map<string, Tensor>,
  ) {
    this.graph = graph;
    this.#options = options;
    this.#prefix = prefix;
    this.#masks = masks;
  }

  at(name: string): Build {
    return this.#with(this.#options, `${this.#prefix}${name}.`);
  }

  param(name: string, shape: readonly number[], init: Init): Tensor {
    const decay = shape.length > 1;
    return this.#options.parameter({ name: this.#prefix + name, shape, init, decay });
  }

  linear(name: string, x: Tensor, options: Parameters<Build["linear"]>[2]): Tensor {
    const { out, layout, init, bias = true } = options;
    const width = x.shape.at(-1) ?? 0;
    const full = this.#prefix + name;
    this.#options.onLinear?.({ name: full, inputs: width, outputs: out, layout });
    const shape = layout === "in_out" ? [width, out] : [out, width];
    const weight = this.param(`${name}.weight`, shape, init);
    const transB = layout === "out_in";
    const rows = ops.reshape(x, [-1, width]); // [N, in]
    const result = bias // [N, in] x [in, out] -> [N, out]
      ? ops.gemm(rows, { weight, bias: this.param(`${name}.bias`, [out], ZEROS), transB, name })
      : ops.matmul(rows, weight, { transB, name });
    const adapter = this.#options.adapters?.get(full);
    const adapted = adapter === undefined ? result : ops.add(result, adapter(rows, this.#options));
    return ops.reshape(adapted, [...x.shape.slice(0, -1), out]);
  }

  dropout(x: Tensor, rate: number, site: string): Tensor {
    return dropout(x, { rate, site, source: this.#options.dropout });
  }

  block(
    inputs: readonly Tensor[],
    body: (b: Build, ...inputs: Tensor[]) => readonly Tensor[],
  ): readonly Tensor[] {
    const scope = this.#prefix.slice(0, -1).replaceAll(".", "/");
    const outputs = this.graph.scope(scope, () => body(this, ...inputs));
    this.#options.segments?.push({
      inputs,
      outputs,
      build: (again, source) => {
        const options = { ...this.#options, dropout: source, segments: undefined };
        return this.graph.scope(scope, () => body(this.#with(options), ...again));
      },
    });
    return outputs;
  }

  attention(queries: Tensor, options: BuildAttention): Tensor {
    const { keys, values, scale, causal = false, slot, dropout: rate = 0 } = options;
    const [, heads = 0, length = 0, width = 0] = queries.shape;
    const { past, keep, dropout: source } = this.#options;
    keep?.({ name: slot, heads, width }, { keys, values });
    return attention(queries, {
      keys,
      values,
      scale,
      causal,
      bias: this.#bias(causal && length > 1 ? length : 0),
      past: past && {
        ...past.of(slot),
        bias: this.#mask("past", () => paddingBias(past.mask)),
      },
      dropout: { rate, site: `${slot}/weights`, source },
    });
  }

  asked(hidden: Tensor): Tensor {
    const { askedAt } = this.#options;
    if (askedAt === undefined) return hidden;
    const [batch = 0, length = 0, width = 0] = hidden.shape;
    const starts = this.graph.constant(Int32Array.from({ length: batch }, (_, i) => i * length), {
      type: "int32",
      shape: [batch],
      name: "row_starts",
    });
    const rows = ops.reshape(hidden, [batch * length, width]);
    return ops.reshape(ops.gather(rows, ops.add(starts, askedAt)), [batch, 1, width]);
  }

  /** What is added to scores: the sum of causality over `length` tokens (0: none) and of padding. */
  #bias(length: number): Tensor | undefined {
    const { attentionMask } = this.#options;
    const causal = length === 0
      ? undefined
      : this.#mask(`causal ${length}`, () => causalBias(this.graph, length));
    const padding = attentionMask &&
      this.#mask("padding", () => paddingBias(attentionMask));
    return causal === undefined || padding === undefined ? causal ?? padding : this.#mask(
      `causal ${length} padding`,
      () => ops.add(causal, padding, { name: "attention_bias" }),
    );
  }

  #mask(key: string, make: () => Tensor): Tensor {
    const known = this.#masks.get(key) ?? make();
    this.#masks.set(key, known);
    return known;
  }

  #with(options: BuildOptions, prefix = this.#prefix): GraphBuild {
    return new GraphBuild(this.graph, options, prefix, this.#masks);
  }
}
