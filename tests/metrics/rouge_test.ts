import assert from "node:assert/strict";
import { porterStem } from "../../lib/metrics/porter.ts";
import {
  meanRouge,
  rougeScore,
  rougeSignature,
  rougeTokens,
  type RougeType,
} from "../../lib/metrics/rouge.ts";
import { shared } from "../fixtures/shared.ts";
import { CASES, close, STEMS } from "./fixtures/mod.ts";

Deno.test("rougeScore() agrees with rouge_score on random texts, stemmed and not, over several targets", () => {
  for (const one of CASES) {
    const types = Object.keys(one.rouge) as RougeType[];
    const scores = rougeScore(one.hyps[0]!, {
      targets: one.refs[0]!,
      types,
      use_stemmer: one.stemmer,
    });
    for (const type of types) {
      const { precision, recall, fmeasure } = scores[type]!;
      [precision, recall, fmeasure].forEach((value, i) => close(value, one.rouge[type][i]!));
    }
  }
});

Deno.test("rougeScore() gives the published scores of the shared pairs", async () => {
  const path = shared("data/metrics/expected.json");
  if (path === undefined) return;
  const folder = path.slice(0, -"expected.json".length);
  const { rouge } = JSON.parse(await Deno.readTextFile(path)) as {
    rouge: Record<string, Record<string, number[]>>;
  };
  const read = async (name: string): Promise<string[]> =>
    (await Deno.readTextFile(folder + name)).split("\n");
  const targets = await read("rouge_target.txt");
  const predictions = await read("rouge_prediction.txt");
  for (const [label, expected] of Object.entries(rouge)) {
    const pair = /^pair (\d+)(, stemmer)?$/.exec(label);
    if (pair === null) continue;
    const index = Number(pair[1]) - 1;
    const scores = rougeScore(predictions[index]!, {
      targets: [targets[index]!],
      types: Object.keys(expected) as RougeType[],
      use_stemmer: pair[2] !== undefined,
    });
    for (const [type, [recall, precision, fmeasure]] of Object.entries(expected)) {
      const score = scores[type as RougeType]!;
      close(score.recall, recall!, 1e-5);
      close(score.precision, precision!, 1e-5);
      close(score.fmeasure, fmeasure!, 1e-5);
    }
  }
});

Deno.test("porterStem() agrees with NLTK's default mode", () => {
  for (const [word, stem] of Object.entries(STEMS)) assert.equal(porterStem(word), stem, word);
});

Deno.test("rougeTokens() stems only words longer than three letters", () => {
  assert.deepEqual(rougeTokens("Cats ran; dies DIED!", { use_stemmer: true }), [
    "cat",
    "ran",
    "die",
    "die",
  ]);
  assert.deepEqual(rougeTokens("its his", { use_stemmer: true }), ["its", "his"]);
});

Deno.test("meanRouge() averages each part for itself", () => {
  const mean = meanRouge([
    { precision: 1, recall: 0.5, fmeasure: 2 / 3 },
    { precision: 0, recall: 0, fmeasure: 0 },
  ]);
  assert.deepEqual(mean, { precision: 0.5, recall: 0.25, fmeasure: 1 / 3 });
  assert.equal(meanRouge([]).fmeasure, 0);
});

Deno.test("rougeSignature() tells stemmed scores from others", () => {
  assert.match(rougeSignature("rouge1"), /type:rouge1\|stem:no/);
  assert.match(rougeSignature("rougeLsum", { use_stemmer: true }), /stem:yes.*split:newline/);
});
