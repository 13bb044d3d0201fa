/**
 * The graphs that decoding and scoring run, compiled for one shape each and kept for the next batch.
 * B sequences, T tokens, L cached places, H heads, K width of a head, V vocabulary.
 *
 * @module
 */
import { toOnnx } from "../../graph/onnx/compile.ts";
import { Graph } from "../../graph/ir/graph.ts";
import * as ops from "../../graph/ops/mod.ts";
import type { Tensor } from "../../graph/ir/tensor.ts";
import type { CausalLm } from "../../models/causal_lm.ts";
import { parameterConstants, parameterInputs } from "../../models/parameters.ts";
import type { AnyTensor, Engine, Session } from "../../runtime/session/session.ts";

/** The parameters of a model, as an engine wants them. */
export interface Weights {
  readonly model: CausalLm;
  /** Declares the parameters in a graph. */
  declare(graph: Graph): Map<string, Tensor>;
  /** What each run is fed with; empty where the graph holds them. */
  readonly feeds: Readonly<Record<string, AnyTensor>>;
  /** How many sessions there may be at once: each of them may hold all parameters. */
  readonly mostSessions: number;
}

/** Sessions kept for the shapes that come back; every one of them holds memory for its activations. */
const MOST_SESSIONS = 8;

/** Bytes of parameters inside of sessions: WebAssembly addresses 4 GiB, and a session needs room to start. */
const MOST_PARAMETER_BYTES = 2 ** 30;

/** Parameters by checkpoint name. */
export type ParameterArrays = ReadonlyMap<string, { readonly data: Float32Array<ArrayBuffer> }>;

/**
 * Gives parameters to an engine: native code reads the host's arrays where they are, WebGPU gets a
 * copy in its memory, WebAssembly gets them inside of the graph, since it would copy them at each run.
 *
 * @param tensors Every parameter of the model.
 * @returns The weights, and what frees the device's copies.
 */
export function placeWeights(
  tensors: ParameterArrays,
  options: { readonly model: CausalLm; readonly engine: Engine },
): Weights & { release(): void } {
  const { model, engine } = options;
  const specs = model.parameters;
  const { memory } = engine;
  if (engine.name === "wasm") {
    const bytes = specs.reduce((sum, { name }) => sum + tensors.get(name)!.data.byteLength, 0);
    const fitting = Math.floor(MOST_PARAMETER_BYTES / bytes);
    return {
      model,
      feeds: {},
      mostSessions: Math.max(1, Math.min(fitting, MOST_SESSIONS)),
      declare: (graph) => parameterConstants(graph, specs, (name) => tensors.get(name)!.data),
      release: () => {},
    };
  }
  const feeds: Record<string, AnyTensor> = {};
  const release: (() => void)[] = [];
  for (const { name, shape } of specs) {
    const { data } = tensors.get(name)!;
    if (memory === undefined) {
      feeds[name] = { type: "float32", dims: shape, data };
    } else {
      const tensor = memory.allocate("float32", shape);
      memory.upload(tensor, data);
      feeds[name] = tensor;
      release.push(() => memory.release(tensor));
    }
  }
  return {
    model,
    feeds,
    mostSessions: MOST_SESSIONS,
    declare: (graph) => parameterInputs(graph, specs),
    release: () => release.forEach((free) => free()),
  };
}

/** Sessions by shape, compiled when asked for; a new one replaces the one that was used longest ago. */
export class Programs {
  readonly engine: Engine;
  readonly weights: Weights;
  /** The one used last comes last. */
  readonly #sessions = new Map<string, Session>();

  constructor(engine: Engine, weights: Weights) {
    this.engine = engine;
    this.weights = weights;
  }

