/**
 * Every operation's gradient against central differences, on random shapes and values, through the engine; and
 * the same numbers on the others.
 */
import assert from "node:assert/strict";
import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { GRADIENTS } from "../../lib/graph/autodiff/gradients.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import * as ops from "../../lib/graph/ops/mod.ts";
import type { Device } from "../../lib/base/device.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { onDevice } from "../fixtures/webgpu.ts";
import { CASES, compiled, type Draw, draw, DRAWS, operationOf } from "./gradient_cases.ts";
import { relativeError } from "./running.ts";

for (const each of DRAWS) {
  Deno.test(`gradients() agrees with central differences for ${each.name}`, async () => {
    const engine = await openEngine("cpu", { threads: 1 });
    const drawn = draw(each);
    const { values, weight } = drawn;
    const { run, release } = await compiled(engine, drawn);
    const analytic = await run();
    const step = 2 ** -7;
    // The weighted sum is taken in double precision here: only the engine's own rounding is left.
    const value = async (): Promise<number> =>
      (await run()).y!.reduce((sum, element, i) => sum + element * weight[i]!, 0);
    for (const [i, array] of values.entries()) {
      const numeric: number[] = [];
      for (let j = 0; j < array.length; j++) {
        const centre = array[j]!;
        array[j] = centre + step;
        const above = await value();
        array[j] = centre - step;
        const below = await value();
        array[j] = centre;
        numeric.push((above - below) / (2 * step));
      }
      assert.equal(analytic[`dx${i}`]!.length, array.length);
      const error = relativeError(analytic[`dx${i}`]!, numeric);
      assert.ok(error < 2e-3, `operand ${i}: relative error ${error}`);
    }
    await release();
    await engine.dispose();
  });
}

/** Holds draws to the native engine's numbers. */
async function assertAgree(device: Device, draws: readonly Draw[]): Promise<void> {
  const engines = [
    await openEngine("cpu", { threads: 1 }),
    await openEngine(device, { threads: 1 }),
  ];
  for (const each of draws) {
    const drawn = draw(each);
    const found: Record<string, Float32Array>[] = [];
    for (const engine of engines) {
      const { run, release } = await compiled(engine, drawn);
      found.push(await run());
      await release();
    }
    for (const [name, values] of Object.entries(found[0]!)) {
      const other = found[1]![name]!;
      assert.equal(other.length, values.length);
      // Where all is zero but for rounding there is nothing to relate that to.
      const scale = Math.max(1e-3, ...values.map(Math.abs));
      for (const [i, value] of values.entries()) {
        const error = Math.abs(other[i]! - value) / scale;
        assert.ok(error < 1e-4, `${each.name}, ${name}[${i}]: ${other[i]} and not ${value}`);
      }
    }
  }
  for (const engine of engines) await engine.dispose();
}

/** Whether float16 is computed with, which not every GPU can. */
const isHalf = (each: Draw): boolean =>
  draw(each).graph.nodes.some(({ outputs }) => outputs.some(({ type }) => type === "float16"));

for (const device of ["wasm", "webgpu"] as const) {
  // A GPU in software takes long: of a case the one draw, of the next the other.
  const draws = DRAWS.filter((_, i) => device === "wasm" || i % 4 === 0 || i % 4 === 3);
  const title = `every operation and its gradient have the same numbers on ${device}`;
  Deno.test({
    ...onDevice(device, title),
    fn: () => assertAgree(device, draws.filter((each) => !isHalf(each))),
  });
  Deno.test({
    ...onDevice(device, `${title}: those in float16`, ["shader-f16"]),
    fn: () => assertAgree(device, draws.filter(isHalf)),
  });
}

Deno.test("every operation with a gradient rule is among the cases", () => {
  const used = new Set(CASES.map(({ name }) => operationOf(name)));
  const missing = Object.entries(GRADIENTS).flatMap(([op, rule]) =>
    rule !== null && !used.has(op) ? [op] : []
  );
  assert.deepEqual(missing, []);
});

Deno.test("gradients() gives zeros for a tensor that the loss does not depend on", () => {
  const graph = new Graph();
  const x = graph.input("x", { type: "float32", shape: [2] });
  const y = graph.input("y", { type: "float32", shape: [3] });
  const [, dy] = gradients(ops.reduceSum(x), [x, y]);
  assert.deepEqual(dy?.shape, [3]);
});

Deno.test("gradients() names an operation without a rule on the way to the loss", () => {
  const graph = new Graph();
  const x = graph.input("x", { type: "float32", shape: [2, 3] });
  assert.throws(
    () => gradients(ops.reduceSum(ops.reduceMax(x, { axes: [1], name: "top" })), [x]),
    /ReduceMax "top" has no gradient/,
  );
});

Deno.test("gradients() refuses a loss that is no scalar", () => {
  const graph = new Graph();
  const x = graph.input("x", { type: "float32", shape: [2] });
  assert.throws(() => gradients(x, [x]), /only a scalar has gradients: got float32 \[2\] "x"/);
});
