/**
 * What an architecture is: one file that says how its config.json reads, which heads it has, and the arithmetic
 * of its forward pass over a {@linkcode Build}. Names, shapes and first values of parameters stand in that pass
 * alone: they are recorded by running it once (`open.ts`).
 *
 * B batch, T tokens, V vocabulary, C classes.
 *
 * @module
 */
import type { z } from "zod";
import type { JsonObject } from "../base/json.ts";
import type { Tensor } from "../graph/ir/tensor.ts";
import type { Build } from "./build/build.ts";

/** What a model is trained to do. */
export const TASKS = [
  "causal_lm",
  "masked_lm",
  "permutation_lm",
  "seq2seq_lm",
  "sequence_classification",
] as const;

/** A name in {@linkcode TASKS}. */
export type Task = typeof TASKS[number];

/** What a forward pass reads, by the names of transformers: `input_ids`, `attention_mask`, `position_ids`. */
export type Inputs = Readonly<Record<string, Tensor>>;

/** The models of one `model_type`. A file of this room exports one; `registry.ts` lists them. */
export interface Architecture {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** How people write its name: `GPT-2`. */
  readonly title: string;
  /** Fields of config.json that matter, with defaults, bounds and documentation. */
  readonly config: z.ZodObject;
  /** Task -> the class in `architectures` of config.json, as transformers names it. */
  readonly heads: Readonly<Partial<Record<Task, string>>>;
  /** Layers that get an adapter where nobody says which, by the end of their names, as peft has them. */
  readonly loraTargets: readonly string[];
  /**
   * Makes a model of a config.
   *
   * @throws {UserError} for fields that are wrong or that cannot be computed.
   */
  open(config: JsonObject, task: Task): Model;
}

/** A model without its weights. */
export interface Model {
  /** Content of config.json, with every default written out. */
  readonly config: JsonObject;
  /** Inputs that a batch of its task has to bring. `attention_mask` is heeded wherever it is; a model that can be continued reads `position_ids`, too, where they are. */
  readonly fields: readonly string[];
  readonly vocabSize: number;
  /** Longest sequence it can read; absent where positions are relative. */
  readonly maxPositions?: number;
  /** C, of a classifier. */
  readonly classes?: number;
  /** How its checkpoints name things. */
  readonly names: CheckpointNames;
  /**
   * Adds the forward pass to a graph.
   *
   * @returns Logits: float32 `[B, T, V]`, or `[B, C]` of a classifier. Where the build asks for the scores of one
   * position a row, `[B, 1, V]`.
   */
  forward(b: Build, inputs: Inputs): Tensor;
  /** How it is continued; absent where it isn't. */
  readonly decoding?: Decoding;
}

/** How a model is continued token by token. Its caches are recorded from `forward`, as its parameters are. */
export interface Decoding {
  /** What the first step reads: the prompt itself. */
  readonly starts: "prompt";
}

/** How the checkpoints of an architecture name things. */
export interface CheckpointNames {
  /** Prefix of the base model, which files may lack: `transformer.`. */
  readonly prefix: string;
  /** Tensors that are no parameters of this head and are passed over. */
  readonly ignored: readonly RegExp[];
  /** Parameters outside the base model, which never have the prefix. */
  readonly heads: readonly string[];
  /** Names of tied copies -> the parameter they are tied to. */
  readonly tied: Readonly<Record<string, string>>;
}
