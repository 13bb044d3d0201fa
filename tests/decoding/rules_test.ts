import assert from "node:assert/strict";
import { resolveSettings } from "../../lib/decoding/resolve.ts";
import { finished } from "../../lib/decoding/rules/stopping.ts";
import { type GenerationOptions, processorsOf } from "../../lib/decoding/settings.ts";

function process(
  scores: Float32Array,
  { ids, promptLength = 1, options }: {
    ids: number[];
    promptLength?: number;
    options: GenerationOptions;
  },
): Float32Array {
  for (const rule of processorsOf(resolveSettings(options))) rule(scores, { ids, promptLength });
  return scores;
}

function forbidden(ids: number[], options: GenerationOptions, promptLength = 1): number[] {
  const scores = process(new Float32Array(8), { ids, promptLength, options });
  return [...scores.keys()].filter((id) => scores[id] === -Infinity);
}

Deno.test("rules change nothing with neutral settings", () => {
  assert.deepEqual(forbidden([1, 2, 1, 2], {}), []);
});

Deno.test("repetition_penalty lowers each token that occurred once, towards minus infinity", () => {
  const options = { repetition_penalty: 2 };
  const scores = process(Float32Array.of(2, -2, 3, 0), { ids: [0, 1, 1, 0], options });
  assert.deepEqual([...scores], [1, -4, 3, 0]);
});

Deno.test("no_repeat_ngram_size forbids completing an n-gram again", () => {
  assert.deepEqual(forbidden([1, 2, 3, 1], { no_repeat_ngram_size: 2 }), [2]);
  assert.deepEqual(forbidden([1, 2, 3, 1, 2, 4, 1, 2], { no_repeat_ngram_size: 3 }), [3, 4]);
  assert.deepEqual(forbidden([1, 2], { no_repeat_ngram_size: 3 }), []);
  assert.deepEqual(forbidden([5, 6], { no_repeat_ngram_size: 1 }), [5, 6]);
});

Deno.test("bad_words_ids forbids words, but not the end token", () => {
  const bad_words_ids = [[7], [2, 3], [1, 2, 4], [0]];
  assert.deepEqual(forbidden([1, 2], { bad_words_ids, eos_token_id: [0] }), [3, 4, 7]);
  assert.deepEqual(forbidden([2], { bad_words_ids }), [0, 3, 7]);
});

Deno.test("min_length and min_new_tokens hold end tokens back until the sequence is long enough", () => {
  const eos_token_id = [2, 5, 99];
  assert.deepEqual(forbidden([1, 1, 1], { eos_token_id, min_length: 4 }), [2, 5]);
  assert.deepEqual(forbidden([1, 1, 1, 1], { eos_token_id, min_length: 4 }), []);
  assert.deepEqual(forbidden([1, 1, 1], { eos_token_id, min_new_tokens: 2 }, 2), [2, 5]);
  assert.deepEqual(forbidden([1, 1, 1, 1], { eos_token_id, min_new_tokens: 2 }, 2), []);
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
