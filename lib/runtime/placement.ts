/**
 * Bringing weights to an engine for runs that only read them: native code reads the host's arrays where they are,
 * WebGPU gets a copy in its memory, WebAssembly one in its own while there is room, for it would copy any other at
 * each run.
 *
 * @module
 */
import type { AnyTensor, Engine } from "./session/session.ts";

/** Weights that an engine can be fed with. */
export interface PlacedWeights {
  /** By the names they were given by. */
  readonly feeds: Readonly<Record<string, AnyTensor>>;
  /** Frees copies on a device. */
  release(): void;
}

/** Row-major elements with their shape. */
export interface WeightArray {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/**
 * Places weights.
 *
 * @param tensors By name; arrays of the host must not change while they are in use.
 */
export function placeWeights(
  engine: Engine,
  tensors: ReadonlyMap<string, WeightArray>,
): PlacedWeights {
  const feeds: Record<string, AnyTensor> = {};
  const release: (() => void)[] = [];
  const { memory } = engine;
  for (const [name, { shape, data }] of tensors) {
    if (memory !== undefined) {
      const tensor = memory.allocate("float32", shape);
      memory.upload(tensor, data);
      feeds[name] = tensor;
      release.push(() => memory.release(tensor));
    } else {
      const own = engine.allocate?.(data.length);
      own?.set(data);
      feeds[name] = { type: "float32", dims: shape, data: own ?? data };
    }
  }
  return { feeds, release: () => release.forEach((free) => free()) };
}
