/**
 * The arenas of a run on the host cut into the pieces that an optimizer updates: chunks of neighbouring
 * parameters where its update is a matter of single elements, else one parameter at a time.
 *
 * @module
 */
import type { Optimizer } from "../../optim/optimizer.ts";
import { type Engine, float32, type HostTensor } from "../../runtime/session/session.ts";
import { type Arena, type ArenaLayout, makeArena, viewOf } from "./arena.ts";

/**
 * Elements of a chunk: few enough that what is computed between stays in the cache; a call for each chunk
 * costs about a tenth of a millisecond.
 */
const CHUNK = 1 << 18;

/** What an optimizer keeps: by name of the slot, then of the parameter. */
export type Slots = ReadonlyMap<string, ReadonlyMap<string, HostTensor<"float32">>>;

/** What one run of an update reads and replaces. */
export interface OptimizerPiece {
  readonly shape: readonly number[];
  /** When it begins to be trained. */
  readonly group: number;
  /** Whether weight decay applies. */
  readonly decay: boolean;
  /** `parameter`, `gradient` and the slots, as an optimizer's graph names them. */
  readonly feeds: Readonly<Record<string, HostTensor>>;
  /** The same arrays (but the gradient's) under the names of the graph's outputs. */
  readonly fetches: Readonly<Record<string, HostTensor>>;
}

/** A range of two arenas. */
export interface SumPiece {
  readonly size: number;
  readonly group: number;
  readonly sum: HostTensor;
  readonly addend: HostTensor;
}

/** The pieces of a run. */
export interface OptimizerPieces {
  readonly pieces: readonly OptimizerPiece[];
  readonly slots: Slots;
}

/**
 * Allocates what the optimizer keeps and cuts everything into pieces.
 *
 * @param layout Where parameters lie.
 * @param options The optimizer, arenas of parameters and gradients, and the engine that updates them.
 */
export function optimizerPieces(
  layout: ArenaLayout,
  options: {
    readonly optimizer: Optimizer;
    readonly parameters: Arena;
    readonly gradients: Arena;
    readonly engine: Pick<Engine, "allocate">;
  },
): OptimizerPieces {
  const { optimizer, parameters, gradients, engine } = options;
  const pieceOf = (
    tensors: { parameter: HostTensor; gradient: HostTensor; slots: Record<string, HostTensor> },
    rest: Pick<OptimizerPiece, "shape" | "group" | "decay">,
  ): OptimizerPiece => ({
    ...rest,
    feeds: { parameter: tensors.parameter, gradient: tensors.gradient, ...tensors.slots },
    fetches: {
      new_parameter: tensors.parameter,
      ...Object.fromEntries(
        Object.entries(tensors.slots).map(([name, slot]) => [`new_${name}`, slot]),
      ),
    },
  });
  if (!optimizer.elementwise) {
    const slots = new Map<string, Map<string, HostTensor<"float32">>>();
    const pieces = layout.places.map(({ name, shape, group, decay }) => {
      const own: Record<string, HostTensor<"float32">> = {};
      for (const [slot, dims] of Object.entries(optimizer.slots(shape))) {
        const size = dims.reduce((product, dim) => product * dim, 1);
        own[slot] = float32(engine.allocate?.(size) ?? new Float32Array(size), dims);
        if (!slots.has(slot)) slots.set(slot, new Map());
        slots.get(slot)!.set(name, own[slot]);
      }
      const parameter = viewOf(parameters, name);
      const gradient = viewOf(gradients, name);
      return pieceOf({ parameter, gradient, slots: own }, { shape, group, decay });
    });
    return { pieces, slots };
  }
  const arenas = Object.keys(optimizer.slots([1])).map((slot) =>
    [slot, makeArena(layout, engine)] as const
  );
  const pieces = [...chunksOf(layout)].map(({ begin, size, group, decay }) => {
    const cut = (arena: Arena): HostTensor =>
      float32(arena.values.subarray(begin, begin + size), [size]);
    return pieceOf({
      parameter: cut(parameters),
      gradient: cut(gradients),
      slots: Object.fromEntries(arenas.map(([slot, arena]) => [slot, cut(arena)])),
    }, { shape: [size], group, decay });
  });
  return { pieces, slots: new Map(arenas.map(([slot, { tensors }]) => [slot, tensors])) };
}

/** Cuts two arenas into chunks that are to be summed up. */
export function sumPieces(
  layout: ArenaLayout,
  { sum, addend }: { readonly sum: Arena; readonly addend: Arena },
): SumPiece[] {
  return [...chunksOf(layout)].map(({ begin, size, group }) => ({
    size,
    group,
    sum: float32(sum.values.subarray(begin, begin + size), [size]),
    addend: float32(addend.values.subarray(begin, begin + size), [size]),
  }));
}

/** Chunks, each within a range of the layout. */
function* chunksOf(
  { ranges }: ArenaLayout,
): Generator<{ begin: number; size: number; group: number; decay: boolean }> {
  for (const { begin: from, end, decay, group } of ranges) {
    for (let begin = from; begin < end; begin += CHUNK) {
      yield { begin, size: Math.min(CHUNK, end - begin), group, decay };
    }
  }
}
