/** Models opened from folders, and the losses that they give. */
import assert from "node:assert/strict";
import { readSafetensors } from "../../lib/data/formats/safetensors.ts";
import { type CausalModel, openCausalModel } from "../../lib/evaluation/open_model.ts";
import { rowWindows, slidingWindows } from "../../lib/evaluation/windows.ts";
import { END, writeTinyModel } from "../decoding/fixtures/tiny_model.ts";
import { shared } from "../fixtures/shared.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

interface Golden {
  readonly perplexity: Record<
    string,
    { readonly negative_log_likelihood: number; readonly tokens: number }
  >;
}

const CPU = { device: "cpu", threads: 1 } as const;

async function withTinyModel(body: (model: CausalModel) => Promise<void>): Promise<void> {
  const dir = await temporaryDirectory();
  await writeTinyModel(dir);
  await using model = await openCausalModel(dir, CPU);
  await body(model);
}

Deno.test("scoring gives the sliding-window perplexities of transformers' recipe", async () => {
  const dir = shared("reference/goldens/gpt2-lm");
  if (dir === undefined) return;
  const golden: Golden = JSON.parse(await Deno.readTextFile(`${dir}/golden.json`));
  const { tensors } = await readSafetensors(`${dir}/golden.safetensors`);
  const ids = Int32Array.from(tensors.get("text.input_ids")!.data as BigInt64Array, Number);
  await using model = await openCausalModel(`${dir}/model`, CPU);
  for (const [name, expected] of Object.entries(golden.perplexity)) {
    const [window, stride] = /max_length-(\d+)-stride-(\d+)/.exec(name)!.slice(1).map(Number);
    const windows = slidingWindows(ids, { window: window!, stride: stride! });
    const losses = await model.score(windows, { batchSize: 3 });
    const sum = losses.reduce((total, loss) => total + loss.negativeLogLikelihood, 0);
    assert.equal(losses.reduce((total, loss) => total + loss.tokens, 0), expected.tokens);
    assert(Math.abs(sum / expected.negative_log_likelihood - 1) < 1e-5, `${name}: ${sum}`);
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

Deno.test("openCausalModel() says what is wrong with a folder", async () => {
  const dir = await temporaryDirectory();
  await assert.rejects(openCausalModel(dir, CPU), /no config.json/);
  await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify({ model_type: "gpt_2" }));
  await assert.rejects(openCausalModel(dir, CPU), /"gpt_2".*did you mean "gpt2"/);
  await writeTinyModel(dir);
  await Deno.writeTextFile(`${dir}/generation_config.json`, "[]");
  await assert.rejects(openCausalModel(dir, CPU), /generation_config.json is not a JSON object/);
});

Deno.test("openCausalModel() refuses a classifier in words", async () => {
  const dir = await temporaryDirectory();
  const architectures = ["GPT2ForSequenceClassification"];
  await writeTinyModel(dir, { config: { architectures } });
  await assert.rejects(
    openCausalModel(dir, CPU),
    /the model is a classifier, GPT2ForSequenceClassification: .* cannot write any; a language model/,
  );
});
