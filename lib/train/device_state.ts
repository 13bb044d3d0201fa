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
import { clipFactor, sumOfSquares } from "../optim/clip.ts";
import { type Optimizer, scalarFeeds, scalarInputs } from "../optim/optimizer.ts";
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
import { type PersistentArray, persistentTensors } from "./persistent.ts";
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
  const { optimizer } = settings;
  // What the optimizer keeps, as `slot/parameter`.
  const kept = layout.places.flatMap(({ name, shape }) =>
    Object.entries(optimizer.slots(shape)).map(([slot, dims]) => (
      { name: `${slot}/${name}`, shape: dims, of: name }
    ))
  );
  let [slots, nextSlots] = [allocate(kept), allocate(kept)];
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
      slots: kept.filter((slot) => places.some(({ name }) => name === slot.of))
        .map(({ name }) => name),
      update: lazy(() => updateGraph(optimizer, places)),
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
    async update({ step, learningRate, lossScale = 1 }): Promise<number> {
      batches = 0;
      let sum = 0;
      for (const { names, norms } of trained) {
        await (await norms()).run(prefixed("gradient", gradients, names), { squares });
        sum += squares.data[0]!;
      }
      const norm = Math.sqrt(sum) / lossScale;
      if (!Number.isFinite(norm)) return norm;
      const scale = clipFactor(norm, settings.maxGradNorm) / lossScale;
      for (const group of trained) {
        const number = step - group.before;
        await (await group.update()).run(
          {
            ...prefixed("parameter", now, group.names),
            ...prefixed("gradient", gradients, group.names),
            ...prefixed("slot", slots, group.slots),
            ...scalarFeeds(optimizer, { step: number, learningRate, scale, decayed: true }),
          },
          {
            ...prefixed("new_parameter", next, group.names),
            ...prefixed("new_slot", nextSlots, group.slots),
          },
        );
      }
      [now, next] = [next, now];
      [slots, nextSlots] = [nextSlots, slots];
      return norm;
    },
    get begun(): readonly number[] {
      return trained.map(({ before }) => before);
    },
    unfreeze({ updates }): void {
      const group = groups[trained.length];
      if (group === undefined) throw new InternalError("there is no further group to train");
      group.before = updates;
      trained.push(group);
    },
    persistent: (): PersistentArray[] => persistentTensors(memory, { parameter: now, slot: slots }),
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

/** An update of every parameter; those without weight decay have their own value of one scalar. */
function updateGraph(
  optimizer: Optimizer,
  places: readonly (Shaped & { readonly decay: boolean })[],
): Graph {
  const graph = new Graph(optimizer.name);
  const scalars = scalarInputs(graph, optimizer);
  const undecayed = {
    ...scalars,
    ...Object.fromEntries(
      Object.entries(optimizer.undecayed).map(([name, value]) =>
        [name, graph.constant(Float32Array.of(value), { type: "float32", shape: [] })] as const
      ),
    ),
  };
  for (const { name, shape, decay } of places) {
    const input = (role: string, dims: readonly number[]): Tensor =>
      graph.input(`${role}/${name}`, { type: "float32", shape: dims });
    const slots = Object.fromEntries(
      Object.entries(optimizer.slots(shape)).map(([slot, dims]) =>
        [slot, input(`slot/${slot}`, dims)] as const
      ),
    );
    const updated = optimizer.update({ parameter: input("parameter", shape), slots }, {
      gradient: input("gradient", shape),
      scalars: decay ? scalars : undecayed,
    });
    graph.output(`new_parameter/${name}`, updated.parameter);
    for (const [slot, tensor] of Object.entries(updated.slots)) {
      graph.output(`new_slot/${slot}/${name}`, tensor);
    }
  }
  return graph;
}
