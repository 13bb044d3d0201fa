/** Training byte-level BPE: expected merges are those of Python tokenizers 0.23 on the same texts. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { trainBpe } from "../../lib/tokenizers/training/train_bpe.ts";

const SEA = [
  "the sea and the ship and the whale and the sea again",
  "It's a whale's tale, isn't it?  They'll  see\n\n42 ships; 421 whales.",
];

/** `length` characters of `alphabet` from a linear congruential generator. */
function randomText(seed: number, length: number, alphabet: string): string {
  const characters = [...alphabet];
  let state = seed;
  let text = "";
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += characters[(state >>> 16) % characters.length]!;
  }
  return text;
}

const joined = (merges: readonly (readonly [string, string])[]): string[] =>
  merges.map((merge) => merge.join(" "));

Deno.test("trainBpe() makes the reference's merges in its order", () => {
  const sea = trainBpe(SEA, { vocabSize: 300, specialTokens: ["<|endoftext|>"] });
  assert.deepEqual(joined(sea.merges), [
    ...["h e", "Ġ a", "Ġ s", "a l", "t he", "al e", "h ale", "n d", "w hale", "Ġ the", "Ġ whale"],
    ...["Ġa nd", "Ġs e", "' s", "4 2", "h i", "Ġ i", "Ġs hi", "Ġse a", "Ġshi p"],
  ]);
  assert.equal(sea.tokens.length, 277);
  assert.deepEqual(sea.tokens.slice(0, 3), ["<|endoftext|>", "!", '"']);

  const unicode = trainBpe([randomText(3, 1500, "é日本🙂 a\u0301\u0085")], {
    vocabSize: 290,
    minFrequency: 3,
    specialTokens: ["<s>", "</s>"],
  });
  assert.deepEqual(joined(unicode.merges), [
    ...["Â ħ", "æ Ĺ", "æĹ ¥", "æ ľ", "æľ ¬", "Ì ģ", "Ã ©", "ð Ł", "Ļ Ĥ", "ðŁ ĻĤ", "Ã© a"],
    ...["æĹ¥ æĹ¥", "æľ¬ a", "Ġ a", "Ġ ðŁĻĤ", "æĹ¥ a", "Ġ æľ¬", "Ìģ Ìģ", "æĹ¥ æľ¬", "æĹ¥ Ã©"],
    ...["ðŁĻĤ Ìģ", "Ġ Ã©", "Ìģ ðŁĻĤ", "æľ¬ æľ¬", "Ã© Ã©", "a a", "Ġ Ìģ", "ðŁĻĤ ðŁĻĤ"],
    ...["æľ¬ Ã©", "Ġ Âħ", "æľ¬ æĹ¥", "Ġ æĹ¥"],
  ]);
});

Deno.test("trainBpe() breaks ties and counts overlaps as the reference does", () => {
  const short = Array.from(
    { length: 199 },
    (_, i) => `${randomText(i + 1, 60, "aab")} ${randomText(i + 1001, 20, "ab ")}`,
  );
  const long = [`${randomText(11, 6000, "aab")} ${randomText(12, 3000, "ab ")}`];
  const table: [string[], number, string[], number, number, string][] = [
    [
      long,
      2000,
      [],
      1369,
      1113,
      "d6be911a1a0386e5f6e7a50e86a6506123d3e6dca1b241135c954072ac2116e1",
    ],
    [
      short,
      4000,
      [],
      2083,
      1827,
      "f796be75e816f893c29b2e801306273ce1ea5fb406485c05e727d1ca12c8b67c",
    ],
    // Special tokens that merges make as well.
    [
      short,
      700,
      ["ab", "aba", "Ġa"],
      700,
      444,
      "81a4b952d17f35146eff8bc39698f42c09fd6f9cd8800ce22a9dbcfd0033b90c",
    ],
  ];
  for (const [texts, vocabSize, specialTokens, tokens, merges, digest] of table) {
    const trained = trainBpe(texts, { vocabSize, minFrequency: 0, specialTokens });
    assert.deepEqual([trained.tokens.length, trained.merges.length], [tokens, merges]);
    const hash = createHash("sha256").update(joined(trained.merges).join("\n")).digest("hex");
    assert.equal(hash, digest);
  }
});

Deno.test("trainBpe() stops at vocabSize, at minFrequency and where no pair is left", () => {
  assert.equal(trainBpe(SEA, { vocabSize: 260 }).tokens.length, 260);
  assert.equal(trainBpe(SEA, { vocabSize: 256 }).merges.length, 0);
  assert.deepEqual(joined(trainBpe(["ab ab ac"], { vocabSize: 300 }).merges), ["a b"]);
  assert.deepEqual(joined(trainBpe(["ab"], { vocabSize: 300, minFrequency: 1 }).merges), ["a b"]);
  assert.equal(trainBpe([], { vocabSize: 300 }).tokens.length, 256);
});

Deno.test("trainBpe() refuses a vocabulary without room and repeated special tokens", () => {
  const table: [number, string[], RegExp][] = [
    [255, [], /vocab_size must be at least 256/],
    [257, ["<s>", "</s>"], /vocab_size must be at least 258/],
    [300, ["<s>", "<s>"], /"<s>" twice/],
    [300, [""], /empty special token/],
    [300.5, [], /vocab_size 300.5/],
  ];
  for (const [vocabSize, specialTokens, message] of table) {
    assert.throws(() => trainBpe(SEA, { vocabSize, specialTokens }), message);
  }
});

Deno.test("trainBpe() reports progress and is quick", () => {
  const reports: number[] = [];
  const text = randomText(5, 200_000, "abcdefghijklmnop  ");
  const start = performance.now();
  const trained = trainBpe([text], { vocabSize: 4096, progress: (n) => reports.push(n) });
  assert.equal(trained.tokens.length, 4096);
  assert.ok(reports.length > 10);
  // Far above what it takes, far below what counting every pair anew at each merge would.
  assert.ok(performance.now() - start < 10_000);
});
