/** Copies that a model of the pipeline writes: a tiny one, from outside. */
import assert from "node:assert/strict";
import { readDataset, writeDataset } from "../../lib/data/rows/dataset.ts";
import type { StageDefinition } from "../../lib/pipeline/stage.ts";
import augment from "../../stages/augment.ts";
import { writeTinyModel } from "../decoding/fixtures/tiny_model.ts";
import { stageContext } from "../fixtures/stage_context.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const TEXTS = ["abc", "a text that is longer", "x".repeat(60)];

interface Result {
  readonly rows: [unknown, unknown][];
  readonly notes: unknown[];
}

async function run(given: Record<string, unknown>, back?: number): Promise<Result> {
  const folder = await temporaryDirectory();
  const [data, model, other, output] = ["data", "model", "back", "output"]
    .map((name) => `${folder}/${name}`) as [string, string, string, string];
  for (const each of [data, model, other, output]) await Deno.mkdir(each);
  await writeDataset(data, {
    columns: [{ name: "text", type: "string" }],
    splits: { train: TEXTS.map((text) => ({ text })) },
  });
  await writeTinyModel(model);
  if (back !== undefined) await writeTinyModel(other, { seed: back });
  const { context, told } = stageContext({
    inputs: { data, model, back: back === undefined ? undefined : other },
    output,
    options: augment.options.parse(given),
  });
  await augment.run(context);
  const { splits } = await readDataset(output);
  return {
    rows: splits.train!.map(({ text, augmented }) => [text, augmented]),
    notes: told.summary.map((entry) => entry.type === "note" && entry.text),
  };
}

const ANEW = { back_and_forth: ["{{ text }}:"], generation: { max_new_tokens: 8 } };

Deno.test("augment: a model writes copies, and texts that don't fit into its window are counted", async () => {
  const { rows, notes } = await run(ANEW);
  assert.deepEqual(rows.map(([, by]) => by), [
    "none",
    "back_and_forth",
    "none",
    "back_and_forth",
    "none",
  ]);
  assert.deepEqual([rows[0]![0], rows[2]![0], rows[4]![0]], TEXTS);
  assert.deepEqual(notes, [
    "3 rows of train; 2 copies, changed by back_and_forth 2; 1 left out that would be the same; " +
    "1 texts too long for the model",
  ]);
  await assert.rejects(
    run({ back_and_forth: ["{{ text }}"], generation: { max_new_tokens: 48 } }),
    /none of 3 texts fits into the model's window/,
  );
});

Deno.test("augment: generation, batch_size, a second template and a second model have a say", async () => {
  const copies = async (...given: Parameters<typeof run>): Promise<unknown[]> =>
    (await run(...given)).rows.filter(([, by]) => by !== "none").map(([text]) => text);
  const greedy = await copies(ANEW);
  assert.deepEqual(await copies({ ...ANEW, batch_size: 1 }), greedy);
  assert.notDeepEqual(await copies({ ...ANEW, generation: { max_new_tokens: 3 } }), greedy);
  const drawn = { ...ANEW, generation: { max_new_tokens: 8, do_sample: true }, copies: 3 };
  assert.equal((await copies(drawn)).length, 6);
  assert.deepEqual(await copies(drawn), await copies({ ...drawn, batch_size: 2 }));
  assert.notDeepEqual(await copies(drawn), await copies({ ...drawn, seed: 9 }));
  const there = { ...ANEW, back_and_forth: ["{{ text }}:", "{{ text }};"] };
  const returned = await copies(there);
  assert.notDeepEqual(returned, greedy);
  assert.notDeepEqual(await copies(there, 5), returned);
});

Deno.test("augment: a model and templates come together, and what goes with them does not come alone", () => {
  const { options } = augment as unknown as StageDefinition;
  const mistakes = (given: Record<string, unknown>): string =>
    options.safeParse(given).error?.issues.map(({ path, message }) =>
      `${path.join(".")}: ${message}`
    )
      .join("; ") ?? "none";
  const misuse = (given: Record<string, unknown>, ...inputs: string[]): string =>
    augment.check!({
      options: augment.options.parse(given),
      inputs: ["data", ...inputs],
      counts: {},
    })?.what ??
      "none";
  assert.equal(mistakes(ANEW), "none");
  assert.match(mistakes({ batch_size: 2 }), /^batch_size: left out, or go with back_and_forth/);
  assert.match(mistakes({ generation: {} }), /^generation: left out, or go with back_and_forth/);
  assert.match(
    mistakes({ ...ANEW, generation: { temperature: 0.5 } }),
    /^generation.temperature: left out, or go with do_sample: true/,
  );
  assert.match(mistakes({ ...ANEW, generation: { num_return_sequences: 2 } }), /generation/);
  assert.equal(misuse(ANEW, "model"), "none");
  assert.equal(misuse({}), "none");
  assert.equal(misuse({}, "model"), "the input model does nothing");
  assert.equal(misuse(ANEW), "there is no model for back_and_forth");
  assert.equal(misuse(ANEW, "model", "back"), "the input back does nothing");
  assert.equal(misuse({ back_and_forth: ["a", "b"] }, "model", "back"), "none");
});
