/**
 * The norm of gradients on the host, whatever their number and the engine's threads.
 */
import assert from "node:assert/strict";
import { openEngine } from "../../lib/runtime/engine.ts";
import { gradientNorm } from "../../lib/train/state/gradient_norm.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";

const CHUNK = 1 << 20;

async function normOf(values: Float32Array<ArrayBuffer>, threads: number): Promise<number> {
  const engine = await openEngine("cpu", { threads });
  const norm = gradientNorm(engine, values);
  const found = await norm.norm();
  await norm.release();
  await engine.dispose();
  return found;
}

for (const size of [16, CHUNK - 16, CHUNK, 2 * CHUNK + 48]) {
  Deno.test(`gradientNorm() of ${size} elements is right, and the same on any number of threads`, async () => {
    const random = randomNumbers(size);
    const values = Float32Array.from({ length: size }, () => 1e-3 * (random() - 0.5));
    const want = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    const one = await normOf(values, 1);
    assert.ok(Math.abs(one / want - 1) < 1e-6, `${one}, not ${want}`);
    assert.equal(await normOf(values, 2), one);
  });
}

Deno.test("gradientNorm() sees what is no number", async () => {
  const values = new Float32Array(CHUNK + 16);
  values[5] = NaN;
  assert.ok(Number.isNaN(await normOf(values, 2)));
  values[5] = Infinity;
  assert.equal(await normOf(values, 2), Infinity);
});
