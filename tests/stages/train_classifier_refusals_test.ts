/** What the train stage refuses to make a classifier of, and in which words. */
import assert from "node:assert/strict";
import { BEST, classifier, DATA, DISTILBERT, withConfig } from "./classifiers.ts";
import { baseRun, run, writeLabelled } from "./train_run.ts";

const REFUSED: [string, () => Promise<unknown>, RegExp][] = [
  [
    "a classifier of other classes",
    async () =>
      run({ config: undefined }, {
        data: await writeLabelled(["spam", "ham"]),
        model: (await classifier()).dir,
      }),
    /the model has 2 classes \(ham, spam\), the data 2 \(spam, ham\); the same classes in the same order/,
  ],
  [
    "a classifier of fewer classes",
    async () =>
      run({ config: undefined }, {
        data: await writeLabelled(["ham", "spam", "trap"]),
        model: (await classifier()).dir,
      }),
    /the model has 2 classes \(ham, spam\), the data 3 \(ham, spam, trap\)/,
  ],
  [
    "a classifier without names of fewer classes",
    async () =>
      run({ config: undefined }, {
        data: await writeLabelled(["ham", "spam", "trap"]),
        model: await withConfig((await classifier()).dir, { id2label: undefined, num_labels: 2 }),
      }),
    /the model has 2 classes \(without names\), the data 3 \(ham, spam, trap\)/,
  ],
  [
    "a single class",
    async () => run({}, { data: await writeLabelled(["ham"]) }),
    /all rows of the data are of one class \(ham\)/,
  ],
  [
    "a dropout of another architecture",
    async () =>
      run({ config: undefined, config_overrides: { seq_classif_dropout: 0.9 } }, {
        data: DATA,
        model: (await baseRun()).dir,
      }),
    /seq_classif_dropout, and a gpt2 has no such field; it has resid_pdrop, embd_pdrop, attn_pdrop/,
  ],
  [
    "a classifier on tokens without classes",
    async () => run({ config: undefined }, { model: (await classifier()).dir }),
    /is a classifier \(GPT2ForSequenceClassification\), and the rows of `data` have no classes.*label_column/s,
  ],
  [
    "an encoder on tokens without classes",
    () => run({ config: DISTILBERT }),
    /no class.*label_column/s,
  ],
  [
    "the perplexity of a classifier",
    () => run({ ...BEST, metric_for_best_model: "perplexity" }, { data: DATA }),
    /metric_for_best_model is perplexity, and .* sequence_classification has no such.*loss, accuracy/,
  ],
  [
    "the accuracy of a language model",
    () => run({ ...BEST, metric_for_best_model: "eval_accuracy" }),
    /metric_for_best_model is eval_accuracy, and .* causal_lm has no such figure; one of loss, perplex/,
  ],
];
for (const [title, attempt, message] of REFUSED) {
  Deno.test(`train refuses ${title}`, async () => {
    await assert.rejects(attempt(), (error: Error) => {
      assert.equal(error.name, "UserError", String(error.stack));
      assert.match(error.message, message);
      return true;
    });
  });
}
