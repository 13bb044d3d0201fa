import assert from "node:assert/strict";
import { processLogits, type ProcessorSettings } from "../../lib/decoding/rules/processors.ts";
import { finished } from "../../lib/decoding/rules/stopping.ts";

const NEUTRAL: ProcessorSettings = {
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
  badWordsIds: [],
  eosTokenIds: [],
  minLength: 0,
  minNewTokens: 0,
};

function forbidden(
  ids: number[],
  settings: Partial<ProcessorSettings>,
  promptLength = 1,
): number[] {
  const scores = new Float32Array(8);
  processLogits(scores, { ...NEUTRAL, ...settings, ids, promptLength });
  return [...scores.keys()].filter((id) => scores[id] === -Infinity);
}

Deno.test("processLogits() changes nothing with neutral settings", () => {
  assert.deepEqual(forbidden([1, 2, 1, 2], {}), []);
});

Deno.test("processLogits() penalizes each token that occurred once, towards minus infinity", () => {
  const scores = Float32Array.of(2, -2, 3, 0);
  processLogits(scores, { ...NEUTRAL, repetitionPenalty: 2, ids: [0, 1, 1, 0], promptLength: 1 });
  assert.deepEqual([...scores], [1, -4, 3, 0]);
});

Deno.test("processLogits() forbids completing an n-gram again", () => {
  assert.deepEqual(forbidden([1, 2, 3, 1], { noRepeatNgramSize: 2 }), [2]);
  assert.deepEqual(forbidden([1, 2, 3, 1, 2, 4, 1, 2], { noRepeatNgramSize: 3 }), [3, 4]);
  assert.deepEqual(forbidden([1, 2], { noRepeatNgramSize: 3 }), []);
  assert.deepEqual(forbidden([5, 6], { noRepeatNgramSize: 1 }), [5, 6]);
});

Deno.test("processLogits() forbids bad words, but not the end token", () => {
  const badWordsIds = [[7], [2, 3], [1, 2, 4], [0]];
  assert.deepEqual(forbidden([1, 2], { badWordsIds, eosTokenIds: [0] }), [3, 4, 7]);
  assert.deepEqual(forbidden([2], { badWordsIds }), [0, 3, 7]);
});

Deno.test("processLogits() holds end tokens back until the sequence is long enough", () => {
  const eosTokenIds = [2, 5, 99];
  assert.deepEqual(forbidden([1, 1, 1], { eosTokenIds, minLength: 4 }), [2, 5]);
  assert.deepEqual(forbidden([1, 1, 1, 1], { eosTokenIds, minLength: 4 }), []);
  assert.deepEqual(forbidden([1, 1, 1], { eosTokenIds, minNewTokens: 2 }, 2), [2, 5]);
  assert.deepEqual(forbidden([1, 1, 1, 1], { eosTokenIds, minNewTokens: 2 }, 2), []);
});

Deno.test("finished() names the end token, the stop string or the length", () => {
  const words = ["st", "op", "pers", " a", "mid stop mid"];
  const options = {
    eosTokenIds: [90],
    stopStrings: ["stop"],
    maxLength: 6,
    decode: (ids: readonly number[]) => ids.map((id) => words[id] ?? "?").join(""),
  };
  assert.equal(finished([3, 90], options), "eos");
  assert.equal(finished([3, 0, 1], options), "stop_string");
  assert.equal(finished([0, 1, 3], options), undefined); // the newest token is not part of it
  assert.equal(finished([3, 4], options), "stop_string"); // inside one token
  assert.equal(finished([3, 3, 3, 3, 3, 3], options), "length");
  assert.equal(finished([3, 0, 1], { ...options, stopStrings: [] }), undefined);
  assert.equal(finished([0, 1, 0, 1], { ...options, stopStrings: ["x", "stopst"] }), undefined);
  assert.equal(finished([0, 1, 0], { ...options, stopStrings: ["x", "stopst"] }), "stop_string");
});
