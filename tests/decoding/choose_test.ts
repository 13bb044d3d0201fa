import assert from "node:assert/strict";
import { argmax, sampleToken } from "../../lib/decoding/strategies/choose.ts";
import { uniform } from "../../lib/decoding/strategies/draws.ts";

Deno.test("uniform() depends on seed, prompt, sequence and position, and on nothing else", () => {
  const at = { prompt: 1, sequence: 2, position: 3 };
  const draws = [
    uniform(7, at),
    uniform(8, at),
    uniform(-7, at),
    uniform(7 + 2 ** 40, at),
    uniform(7, { ...at, prompt: 2 }),
    uniform(7, { ...at, sequence: 3 }),
    uniform(7, { ...at, position: 4 }),
  ];
  assert.equal(new Set(draws).size, draws.length);
  assert.equal(uniform(7, { ...at }), draws[0]);
  let sum = 0;
  for (let position = 0; position < 4000; position++) sum += uniform(1, { ...at, position });
  assert(Math.abs(sum / 4000 - 0.5) < 0.02);
});

Deno.test("argmax() takes the lowest id of equal scores", () => {
  assert.equal(argmax(Float32Array.of(1, 3, 3, 2)), 1);
  assert.equal(argmax(Float32Array.of(-Infinity, -5)), 1);
});

Deno.test("argmax() refuses scores that leave nothing to choose", () => {
  assert.throws(() => argmax(Float32Array.of(-Infinity, -Infinity)), /every token is forbidden/);
  assert.throws(() => argmax(Float32Array.of(1, NaN)), /not numbers/);
  assert.throws(() => sampleToken(Float32Array.of(NaN, 1), 0.5), /not numbers/);
  assert.throws(() => sampleToken(Float32Array.of(Infinity, 1), 0.5), /not numbers/);
});

Deno.test("sampleToken() takes each token as often as its probability", () => {
  const scores = Float32Array.from([0.1, 0, 0.6, 0.3], (p) => (p === 0 ? -Infinity : Math.log(p)));
  const table: [number, number][] = [[0, 0], [0.0999, 0], [0.1001, 2], [0.6999, 2], [0.7001, 3]];
  for (const [draw, token] of table) assert.equal(sampleToken(scores, draw), token);
  assert.equal(sampleToken(scores, 1 - 2 ** -53), 3);
  const counts = [0, 0, 0, 0];
  for (let position = 0; position < 5000; position++) {
    counts[sampleToken(scores, uniform(3, { prompt: 0, sequence: 0, position }))]!++;
  }
  [0.1, 0, 0.6, 0.3].forEach((p, i) => assert(Math.abs(counts[i]! / 5000 - p) < 0.025));
});
