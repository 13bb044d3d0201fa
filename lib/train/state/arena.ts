/**
 * Arenas: all parameters of a model in one array, and gradients and moments in arrays of the same layout.
 *
 * An optimizer then walks a few long arrays instead of hundreds of short ones. Parameters lie in the order
 * of the groups in which they are trained (see `unfreeze.ts`; most runs have one), in each those with weight
 * decay first, so that both are properties of a range. Each tensor starts at a multiple of 16 elements (64
 * bytes, a cache line); the elements between are zero in every arena and stay so, since nothing but zeros
 * ever updates them.
 *
 * @module
 */
import { InternalError, UserError } from "../../base/errors.ts";
import { sizeOf } from "../../graph/ir/tensor.ts";
import { type Engine, float32, type HostTensor } from "../../runtime/session/session.ts";

/** What the layout needs to know of a parameter; `ParameterSpec` has it. */
export interface ArenaParameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether weight decay applies to it. */
  readonly decay: boolean;
  /** When it begins to be trained; default 0, from the start. */
  readonly group?: number;
}

/** Neighbouring parameters that are updated alike. */
export interface ArenaRange {
  /** First element; a multiple of 16. */
  readonly begin: number;
  /** The element after the last; a multiple of 16. */
  readonly end: number;
  readonly decay: boolean;
  readonly group: number;
}

/** Where each parameter lies. */
export interface ArenaLayout {
  /** Offsets in elements. In the order of the arena. */
  readonly places: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly offset: number;
    readonly size: number;
    readonly decay: boolean;
    readonly group: number;
  }[];
  /** What lies where, by group and decay, without gaps; empty ranges are left out. */
  readonly ranges: readonly ArenaRange[];
  /** Elements of an arena; a multiple of 16. */
  readonly size: number;
  /** One more than the highest group. */
  readonly groups: number;
  /** Elements that are parameters. */
  readonly parameters: number;
}

const ALIGNMENT = 16;

/** Lays parameters out. */
export function arenaLayout(parameters: readonly ArenaParameter[]): ArenaLayout {
  const places: ArenaLayout["places"][number][] = [];
  const ranges: ArenaRange[] = [];
  const groups = 1 + Math.max(0, ...parameters.map(({ group = 0 }) => group));
  let offset = 0;
  let count = 0;
  for (let group = 0; group < groups; group++) {
    for (const decay of [true, false]) {
      const begin = offset;
      for (const { name, shape, ...of } of parameters) {
        if (of.decay !== decay || (of.group ?? 0) !== group) continue;
        const size = sizeOf(shape);
        places.push({ name, shape, offset, size, decay, group });
        offset += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
        count += size;
      }
      if (offset > begin) ranges.push({ begin, end: offset, decay, group });
    }
  }
  return { places, ranges, size: offset, groups, parameters: count };
}

/** One array with a view for each parameter. */
export interface Arena {
  readonly values: Float32Array<ArrayBuffer>;
  /** Views by parameter name. */
  readonly tensors: ReadonlyMap<string, HostTensor<"float32">>;
}

/**
 * Makes an arena of zeros.
 *
 * @param engine Where given, the arena lies in its memory as long as there is room.
 * @throws {UserError} where the memory is not to be had.
 */
export function makeArena(layout: ArenaLayout, engine?: Pick<Engine, "allocate">): Arena {
  const values = engine?.allocate?.(layout.size) ?? allocate(layout);
  const tensors = new Map<string, HostTensor<"float32">>();
  for (const { name, shape, offset, size } of layout.places) {
    tensors.set(name, float32(values.subarray(offset, offset + size), shape));
  }
  return { values, tensors };
}

/** The arena itself where the engine computes on any array of the host, else its copy in the engine's memory. */
export function arenaIn(
  engine: Pick<Engine, "allocate">,
  { layout, arena }: { readonly layout: ArenaLayout; readonly arena: Arena },
): Arena {
  if (engine.allocate === undefined) return arena;
  const copy = makeArena(layout, engine);
  copy.values.set(arena.values);
  return copy;
}

/** The view of a parameter. */
export function viewOf(arena: Arena, name: string): HostTensor<"float32"> {
  const tensor = arena.tensors.get(name);
  if (tensor === undefined) throw new InternalError(`no parameter ${name}`);
  return tensor;
}

function allocate({ size, parameters }: ArenaLayout): Float32Array<ArrayBuffer> {
  try {
    return new Float32Array(size);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const gigabytes = (16 * parameters / 2 ** 30).toFixed(1);
    throw new UserError({
      what: `there is not enough memory to train ${(parameters / 1e6).toFixed(0)} M parameters`,
      requirement: `weights, gradients and AdamW's two moments take ${gigabytes} GiB`,
      remedy: "use a smaller model, or a machine with more memory",
      cause,
    });
  }
}
