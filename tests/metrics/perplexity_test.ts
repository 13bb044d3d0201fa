import assert from "node:assert/strict";
import { bootstrap } from "../../lib/metrics/bootstrap.ts";
import {
  perplexity,
  perplexityEntry,
  perplexitySignature,
  type PerplexityStatistics,
} from "../../lib/metrics/perplexity.ts";
import { unigramModel, unigramStatistics } from "../../lib/metrics/unigram.ts";
import { close } from "./fixtures/mod.ts";

Deno.test("perplexity() weighs rows by their tokens", () => {
  const parts = [
    { negativeLogLikelihood: Math.log(2), tokens: 1 },
    { negativeLogLikelihood: 3 * Math.log(4), tokens: 3 },
  ];
  close(perplexity(parts), 2 ** (7 / 4));
  assert.throws(() => perplexity([]), /no tokens/);
});

Deno.test("perplexitySignature() names window and stride", () => {
  assert.match(perplexitySignature({ context: 64, stride: 32 }), /context:64\|stride:32/);
});

Deno.test("unigramStatistics() smooths by adding one to every token", () => {
  const model = unigramModel([0, 1, 1, 3], 4);
  const { negativeLogLikelihood, tokens } = unigramStatistics(model, [1, 2]);
  assert.equal(tokens, 2);
  close(negativeLogLikelihood, -Math.log(3 / 8) - Math.log(1 / 8));
});

Deno.test("a unigram model never seen by its text has perplexity V", () => {
  close(perplexity([unigramStatistics(unigramModel([], 50), [3, 9, 9])]), 50);
  assert.throws(() => unigramModel([50], 50), /50/);
});

Deno.test("bootstrap() gives the same interval for the same seed and another for another", () => {
  const parts = Array.from({ length: 40 }, (_, i): PerplexityStatistics => ({
    negativeLogLikelihood: 3 + (i % 7),
    tokens: 2 + (i % 3),
  }));
  const run = (seed: number) => bootstrap(parts, { score: perplexity, seed });
  assert.deepEqual(run(1), run(1));
  assert.notDeepEqual(run(1), run(2));
  const { low, high, mean } = run(1);
  assert(low < mean && mean < high);
  assert(low < perplexity(parts) && perplexity(parts) < high);
});

Deno.test("bootstrap() covers the normal interval of a mean", () => {
  // 400 values of deviation 1: the interval of the mean is about 1.96 / 20 to each side.
  const values = Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 1 : -1));
  const mean = (drawn: readonly number[]) => drawn.reduce((a, b) => a + b, 0) / drawn.length;
  const { low, high } = bootstrap(values, { score: mean, seed: 5, samples: 2000 });
  close(high, 1.96 / 20, 0.02);
  close(low, -1.96 / 20, 0.02);
  const few = bootstrap(values, { score: mean, seed: 5, samples: 10 });
  assert.equal(few.samples, 10);
});

Deno.test("perplexityEntry() sums over rows and passes over empty ones", () => {
  const entry = perplexityEntry([
    { negativeLogLikelihood: Math.log(2), tokens: 1 },
    { negativeLogLikelihood: 0, tokens: 0 },
    { negativeLogLikelihood: 3 * Math.log(4), tokens: 3 },
  ], { context: 16, stride: "row", seed: 1 });
  close(entry.value, 2 ** (7 / 4));
  assert.equal(entry["tokens"], 4);
  assert.match(entry.signature, /context:16\|stride:row/);
});
