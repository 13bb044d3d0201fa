/**
 * Training state in the memory of a device, for the WebGPU engine: parameters, gradients and moments
 * never leave it; each step brings over a batch and takes back the loss and the gradients' norm.
 *
 * A buffer cannot be read and written by one run, so parameters and moments (and summed gradients, where
 * batches are accumulated) exist twice, and each update goes from one copy to the other.
 *
 * @module
 */
import { InternalError } from "../errors.ts";
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
    readonly frozen?: Arena;
    readonly settings: OptimizerSettings;
  },
): TrainingState {
  const { memory, layout, settings } = options;
  const allocated: DeviceTensor[] = [];
  const allocate = (places: readonly Shaped[] = layout.places): Tensors =>
    Object.fromEntries(places.map(({ name, shape }) => {
      const tensor = memory.allocate("float32", shape);
      allocated.push(tensor);
      return [name, tensor];
    }));
  const twice = (): [Tensors, Tensors] => [allocate(), allocate()];
  let [now, next] = twice();
  for (const { name, group } of layout.places) {
    const { data } = viewOf(options.parameters, name);
    memory.upload(now[name]!, data);
    // The copies change places before this group is trained, too.
    if (group > 0) memory.upload(next[name]!, data);
  }
  const untrained = [...options.frozen?.tensors ?? []];
  const frozen = allocate(untrained.map(([name, { dims }]) => ({ name, shape: dims })));
  for (const [name, { data }] of untrained) memory.upload(frozen[name]!, data);
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
  const groups = Array.from({ length: layout.groups }, (_, number) => {
    const places = layout.places.filter(({ group }) => group === number);
    return {
      names: places.map(({ name }) => name),
      adder: lazy(() => sumGraph(places)),
      norms: lazy(() => normGraph(places)),
      adamw: lazy(() => updateGraph(places)),
      /** Updates before this group began to be trained. */
      before: 0,
    };
  });
  const trained = groups.slice(0, 1);
  const loss = float32(new Float32Array(1), []);
  const squares = float32(new Float32Array(1), []);
  let batches = 0;

  return {
    engine,
    feeds: (): Readonly<Record<string, AnyTensor>> => ({ ...now, ...frozen }),
    async accumulate(
      program: TrainingProgram,
      inputs: Readonly<Record<string, HostTensor>>,
    ): Promise<number> {
      const first = batches++ === 0;
      const target = first ? gradients : addends;
      const names = trained.flatMap((group) => group.names);
      await program.session.run({ ...now, ...frozen, ...inputs }, {
        ...renamed(target, names, gradientOutput),
        [LOSS_OUTPUT]: loss,
      });
      if (!first) {
        for (const { names, adder } of trained) {
          await (await adder()).run(
            { ...prefixed("sum", gradients, names), ...prefixed("addend", addends, names) },
            prefixed("result", spare, names),
          );
        }
        [gradients, spare] = [spare, gradients];
      }
      return loss.data[0]!;
    },
    async update({ step, learningRate }): Promise<number> {
      batches = 0;
      let sum = 0;
      for (const { names, norms } of trained) {
        await (await norms()).run(prefixed("gradient", gradients, names), { squares });
        sum += squares.data[0]!;
      }
      const norm = Math.sqrt(sum);
      if (!Number.isFinite(norm)) return norm;
      const scale = clipFactor(norm, settings.maxGradNorm);
      for (const { names, adamw, before } of trained) {
        await (await adamw()).run(
          {
            ...prefixed("parameter", now, names),
            ...prefixed("gradient", gradients, names),
            ...prefixed("m", m, names),
            ...prefixed("v", v, names),
            ...adamwStep({ ...settings, step: step - before, learningRate, scale }),
          },
          {
            ...prefixed("new_parameter", next, names),
            ...prefixed("new_m", nextM, names),
            ...prefixed("new_v", nextV, names),
          },
        );
      }
      [now, next] = [next, now];
      [m, nextM] = [nextM, m];
      [v, nextV] = [nextV, v];
      return norm;
    },
    unfreeze({ updates }): void {
      const group = groups[trained.length];
      if (group === undefined) throw new InternalError("there is no further group to train");
      group.before = updates;
      trained.push(group);
    },
    async download(): Promise<Map<string, HostTensor<"float32">>> {
      const copies = new Map<string, HostTensor<"float32">>(options.frozen?.tensors);
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

/** What is known of a tensor before it is allocated. */
interface Shaped {
  readonly name: string;
  readonly shape: readonly number[];
}

function renamed(
  tensors: Tensors,
  names: readonly string[],
  rename: (name: string) => string,
): Tensors {
  return Object.fromEntries(names.map((name) => [rename(name), tensors[name]!]));
}

function prefixed(role: string, tensors: Tensors, names: readonly string[]): Tensors {
  return renamed(tensors, names, (name) => `${role}/${name}`);
}

/** `result = sum + addend` for each parameter. */
function sumGraph(places: readonly Shaped[]): Graph {
  const graph = new Graph("sum");
  for (const { name, shape } of places) {
    const sum = graph.input(`sum/${name}`, { type: "float32", shape });
    const addend = graph.input(`addend/${name}`, { type: "float32", shape });
    graph.output(`result/${name}`, ops.add(sum, addend));
  }
  return graph;
}

/** The sum of the squares of all gradients. */
function normGraph(places: readonly Shaped[]): Graph {
  const graph = new Graph("norm");
  const squares = places.map(({ name, shape }) =>
    sumOfSquares(graph.input(`gradient/${name}`, { type: "float32", shape }))
  );
  graph.output("squares", squares.reduce((sum, part) => ops.add(sum, part)));
  return graph;
}

/** AdamW for every parameter; those without weight decay keep all of their value. */
function updateGraph(places: readonly (Shaped & { readonly decay: boolean })[]): Graph {
  const graph = new Graph("adamw");
  const scalars = adamwScalars(graph);
  const one = graph.constant(Float32Array.of(1), { type: "float32", shape: [] });
  for (const { name, shape, decay } of places) {
    const input = (role: string): Tensor =>
      graph.input(`${role}/${name}`, { type: "float32", shape });
    const updated = adamwUpdate(
      { parameter: input("parameter"), m: input("m"), v: input("v") },
      {
        gradient: input("gradient"),
        scalars: decay ? scalars : { ...scalars, keep: one },
      },
    );
    graph.output(`new_parameter/${name}`, updated.parameter);
    graph.output(`new_m/${name}`, updated.m);
    graph.output(`new_v/${name}`, updated.v);
  }
  return graph;
}
