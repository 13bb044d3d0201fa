/**
 * The Euclidean norm of all gradients, over an arena on the host: rows of it are squared and summed by the
 * engine, on all of its threads, and the rows' sums added up here in double precision. Each row is summed by one
 * thread, so that the norm does not depend on their number.
 *
 * @module
 */
import { toOnnx } from "../../graph/onnx/compile.ts";
import { Graph } from "../../graph/ir/graph.ts";
import * as ops from "../../graph/ops/mod.ts";
import {
  type Engine,
  float32,
  type HostTensor,
  type Session,
} from "../../runtime/session/session.ts";

/** Elements of a row, and rows of a run. */
const ROW = 4096;
const ROWS = 256;

/** Computes the norm of one array again and again. */
export interface GradientNorm {
  /** The norm of the array's present content. */
  norm(): Promise<number>;
  release(): Promise<void>;
}

/**
 * Prepares the norm of an array.
 *
 * @param engine Which computes it, where it reads the array in place; it would take longer to copy it.
 * @param values The gradients; zeros between them do no harm.
 */
export function gradientNorm(
  engine: Engine,
  values: Float32Array<ArrayBuffer>,
): GradientNorm {
  const size = ROWS * ROW;
  const inPlace = engine.name === "cpu" || !(values.buffer instanceof ArrayBuffer);
  const runs = inPlace ? Math.floor(values.length / size) : 0;
  const pieces = Array.from(
    { length: runs },
    (_, i): HostTensor => float32(values.subarray(i * size, (i + 1) * size), [ROWS, ROW]),
  );
  const rest = values.subarray(runs * size);
  const sums = float32(new Float32Array(ROWS), [ROWS]);
  let session: Promise<Session> | undefined;
  return {
    async norm(): Promise<number> {
      let total = sumOfSquares(rest);
      if (pieces.length > 0) {
        session ??= engine.createSession(toOnnx(rowsGraph(), { target: engine.name }));
        for (const rows of pieces) {
          await (await session).run({ rows }, { sums });
          for (const sum of sums.data) total += sum;
        }
      }
      return Math.sqrt(total);
    },
    async release(): Promise<void> {
      await (await session)?.release();
      session = undefined;
    },
  };
}

function rowsGraph(): Graph {
  const graph = new Graph("squares");
  const rows = graph.input("rows", { type: "float32", shape: [ROWS, ROW] });
  graph.output("sums", ops.reduceSumSquare(rows, { axes: [1] }));
  return graph;
}

/** In double precision, in a fixed order. */
function sumOfSquares(values: Float32Array): number {
  let a = 0, b = 0, c = 0, d = 0;
  // Arenas have a multiple of 16 elements. Four sums keep the processor's adders busy.
  for (let i = 0; i < values.length; i += 4) {
    a += values[i]! * values[i]!;
    b += values[i + 1]! * values[i + 1]!;
    c += values[i + 2]! * values[i + 2]!;
    d += values[i + 3]! * values[i + 3]!;
  }
  return a + b + (c + d);
}
