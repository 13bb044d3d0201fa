/**
 * Runs graphs on an engine for tests, and compares arrays.
 *
 * @module
 */

import { toOnnx } from "../../lib/graph/onnx/compile.ts";
import type { Graph } from "../../lib/graph/ir/graph.ts";
import type { ConstantData, TensorType } from "../../lib/graph/ir/tensor.ts";
import type { HostTensor } from "../../lib/runtime/session/session.ts";
import { sharedEngine } from "../fixtures/engines.ts";

/** Runs `graph` once on an engine. Feeds take their types and shapes from the graph's inputs. */
export async function runGraph(
  graph: Graph,
  feeds: Record<string, ConstantData>,
  options: { device?: "cpu" | "webgpu" | "wasm" } = {},
): Promise<Record<string, Float32Array>> {
  const target = options.device ?? "cpu";
  const engine = await sharedEngine(target);
  const session = await engine.createSession(toOnnx(graph, { target }));
  try {
    const typed: Record<string, HostTensor> = {};
    for (const input of graph.inputs) {
      const data = feeds[input.name];
      if (data === undefined) throw new Error(`no feed for "${input.name}"`);
      typed[input.name] = { type: input.type, dims: input.shape, data } as HostTensor;
    }
    const results = await session.run(typed);
    const out: Record<string, Float32Array> = {};
    for (const [name, tensor] of Object.entries(results)) {
      out[name] = Float32Array.from((tensor as HostTensor).data as Float32Array);
    }
    return out;
  } finally {
    await session.release();
  }
}

/** Normally distributed elements for a tensor type. */
export function normal(random: () => number, type: { shape: TensorType["shape"] }): Float32Array {
  const size = type.shape.reduce((a, b) => a * b, 1);
  return Float32Array.from(
    { length: size },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

/** max |a - b| over max |b|. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let [worst, scale] = [0, 1e-12];
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs((a[i] ?? NaN) - (b[i] ?? NaN));
    if (Number.isNaN(difference)) return Infinity;
    worst = Math.max(worst, difference);
    scale = Math.max(scale, Math.abs(b[i] ?? 0));
  }
  return worst / scale;
}
