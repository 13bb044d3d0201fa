/** Beams against sequences that transformers wrote with the same tiny models: `fixtures/beam_search.json`. */
import assert from "node:assert/strict";
import { generate } from "../../lib/decoding/generate.ts";
import { resolveSettings } from "../../lib/decoding/resolve.ts";
import type { GenerationOptions } from "../../lib/decoding/settings.ts";
import { openCausalModel } from "../../lib/evaluation/open_model.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import cases from "./fixtures/beam_search.json" with { type: "json" };
import { writeTinyModel } from "./fixtures/tiny_model.ts";

Deno.test("beams give the sequences of transformers, in any batch", async () => {
  for (const seed of new Set(cases.map(({ model }) => model))) {
    const dir = await temporaryDirectory();
    await writeTinyModel(dir, { seed });
    await using model = await openCausalModel(dir, { device: "cpu", threads: 1 });
    for (const { prompts, continuations, ...rest } of cases.filter((each) => each.model === seed)) {
      const settings = resolveSettings(rest.settings as GenerationOptions, model.defaults);
      for (const batchSize of [1, 16]) {
        const decoder = model.decoder({ cache: true });
        const options = { prompts, settings, seed: 0, batchSize, decode: () => "" };
        const found = await generate(decoder, options);
        const written = prompts.map((_, prompt) =>
          found.filter((each) => each.prompt === prompt).map((each) =>
            each.ids.slice(each.promptLength)
          )
        );
        assert.deepEqual(written, continuations, JSON.stringify(rest.settings));
      }
    }
  }
});
