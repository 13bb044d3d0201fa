import assert from "node:assert/strict";
import { resolveSettings } from "../../lib/decoding/resolve.ts";
import { temperature } from "../../lib/decoding/rules/temperature.ts";
import { topK, topP } from "../../lib/decoding/rules/truncation.ts";
import { type GenerationOptions, processorsOf } from "../../lib/decoding/settings.ts";
import { readSafetensors } from "../../lib/data/formats/safetensors.ts";
import { shared } from "../fixtures/shared.ts";

const NOWHERE = { ids: [], promptLength: 0 };

/** Applies what the options of a draw ask for. */
function warp(scores: Float32Array, options: GenerationOptions): void {
  const settings = resolveSettings({ top_k: 0, ...options, do_sample: true });
  for (const process of processorsOf(settings)) process(scores, NOWHERE);
}

const kept = (scores: Float32Array): number[] =>
  [...scores.keys()].filter((i) => scores[i] !== -Infinity);

Deno.test("temperature() divides in float32", () => {
  const scores = Float32Array.of(1, -2, 0.1);
  temperature(0.7)(scores, NOWHERE);
  const divisor = Math.fround(0.7);
  assert.deepEqual(
    [...scores],
    [1 / divisor, -2 / divisor, Math.fround(0.1) / divisor].map(Math.fround),
  );
});

Deno.test("topK() keeps every score equal to the k-th highest", () => {
  const table: [number[], number, number[]][] = [
    [[1, 5, 3, 4, 2], 2, [1, 3]],
    [[1, 3, 3, 4, 3], 2, [1, 2, 3, 4]],
    [[1, 2], 5, [0, 1]],
    [[0, 0, 0], 1, [0, 1, 2]],
    [[-Infinity, 2, 1], 2, [1, 2]],
  ];
  for (const [values, k, expected] of table) {
    const scores = Float32Array.from(values);
    topK(k, 1)(scores, NOWHERE);
    assert.deepEqual(kept(scores), expected);
  }
});

Deno.test("topK() finds the k highest of many", () => {
  for (const k of [1, 2, 7, 50, 199]) {
    const scores = Float32Array.from({ length: 200 }, (_, i) => ((i * 7919) % 200) - 100);
    const expected = scores.toSorted().at(-k)!;
    topK(k, 1)(scores, NOWHERE);
    assert.equal(kept(scores).length, k);
    assert(kept(scores).every((i) => scores[i]! >= expected));
  }
});

Deno.test("topP() keeps the fewest tokens that reach p, and always one", () => {
  const log = (probabilities: number[]) => Float32Array.from(probabilities, Math.log);
  const table: [number[], number, number[]][] = [
    [[0.5, 0.3, 0.15, 0.05], 0.75, [0, 1]],
    [[0.5, 0.3, 0.15, 0.05], 0.85, [0, 1, 2]],
    [[0.5, 0.3, 0.15, 0.05], 0.2, [0]],
    [[0.5, 0.3, 0.15, 0.05], 0, [0]],
    [[0.5, 0.3, 0.15, 0.05], 1, [0, 1, 2, 3]],
    // Of equal ones those with lower ids go first, as in a stable sort.
    [[0.25, 0.25, 0.25, 0.25], 0.4, [2, 3]],
    [[0.2, 0.4, 0.2, 0.2], 0.7, [1, 2, 3]],
  ];
  for (const [probabilities, p, expected] of table) {
    const scores = log(probabilities);
    topP(p, 1)(scores, NOWHERE);
    assert.deepEqual(kept(scores), expected, `${probabilities} ${p}`);
  }
});

Deno.test("the rules of a draw apply temperature before top-k before top-p", () => {
  const start = Float32Array.of(2, 1.5, 1, 0);
  const together = start.slice();
  warp(together, { temperature: 0.5, top_k: 3, top_p: 0.8 });
  const apart = start.slice();
  temperature(0.5)(apart, NOWHERE);
  topK(3, 1)(apart, NOWHERE);
  topP(0.8, 1)(apart, NOWHERE);
  assert.deepEqual(together, apart);
  assert.deepEqual(kept(together), [0, 1]);
  const none = start.slice();
  warp(none, {});
  assert.deepEqual(none, start);
});

Deno.test("the rules of a draw give the distributions of transformers' warpers", async () => {
  const path = shared("reference/goldens/gpt2-lm/golden.safetensors");
  if (path === undefined) return;
  const { tensors } = await readSafetensors(path);
  const logits = tensors.get("logits")!;
  const vocab = logits.shape[2]!;
  // The reference warps row 0 at position 4.
  const scores = (logits.data as Float32Array).slice(4 * vocab, 5 * vocab);
  for (
    const [name, settings] of Object.entries({
      "temperature-0.7": { temperature: 0.7 },
      "top-k-10": { top_k: 10 },
      "top-p-0.9": { top_p: 0.9 },
      "temperature-0.7-top-k-50-top-p-0.95": { temperature: 0.7, top_k: 50, top_p: 0.95 },
    })
  ) {
    const warped = scores.slice();
    warp(warped, settings);
    const highest = Math.max(...warped);
    const weights = [...warped].map((score) => Math.exp(score - highest));
    const sum = weights.reduce((a, b) => a + b);
    const expected = tensors.get(`probabilities.${name}`)!.data as Float32Array;
    weights.forEach((weight, i) => assert(Math.abs(weight / sum - expected[i]!) < 1e-6, name));
    assert.deepEqual(kept(warped), [...expected.keys()].filter((i) => expected[i] !== 0), name);
  }
});

Deno.test("beams keep one token more than there are end tokens, whatever top_k and top_p say", () => {
  const kinds: [GenerationOptions, number][] = [
    [{}, 1],
    [{ num_beams: 2 }, 2],
    [{ num_beams: 2, eos_token_id: 0 }, 2],
    [{ num_beams: 2, eos_token_id: [0, 1] }, 3],
  ];
  for (const [options, count] of kinds) {
    for (const rule of [{ top_k: 1 }, { top_p: 0 }]) {
      const scores = Float32Array.of(1, 5, 3, 4, 2);
      warp(scores, { ...options, ...rule });
      assert.equal(kept(scores).length, count);
    }
  }
});
