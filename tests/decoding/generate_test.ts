import assert from "node:assert/strict";
import type { Decoder, DecodingSession } from "../../lib/decoding/session/session.ts";
import {
  generate,
  type GeneratedSequence,
  type GenerateOptions,
} from "../../lib/decoding/generate.ts";
import { uniform } from "../../lib/decoding/strategies/draws.ts";
import { resolveSettings } from "../../lib/decoding/resolve.ts";
import type { GenerationOptions } from "../../lib/decoding/settings.ts";

const V = 12;

/** Scores that depend on the whole sequence, in a way that a mixed-up batch would change. */
function scoresOf(ids: readonly number[]): Float32Array {
  const hash = ids.reduce((sum, id, i) => (sum * 31 + (id + 1) * (i + 7)) % 1000003, 17);
  return Float32Array.from(
    { length: V },
    (_, position) => 4 * uniform(hash, { prompt: 0, sequence: 0, position }),
  );
}

/** A decoder without a model; counts what it is asked for. */
class FakeDecoder implements Decoder {
  readonly vocabSize = V;
  readonly contextLength: number = 40;
  readonly batches: number[] = [];
  steps = 0;

  start(prompts: readonly (readonly number[])[]): Promise<DecodingSession> {
    let rows = prompts.map((prompt) => [...prompt]);
    this.batches.push(rows.length);
    return Promise.resolve({
      logits: (index) => scoresOf(rows[index]!),
      rewind: (length) => rows = rows.map((row) => row.slice(0, length)),
      advance: (tokens, parents) => {
        this.steps++;
        if (parents !== undefined) rows = Array.from(parents, (parent) => [...rows[parent]!]);
        rows.forEach((row, i) => row.push(tokens[i]!));
        return Promise.resolve();
      },
    });
  }
}

function run(
  prompts: number[][],
  options: GenerationOptions,
  more: Partial<GenerateOptions> = {},
): Promise<GeneratedSequence[]> {
  const settings = resolveSettings(options);
  const decode = (ids: readonly number[]) => ids.map((id) => "abcdefghijkl"[id]).join("");
  return generate(new FakeDecoder(), { prompts, settings, seed: 1, decode, ...more });
}

const PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11]];
const SAMPLE = { do_sample: true, max_new_tokens: 8, top_k: 0 };

Deno.test("generate() takes the likeliest token until the length is reached", async () => {
  const [sequence] = await run([[3, 4]], { max_new_tokens: 5 });
  const ids = [3, 4];
  for (let i = 0; i < 5; i++) {
    const scores = scoresOf(ids);
    ids.push(scores.indexOf(Math.max(...scores)));
  }
  assert.deepEqual(sequence, { prompt: 0, sequence: 0, ids, promptLength: 2, finish: "length" });
});

Deno.test("generate() gives the same texts in any batches", async () => {
  for (const options of [SAMPLE, { max_new_tokens: 8 }, { max_length: 15 }]) {
    const together = await run(PROMPTS, options);
    assert.deepEqual(await run(PROMPTS, options, { batchSize: 1 }), together);
    assert.deepEqual(await run(PROMPTS, options, { batchSize: 2 }), together);
    assert.deepEqual(together.map((s) => s.prompt), [0, 1, 2]);
  }
});

Deno.test("generate() counts max_length with the prompt and max_new_tokens without", async () => {
  const lengths = async (options: GenerationOptions) =>
    (await run(PROMPTS, options)).map((s) => s.ids.length);
  assert.deepEqual(await lengths({ max_length: 10 }), [10, 10, 10]);
  assert.deepEqual(await lengths({ max_new_tokens: 4 }), [7, 5, 11]);
  assert.deepEqual(await lengths({}), [23, 21, 27]);
});

Deno.test("generate() draws by seed, prompt and sequence", async () => {
  const first = await run(PROMPTS, { ...SAMPLE, num_return_sequences: 3 });
  assert.deepEqual(first.map((s) => [s.prompt, s.sequence]), [
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
    [2, 0],
    [2, 1],
    [2, 2],
  ]);
  assert.equal(new Set(first.map((s) => String(s.ids))).size, 9);
  assert.deepEqual(await run(PROMPTS, { ...SAMPLE, num_return_sequences: 3 }), first);
  // The first sequences are the same however many are asked for.
  const alone = await run(PROMPTS, SAMPLE);
  assert.deepEqual(alone, first.filter((s) => s.sequence === 0));
  const other = await run(PROMPTS, SAMPLE, { seed: 2 });
  assert.notDeepEqual(other.map((s) => s.ids), alone.map((s) => s.ids));
  // A prompt with a number of its own is drawn alike among others.
  const numbered = await run([[5], PROMPTS[2]!], SAMPLE, { numbers: [9, 2] });
  assert.deepEqual(numbered.map((s) => s.prompt), [0, 1]);
  assert.deepEqual(numbered[1]!.ids, alone[2]!.ids);
});

