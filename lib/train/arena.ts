/**
 * Arenas: all parameters of a model in one array, and gradients and moments in arrays of the same layout.
 *
 * An optimizer then walks a few long arrays instead of hundreds of short ones. Parameters with weight
 * decay come first, so that the decay is a property of a range. Each tensor starts at a multiple of 16
 * elements (64 bytes, a cache line); the elements between are zero in every arena and stay so, since
 * nothing but zeros ever updates them.
 *
 * @module
 */
import { InternalError, UserError } from "../errors.ts";
import { sizeOf } from "../graph/tensor.ts";
import { float32, type HostTensor } from "../runtime/session.ts";

/** What the layout needs to know of a parameter; `ParameterSpec` has it. */
export interface ArenaParameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether weight decay applies to it. */
  readonly decay: boolean;
}

/** Where each parameter lies. */
export interface ArenaLayout {
  /** Offsets in elements. In the order of the arena. */
  readonly places: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly offset: number;
    readonly size: number;
  }[];
  /** Elements of an arena; a multiple of 16. */
  readonly size: number;
  /** Elements before this one are decayed; a multiple of 16. */
  readonly decayed: number;
  /** Elements that are parameters. */
  readonly parameters: number;
}

const ALIGNMENT = 16;

/** Lays parameters out. */
export function arenaLayout(parameters: readonly ArenaParameter[]): ArenaLayout {
  const places: ArenaLayout["places"][number][] = [];
  let offset = 0;
  let decayed = 0;
  let count = 0;
  for (const decay of [true, false]) {
    for (const { name, shape } of parameters.filter((parameter) => parameter.decay === decay)) {
      const size = sizeOf(shape);
      places.push({ name, shape, offset, size });
      offset += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
      count += size;
    }
    if (decay) decayed = offset;
  }
  return { places, size: offset, decayed, parameters: count };
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
 * @throws {UserError} where the memory is not to be had.
 */
export function makeArena(layout: ArenaLayout): Arena {
  const values = allocate(layout);
  const tensors = new Map<string, HostTensor<"float32">>();
  for (const { name, shape, offset, size } of layout.places) {
    tensors.set(name, float32(values.subarray(offset, offset + size), shape));
  }
  return { values, tensors };
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
      requirement: `weights, gradients and two moments take ${gigabytes} GiB`,
      remedy: "use a smaller model, or a machine with more memory",
      cause,
    });
  }
}
