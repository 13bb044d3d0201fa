import assert from "node:assert/strict";
import { bleuFromStatistics, bleuStatistics, corpusBleu } from "../../lib/metrics/bleu.ts";
import { bleuTokens } from "../../lib/metrics/bleu_tokenizers.ts";
import { shared } from "../fixtures/shared.ts";
import { CASES, close } from "./fixtures/mod.ts";

Deno.test("corpusBleu() agrees with sacrebleu on random texts under every setting", () => {
  for (const one of CASES) {
    const bleu = corpusBleu(one.hyps, { references: one.refs, ...one.options });
    close(bleu.score, one.score);
    close(bleu.brevityPenalty, one.bp);
    bleu.precisions.forEach((precision, n) => close(precision, one.precisions[n]!));
    assert.deepEqual(
      [bleu.statistics.hypothesisLength, bleu.statistics.referenceLength],
      one.stats,
    );
    const [name] = bleu.signature.split("|version:");
    assert.equal(name, one.signature.split("|version:")[0]);
  }
});

Deno.test("bleuFromStatistics() of one segment is sacrebleu's sentence BLEU", () => {
  for (const one of CASES) {
    const statistics = bleuStatistics(one.hyps[0]!, { references: one.refs[0]!, ...one.options });
    close(bleuFromStatistics(statistics, one.options).score, one.sentence);
  }
});

Deno.test("the reference cases cover every setting", () => {
  const seen = new Set(CASES.flatMap((one) => Object.entries(one.options).map(String)));
  for (const method of ["exp", "floor", "add-k", "none"]) {
    assert(seen.has(`smooth_method,${method}`));
  }
  for (const name of ["13a", "char", "none"]) assert(seen.has(`tokenize,${name}`));
  for (const value of [true, false]) {
    assert(seen.has(`lowercase,${value}`) && seen.has(`effective_order,${value}`));
  }
});

Deno.test("corpusBleu() gives the published scores of WMT17 systems", async () => {
  const path = shared("data/metrics/wmt17_en_de_systems.json.gz");
  if (path === undefined) return;
  const file = await Deno.open(path);
  const data = JSON.parse(
    await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text(),
  ) as { systems: Record<string, string[]>; refs: string[] };
  const references = data.refs.map((line) => [line]);
  for (const [name, expected] of [["C-3MA", 22.67], ["FBK", 26.33]] as const) {
    const key = Object.keys(data.systems).find((system) => system.includes(name))!;
    const bleu = corpusBleu(data.systems[key]!, { references });
    close(bleu.score, expected, 0.005);
    assert.match(bleu.signature, /^nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:/);
  }
});

Deno.test("smooth_value changes floor and add-k and is part of the signature", () => {
  const references = [["a b c d e f"]];
  const scores = [0.1, 0.5].map((smooth_value) =>
    corpusBleu(["a b x d"], { references, smooth_method: "floor", smooth_value })
  );
  assert(scores[0]!.score < scores[1]!.score);
  assert(scores[1]!.signature.includes("smooth:floor[0.50]"));
  const more = corpusBleu(["a b x d"], { references, smooth_method: "add-k", smooth_value: 2 });
  assert.equal(more.precisions[1], (100 * 3) / 5);
});

Deno.test("bleuTokens() splits as mteval-v13a does", () => {
  const table: [string, string][] = [
    ["It's 1,000.5 (about).", "It's 1,000.5 ( about ) ."],
    ["a 10-year-old", "a 10 - year-old"],
    ["&quot;x&quot; &amp;lt; y", '" x " < y'],
    ["end-\nof line\nhere <skipped>", "endof line here"],
    [".5 and 5.", ". 5 and 5 ."],
    ["a\u00a0b\u0085c\u001cd\ufeffe", "a b c d\ufeffe"],
    ["日本。語", "日本。語"],
    ["   ", ""],
  ];
  for (const [text, expected] of table) {
    const words = bleuTokens(text, { tokenize: "13a", lowercase: false });
    assert.equal(words.join(" "), expected);
  }
});

Deno.test("corpusBleu() gives 0 to empty hypotheses and 100 to copies", () => {
  const references = [["one two three four five"], ["six seven eight nine ten"]];
  assert.equal(corpusBleu(["", ""], { references }).score, 0);
  close(corpusBleu(references.map((r) => r[0]!), { references }).score, 100);
});
