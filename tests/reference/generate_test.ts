/** Greedy search and beams against transformers' `generate`, token for token, on random models and settings. */
import assert from "node:assert/strict";
import { type RandomStream, randomStream } from "../../lib/base/random.ts";
import { generate } from "../../lib/decoding/generate.ts";
import { resolveSettings } from "../../lib/decoding/resolve.ts";
import type { GenerationOptions } from "../../lib/decoding/settings.ts";
import { type CausalModel, openCausalModel } from "../../lib/evaluation/open_model.ts";
import { END, writeTinyModel } from "../decoding/fixtures/tiny_model.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { hasPackages, runScript } from "./python.ts";

const without = await hasPackages("torch", "transformers")
  ? ""
  : " (skipped: no Python with transformers)";

const MODELS = 4;
const CASES_OF_A_MODEL = 16;

interface Case {
  readonly model: string;
  readonly prompts: number[][];
  readonly settings: GenerationOptions;
}

/** Sequences by prompt, each up to its end token. */
async function ownSequences(
  model: CausalModel,
  { prompts, settings }: Case,
): Promise<number[][][]> {
  const resolved = resolveSettings(settings, model.defaults);
  const decoder = model.decoder({ cache: true });
  const options = { prompts, settings: resolved, seed: 0, batchSize: 16, decode: () => "" };
  const found = await generate(decoder, options);
  return prompts.map((_, prompt) =>
    found.filter((each) => each.prompt === prompt).map(({ ids }) => [...ids])
  );
}

/** Settings of a kind that a case may have, and end tokens that its model really writes. */
async function randomCase(
  random: RandomStream,
  { model, opened }: { readonly model: string; readonly opened: CausalModel },
): Promise<Case> {
  const pick = <T>(from: readonly T[]): T => from[random.nextBelow(from.length)]!;
  const id = (): number => random.nextBelow(END);
  const prompts = Array.from(
    { length: 1 + random.nextBelow(3) },
    () => Array.from({ length: 2 + random.nextBelow(12) }, id),
  );
  const num_beams = pick([1, 2, 3, 4, 5, 7]);
  const beams: GenerationOptions = num_beams === 1 ? {} : {
    num_beams,
    num_return_sequences: 1 + random.nextBelow(num_beams),
    length_penalty: pick([-2, -0.5, 0, 0.3, 1, 1, 2]),
    early_stopping: pick([false, true, "never"]),
  };
  const rules: GenerationOptions = {
    ...random.nextBelow(3) === 0 ? { repetition_penalty: pick([0.8, 1.3, 2.5]) } : {},
    ...random.nextBelow(3) === 0 ? { no_repeat_ngram_size: pick([1, 2, 3]) } : {},
    ...random.nextBelow(4) === 0 ? { bad_words_ids: [[id()], [id(), id()]] } : {},
  };
  const max_new_tokens = 4 + random.nextBelow(16);
  const free = { model, prompts, settings: { max_new_tokens, ...beams, ...rules } };
  const written = (await ownSequences(opened, free)).flatMap((sequences, prompt) =>
    sequences.flatMap((ids) => ids.slice(prompts[prompt]!.length))
  );
  const eos_token_id = Array.from({ length: 1 + random.nextBelow(2) }, () => pick(written));
  const least: GenerationOptions = pick([
    {},
    {},
    { min_new_tokens: 1 + random.nextBelow(4) },
    { min_length: 6 },
  ]);
  return { ...free, settings: { ...free.settings, eos_token_id, ...least } };
}

Deno.test({
  name: `generate() writes transformers' sequences, greedily and with beams${without}`,
  ignore: without !== "",
  async fn(): Promise<void> {
    const cases: Case[] = [];
    const own: number[][][][] = [];
    for (let seed = 0; seed < MODELS; seed++) {
      const model = await temporaryDirectory();
      await writeTinyModel(model, { seed: 100 + seed });
      await using opened = await openCausalModel(model, { device: "cpu", threads: 1 });
      const random = randomStream(seed);
      for (let i = 0; i < CASES_OF_A_MODEL; i++) {
        const made = await randomCase(random, { model, opened });
        cases.push(made);
        own.push(await ownSequences(opened, made));
      }
    }
    const theirs = await runScript<number[][][]>("generate.py", cases);
    let ended = 0;
    const different: unknown[] = [];
    for (const [i, { prompts, settings }] of cases.entries()) {
      const ends = settings.eos_token_id as number[];
      // What transformers returns is padded to the longest of the prompt's sequences.
      const expected = theirs[i]!.map((sequences, prompt) =>
        sequences.map((ids) => {
          const end = ids.findIndex((id, at) => at >= prompts[prompt]!.length && ends.includes(id));
          return end === -1 ? ids : ids.slice(0, end + 1);
        })
      );
      ended += own[i]!.flat().filter((ids) => ends.includes(ids.at(-1)!)).length;
      try {
        assert.deepEqual(own[i], expected);
      } catch {
        different.push({ prompts, settings, own: own[i], expected });
      }
    }
    assert.deepEqual(different, []);
    assert.ok(ended > 50, `${ended} sequences reach an end token`);
  },
});
