/**
 * What the rooms above need to know of an architecture, whichever it is: a causal language model and a
 * sequence classifier without their weights. A family opens a config.json as one of them; what it keeps
 * of the config stays inside.
 *
 * B batch, T tokens, H heads, K width of a head, L cached positions, V vocabulary, C classes.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import type { TensorGraph } from "../graph/ir/tensor.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import type { CheckpointNames } from "../checkpoint/load.ts";
import type { DropoutSource } from "./dropout.ts";
import type { LinearAdapter } from "./layers.ts";
import type { ParameterSpec } from "./parameters.ts";

/** A model without its weights. */
export interface Model {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** Content of config.json, with every default written out. */
  readonly config: JsonObject;
  /** The trainable parameters in the reference's order. */
  readonly parameters: readonly ParameterSpec[];
  /** How its checkpoints name things. */
  readonly names: CheckpointNames;
  /** Linear layers of its blocks, which adapters can be put beside: `transformer.h.0.attn.c_attn`. */
  readonly linearModules: readonly string[];
  readonly vocabSize: number;
  /** Longest sequence it can read. */
  readonly positions: number;
  /** Adds its forward pass to a graph and gives its logits. */
  forward(graph: TensorGraph, inputs: ForwardInputs): Tensor;
}

/** What a forward pass is built from. */
export interface ForwardInputs {
  /** Parameters by checkpoint name. */
  readonly params: ReadonlyMap<string, Tensor>;
  /** int32 `[B, T]`. */
  readonly inputIds: Tensor;
  /** int32 `[B, T]`: 0 where a token is padding, which is not attended to. Absent: none is. */
  readonly attentionMask?: Tensor | undefined;
  /** Randomness of dropout; nothing is dropped where absent. */
  readonly dropout?: DropoutSource | undefined;
  /** Where given, each block adds itself: to be computed again in the backward pass. */
  readonly segments?: Segment[] | undefined;
  /** What is added to the results of linear layers, by `linearModules`. */
  readonly adapters?: ReadonlyMap<string, LinearAdapter> | undefined;
}

/** A part of a forward pass, from one tensor to one tensor, that can be added to the graph again. */
export interface Segment {
  readonly input: Tensor;
  readonly output: Tensor;
  /** Adds it again, for another input and with its randomness from another source. */
  build(input: Tensor, dropout: DropoutSource | undefined): Tensor;
}

/** A model that predicts each next token: `forward` gives float32 `[B, T, V]`. */
export interface CausalLm extends Model {
  /** The shape of what decoding keeps: keys and values `[B, H, L, K]` a layer. */
  readonly cache: { readonly layers: number; readonly heads: number; readonly headWidth: number };
  /** The forward pass with all that decoding asks for. */
  decode(graph: TensorGraph, inputs: DecodeInputs): DecodeOutputs;
}

/** A model that puts a sequence into a class: `forward` gives float32 `[B, C]`. */
export interface SequenceClassifier extends Model {
  /** C. */
  readonly classes: number;
}

/** Keys and values of the tokens read before this run, kept by the host between runs. */
export interface PastKeyValues {
  /** A tensor a layer, float32 `[B, H, L, K]`; slots that hold nothing yet may have any finite content. */
  readonly keys: readonly Tensor[];
  /** Likewise the values. */
  readonly values: readonly Tensor[];
  /** int32 `[B, L]`: 1 where a slot holds a token that may be attended to, else 0. */
  readonly mask: Tensor;
}

/** What a forward pass for decoding is built from. */
export interface DecodeInputs extends ForwardInputs {
  /** int32 `[B, T]`; 0 to T-1 where absent, so it is needed with `past` or padding on the left. */
  readonly positionIds?: Tensor | undefined;
  readonly past?: PastKeyValues | undefined;
  /**
   * Which positions get logits: `all` (default), the `last`, or for each row the one that an int32 `[B]` tensor
   * names (prompts padded on the right to one length end at different positions).
   */
  readonly logitsAt?: "all" | "last" | Tensor | undefined;
}

/** What a forward pass for decoding gives. */
export interface DecodeOutputs {
  /** `[B, T, V]`, or `[B, V]` where `logitsAt` names one position a row. */
  readonly logits: Tensor;
  /** Keys and values of this run's own tokens alone, `[B, H, T, K]` a layer, for the host to keep. */
  readonly present: { readonly keys: readonly Tensor[]; readonly values: readonly Tensor[] };
}

/** The models of one `model_type`, by the class that opens them in transformers. */
export interface ModelFamily {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** Names of the classes, as `architectures` in config.json has them. */
  readonly architectures: { readonly causalLm: string; readonly classifier: string };
  /** Reads a config; throws UserError for settings that are not supported. */
  causalLm(json: JsonObject): CausalLm;
  /** Likewise. */
  classifier(json: JsonObject): SequenceClassifier;
}
