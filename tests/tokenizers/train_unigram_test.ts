/** Training Unigram: what is expected of pieces, and many words, none of which goes through the arguments of a call. */
import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import { Lattice, Pieces } from "../../lib/tokenizers/training/lattice.ts";
import { trainUnigram } from "../../lib/tokenizers/training/train_unigram.ts";
import { WordCounts } from "../../lib/tokenizers/training/word_counts.ts";

Deno.test("trainUnigram() prunes hundreds of thousands of pieces", () => {
  const random = randomStream(2);
  // Pairs of letters repeat, so that nearly every beginning of a word is a piece to begin with.
  const word = (): string =>
    Array.from({ length: 3 }, () => String.fromCharCode(0x4e00 + random.nextBelow(200))).join("");
  const words = new WordCounts((text) => text.split(" "));
  for (let i = 0; i < 160_000; i++) {
    const one = word();
    words.add(`${one} ${one}`);
  }
  const options = {
    vocabSize: 140_000,
    unkToken: "<unk>",
    nSubIterations: 1,
    shrinkingFactor: 0.9,
  };
  const { pieces, unkId } = trainUnigram(words, options);
  assert.deepEqual([pieces[0], unkId], [["<unk>", 0], 0]);
  assert.ok(pieces.length > 125_000, `${pieces.length}`);
});

Deno.test("pieces are expected as often as all ways to cut a word say, however long it is", () => {
  const texts = ["a", "b", "ab", "ba", "aba"];
  const chances = [0.3, 0.2, 0.25, 0.15, 0.1];
  const pieces = new Pieces(texts, Float64Array.from(chances, Math.log));
  /** Every way to cut a word, with how likely it is. */
  const ways = (word: string): [number[], number][] =>
    word === ""
      ? [[[], 1]]
      : texts.flatMap((text, id) =>
        !word.startsWith(text)
          ? []
          : ways(word.slice(text.length)).map(([ids, chance]): [number[], number] => [
            [id, ...ids],
            chance * chances[id]!,
          ])
      );
  const lattice = new Lattice(pieces);
  for (const word of ["a", "abab", "aabababba"]) {
    const all = ways(word);
    const total = all.reduce((sum, [, chance]) => sum + chance, 0);
    const expected = new Float64Array(texts.length);
    for (const [ids, chance] of all) for (const id of ids) expected[id]! += 3 * chance / total;
    const own = new Float64Array(texts.length);
    lattice.read(word);
    lattice.addExpected(own, 3);
    for (const id of texts.keys()) assert.ok(Math.abs(own[id]! - expected[id]!) < 1e-12);
    const [best] = all.toSorted(([, a], [, b]) => b - a);
    assert.deepEqual(lattice.best()!.ids, best![0]);
  }
  // So unlikely that a float64 has no number for it.
  const long = "ab".repeat(2000);
  const own = new Float64Array(texts.length);
  lattice.read(long);
  lattice.addExpected(own, 1);
  const characters = texts.reduce((sum, text, id) => sum + text.length * own[id]!, 0);
  assert.ok(Math.abs(characters - long.length) < 1e-6, `${characters}`);
});