  /**
   * Reads prompts: `input_ids` int32 [B, T] padded on the right and `last` int32 [B], the place of each
   * row's last token -> `logits` [B, V] there. With `keep`, also `key.i` and `value.i` [B, H, T, K].
   */
  prefill(shape: { batch: number; length: number; keep: boolean }): Promise<Session> {
    const { batch, length, keep } = shape;
    return this.#session(`prefill ${batch} ${length} ${keep}`, (graph, params) => {
      const inputIds = graph.input("input_ids", { type: "int32", shape: [batch, length] });
      const last = graph.input("last", { type: "int32", shape: [batch] });
      const { logits, present } = this.weights.model.decode(graph, {
        params,
        inputIds,
        logitsAt: last,
      });
      graph.output("logits", logits);
      if (keep) outputPresent(graph, present);
    });
  }

  /**
   * Reads one token a row: `input_ids` and `position_ids` int32 [B, 1], `past_mask` int32 [B, L],
   * `past_key.i` and `past_value.i` [B, H, L, K] -> `logits` [B, V], `key.i` and `value.i` [B, H, 1, K].
   */
  step(shape: { batch: number; capacity: number }): Promise<Session> {
    const { batch, capacity } = shape;
    const { layers, heads, headWidth } = this.weights.model.cache;
    return this.#session(`step ${batch} ${capacity}`, (graph, params) => {
      const inputIds = graph.input("input_ids", { type: "int32", shape: [batch, 1] });
      const positionIds = graph.input("position_ids", { type: "int32", shape: [batch, 1] });
      const mask = graph.input("past_mask", { type: "int32", shape: [batch, capacity] });
      const cached = (part: string): Tensor[] =>
        Array.from({ length: layers }, (_, layer) =>
          graph.input(`past_${part}.${layer}`, {
            type: "float32",
            shape: [batch, heads, capacity, headWidth],
          }));
      const past = { keys: cached("key"), values: cached("value"), mask };
      const { logits, present } = this.weights.model.decode(graph, {
        params,
        inputIds,
        positionIds,
        past,
        logitsAt: "last",
      });
      graph.output("logits", logits);
      outputPresent(graph, present);
    });
  }

  /**
   * Scores tokens: `input_ids` int32 [B, T] padded on the right, `labels` int32 [B, T] with the token
   * that follows each, or -100 -> `losses` [B T], negative log-likelihoods, 0 without a label.
   */
  score(shape: { batch: number; length: number }): Promise<Session> {
    const { batch, length } = shape;
    return this.#session(`score ${batch} ${length}`, (graph, params) => {
      const inputIds = graph.input("input_ids", { type: "int32", shape: [batch, length] });
      const labels = graph.input("labels", { type: "int32", shape: [batch, length] });
      const logits = this.weights.model.forward(graph, { params, inputIds });
      const rows = ops.reshape(logits, [batch * length, this.weights.model.vocabSize]);
      graph.output("losses", ops.crossEntropy(rows, { labels: ops.reshape(labels, [-1]) }));
    });
  }

  /** Frees every session. */
  async release(): Promise<void> {
    for (const key of [...this.#sessions.keys()]) await this.#drop(key);
  }

  async #drop(key: string): Promise<void> {
    const session = this.#sessions.get(key);
    this.#sessions.delete(key);
    await session?.release();
  }

  async #session(
    key: string,
    build: (graph: Graph, params: Map<string, Tensor>) => void,
  ): Promise<Session> {
    let session = this.#sessions.get(key);
    this.#sessions.delete(key);
    if (session === undefined) {
      // Before the new one is made, for there may not be room for both.
      const [oldest] = this.#sessions.keys();
      if (oldest !== undefined && this.#sessions.size >= this.weights.mostSessions) {
        await this.#drop(oldest);
      }
      const graph = new Graph(key.split(" ")[0]);
      build(graph, this.weights.declare(graph));
      session = await this.engine.createSession(toOnnx(graph, { target: this.engine.name }));
    }
    this.#sessions.set(key, session);
    return session;
  }
}

function outputPresent(
  graph: Graph,
  present: { readonly keys: readonly Tensor[]; readonly values: readonly Tensor[] },
): void {
  present.keys.forEach((keys, layer) => graph.output(`key.${layer}`, keys));
  present.values.forEach((values, layer) => graph.output(`value.${layer}`, values));
}
