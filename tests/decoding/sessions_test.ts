/** Decoding with a real engine: against transformers' traces, and with cache against without. */
import assert from "node:assert/strict";
import { readSafetensors } from "../../lib/data/formats/safetensors.ts";
import { type CausalModel, openCausalModel } from "../../lib/evaluation/open_model.ts";
import { generate, type GeneratedSequence } from "../../lib/decoding/generate.ts";
import { resolveSettings } from "../../lib/decoding/resolve.ts";
import type { GenerationOptions } from "../../lib/decoding/settings.ts";
import { rowWindows } from "../../lib/evaluation/windows.ts";
import { shared } from "../fixtures/shared.ts";
import { END, writeTinyModel } from "./fixtures/tiny_model.ts";
import { DEVICES } from "../../lib/base/device.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { onDevice } from "../fixtures/webgpu.ts";

interface Golden {
  readonly generate: Record<
    string,
    { readonly settings: Record<string, unknown>; readonly sequences: number[][] }
  >;
}

const CPU = { device: "cpu", threads: 1 } as const;

async function withTinyModel(body: (model: CausalModel) => Promise<void>): Promise<void> {
  const dir = await temporaryDirectory();
  await writeTinyModel(dir);
  await using model = await openCausalModel(dir, CPU);
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
  await using model = await openCausalModel(`${dir}/model`, CPU);
  let compared = 0;
  for (const { settings, sequences } of Object.values(golden.generate)) {
    for (const cache of [true, false]) {
      const result = await run(model, { ...settings, max_new_tokens: 16 }, {
        prompts: [prompt],
        cache,
      });
      assert.deepEqual(result.map((sequence) => sequence.ids), sequences);
    }
    compared++;
  }
  assert.equal(compared, 9);
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
    await using model = await openCausalModel(dir, CPU);
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
      await using model = await openCausalModel(dir, { device, threads: 1 });
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

Deno.test("decoding fills the window to its end, beside sequences that are done", async () => {
  await withTinyModel(async (model) => {
    // 48 positions and a token more, which is written but never read.
    const options = { max_length: 49, min_length: 49 };
    const cached = await run(model, options, { prompts: PROMPTS });
    assert(cached.every((sequence) => sequence.ids.length === 49));
    assert.deepEqual(await run(model, options, { prompts: PROMPTS, cache: false }), cached);
  });
});

Deno.test("sessions fork, reorder and rewind rows, cached or not", async () => {
  await withTinyModel(async (model) => {
    const prompts = [[65, 66, 67], Array.from({ length: 20 }, (_, i) => 97 + i)];
    const steps: { tokens: number[]; parents?: number[]; rewind?: number }[] = [
      { tokens: [1, 2, 3, 4], parents: [0, 0, 1, 1] },
      { tokens: [5, 6, 7, 8], parents: [3, 0, 0, 2] },
      { tokens: [9, 10, 11, 12] },
      { tokens: [13, 14, 15, 16], parents: [1, 0, 3, 2] },
      { tokens: [17, 18, 19, 20], rewind: 5 },
      // Past the places that a cache begins with.
      ...Array.from({ length: 30 }, (_, i) => ({ tokens: [i, i, i, i], parents: [0, 2, 1, 3] })),
    ];
    for (const cache of [true, false]) {
      const decoder = model.decoder({ cache });
      const session = await decoder.start(prompts, { capacity: 48 });
      let rows = prompts.map((prompt) => [...prompt]);
      for (const [index, { tokens, parents, rewind }] of steps.entries()) {
        if (rewind !== undefined) {
          session.rewind(rewind);
          rows = rows.map((row) => row.slice(0, rewind));
        }
        await session.advance(Int32Array.from(tokens), parents && Int32Array.from(parents));
        rows = tokens.map((token, row) => [...rows[parents?.[row] ?? row]!, token]);
        if (index > 5 && index < steps.length - 1) continue;
        const alone = await decoder.start(rows, { capacity: 48 });
        for (const row of rows.keys()) {
          const [got, expected] = [session.logits(row), alone.logits(row)];
          const most = Math.max(...got.map((logit, i) => Math.abs(logit - expected[i]!)));
          assert.ok(most < 1e-3, `step ${index}, row ${row}, cache ${cache}: ${most}`);
        }
      }
    }
  });
});
