/**
 * The graphs that decoding and scoring run, compiled for one shape each and kept for the next batch. All that
 * decoding knows of a model is here.
 *
 * B rows, T tokens, L cached places, H heads, K width of a head, V vocabulary.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import { toOnnx } from "../../graph/onnx/compile.ts";
import { Graph } from "../../graph/ir/graph.ts";
import * as ops from "../../graph/ops/mod.ts";
import type { Tensor } from "../../graph/ir/tensor.ts";
import type { KeysAndValues, Slot } from "../../models/build/build.ts";
import { type OpenModel, parameterInputs } from "../../models/open.ts";
import type { AnyTensor, Engine, Session } from "../../runtime/session/session.ts";

/** What a run gives, by name. */
export type Outputs = Readonly<Record<string, AnyTensor>>;

/** A compiled graph: all inputs but the parameters -> what it computes. */
export type Program = (inputs: Readonly<Record<string, AnyTensor>>) => Promise<Outputs>;

/** A float32 output that a run gave to the host. */
export function floatsOf(
  outputs: Outputs,
  name: string,
): { readonly data: Float32Array<ArrayBuffer>; readonly dims: readonly number[] } {
  const tensor = outputs[name];
  if (tensor === undefined || !("data" in tensor)) {
    throw new InternalError(`a run returned no ${name} to the host`);
  }
  return { data: tensor.data as Float32Array<ArrayBuffer>, dims: tensor.dims };
}

/** Sessions kept for the shapes that come back; every one of them holds memory for its activations. */
const MOST_SESSIONS = 8;

/** Sessions by shape, compiled when asked for; a new one replaces the one that was used longest ago. */
export class Programs {
  readonly #engine: Engine;
  readonly #model: OpenModel;
  readonly #weights: Outputs;
  /** The one used last comes last. */
  readonly #sessions = new Map<string, Session>();

  /**
   * @param engine Where they run.
   * @param options `model`, and `weights`: its parameters as the engine is fed with them.
   */
  constructor(
    engine: Engine,
    { model, weights }: { readonly model: OpenModel; readonly weights: Outputs },
  ) {
    this.#engine = engine;
    this.#model = model;
    this.#weights = weights;
  }

  /** V. */
  get vocabSize(): number {
    return this.#model.vocabSize;
  }

  /** Most tokens that the model sees at once. */
  get contextLength(): number {
    return this.#model.maxPositions ?? Infinity;
  }

  /** What a cache has to keep. */
  get slots(): readonly Slot[] {
    return this.#model.slots;
  }

  /**
   * Reads prompts: `input_ids` int32 [B, T] padded on the right and `last` int32 [B], the place of each row's last
   * token -> `logits` [B, V] there. With `keep`, also `key.SLOT` and `value.SLOT` [B, H, T, K].
   */
  prefill(shape: { batch: number; length: number; keep: boolean }): Promise<Program> {
    const { batch, length, keep } = shape;
    return this.#program(`prefill ${batch} ${length} ${keep}`, (graph, params) => {
      const inputIds = graph.input("input_ids", { type: "int32", shape: [batch, length] });
      const last = graph.input("last", { type: "int32", shape: [batch] });
      const logits = this.#model.build(graph, { input_ids: inputIds }, {
        params,
        askedAt: last,
        keep: keep ? outputsOf(graph) : undefined,
      });
      graph.output("logits", ops.reshape(logits, [batch, -1]));
    });
  }

  /**
   * Reads one token a row: `input_ids` and `position_ids` int32 [B, 1], `past_mask` int32 [B, L], `past_key.SLOT`
   * and `past_value.SLOT` [B, H, L, K] -> `logits` [B, V], `key.SLOT` and `value.SLOT` [B, H, 1, K].
   */
  step(shape: { batch: number; capacity: number }): Promise<Program> {
    const { batch, capacity } = shape;
    return this.#program(`step ${batch} ${capacity}`, (graph, params) => {
      const inputIds = graph.input("input_ids", { type: "int32", shape: [batch, 1] });
      const positionIds = graph.input("position_ids", { type: "int32", shape: [batch, 1] });
      const mask = graph.input("past_mask", { type: "int32", shape: [batch, capacity] });
      const cached = (part: string, { name, heads, width }: Slot): Tensor =>
        graph.input(`past_${part}.${name}`, {
          type: "float32",
          shape: [batch, heads, capacity, width],
        });
      const past = new Map(this.slots.map((slot) => [
        slot.name,
        { keys: cached("key", slot), values: cached("value", slot) },
      ]));
      const inputs = { input_ids: inputIds, position_ids: positionIds };
      const logits = this.#model.build(graph, inputs, {
        params,
        past: { mask, of: (slot) => past.get(slot)! },
        keep: outputsOf(graph),
      });
      graph.output("logits", ops.reshape(logits, [batch, -1]));
    });
  }

  /**
   * Scores tokens: `input_ids` int32 [B, T] padded on the right, `labels` int32 [B, T] with the token
   * that follows each, or -100 -> `losses` [B T], negative log-likelihoods, 0 without a label.
   */
  score(shape: { batch: number; length: number }): Promise<Program> {
    const { batch, length } = shape;
    return this.#program(`score ${batch} ${length}`, (graph, params) => {
      const inputIds = graph.input("input_ids", { type: "int32", shape: [batch, length] });
      const labels = graph.input("labels", { type: "int32", shape: [batch, length] });
      const logits = this.#model.build(graph, { input_ids: inputIds }, { params });
      const rows = ops.reshape(logits, [batch * length, this.vocabSize]);
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

  async #program(
    key: string,
    build: (graph: Graph, params: Map<string, Tensor>) => void,
  ): Promise<Program> {
    let session = this.#sessions.get(key);
    this.#sessions.delete(key);
    if (session === undefined) {
      // Before the new one is made, for there may not be room for both.
      const [oldest] = this.#sessions.keys();
      if (oldest !== undefined && this.#sessions.size >= MOST_SESSIONS) {
        await this.#drop(oldest);
      }
      const graph = new Graph(key.split(" ")[0]);
      build(graph, parameterInputs(graph, this.#model.parameters));
      const { name: target } = this.#engine;
      session = await this.#engine.createSession(toOnnx(graph, { target }));
    }
    this.#sessions.set(key, session);
    const compiled = session;
    return (inputs) => compiled.run({ ...this.#weights, ...inputs });
  }
}

/** Makes outputs of what a run computed for its own tokens. */
function outputsOf(graph: Graph): (slot: Slot, own: KeysAndValues) => void {
  return ({ name }, { keys, values }) => {
    graph.output(`key.${name}`, keys);
    graph.output(`value.${name}`, values);
  };
}
