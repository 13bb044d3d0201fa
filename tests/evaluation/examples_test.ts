import assert from "node:assert/strict";
import { chooseExamples, comparable } from "../../lib/evaluation/examples.ts";
import { rowWindows, slidingWindows } from "../../lib/evaluation/windows.ts";

const range = (start: number, end: number) =>
  Int32Array.from({ length: end - start }, (_, i) => start + i);
const base = { maxNewTokens: 4, count: 100, seed: 1, eosTokenIds: [0] };

Deno.test("chooseExamples() cuts rows after prompt_tokens and leaves shorter ones out", () => {
  const rows = [range(1, 11), range(1, 4), range(1, 5)];
  const examples = chooseExamples(rows, { ...base, promptTokens: 3 });
  assert.deepEqual(examples.map(({ row, prompt, reference }) => [row, prompt, reference]), [
    [0, [1, 2, 3], [4, 5, 6, 7]],
    [2, [1, 2, 3], [4]],
  ]);
});

Deno.test("chooseExamples() takes half of a row, at most 32 tokens, where nothing is asked for", () => {
  const examples = chooseExamples([range(1, 11), range(1, 3), range(1, 101), range(1, 2)], base);
  assert.deepEqual(examples.map((e) => [e.row, e.prompt.length]), [[0, 5], [1, 1], [2, 32]]);
});

Deno.test("chooseExamples() ends a reference where the text ends", () => {
  const [first, second] = chooseExamples([[1, 2, 3, 0, 4], [1, 2, 0, 9, 9], [1, 2, 3, 4]], {
    ...base,
    promptTokens: 2,
  });
  assert.deepEqual([first!.reference, first!.complete], [[3], true]);
  // Row 1 has nothing left after its prompt.
  assert.deepEqual([second!.row, second!.complete], [2, false]);
});

Deno.test("chooseExamples() takes the same rows for the same seed and says when there are none", () => {
  const rows = Array.from({ length: 50 }, () => range(1, 9));
  const chosen = (seed: number) =>
    chooseExamples(rows, { ...base, count: 5, seed }).map((e) => e.row);
  assert.equal(chosen(1).length, 5);
  assert.deepEqual(chosen(1), chosen(1));
  assert.notDeepEqual(chosen(1), chosen(2));
  assert.deepEqual(chosen(1), chosen(1).toSorted((a, b) => a - b));
  assert.throws(
    () => chooseExamples(rows, { ...base, promptTokens: 8 }),
    /no row is long enough for a prompt of 8 tokens.*the longest of 50 rows has 8 tokens/,
  );
});

Deno.test("comparable() cuts a continuation where the row was cut", () => {
  const [cut, whole] = chooseExamples([[1, 2, 3], [1, 2, 0]], { ...base, promptTokens: 1 });
  assert.deepEqual(comparable(cut!, [7, 8, 9]), [7, 8]);
  assert.deepEqual(comparable(whole!, [7, 8, 9]), [7, 8, 9]);
});

Deno.test("rowWindows() scores rows by themselves, long ones in pieces", () => {
  const windows = rowWindows([range(0, 3), range(0, 1), range(0, 9), range(0, 0)], 4);
  assert.deepEqual(windows.map((w) => [w.row, w.ids[0], w.ids.length, w.from, w.weight]), [
    [0, 0, 3, 1, 2],
    [2, 0, 4, 1, 3],
    [2, 4, 4, 1, 3],
  ]);
});

Deno.test("slidingWindows() counts tokens as the recipe of transformers does", () => {
  // Token counts of the recipe for a text of 301 tokens.
  for (const [window, stride, tokens] of [[64, 64, 296], [64, 32, 292], [48, 10, 274]] as const) {
    const windows = slidingWindows(range(0, 301), { window, stride });
    assert.equal(windows.reduce((sum, w) => sum + w.weight, 0), tokens);
    for (const { from } of windows.slice(1)) {
      assert.equal(from, Math.max(1, window - stride));
    }
  }
});
