import assert from "node:assert/strict";
import { scoreTexts } from "../../lib/metrics/text_scores.ts";
import { close } from "./fixtures/mod.ts";

const PAIRS = [
  { prediction: "the cat sat on the mat today", reference: "the cat sat on a mat today" },
  { prediction: "", reference: "nothing came" },
  { prediction: "one two three four five", reference: "one two three four five" },
];

Deno.test("scoreTexts() gives value, signature and interval of each metric that is asked for", () => {
  const both = scoreTexts(PAIRS, { metrics: ["bleu", "rouge"], seed: 3 });
  assert.deepEqual(Object.keys(both.metrics), ["bleu", "rouge1", "rouge2", "rougeL"]);
  for (const { value, signature, confidence_interval } of Object.values(both.metrics)) {
    assert.match(signature, /version:/);
    assert(confidence_interval!.low <= value && value <= confidence_interval!.high);
  }
  close(both.pairs[2]!["bleu"]!, 100);
  assert.equal(both.pairs[1]!["rouge1"], 0);
  assert.equal(both.pairs[2]!["rougeL"], 1);
  assert.deepEqual(Object.keys(scoreTexts(PAIRS, { metrics: ["bleu"], seed: 3 }).metrics), [
    "bleu",
  ]);
  assert.deepEqual(Object.keys(scoreTexts(PAIRS, { metrics: ["rouge"], seed: 3 }).pairs[0]!), [
    "rouge1",
    "rouge2",
    "rougeL",
  ]);
});
