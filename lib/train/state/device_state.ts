/**
 * Training state in the memory of a device, for the WebGPU engine: parameters, gradients and moments
 * never leave it; each step brings over its batches and takes back the loss and the gradients' norm, both at
 * once, since asking the device takes long whatever the answer.
 *
 * A buffer cannot be read and written by one run, so parameters and moments (and summed gradients, where
 * batches are accumulated) exist twice, and each update goes from one copy to the other.
 *
 * @module
 */
import { toOnnx } from "../../graph/onnx/compile.ts";
import { InternalError } from "../../base/errors.ts";
import type { Graph } from "../../graph/ir/graph.ts";
import { clipFactor } from "../../optim/clip.ts";
import { scalarFeeds } from "../../optim/optimizer.ts";
import {
  type AnyTensor,
  type DeviceMemory,
  type DeviceTensor,
  type Engine,
  float32,
  type HostTensor,
  type Session,
} from "../../runtime/session/session.ts";
import { type Arena, type ArenaLayout, viewOf } from "./arena.ts";
import { figuresGraph, type Shaped, sumGraph, updateGraph } from "./device_graphs.ts";
import { type PersistentArray, persistentTensors } from "./persistent.ts";
import { gradientOutput, LOSS_OUTPUT, type TrainingProgram } from "../program/program.ts";
import type { OptimizerSettings, StepFigures, TrainingState } from "./state.ts";

/** Tensors of a device by parameter name. */
type Tensors = Readonly<Record<string, DeviceTensor>>;

/** Tensors that are copied from the device at a time. */
const DOWNLOADS = 8;

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
  // The loss is summed up as they are.
  const loss: Shaped = { name: LOSS_OUTPUT, shape: [] };
  const allocateSums = (): Tensors => allocate([...layout.places, loss]);
  let gradients = allocateSums();
  let spare = accumulates ? allocateSums() : gradients;
  const addends = accumulates ? allocateSums() : gradients;

  const sessions: Session[] = [];
  const lazy = (graph: () => Graph): Lazy => {
    let session: Promise<Session> | undefined;
    return () =>
      session ??= engine.createSession(toOnnx(graph(), { target: engine.name }))
        .then((made) => (sessions.push(made), made));
  };
  const groups = Array.from({ length: layout.groups }, (_, number) => {
    const places = layout.places.filter(({ group }) => group === number);
    const summed = number === 0 ? [...places, loss] : places;
    return {
      places,
      names: places.map(({ name }) => name),
      summed: summed.map(({ name }) => name),
      adder: lazy(() => sumGraph(summed)),
      slots: kept.filter((slot) => places.some(({ name }) => name === slot.of))
        .map(({ name }) => name),
      update: lazy(() => updateGraph(optimizer, places)),
      /** Updates before this group began to be trained. */
      before: 0,
    };
  });
  const trained = groups.slice(0, 1);
  const figuresOf = (): Lazy => lazy(() => figuresGraph(trained.flatMap(({ places }) => places)));
  let askFigures = figuresOf();
  const figures = float32(new Float32Array(2), [2]);
  const feed = deviceFeeds(memory, allocated);
  let batches = 0;

  return {
    engine,
    feeds: (): Readonly<Record<string, AnyTensor>> => ({ ...now, ...frozen }),
    async accumulate(
      program: TrainingProgram,
      inputs: Readonly<Record<string, HostTensor>>,
    ): Promise<void> {
      const first = batches++ === 0;
      const target = first ? gradients : addends;
      const names = trained.flatMap((group) => group.names);
      await program.session.run({ ...now, ...frozen, ...feed(inputs) }, {
        ...renamed(target, names, gradientOutput),
        [LOSS_OUTPUT]: target[LOSS_OUTPUT]!,
      });
      if (!first) {
        for (const { summed, adder } of trained) {
          await (await adder()).run(
            { ...prefixed("sum", gradients, summed), ...prefixed("addend", addends, summed) },
            prefixed("result", spare, summed),
          );
        }
        [gradients, spare] = [spare, gradients];
      }
    },
    async update({ step, learningRate, lossScale = 1 }): Promise<StepFigures> {
      batches = 0;
      const names = trained.flatMap((group) => group.names);
      await (await askFigures()).run(
        { ...prefixed("gradient", gradients, names), loss: gradients[LOSS_OUTPUT]! },
        { figures },
      );
      const [loss = NaN, squares = NaN] = figures.data;
      const norm = Math.sqrt(squares) / lossScale;
      if (!Number.isFinite(norm)) return { loss, norm };
      const scale = clipFactor(norm, settings.maxGradNorm) / lossScale;
      for (const group of trained) {
        const number = step - group.before;
        await (await group.update()).run(
          {
            ...prefixed("parameter", now, group.names),
            ...prefixed("gradient", gradients, group.names),
            ...prefixed("slot", slots, group.slots),
            ...feed(scalarFeeds(optimizer, { step: number, learningRate, scale, decayed: true })),
          },
          {
            ...prefixed("new_parameter", next, group.names),
            ...prefixed("new_slot", nextSlots, group.slots),
          },
        );
      }
      [now, next] = [next, now];
      [slots, nextSlots] = [nextSlots, slots];
      return { loss, norm };
    },
    get begun(): readonly number[] {
      return trained.map(({ before }) => before);
    },
    unfreeze({ updates }): void {
      const group = groups[trained.length];
      if (group === undefined) throw new InternalError("there is no further group to train");
      group.before = updates;
      trained.push(group);
      askFigures = figuresOf();
    },
    persistent: (): PersistentArray[] => persistentTensors(memory, { parameter: now, slot: slots }),
    async download(): Promise<Map<string, HostTensor<"float32">>> {
      const copies = new Map<string, HostTensor<"float32">>(options.frozen?.tensors);
      // Several at a time: waiting takes most of it, and each takes memory of its size on the way.
      const tensors = Object.entries(now);
      for (let at = 0; at < tensors.length; at += DOWNLOADS) {
        const some = tensors.slice(at, at + DOWNLOADS);
        const found = await Promise.all(some.map(([, tensor]) => memory.download(tensor)));
        some.forEach(([name], i) => copies.set(name, found[i] as HostTensor<"float32">));
      }
      return copies;
    },
    async release(): Promise<void> {
      for (const session of sessions) await session.release();
      for (const tensor of allocated) memory.release(tensor);
    },
  };
}

/**
 * Uploads feeds into tensors that are kept for them, by name and shape: a feed from the host would cost the engine
 * a buffer and two submits. What was started before has read the old values by then: commands and uploads
 * take effect in their order.
 */
function deviceFeeds(
  memory: DeviceMemory,
  allocated: DeviceTensor[],
): (feeds: Readonly<Record<string, HostTensor>>) => Tensors {
  const kept = new Map<string, DeviceTensor>();
  const keep = (name: string, { type, dims }: HostTensor): DeviceTensor => {
    const key = `${name} ${type} ${dims}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const tensor = memory.allocate(type, dims);
    kept.set(key, tensor);
    allocated.push(tensor);
    return tensor;
  };
  return (feeds) =>
    Object.fromEntries(
      Object.entries(feeds).map(([name, feed]) => {
        const tensor = keep(name, feed);
        memory.upload(tensor, feed.data);
        return [name, tensor];
      }),
    );
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
