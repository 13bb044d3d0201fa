/**
 * Training state in the memory of a device, for the WebGPU engine: parameters, gradients and moments
 * never leave it; each step brings over a batch and takes back the loss and the gradients' norm.
 *
 * A buffer cannot be read and written by one run, so parameters and moments (and summed gradients, where
 * batches are accumulated) exist twice, and each update goes from one copy to the other.
 *
 * @module
 */
import { Graph } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { adamwScalars, adamwStep, adamwUpdate } from "../optim/adamw.ts";
import { clipFactor, sumOfSquares } from "../optim/clip.ts";
import {
  type AnyTensor,
  type DeviceMemory,
  type DeviceTensor,
  type Engine,
  float32,
  type HostTensor,
  type Session,
} from "../runtime/session.ts";
import { type Arena, type ArenaLayout, viewOf } from "./arena.ts";
import { gradientOutput, LOSS_OUTPUT, type TrainingProgram } from "./program.ts";
import type { OptimizerSettings, TrainingState } from "./state.ts";

/** Tensors of a device by parameter name. */
type Tensors = Readonly<Record<string, DeviceTensor>>;

/** A graph that is compiled when it is first run. */
type Lazy = () => Promise<Session>;

/**
 * Makes the state of a run.
 *
 * @param engine An engine with memory.
 * @param options As for `openState`; the parameters are copied to the device.
 */
export function openDeviceState(
  engine: Engine,
  options: {
    readonly memory: DeviceMemory;
    readonly layout: ArenaLayout;
    readonly parameters: Arena;
    readonly settings: OptimizerSettings;
  },
): TrainingState {
  const { memory, layout, settings } = options;
  const allocated: DeviceTensor[] = [];
  const allocate = (): Tensors =>
    Object.fromEntries(layout.places.map(({ name, shape }) => {
      const tensor = memory.allocate("float32", shape);
      allocated.push(tensor);
      return [name, tensor];
    }));
  const twice = (): [Tensors, Tensors] => [allocate(), allocate()];
  let [now, next] = twice();
  for (const { name } of layout.places) {
    memory.upload(now[name]!, viewOf(options.parameters, name).data);
  }
  let [m, nextM] = twice();
  let [v, nextV] = twice();
  const accumulates = settings.accumulation > 1;
  let gradients = allocate();
  let spare = accumulates ? allocate() : gradients;
  const addends = accumulates ? allocate() : gradients;

  const sessions: Session[] = [];
  const lazy = (graph: () => Graph): Lazy => {
    let session: Promise<Session> | undefined;
    return () =>
      session ??= engine.createSession(graph().toOnnx({ target: engine.name }))
        .then((made) => (sessions.push(made), made));
  };
  const adder = lazy(() => sumGraph(layout));
  const norms = lazy(() => normGraph(layout));
  const adamw = lazy(() => updateGraph(layout));
  const loss = float32(new Float32Array(1), []);
  const squares = float32(new Float32Array(1), []);
  let batches = 0;

  return {
    engine,
    feeds: (): Readonly<Record<string, AnyTensor>> => now,
    async accumulate(
      program: TrainingProgram,
      inputs: Readonly<Record<string, HostTensor>>,
    ): Promise<number> {
      const first = batches++ === 0;
      const target = first ? gradients : addends;
      await program.session.run({ ...now, ...inputs }, {
        ...renamed(target, gradientOutput),
        [LOSS_OUTPUT]: loss,
      });
      if (!first) {
        await (await adder()).run(
          { ...prefixed("sum", gradients), ...prefixed("addend", addends) },
          prefixed("result", spare),
        );
        [gradients, spare] = [spare, gradients];
      }
      return loss.data[0]!;
    },
    async update({ step, learningRate }): Promise<number> {
      batches = 0;
      const gradient = prefixed("gradient", gradients);
      await (await norms()).run(gradient, { squares });
      const norm = Math.sqrt(squares.data[0]!);
      if (!Number.isFinite(norm)) return norm;
      const scale = clipFactor(norm, settings.maxGradNorm);
      await (await adamw()).run(
        {
          ...prefixed("parameter", now),
          ...gradient,
          ...prefixed("m", m),
          ...prefixed("v", v),
          ...adamwStep({ ...settings, step, learningRate, scale }),
        },
        {
          ...prefixed("new_parameter", next),
          ...prefixed("new_m", nextM),
          ...prefixed("new_v", nextV),
        },
      );
      [now, next] = [next, now];
      [m, nextM] = [nextM, m];
      [v, nextV] = [nextV, v];
      return norm;
    },
    async download(): Promise<Map<string, HostTensor<"float32">>> {
      const copies = new Map<string, HostTensor<"float32">>();
      for (const [name, tensor] of Object.entries(now)) {
        copies.set(name, await memory.download(tensor) as HostTensor<"float32">);
      }
      return copies;
    },
    async release(): Promise<void> {
      for (const session of sessions) await session.release();
      for (const tensor of allocated) memory.release(tensor);
    },
  };
}

function renamed(tensors: Tensors, rename: (name: string) => string): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, t]) => [rename(name), t]));
}

function prefixed(role: string, tensors: Tensors): Tensors {
  return renamed(tensors, (name) => `${role}/${name}`);
}

/** `result = sum + addend` for each parameter. */
function sumGraph({ places }: ArenaLayout): Graph {
  const graph = new Graph("sum");
  for (const { name, shape } of places) {
    const sum = graph.input(`sum/${name}`, { type: "float32", shape });
    const addend = graph.input(`addend/${name}`, { type: "float32", shape });
    graph.output(`result/${name}`, ops.add(sum, addend));
  }
  return graph;
}

/** The sum of the squares of all gradients. */
function normGraph({ places }: ArenaLayout): Graph {
  const graph = new Graph("norm");
  const squares = places.map(({ name, shape }) =>
    sumOfSquares(graph.input(`gradient/${name}`, { type: "float32", shape }))
  );
  graph.output("squares", squares.reduce((sum, part) => ops.add(sum, part)));
  return graph;
}

/** AdamW for every parameter; those after the decayed ones keep all of their value. */
function updateGraph({ places, decayed }: ArenaLayout): Graph {
  const graph = new Graph("adamw");
  const scalars = adamwScalars(graph);
  const one = graph.constant(Float32Array.of(1), { type: "float32", shape: [] });
  for (const { name, shape, offset } of places) {
    const input = (role: string): Tensor =>
      graph.input(`${role}/${name}`, { type: "float32", shape });
    const updated = adamwUpdate(
      { parameter: input("parameter"), m: input("m"), v: input("v") },
      {
        gradient: input("gradient"),
        scalars: offset < decayed ? scalars : { ...scalars, keep: one },
      },
    );
    graph.output(`new_parameter/${name}`, updated.parameter);
    graph.output(`new_m/${name}`, updated.m);
    graph.output(`new_v/${name}`, updated.v);
  }
  return graph;
}
