/** The generate stage from outside: a tiny model, prompts or rows, and what lies in the folder. */
import assert from "node:assert/strict";
import { writeDataset } from "../../lib/data/rows/dataset.ts";
import type { SummaryEntry } from "../../lib/pipeline/stage.ts";
import stage from "../../stages/generate.ts";
import { END, type TinyModelOptions, writeTinyModel } from "../decoding/fixtures/tiny_model.ts";
import { stageContext } from "../fixtures/stage_context.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { WORD_TOKENIZERS, writeWordTokenizer } from "./word_tokenizers.ts";

interface Line {
  readonly prompt: string;
  readonly text: string;
  readonly ids: number[];
  readonly settings: Record<string, unknown>;
  readonly seed: number;
  readonly prompt_index: number;
  readonly sequence: number;
  readonly prompt_tokens: number;
  readonly finish: string;
}

interface Result {
  readonly lines: Line[];
  readonly summary: SummaryEntry[];
  readonly progress: [number, number, string][];
}

async function run(
  given: Record<string, unknown>,
  setup: { model?: TinyModelOptions; data?: string; seed?: number; tokenizer?: string } = {},
): Promise<Result> {
  const folder = await temporaryDirectory();
  const [model, output] = [`${folder}/model`, `${folder}/output`];
  await Deno.mkdir(model);
  await Deno.mkdir(output);
  await writeTinyModel(model, setup.model);
  if (setup.tokenizer !== undefined) await writeWordTokenizer(model, setup.tokenizer);
  const { context, told } = stageContext({
    inputs: { model, data: setup.data },
    output,
    options: stage.options.parse(given),
    seed: setup.seed,
  });
  await stage.run(context);
  const text = await Deno.readTextFile(`${output}/generations.jsonl`);
  assert(text.endsWith("\n"));
  const lines = text.trimEnd().split("\n").map((line): Line => JSON.parse(line));
  return { lines, ...told };
}

const bytes = (text: string) => [...new TextEncoder().encode(text)];
const PROMPTS = ["abc", "A long prompt, this"];
const SAMPLE = { do_sample: true, max_new_tokens: 8 };

Deno.test("generate writes prompt, text, ids, settings and seed of each text", async () => {
  const { lines, summary, progress } = await run({ prompts: PROMPTS, max_new_tokens: 6 });
  assert.deepEqual(lines.map((line) => line.prompt), PROMPTS);
  for (const [i, line] of lines.entries()) {
    assert.deepEqual(line.ids.slice(0, line.prompt_tokens), bytes(PROMPTS[i]!));
    assert(line.text.startsWith(line.prompt));
    assert(line.ids.length <= line.prompt_tokens + 6);
    assert.deepEqual([line.seed, line.prompt_index, line.sequence], [1, i, 0]);
    assert.equal(line.settings.max_new_tokens, 6);
    assert.deepEqual(line.settings.eos_token_id, [END]);
    assert.equal(line.finish, line.ids.at(-1) === END ? "eos" : "length");
  }
  assert.deepEqual(summary.map((entry) => entry.type === "text" && entry.prompt), PROMPTS);
  assert.deepEqual(progress.at(-1), [12, 12, "tokens"]);
});

Deno.test("generate without return_full_text writes the continuation alone", async () => {
  const full = await run({ prompts: PROMPTS, max_new_tokens: 6 });
  const bare = await run({ prompts: PROMPTS, max_new_tokens: 6, return_full_text: false });
  assert.deepEqual(
    bare.lines.map((line) => line.prompt + line.text),
    full.lines.map((line) => line.text),
  );
  assert.deepEqual(bare.lines.map((line) => line.ids), full.lines.map((line) => line.ids));
});

for (const tokenizer of Object.keys(WORD_TOKENIZERS)) {
  Deno.test(`generate writes the text of a continuation as it follows the prompt under ${tokenizer}`, async () => {
    const prompts = ["w2 w4", "w6", "w8 w10 w12", "w0"];
    const draws = { do_sample: true, max_new_tokens: 6, num_return_sequences: 8 };
    const { lines } = await run({ prompts, ...draws }, { tokenizer });
    const alone = await run({ prompts, ...draws, return_full_text: false }, { tokenizer });
    let [goOn, begin] = [0, 0];
    for (const [i, { ids, text, prompt, prompt_tokens }] of lines.entries()) {
      const written = ids.slice(prompt_tokens).filter((id) => id !== END)
        .map((id) => id % 2 === 0 ? ` w${id}` : `x${id}`);
      assert.equal(text, prompt + written.join(""));
      assert.equal(alone.lines[i]!.text, written.join(""));
      if (written[0]?.startsWith(" ")) begin++;
      else goOn++;
    }
    assert(goOn > 4 && begin > 4, "continuations of both kinds");
  });
}