Deno.test("generate() draws what temperature, top_k, top_p and the cutoffs leave", async () => {
  const greedy = (await run(PROMPTS, { max_new_tokens: 8 })).map((s) => s.ids);
  const ids = async (options: GenerationOptions) =>
    (await run(PROMPTS, { ...SAMPLE, ...options })).map((s) => s.ids);
  assert.notDeepEqual(await ids({}), greedy);
  assert.deepEqual(await ids({ top_k: 1 }), greedy);
  assert.deepEqual(await ids({ top_p: 0 }), greedy);
  assert.deepEqual(await ids({ temperature: 1e-3 }), greedy);
  assert.deepEqual(await ids({ min_p: 1 }), greedy);
  assert.deepEqual(await ids({ epsilon_cutoff: 0.99 }), greedy);
  assert.notDeepEqual(await ids({ typical_p: 0.2 }), await ids({}));
  assert.notDeepEqual(await ids({ eta_cutoff: 0.9 }), await ids({}));
});

Deno.test("generate() ends at an end token, at a stop string, and says so", async () => {
  const [free] = await run([[1]], { max_new_tokens: 12 });
  const target = free!.ids[5]!;
  const end = free!.ids.indexOf(target, 1);
  const [ended] = await run([[1]], { max_new_tokens: 12, eos_token_id: [99, target] });
  assert.deepEqual([ended!.ids, ended!.finish], [free!.ids.slice(0, end + 1), "eos"]);
  const text = free!.ids.slice(4, 6).map((id) => "abcdefghijkl"[id]).join("");
  const [stopped] = await run([[1]], { max_new_tokens: 12, stop_strings: text });
  assert.equal(stopped!.finish, "stop_string");
  assert(stopped!.ids.length <= 6);
  const [held] = await run([[1]], { max_new_tokens: 12, eos_token_id: target, min_new_tokens: 12 });
  assert(!held!.ids.slice(1, 12).includes(target));
  const [min] = await run([[1]], { max_new_tokens: 12, eos_token_id: target, min_length: 12 });
  assert(!min!.ids.slice(1, 12).includes(target));
});

Deno.test("generate() applies penalty, n-gram rule and bad words", async () => {
  const [free] = await run([[1]], { max_new_tokens: 12 });
  const bad = free!.ids[3]!;
  const [without] = await run([[1]], { max_new_tokens: 12, bad_words_ids: [[bad]] });
  assert(!without!.ids.slice(1).includes(bad));
  const [once] = await run([[1]], { max_new_tokens: 11, no_repeat_ngram_size: 1 });
  assert.equal(new Set(once!.ids).size, 12);
  const [penalized] = await run([[1]], { max_new_tokens: 11, repetition_penalty: 100 });
  assert.equal(new Set(penalized!.ids).size, 12);
  await assert.rejects(run([[1]], { max_new_tokens: 12, no_repeat_ngram_size: 1 }), /forbidden/);
});

Deno.test("generate() starts an empty prompt from the first token, else from the end token", async () => {
  const start = async (bos: number | null, eos: number[]) => {
    const settings = {
      ...resolveSettings({ max_new_tokens: 2 }),
      bos_token_id: bos,
      eos_token_id: eos,
    };
    const [sequence] = await generate(new FakeDecoder(), {
      prompts: [[]],
      settings,
      seed: 1,
      decode: () => "",
    });
    return [sequence!.ids[0], sequence!.promptLength];
  };
  assert.deepEqual(await start(7, [3]), [7, 1]);
  assert.deepEqual(await start(null, [3]), [3, 1]);
  await assert.rejects(start(null, []), /an empty prompt needs a token to start with/);
});

Deno.test("generate() refuses prompts that do not fit the model", async () => {
  await assert.rejects(run([[1, 12]], {}), /token id 12, the model knows 12 tokens/);
  await assert.rejects(
    run([new Array(41).fill(1)], {}),
    /does not fit into the model's window of 40/,
  );
  await assert.rejects(run([[1]], { bad_words_ids: [[12]] }), /bad_words_ids holds 12/);
});

Deno.test("generate() computes batches of the size asked for, stops early and reports progress", async () => {
  const decoder = new FakeDecoder();
  const settings = resolveSettings({ max_new_tokens: 4 });
  const seen: [number, number][] = [];
  await generate(decoder, {
    prompts: PROMPTS,
    settings,
    seed: 1,
    batchSize: 2,
    decode: () => "",
    progress: (done, total) => seen.push([done, total]),
  });
  assert.deepEqual(decoder.batches, [2, 1]);
  // The last token of a sequence is not read.
  assert.equal(decoder.steps, 6);
  assert.deepEqual(seen.at(-1), [12, 12]);
  assert(seen.every(([done], i) => i === 0 || done >= seen[i - 1]![0]));
  const aborted = AbortSignal.abort(new Error("stop now"));
  await assert.rejects(run(PROMPTS, {}, { signal: aborted }), /stop now/);
});
