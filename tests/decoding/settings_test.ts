import assert from "node:assert/strict";
import { longestSequence } from "../../lib/decoding/lengths.ts";
import { type ModelDefaults, resolveSettings } from "../../lib/decoding/resolve.ts";
import type { GenerationOptions } from "../../lib/decoding/settings.ts";

Deno.test("resolveSettings() has the defaults of transformers", () => {
  assert.deepEqual(resolveSettings({}), {
    max_length: null,
    max_new_tokens: null,
    min_length: 0,
    min_new_tokens: 0,
    do_sample: false,
    temperature: 1,
    top_k: 50,
    top_p: 1,
    num_return_sequences: 1,
    num_beams: 1,
    length_penalty: 1,
    early_stopping: false,
    repetition_penalty: 1,
    no_repeat_ngram_size: 0,
    bad_words_ids: [],
    eos_token_id: [],
    bos_token_id: null,
    stop_strings: [],
    use_cache: true,
  });
});

Deno.test("resolveSettings() takes each value from the options, then the model's folder", () => {
  const generationConfig = {
    max_new_tokens: 9,
    min_length: 2,
    min_new_tokens: 1,
    do_sample: true,
    temperature: 0.5,
    top_k: 7,
    top_p: 0.8,
    num_return_sequences: 2,
    num_beams: 3,
    length_penalty: 0.5,
    early_stopping: "never",
    repetition_penalty: 1.2,
    no_repeat_ngram_size: 3,
    bad_words_ids: [[4]],
    eos_token_id: [5, 6],
    stop_strings: "x",
    use_cache: false,
  };
  const fromFolder = resolveSettings({}, { generationConfig });
  for (const [name, value] of Object.entries(generationConfig)) {
    const expected = name === "stop_strings" ? ["x"] : value;
    assert.deepEqual(fromFolder[name as keyof typeof fromFolder], expected, name);
  }
  const options = {
    max_new_tokens: 3,
    min_length: 1,
    min_new_tokens: 2,
    do_sample: true,
    temperature: 2,
    top_k: 1,
    top_p: 0.1,
    num_return_sequences: 4,
    num_beams: 5,
    length_penalty: -1,
    early_stopping: true,
    repetition_penalty: 1.5,
    no_repeat_ngram_size: 1,
    bad_words_ids: [[1, 2]],
    eos_token_id: [8],
    stop_strings: ["y"],
    use_cache: true,
  };
  const fromOptions = resolveSettings(options, { generationConfig });
  for (const [name, value] of Object.entries(options)) {
    assert.deepEqual(fromOptions[name as keyof typeof fromOptions], value, name);
  }
});

Deno.test("resolveSettings() lets a length of the options win over any of the folder", () => {
  const both = { generationConfig: { max_length: 30, max_new_tokens: 9 } };
  assert.equal(resolveSettings({}, both).max_new_tokens, 9);
  const total = resolveSettings({ max_length: 12 }, both);
  assert.deepEqual([total.max_length, total.max_new_tokens], [12, null]);
});

Deno.test("resolveSettings() finds end tokens in generation_config, config, tokenizer, in this order", () => {
  const tokenizer = { eosTokenId: 3, bosTokenId: 4 };
  const config = { eos_token_id: 2, bos_token_id: 9 };
  const eos = (model: ModelDefaults) => resolveSettings({}, model).eos_token_id;
  assert.deepEqual(eos({ generationConfig: { eos_token_id: 1 }, config, tokenizer }), [1]);
  assert.deepEqual(eos({ generationConfig: {}, config, tokenizer }), [2]);
  assert.deepEqual(eos({ config: { eos_token_id: null }, tokenizer }), [3]);
  assert.equal(resolveSettings({}, { config, tokenizer }).bos_token_id, 9);
  assert.equal(resolveSettings({}, { tokenizer }).bos_token_id, 4);
});

Deno.test("resolveSettings() takes an empty list in generation_config.json for a rule that is off", () => {
  const generationConfig = { suppress_tokens: [], sequence_bias: null, bad_words_ids: [] };
  assert.deepEqual(resolveSettings({}, { generationConfig }), resolveSettings({}));
});

