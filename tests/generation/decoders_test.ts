/** Decoding with a real engine: against transformers' traces, and with cache against without. */
import assert from "node:assert/strict";
import { readSafetensors } from "../../lib/data/formats/safetensors.ts";
import { type CausalModel, loadCausalModel } from "../../lib/decoding/causal_model.ts";
import { generate, type GeneratedSequence } from "../../lib/decoding/generate.ts";
import { type GenerationOptions, resolveSettings } from "../../lib/decoding/settings.ts";
import { rowWindows, slidingWindows } from "../../lib/evaluation/windows.ts";
import { shared } from "../fixtures/shared.ts";
import { END, writeTinyModel } from "./fixtures/tiny_model.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { DEVICES } from "../../lib/base/device.ts";
import { onDevice } from "../fixtures/webgpu.ts";

interface Golden {
  readonly generate: Record<
    string,
    { readonly settings: Record<string, unknown>; readonly sequences: number[][] }
  >;
  readonly perplexity: Record<
    string,
    { readonly negative_log_likelihood: number; readonly tokens: number }
  >;
}

const CPU = { device: "cpu", threads: 1 } as const;

async function withTinyModel(body: (model: CausalModel) => Promise<void>): Promise<void> {
  const dir = await temporaryDirectory();
  await writeTinyModel(dir);
  await using model = await loadCausalModel(dir, CPU);
  await body(model);
}

function run(
  model: CausalModel,
  options: GenerationOptions,
  more: { prompts: number[][]; cache?: boolean; batchSize?: number },
): Promise<GeneratedSequence[]> {
  const { prompts, cache = true, batchSize = 8 } = more;
  return generate(model.decoder({ cache }), {
    prompts,
    settings: resolveSettings(options, model.defaults),
    seed: 5,
    batchSize,
    decode: () => "",
  });
}

const PROMPTS = [[65, 66, 67], [END], Array.from({ length: 20 }, (_, i) => 97 + i)];

Deno.test("decoding gives the sequences of transformers' trace", async () => {
  const dir = shared("reference/goldens/gpt2-lm");
  if (dir === undefined) return;
  const golden: Golden = JSON.parse(await Deno.readTextFile(`${dir}/golden.json`));
  const { tensors } = await readSafetensors(`${dir}/golden.safetensors`);
  const prompt = Array.from(tensors.get("gen.input_ids")!.data as BigInt64Array, Number);
  await using model = await loadCausalModel(`${dir}/model`, CPU);
  let compared = 0;
  for (const { settings, sequences } of Object.values(golden.generate)) {
    if ("num_beams" in settings) continue;
    for (const cache of [true, false]) {
      const result = await run(model, { ...settings, max_new_tokens: 16 }, {
        prompts: [prompt],
        cache,
      });
      assert.deepEqual(result.map((sequence) => sequence.ids), sequences);
    }
    compared++;
  }
  assert.equal(compared, 5);
});

Deno.test("scoring gives the sliding-window perplexities of transformers' recipe", async () => {
  const dir = shared("reference/goldens/gpt2-lm");
  if (dir === undefined) return;
  const golden: Golden = JSON.parse(await Deno.readTextFile(`${dir}/golden.json`));
  const { tensors } = await readSafetensors(`${dir}/golden.safetensors`);
  const ids = Int32Array.from(tensors.get("text.input_ids")!.data as BigInt64Array, Number);
  await using model = await loadCausalModel(`${dir}/model`, CPU);
  for (const [name, expected] of Object.entries(golden.perplexity)) {
    const [window, stride] = /max_length-(\d+)-stride-(\d+)/.exec(name)!.slice(1).map(Number);
    const windows = slidingWindows(ids, { window: window!, stride: stride! });
    const losses = await model.score(windows, { batchSize: 3 });
    const sum = losses.reduce((total, loss) => total + loss.negativeLogLikelihood, 0);
    assert.equal(losses.reduce((total, loss) => total + loss.tokens, 0), expected.tokens);
    assert(Math.abs(sum / expected.negative_log_likelihood - 1) < 1e-5, `${name}: ${sum}`);
  }
});

Deno.test("decoding with a cache equals reading everything again, in any batch", async () => {
  await withTinyModel(async (model) => {
    const sampled = { do_sample: true, top_k: 0, min_new_tokens: 25, max_new_tokens: 25 };
    for (const options of [{ max_new_tokens: 25, min_new_tokens: 25 }, sampled]) {
      const cached = await run(model, options, { prompts: PROMPTS });
      assert.deepEqual(cached.map((s) => s.ids.length), [28, 26, 45]);
      assert.deepEqual(await run(model, options, { prompts: PROMPTS, cache: false }), cached);
      assert.deepEqual(await run(model, options, { prompts: PROMPTS, batchSize: 1 }), cached);
      assert.deepEqual(await run(model, options, { prompts: PROMPTS, batchSize: 2 }), cached);
    }
  });
});