Deno.test("generate keeps to max_length, max_new_tokens, min_length and min_new_tokens", async () => {
  const lengths = async (given: Record<string, unknown>) =>
    (await run({ prompts: ["abc"], ...given })).lines.map((line) => line.ids.length);
  assert.deepEqual(await lengths({ max_length: 9, min_length: 9 }), [9]);
  assert.deepEqual(await lengths({ max_new_tokens: 9, min_new_tokens: 9 }), [12]);
  assert.deepEqual(await lengths({ min_new_tokens: 20 }), [23]);
  // Without them the first token ends the text.
  const first = (await run({ prompts: ["abc"], max_new_tokens: 1 })).lines[0]!.ids[3];
  const ended = { max_new_tokens: 5, eos_token_id: first };
  assert.deepEqual(await lengths(ended), [4]);
  assert.deepEqual(await lengths({ ...ended, min_new_tokens: 5 }), [8]);
  assert.deepEqual(await lengths({ ...ended, min_length: 8 }), [8]);
});

Deno.test("generate draws with temperature, top_k, top_p, the same for the same seed", async () => {
  const ids = async (given: Record<string, unknown>, seed = 1) =>
    (await run({ prompts: PROMPTS, ...given }, { seed })).lines.map((line) => line.ids);
  const greedy = await ids({ max_new_tokens: 8 });
  const drawn = await ids({ ...SAMPLE, top_k: 0 });
  assert.notDeepEqual(drawn, greedy);
  assert.deepEqual(await ids({ ...SAMPLE, top_k: 0 }), drawn);
  assert.notDeepEqual(await ids({ ...SAMPLE, top_k: 0 }, 2), drawn);
  assert.deepEqual(await ids({ ...SAMPLE, top_k: 0, seed: 1 }, 2), drawn);
  assert.deepEqual(await ids({ ...SAMPLE, top_k: 1 }), greedy);
  assert.deepEqual(await ids({ ...SAMPLE, top_p: 0 }), greedy);
  assert.deepEqual(await ids({ ...SAMPLE, temperature: 1e-4 }), greedy);
});

Deno.test("generate returns several sequences a prompt, in batches of any size, cached or not", async () => {
  const given = { prompts: PROMPTS, ...SAMPLE, num_return_sequences: 3 };
  const { lines, summary, progress } = await run(given);
  assert.deepEqual(lines.map((line) => [line.prompt_index, line.sequence]), [
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
  ]);
  assert.equal(new Set(lines.map((line) => String(line.ids))).size, 6);
  assert.equal(summary.length, 3);
  const ids = lines.map((line) => line.ids);
  const batched = await run({ ...given, batch_size: 1 });
  assert.deepEqual(batched.lines.map((line) => line.ids), ids);
  // Six sequences one after the other take more steps than side by side.
  assert(batched.progress.length > progress.length);
  const uncached = await run({ ...given, use_cache: false });
  assert.deepEqual(uncached.lines.map((line) => line.ids), ids);
  assert.equal(uncached.lines[0]!.settings.use_cache, false);
});

Deno.test("generate searches with beams, drawn ones too, in batches of any size, cached or not", async () => {
  const beams = { prompts: PROMPTS, max_new_tokens: 8, num_beams: 5, no_repeat_ngram_size: 2 };
  const drawn = { ...beams, do_sample: true, top_k: 50, temperature: 0.7 };
  const ids = async (given: Record<string, unknown>) =>
    (await run(given)).lines.map((line) => line.ids);
  const greedy = await ids({ prompts: PROMPTS, max_new_tokens: 8, no_repeat_ngram_size: 2 });
  for (const given of [beams, drawn]) {
    const { lines } = await run(given);
    assert.equal(lines.length, 2);
    assert.deepEqual([lines[0]!.settings.num_beams, lines[0]!.settings.length_penalty], [5, 1]);
    const found = lines.map((line) => line.ids);
    assert.notDeepEqual(found, greedy);
    assert.deepEqual(await ids({ ...given, batch_size: 32 }), found);
    assert.deepEqual(await ids({ ...given, use_cache: false }), found);
    const several = await run({ ...given, num_return_sequences: 3 });
    assert.deepEqual(several.lines.map(({ sequence }) => sequence), [0, 1, 2, 0, 1, 2]);
    assert.deepEqual(several.lines.filter((l) => l.sequence === 0).map((l) => l.ids), found);
  }
  assert.notDeepEqual(await ids(drawn), await ids({ ...drawn, seed: 2 }));
  const ended = { ...beams, num_return_sequences: 5, eos_token_id: greedy[0]![4] };
  const shorter = await ids({ ...ended, length_penalty: -5 });
  assert.notDeepEqual(shorter, await ids({ ...ended, length_penalty: 5 }));
});

Deno.test("generate refuses a classifier in words", async () => {
  const model = { config: { architectures: ["GPT2ForSequenceClassification"] } };
  await assert.rejects(run({ prompts: PROMPTS }, { model }), /the model is a classifier/);
});

