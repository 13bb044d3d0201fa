/**
 * Training state in arrays of the host, for the native and the WebAssembly engine.
 *
 * Parameters, gradients and both moments are arenas of one layout. A program's gradients are fetched
 * right into the gradient arena. The optimizer is an elementwise graph over chunks of the arenas, whose
 * results are fetched into the arrays it was fed with: the native engine updates them in place, the
 * WebAssembly engine copies.
 *
 * @module
 */
import { InternalError } from "../errors.ts";
import { Graph } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { adamwGraph, adamwStep } from "../optim/adamw.ts";
import { clipFactor } from "../optim/clip.ts";
import {
  type AnyTensor,
  type Engine,
  float32,
  type HostTensor,
  type Session,
} from "../runtime/session.ts";
import { type Arena, type ArenaLayout, makeArena, viewOf } from "./arena.ts";
import { gradientOutput, LOSS_OUTPUT, type TrainingProgram } from "./program.ts";
import type { OptimizerSettings, TrainingState } from "./state.ts";

/**
 * Elements of a chunk of the optimizer: few enough that what is computed between stays in the cache;
 * a call for each chunk costs about a tenth of a millisecond.
 */
const CHUNK = 1 << 18;

/** A piece of the arenas, with one factor of weight decay. */
interface Chunk {
  readonly size: number;
  /** When it begins to be trained. */
  readonly group: number;
  readonly weightDecay: number;
  readonly parameter: HostTensor;
  readonly gradient: HostTensor;
  readonly addend: HostTensor | undefined;
  readonly m: HostTensor;
  readonly v: HostTensor;
}

/**
 * Makes the state of a run.
 *
 * @param engine One that fetches into host arrays.
 * @param options `layout`, and `parameters`: the arena with the first weights, which is updated; `frozen`: those
 * that are not trained.
 */
export function openHostState(
  engine: Engine,
  options: {
    readonly layout: ArenaLayout;
    readonly parameters: Arena;
    readonly frozen?: Arena;
    readonly settings: OptimizerSettings;
  },
): TrainingState {
  const { layout, parameters, frozen, settings } = options;
  const gradients = makeArena(layout);
  // Where batches are summed up, each but the first puts its gradients here first.
  const addends = settings.accumulation > 1 ? makeArena(layout) : undefined;
  const moments = [makeArena(layout), makeArena(layout)] as const;
  const chunks = cut(layout, settings.weightDecay, {
    parameter: parameters.values,
    gradient: gradients.values,
    addend: addends?.values,
    m: moments[0].values,
    v: moments[1].values,
  });
  const feeds = Object.fromEntries([...parameters.tensors, ...frozen?.tensors ?? []]);
  const loss = float32(new Float32Array(1), []);
  // Updates before each group that is trained began to be.
  const begun = [0];
  const fetchesOf = (arena: Arena): Record<string, HostTensor> => ({
    ...Object.fromEntries(
      layout.places.filter(({ group }) => group < begun.length)
        .map(({ name }) => [gradientOutput(name), viewOf(arena, name)]),
    ),
    [LOSS_OUTPUT]: loss,
  });
  let fetches = fetchesOf(gradients);
  let addendFetches = addends && fetchesOf(addends);
  const sessions = sessionCache(engine);
  let batches = 0;

  return {
    engine,
    feeds: (): Readonly<Record<string, AnyTensor>> => feeds,
    async accumulate(
      program: TrainingProgram,
      inputs: Readonly<Record<string, HostTensor>>,
    ): Promise<number> {
      const first = batches++ === 0;
      const target = first || addendFetches === undefined ? fetches : addendFetches;
      await program.session.run({ ...feeds, ...inputs }, target);
      for (const { size, group, gradient, addend } of first ? [] : chunks) {
        if (addend === undefined || group >= begun.length) continue;
        const session = await sessions.get("sum", size);
        await session.run({ sum: gradient, addend }, { result: gradient });
      }
      return loss.data[0]!;
    },
    async update({ step, learningRate }): Promise<number> {
      batches = 0;
      const norm = Math.sqrt(sumOfSquares(gradients.values));
      if (!Number.isFinite(norm)) return norm;
      const scale = clipFactor(norm, settings.maxGradNorm);
      const scalarsOf = (weightDecay: number): Record<string, HostTensor>[] =>
        begun.map((before) =>
          adamwStep({ ...settings, step: step - before, learningRate, weightDecay, scale })
        );
      const decayed = scalarsOf(settings.weightDecay);
      const others = scalarsOf(0);
      for (const { size, group, weightDecay, parameter, gradient, m, v } of chunks) {
        const scalars = (weightDecay === 0 ? others : decayed)[group];
        if (scalars === undefined) continue;
        const session = await sessions.get("adamw", size);
        await session.run(
          { parameter, gradient, m, v, ...scalars },
          { new_parameter: parameter, new_m: m, new_v: v },
        );
      }
      return norm;
    },
    unfreeze({ updates }): void {
      if (begun.length >= layout.groups) {
        throw new InternalError("there is no further group to train");
      }
      begun.push(updates);
      fetches = fetchesOf(gradients);
      addendFetches = addends && fetchesOf(addends);
    },
    download: (): Promise<Map<string, HostTensor<"float32">>> =>
      Promise.resolve(new Map([...parameters.tensors, ...frozen?.tensors ?? []])),
    release: (): Promise<void> => sessions.release(),
  };
}