Deno.test("decoding uses an output layer of its own where the model has one", async () => {
  const dir = await temporaryDirectory();
  const ids: number[][] = [];
  for (const tie_word_embeddings of [true, false]) {
    await writeTinyModel(dir, { config: { tie_word_embeddings } });
    await using model = await loadCausalModel(dir, CPU);
    ids.push((await run(model, { max_new_tokens: 8 }, { prompts: [[65, 66]] }))[0]!.ids.slice());
  }
  assert.notDeepEqual(ids[0], ids[1]);
});

Deno.test("decoding gives the same tokens and losses on every engine", async (t) => {
  const dir = await temporaryDirectory();
  await writeTinyModel(dir);
  const rows = rowWindows([Int32Array.from([65, 66, 67, 68]), Int32Array.from([1, 2])], 48);
  const results: unknown[] = [];
  for (const device of DEVICES) {
    const fn = async (): Promise<void> => {
      await using model = await loadCausalModel(dir, { device, threads: 1 });
      const sequences = await run(model, { max_new_tokens: 4 }, { prompts: [PROMPTS[0]!] });
      const losses = await model.score(rows, { batchSize: 2 });
      results.push({
        ids: sequences.map((sequence) => sequence.ids),
        losses: losses.map((loss) => loss.negativeLogLikelihood.toFixed(3)),
      });
      assert.deepEqual(results.at(-1), results[0]);
    };
    await t.step({ ...onDevice(device, device), fn });
  }
});

Deno.test("sessions that have not been used for long are replaced, and made again when needed", async () => {
  await withTinyModel(async (model) => {
    const lengths = Array.from({ length: 12 }, (_, i) => i + 2);
    const rows = lengths.map((length) => Int32Array.from({ length }, (_, i) => 60 + i));
    const score = async () => {
      const losses = [];
      // A window alone is padded to no other length: each needs a session of its own.
      for (const row of rows) {
        losses.push(...await model.score(rowWindows([row], 48), { batchSize: 1 }));
      }
      return losses;
    };
    assert.deepEqual(await score(), await score());
  });
});

Deno.test("decoding fills the window to its end, beside sequences that are done", async () => {
  await withTinyModel(async (model) => {
    // 48 positions and a token more, which is written but never read.
    const options = { max_length: 49, min_length: 49 };
    const cached = await run(model, options, { prompts: PROMPTS });
    assert(cached.every((sequence) => sequence.ids.length === 49));
    assert.deepEqual(await run(model, options, { prompts: PROMPTS, cache: false }), cached);
  });
});

Deno.test("scoring does not depend on batch size, neighbours or cuts", async () => {
  await withTinyModel(async (model) => {
    const rows = [3, 48, 17, 2, 30, 12, 13].map((length, row) =>
      Int32Array.from({ length }, (_, i) => (i * 37 + row * 11) % 256)
    );
    const score = async (list: Int32Array[], batchSize: number) =>
      (await model.score(rowWindows(list, 48), { batchSize })).map((l) => l.negativeLogLikelihood);
    const all = await score(rows, 4);
    for (const [row, ids] of rows.entries()) {
      const [alone] = await score([ids], 1);
      assert(Math.abs(alone! / all[row]! - 1) < 1e-5);
    }
    // A sequence's loss is the sum over its tokens, each given those before it.
    const ids = rows[5]!;
    const parts = slidingWindows(ids, { window: 12, stride: 12 });
    const [whole] = await model.score(parts, { batchSize: 1 });
    const last = await model.score([{ ids, from: 6, weight: 6, row: 0 }], { batchSize: 1 });
    const first = await model.score([{ ids: ids.subarray(0, 6), from: 1, weight: 5, row: 0 }], {
      batchSize: 1,
    });
    const sum = last[0]!.negativeLogLikelihood + first[0]!.negativeLogLikelihood;
    assert(Math.abs(sum / whole!.negativeLogLikelihood - 1) < 1e-5);
  });
});

Deno.test("scoring refuses tokens that the model does not know", async () => {
  await withTinyModel(async (model) => {
    const windows = rowWindows([Int32Array.of(1, END + 1)], 48);
    await assert.rejects(
      model.score(windows, { batchSize: 1 }),
      /token id 257, the model knows 257/,
    );
  });
});

Deno.test("loadCausalModel() says what is wrong with a folder", async () => {
  const dir = await temporaryDirectory();
  await assert.rejects(loadCausalModel(dir, CPU), /no config.json/);
  await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify({ model_type: "gpt_2" }));
  await assert.rejects(loadCausalModel(dir, CPU), /"gpt_2".*did you mean "gpt2"/);
  await writeTinyModel(dir);
  await Deno.writeTextFile(`${dir}/generation_config.json`, "[]");
  await assert.rejects(loadCausalModel(dir, CPU), /generation_config.json is not a JSON object/);
});
