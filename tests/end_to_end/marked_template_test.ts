/** From a template that marks answers to a model that learned them alone, and its perplexity on them. */
import assert from "node:assert/strict";
import evaluate from "../../stages/evaluate.ts";
import { stageContext } from "../fixtures/stage_context.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { tokenize } from "../stages/tokenizing.ts";
import { equal, run, values } from "../stages/train_run.ts";

const PAIRS = [["bcdf", "gj"], ["kq", "vxz"], ["b", "c"], ["fgjkq", "b"], ["zz", "bc"]] as const;
const ROWS = PAIRS.map(([q, a]) => ({ q, a }));
const COLUMNS = [{ name: "q", type: "string" }, { name: "a", type: "string" }] as const;
const TEMPLATE = "{{ q }}={% generation %}{{ a }}{% endgeneration %}";

/** Tokens of these rows; `change` makes other questions of them. */
async function tokens(
  template: string,
  options: Record<string, unknown> = {},
  change = (row: { q: string; a: string }): { q: string; a: string } => row,
): Promise<string> {
  const { dir } = await tokenize({ train: ROWS.map(change), validation: ROWS.slice(0, 3) }, {
    ...{ template, train: { type: "char" }, max_length: 12 },
    ...options,
  }, { columns: [...COLUMNS] });
  return dir;
}

const SETTINGS = { eval_strategy: "steps", eval_steps: 3 };

/** `metrics.json` and lines of predictions of the stage `evaluate`. */
async function measure(
  model: string,
  data: string,
  given: Record<string, unknown>,
): Promise<{
  metrics: Record<string, { value: number; tokens?: number; signature: string }>;
  predictions: { prompt: string; reference: string }[];
}> {
  const output = await temporaryDirectory();
  const options = evaluate.options.parse({ split: "validation", ...given });
  const { context } = stageContext({ inputs: { model, data }, output, options });
  await evaluate.run(context);
  const read = (name: string): Promise<string> => Deno.readTextFile(`${output}/${name}`);
  return {
    metrics: JSON.parse(await read("metrics.json")).metrics,
    predictions: (await read("predictions.jsonl")).split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line)),
  };
}

Deno.test("train learns what the template marks alone, and evaluate measures it", async () => {
  const data = await tokens(TEMPLATE);
  const trained = await run(SETTINGS, { data });
  // The answers of the first three rows have 6 characters.
  assert.deepEqual(values(trained.state, "eval_tokens"), [6]);
  const whole = await run(SETTINGS, { data: await tokens("{{ q }}={{ a }}") });
  assert.deepEqual(values(whole.state, "eval_tokens"), [4 + 2 + 2 + 3 + 1 + 1]);
  assert.equal(equal(trained.bytes, whole.bytes), false);

  const { metrics, predictions } = await measure(trained.dir, data, { num_examples: 3 });
  const [loss] = values(trained.state, "eval_loss");
  assert.ok(Math.abs(metrics["perplexity"]!.value / Math.exp(loss!) - 1) < 1e-4);
  assert.equal(metrics["perplexity"]!.tokens, 6);
  assert.match(metrics["perplexity"]!.signature, /of:marked/);
  assert.equal(metrics["unigram_perplexity"]!.tokens, 6);
  assert.deepEqual(predictions.map(({ prompt }) => prompt), ["bcdf=", "kq=", "b="]);
  assert.deepEqual(predictions.map(({ reference }) => reference), ["gj", "vxz", "c"]);

  const sliding = await measure(trained.dir, data, {
    metrics: ["perplexity"],
    stride: 4,
    max_length: 8,
  });
  assert.equal(sliding.metrics["perplexity"]!.tokens, 6);
  const prompted = await measure(trained.dir, data, { metrics: ["bleu"], prompt_tokens: 2 });
  assert.deepEqual(prompted.predictions.map(({ prompt }) => prompt), ["bc", "kq", "b="]);
});

Deno.test("packed answers are learned as those of rows are", async () => {
  for (const packing_strategy of ["wrapped", "bfd_split"]) {
    const data = await tokens(TEMPLATE, { packing: true, packing_strategy });
    const trained = await run(SETTINGS, { data });
    // Six characters, and the end tokens between texts that the marks reach; none is the first of a block.
    const { metrics } = await measure(trained.dir, data, { metrics: ["perplexity"] });
    const [counted] = values(trained.state, "eval_tokens");
    assert.ok(counted! >= 6 && counted! <= 8, `${counted}`);
    assert.equal(metrics["perplexity"]!.tokens, counted);
  }
});
