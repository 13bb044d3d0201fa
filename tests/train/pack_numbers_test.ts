import assert from "node:assert/strict";
import { packNumbers, unpackNumbers } from "../../lib/train/state/pack_numbers.ts";

Deno.test("packNumbers() takes every number through JSON", () => {
  const value = { a: [1.5, -0, NaN, Infinity], b: { c: -Infinity, d: null, e: "x", f: true } };
  const through = unpackNumbers(JSON.parse(JSON.stringify(packNumbers(value))));
  assert.deepEqual(through, value);
  assert.ok(Object.is((through as typeof value).a[1], -0));
});