Deno.test("resolveSettings() refuses what contradicts itself, is out of range or not supported", () => {
  const table: [GenerationOptions, ModelDefaults, RegExp][] = [
    [{ max_length: 9, max_new_tokens: 9 }, {}, /both max_length and max_new_tokens/],
    [{ temperature: 0.7 }, {}, /temperature has no effect without do_sample/],
    [{ top_k: 5, do_sample: false }, {}, /top_k has no effect/],
    [{ top_p: 0.5 }, {}, /top_p has no effect/],
    [{ num_return_sequences: 2 }, {}, /num_return_sequences 2 without do_sample/],
    [{ num_return_sequences: 5, num_beams: 4 }, {}, /num_return_sequences 5 of num_beams 4/],
    [{ length_penalty: 1 }, {}, /length_penalty has no effect without num_beams above 1/],
    [{ early_stopping: false, num_beams: 1 }, {}, /early_stopping has no effect/],
    [{ num_beams: 0 }, {}, /num_beams cannot be 0; a whole number from 1/],
    [{}, { generationConfig: { num_beams: 0.5 } }, /num_beams of the model's files cannot be 0.5/],
    [{}, { generationConfig: { num_beam_groups: 2 } }, /num_beam_groups .* not supported/],
    [{}, { generationConfig: { suppress_tokens: [1] } }, /suppress_tokens .* not supported/],
    [{ do_sample: true }, { generationConfig: { typical_p: 0.5 } }, /typical_p/],
    [{ do_sample: true, temperature: 0 }, {}, /temperature cannot be 0/],
    [{ do_sample: true, top_p: 1.5 }, {}, /top_p cannot be 1.5/],
    [{ do_sample: true, top_k: -1 }, {}, /top_k/],
    [{ max_new_tokens: 0 }, {}, /max_new_tokens cannot be 0/],
    [{ repetition_penalty: 0 }, {}, /repetition_penalty/],
    [{ no_repeat_ngram_size: 0.5 }, {}, /no_repeat_ngram_size/],
    [{ bad_words_ids: [[]] }, {}, /bad_words_ids/],
    [{ stop_strings: "" }, {}, /stop_strings/],
    [{ eos_token_id: -1 }, {}, /eos_token_id cannot be -1; a token id/],
  ];
  for (const [options, model, message] of table) {
    assert.throws(() => resolveSettings(options, model), message);
  }
});

Deno.test("resolveSettings() lets pass what the folder says without effect", () => {
  const generationConfig = {
    length_penalty: 2,
    early_stopping: true,
    typical_p: 0.5,
    temperature: 0.7,
    transformers_version: "5",
  };
  assert.equal(resolveSettings({ num_beams: 1 }, { generationConfig }).do_sample, false);
  assert.equal(resolveSettings({}, { generationConfig: { num_beams: 4 } }).num_beams, 4);
});

Deno.test("longestSequence() counts the prompt for max_length and not for max_new_tokens", () => {
  const at = { promptLength: 5, contextLength: 64 };
  assert.equal(longestSequence(resolveSettings({ max_length: 12 }), at), 12);
  assert.equal(longestSequence(resolveSettings({ max_new_tokens: 12 }), at), 17);
  assert.equal(longestSequence(resolveSettings({}), at), 25);
  assert.equal(longestSequence(resolveSettings({}), { ...at, contextLength: 10 }), 10);
  // The last token is written but not read, so it needs no place in the window.
  assert.equal(longestSequence(resolveSettings({ max_new_tokens: 60 }), at), 65);
  const table: [GenerationOptions, RegExp][] = [
    [{ max_new_tokens: 61 }, /more than the model's window of 64/],
    [{ max_length: 66 }, /more than the model's window/],
    [{ max_length: 5 }, /leaves no room after a prompt of 5/],
    [{ max_length: 9, min_length: 10 }, /asks for 10 tokens, max_length 9 allows 9/],
    [{ max_new_tokens: 2, min_new_tokens: 3 }, /asks for 8 tokens/],
  ];
  for (const [options, message] of table) {
    assert.throws(() => longestSequence(resolveSettings(options), at), message);
  }
  const long = { promptLength: 65, contextLength: 64 };
  assert.throws(() => longestSequence(resolveSettings({}), long), /does not fit/);
});