Deno.test("generate applies penalty, n-gram rule, bad words and stop strings", async () => {
  const ids = async (given: Record<string, unknown>) =>
    (await run({ prompts: ["abc"], max_new_tokens: 10, ...given })).lines[0]!.ids;
  const free = await ids({});
  const bad = free[4]!;
  assert(!(await ids({ bad_words_ids: [[bad]] })).slice(3).includes(bad));
  const once = await ids({ no_repeat_ngram_size: 1 });
  assert.equal(new Set(once).size, once.length);
  const penalized = await ids({ repetition_penalty: 1000 });
  assert.equal(new Set(penalized).size, penalized.length);
  const letters = {
    bad_words_ids: Array.from({ length: END }, (_, i) => [i]).filter(([i]) => i! < 97),
  };
  const { lines } = await run({ prompts: ["abc"], max_new_tokens: 10, ...letters });
  const stop = lines[0]!.text.slice(4, 5);
  const stopped = await run({
    prompts: ["abc"],
    max_new_tokens: 10,
    ...letters,
    stop_strings: stop,
  });
  assert.equal(stopped.lines[0]!.finish, "stop_string");
  assert(stopped.lines[0]!.text.endsWith(stop) && stopped.lines[0]!.text.length <= 5);
});

Deno.test("generate takes defaults from the model's generation_config.json", async () => {
  const model = { generationConfig: { max_new_tokens: 3, do_sample: true, top_k: 1 } };
  const { lines } = await run({ prompts: ["abc"] }, { model });
  assert.equal(lines[0]!.ids.length, 6);
  assert.equal(lines[0]!.settings.do_sample, true);
  // The file names no end token, so that of config.json holds.
  assert.deepEqual(lines[0]!.settings.eos_token_id, [END]);
  const over = await run({ prompts: ["abc"], max_new_tokens: 4, do_sample: false }, { model });
  assert.equal(over.lines[0]!.ids.length, 7);
  assert.equal(over.lines[0]!.settings.do_sample, false);
});

Deno.test("generate starts an empty prompt from the model's first token", async () => {
  const { lines } = await run({ prompts: [""], max_new_tokens: 3 });
  assert.equal(lines[0]!.ids[0], END);
  assert(!lines[0]!.text.includes("<|endoftext|>"));
});

Deno.test("generate makes prompts of the rows of data", async () => {
  const data = await temporaryDirectory();
  const rows = (...texts: string[]) => texts.map((text, n) => ({ text, n }));
  await writeDataset(data, {
    columns: [{ name: "text", type: "string" }, { name: "n", type: "int" }],
    splits: { train: rows("no"), test: rows("one", "two", "three") },
  });
  const prompts = async (given: Record<string, unknown>) =>
    (await run({ max_new_tokens: 1, ...given }, { data })).lines.map((line) => line.prompt);
  assert.deepEqual(await prompts({}), ["one", "two", "three"]);
  assert.deepEqual(await prompts({ limit: 2, template: "{{ n }}: {{ text }}" }), [
    "0: one",
    "1: two",
  ]);
  assert.deepEqual(await prompts({ split: "train" }), ["no"]);
  await assert.rejects(run({ prompts: ["a"] }, { data }), /prompts from two places/);
  await assert.rejects(run({ split: "tset" }, { data }), /tset/);
  await assert.rejects(run({}), /there are no prompts/);
});

Deno.test("generate refuses options that contradict each other before anything runs", () => {
  const table: [Record<string, unknown>, string][] = [
    [{ temperature: 0.7 }, "temperature"],
    [{ top_k: 5 }, "top_k"],
    [{ top_p: 0.5, do_sample: false }, "top_p"],
    [{ num_return_sequences: 2 }, "num_return_sequences"],
    [{ num_return_sequences: 3, num_beams: 2 }, "num_return_sequences"],
    [{ length_penalty: 2 }, "length_penalty"],
    [{ early_stopping: true, num_beams: 1 }, "early_stopping"],
    [{ early_stopping: "always", num_beams: 2 }, "early_stopping"],
    [{ num_beams: 0 }, "num_beams"],
    [{ max_length: 5, max_new_tokens: 5 }, "max_length"],
    [{ temperature: 0, do_sample: true }, "temperature"],
    [{ prompts: [] }, "prompts"],
    [{ stop_strings: [""] }, "stop_strings"],
  ];
  for (const [given, name] of table) {
    const issues = stage.options.safeParse({ prompts: ["a"], ...given }).error?.issues ?? [];
    assert(issues.some((issue) => issue.path[0] === name), name);
  }
  assert(stage.options.safeParse({ prompts: ["a"], num_beams: 1 }).success);
});

Deno.test("generate says when a prompt and its continuation do not fit the window", async () => {
  await assert.rejects(run({ prompts: ["a".repeat(49)] }), /49 tokens does not fit/);
  await assert.rejects(run({ prompts: ["abc"], max_new_tokens: 47 }), /window of 48 tokens/);
});
