/**
 * Training state in arrays of the host, for the native and the WebAssembly engine.
 *
 * Parameters, gradients and what the optimizer keeps are arenas of one layout. A program's gradients are
 * fetched right into the gradient arena. The optimizer is a graph over pieces of the arenas, whose results
 * are fetched into the arrays it was fed with: both engines update them in place, the WebAssembly engine where
 * there was room for them in its memory; it copies the others in and out.
 *
 * @module
 */
import { toOnnx } from "../../graph/onnx/compile.ts";
import { InternalError } from "../../base/errors.ts";
import { Graph } from "../../graph/ir/graph.ts";
import * as ops from "../../graph/ops/mod.ts";
import { clipFactor } from "../../optim/clip.ts";
import { optimizerGraph, scalarFeeds } from "../../optim/optimizer.ts";
import {
  type AnyTensor,
  type Engine,
  float32,
  type HostTensor,
  type Session,
} from "../../runtime/session/session.ts";
import { type Arena, arenaIn, type ArenaLayout, makeArena, viewOf } from "./arena.ts";
import { type PersistentArray, persistentViews, unsharedArray } from "./persistent.ts";
import { gradientNorm } from "./gradient_norm.ts";
import { gradientOutput, LOSS_OUTPUT, type TrainingProgram } from "../program/program.ts";
import { optimizerPieces, sumPieces } from "./optimizer_pieces.ts";
import type { OptimizerSettings, StepFigures, TrainingState } from "./state.ts";

/**
 * Makes the state of a run.
 *
 * @param engine One that fetches into host arrays.
 * @param options `layout`, and `parameters`: the arena with the first weights, which is updated, or its copy
 * in the engine's memory is; `frozen`: those
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
  const { layout, frozen, settings } = options;
  const parameters = arenaIn(engine, { layout, arena: options.parameters });
  const gradients = makeArena(layout, engine);
  // Where batches are summed up, each but the first puts its gradients here first.
  const addends = settings.accumulation > 1 ? makeArena(layout, engine) : undefined;
  const { optimizer } = settings;
  const { pieces, slots } = optimizerPieces(layout, { optimizer, parameters, gradients, engine });
  const sums = addends === undefined ? [] : sumPieces(layout, { sum: gradients, addend: addends });
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
  const squares = gradientNorm(engine, gradients.values);
  let batches = 0;
  let lossSum = 0;

  return {
    engine,
    feeds: (): Readonly<Record<string, AnyTensor>> => feeds,
    async accumulate(
      program: TrainingProgram,
      inputs: Readonly<Record<string, HostTensor>>,
    ): Promise<void> {
      const first = batches++ === 0;
      const target = first || addendFetches === undefined ? fetches : addendFetches;
      await program.session.run({ ...feeds, ...inputs }, target);
      for (const { size, group, sum, addend } of first ? [] : sums) {
        if (group >= begun.length) continue;
        const session = await sessions.get(`sum ${size}`, () => sumGraph(size));
        await session.run({ sum, addend }, { result: sum });
      }
      lossSum = first ? loss.data[0]! : lossSum + loss.data[0]!;
    },
    async update({ step, learningRate, lossScale = 1 }): Promise<StepFigures> {
      batches = 0;
      const norm = await squares.norm() / lossScale;
      const figures = { loss: lossSum, norm };
      if (!Number.isFinite(norm)) return figures;
      const scale = clipFactor(norm, settings.maxGradNorm) / lossScale;
      const scalarsOf = (decayed: boolean): Record<string, HostTensor>[] =>
        begun.map((before) =>
          scalarFeeds(optimizer, { step: step - before, learningRate, scale, decayed })
        );
      const [others, decayed] = [scalarsOf(false), scalarsOf(true)];
      for (const { shape, group, decay, feeds, fetches } of pieces) {
        const scalars = (decay ? decayed : others)[group];
        if (scalars === undefined) continue;
        const session = await sessions.get(
          `update ${shape.join("x")}`,
          () => optimizerGraph(optimizer, shape),
        );
        await session.run({ ...feeds, ...scalars }, fetches);
      }
      return figures;
    },
    unfreeze({ updates }): void {
      if (begun.length >= layout.groups) {
        throw new InternalError("there is no further group to train");
      }
      begun.push(updates);
      fetches = fetchesOf(gradients);
      addendFetches = addends && fetchesOf(addends);
    },
    begun,
    persistent: (): PersistentArray[] =>
      persistentViews(new Map([...slots, ["parameter", parameters.tensors]])),
    download: (): Promise<Map<string, HostTensor<"float32">>> =>
      Promise.resolve(
        new Map([...unshared(parameters.tensors), ...frozen?.tensors ?? []]),
      ),
    async release(): Promise<void> {
      await squares.release();
      await sessions.release();
    },
  };
}

/** Copies of what lies in an engine's memory. */
function unshared(
  tensors: ReadonlyMap<string, HostTensor<"float32">>,
): Map<string, HostTensor<"float32">> {
  return new Map(
    [...tensors].map(([name, { dims, data }]) => [name, float32(unsharedArray(data), dims)]),
  );
}

/** Compiled graphs of the optimizer, by what they are. */
function sessionCache(engine: Engine): {
  get(key: string, graph: () => Graph): Promise<Session>;
  release(): Promise<void>;
} {
  const sessions = new Map<string, Promise<Session>>();
  return {
    get(key: string, graph: () => Graph): Promise<Session> {
      let session = sessions.get(key);
      if (session === undefined) {
        session = engine.createSession(toOnnx(graph(), { target: engine.name }));
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