/** Cuts the arenas into chunks, each within a range of the layout. */
function cut(
  layout: ArenaLayout,
  weightDecay: number,
  arenas: {
    readonly parameter: Float32Array<ArrayBuffer>;
    readonly gradient: Float32Array<ArrayBuffer>;
    readonly addend: Float32Array<ArrayBuffer> | undefined;
    readonly m: Float32Array<ArrayBuffer>;
    readonly v: Float32Array<ArrayBuffer>;
  },
): Chunk[] {
  const chunks: Chunk[] = [];
  for (const { begin: from, end, decay, group } of layout.ranges) {
    for (let begin = from; begin < end; begin += CHUNK) {
      const size = Math.min(CHUNK, end - begin);
      const piece = (values: Float32Array<ArrayBuffer>): HostTensor =>
        float32(values.subarray(begin, begin + size), [size]);
      chunks.push({
        size,
        group,
        weightDecay: decay ? weightDecay : 0,
        parameter: piece(arenas.parameter),
        gradient: piece(arenas.gradient),
        addend: arenas.addend && piece(arenas.addend),
        m: piece(arenas.m),
        v: piece(arenas.v),
      });
    }
  }
  return chunks;
}

/** Compiled optimizer graphs by size: full chunks and the two ends are at most three sizes. */
function sessionCache(engine: Engine): {
  get(kind: "adamw" | "sum", size: number): Promise<Session>;
  release(): Promise<void>;
} {
  const sessions = new Map<string, Promise<Session>>();
  return {
    get(kind: "adamw" | "sum", size: number): Promise<Session> {
      const key = `${kind} ${size}`;
      let session = sessions.get(key);
      if (session === undefined) {
        const graph = kind === "sum" ? sumGraph(size) : adamwGraph([size]);
        session = engine.createSession(graph.toOnnx({ target: engine.name }));
        sessions.set(key, session);
      }
      return session;
    },
    async release(): Promise<void> {
      for (const session of sessions.values()) await (await session).release();
      sessions.clear();
    },
  };
}

function sumGraph(size: number): Graph {
  const graph = new Graph("sum");
  const sum = graph.input("sum", { type: "float32", shape: [size] });
  const addend = graph.input("addend", { type: "float32", shape: [size] });
  graph.output("result", ops.add(sum, addend));
  return graph;
}

/** In double precision, in a fixed order, so that it does not depend on the number of threads. */
function sumOfSquares(values: Float32Array): number {
  let a = 0, b = 0, c = 0, d = 0;
  // Arenas have a multiple of 16 elements. Four sums keep the processor's adders busy.
  for (let i = 0; i < values.length; i += 4) {
    a += values[i]! * values[i]!;
    b += values[i + 1]! * values[i + 1]!;
    c += values[i + 2]! * values[i + 2]!;
    d += values[i + 3]! * values[i + 3]!;
  }
  return a + b + (c + d);
}
