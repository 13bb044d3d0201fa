import assert from "node:assert/strict";
import { compare } from "../../lib/parity/compare.ts";
import type { Replay } from "../../lib/parity/replay.ts";
import { shaken, spreadOf } from "../../lib/parity/rounding.ts";

Deno.test("compare() relates each number's distance to its own size", () => {
  const cases: [string, number[], number[], number[], Partial<ReturnType<typeof compare>>][] = [
    ["equal", [1, -2, 0], [1, -2, 0], [0, 0, 0], { error: 0, holds: true, count: 3 }],
    ["1% of the smallest", [100, 1.01e-6], [100, 1e-6], [0, 0], { index: 1, holds: false }],
    ["within the tolerance", [1.00005], [1], [0], { holds: true, undetermined: 0 }],
    ["beyond it", [1.00015], [1], [0], { holds: false, index: 0 }],
    ["something for nothing", [1e-30], [0], [0], { error: Infinity, holds: false }],
    ["not a number", [1, NaN], [1, 2], [0, 0], { error: Infinity, index: 1, holds: false }],
    ["expected not to be a number", [1], [NaN], [0], { error: Infinity, holds: false }],
    ["infinite", [Infinity], [1], [0], { error: Infinity, holds: false }],
    ["rounding that explains it", [3e-9], [-5e-9], [1e-9], { holds: true, undetermined: 1 }],
    ["rounding that does not", [3e-8], [-5e-8], [1e-9], { holds: false, undetermined: 1 }],
    ["rounding that may hide 1%", [1.005], [1], [5e-4], { holds: true, undetermined: 1 }],
    ["rounding that may not", [1.004], [1], [3e-4], { holds: true, undetermined: 0 }],
    ["rounding that is no number", [1], [1.1], [NaN], { holds: false }],
  ];
  for (const [title, actual, expected, spread, want] of cases) {
    const got = compare(actual, { expected, spread, tolerance: 1e-4 });
    for (const [key, value] of Object.entries(want)) {
      assert.equal(got[key as keyof typeof got], value, `${title}: ${key}`);
    }
  }
  const { error } = compare([1.01, 4], { expected: [1, 4], spread: [0, 0], tolerance: 1e-4 });
  assert.ok(Math.abs(error - 0.01) < 1e-12);
});

Deno.test("compare() takes no arrays of different lengths", () => {
  assert.throws(() => compare([1], { expected: [1, 2], spread: [0, 0], tolerance: 1 }), /Internal/);
});

Deno.test("shaken() moves every weight up or down by rounding's size, otherwise for each seed", () => {
  const weights = new Map([["w", Float32Array.from({ length: 999 }, (_, i) => i / 7 - 50)]]);
  const before = weights.get("w")!.slice();
  const [first, again, other] = [0, 0, 1].map((seed) => shaken(weights, seed).get("w")!);
  assert.deepEqual(weights.get("w"), before);
  assert.deepEqual(first, again);
  assert.notDeepEqual(first, other);
  let up = 0;
  for (const [i, value] of first!.entries()) {
    const move = value - before[i]!;
    if (before[i] !== 0) assert.ok(Math.abs(move / before[i]! / 2 ** -22) > 0.4);
    assert.ok(Math.abs(move) <= Math.abs(before[i]!) * 2 ** -21);
    if (move * before[i]! > 0) up++;
  }
  assert.ok(up > 420 && up < 580, `${up} of 999 move away from zero`);
});

Deno.test("spreadOf() finds the farthest move of each number", () => {
  const replay = (logits: number[], gradient: number): Replay => ({
    logits: Float32Array.from(logits),
    loss: 0,
    gradients: new Map([["w", Float32Array.of(gradient)]]),
    steps: [],
    after: new Map(),
  });
  const spread = spreadOf(replay([1, 2], 5), [replay([1.5, 2], 5), replay([0.75, 2], 4)]);
  assert.deepEqual([...spread.get("logits")!], [0.5, 0]);
  assert.deepEqual([...spread.get("grad.w")!], [1]);
});

Deno.test("compare() finds every error of 1% that it does not count as not to be found", () => {
  for (let spread = 0; spread < 1.5e-3; spread += 1e-5) {
    for (const side of [-1, 1]) {
      // Ours lies as far off as rounding may move it.
      const options = { spread: [spread], tolerance: 1e-4 };
      let off = 0.02;
      while (!compare([1 + side * off], { ...options, expected: [1] }).holds) off -= 1e-5;
      const { holds, undetermined } = compare([1 + side * off], {
        ...options,
        expected: [1 + side * 0.01],
      });
      assert.ok(!holds || undetermined === 1, `spread ${spread}, ${side * off} off`);
    }
  }
});
