/** Normalizers and pre-tokenizers of our own: expected values are those of Python tokenizers 0.23. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { AlignedText } from "../../lib/tokenizers/components/aligned_text.ts";
import { loadTokenizer } from "../../lib/tokenizers/load.ts";
import { parseNormalizer } from "../../lib/tokenizers/normalizers/parse.ts";
import { PrecompiledCharsMap } from "../../lib/tokenizers/normalizers/precompiled_map.ts";

const SHARED = fileURLToPath(new URL("../../../shared/data/tokenizers", import.meta.url));

Deno.test("BertNormalizer follows each of its options", () => {
  const text = "ÀÉ\u0000\tΣΑΣ 生𠀀\u200bx\ufffdİ\u0085";
  const table: [boolean, boolean, boolean | null, boolean, string][] = [
    [true, true, null, true, "ae σασ  生  𠀀 xi"],
    [true, true, null, false, "ÀÉ ΣΑΣ  生  𠀀 xİ"],
    [true, true, true, false, "AE ΣΑΣ  生  𠀀 xI"],
    [true, true, false, true, "àé σασ  生  𠀀 xi\u0307"],
    [false, false, false, false, text],
    [true, false, null, true, "ae σασ 生𠀀xi"],
  ];
  for (
    const [clean_text, handle_chinese_chars, strip_accents, lowercase, expected] of table
  ) {
    const type = "BertNormalizer";
    const { normalizer } = parseNormalizer(
      { type, clean_text, handle_chinese_chars, strip_accents, lowercase },
    );
    assert.equal(normalizer.normalize(text), expected);
    assert.equal(normalizer.align(AlignedText.of(text)).text, expected);
  }
});

Deno.test("PrecompiledCharsMap refuses a table that is cut off", () => {
  assert.throws(() => new PrecompiledCharsMap(btoa("\x10\0\0\0abcd")), RangeError);
  assert.throws(() => new PrecompiledCharsMap(""), RangeError);
});

const TABLE: [string, string, number[]][] = [
  ["t5-small", "ﬁne\u0085tale ½ № Å", [1399, 5221, 209, 2, 357, 465, 3, 2, 1]],
  ["t5-small", "a\ufeffb\u200bc ĳ", [3, 9, 3, 115, 3, 75, 3, 23, 354, 1]],
  ["t5-small", "½\u1ae9a", [209, 2, 357, 9, 1]],
  ["t5-small", "ｶﾞ１２ …", [3, 2, 2122, 3, 233, 1]],
  ["t5-small", " e\u0301tude\n\n(ok)", [3, 9643, 41, 1825, 61, 1]],
  [
    "bert-base-uncased",
    "ΣΑΣ\ufeff naïve\u0085𠀀生 a\u200bb",
    [101, 1173, 14608, 29733, 15743, 100, 1910, 11113, 102],
  ],
];

for (const name of new Set(TABLE.map(([model]) => model))) {
  Deno.test(`${name} normalizes odd characters as the reference does`, async (t) => {
    try {
      await Deno.stat(`${SHARED}/${name}`);
    } catch {
      await t.step({ name: "skipped: ../shared is absent", ignore: true, fn: () => {} });
      return;
    }
    const tokenizer = await loadTokenizer(`${SHARED}/${name}`);
    for (const [model, text, ids] of TABLE) {
      if (model === name) assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
    }
  });
}

Deno.test("normal forms of marks without end are those of JavaScript, in time", () => {
  const marks = ["\u0301", "\u0323", "\u0334", "\u0345", "\u0327"];
  for (const form of ["NFC", "NFD", "NFKC", "NFKD"] as const) {
    const { normalizer } = parseNormalizer({ type: form });
    const text = (count: number): string =>
      "é" + Array.from({ length: count }, (_, i) => marks[(i * i) % marks.length]).join("") + "½ｶﾞ";
    assert.equal(normalizer.normalize(text(700)), text(700).normalize(form));
    assert.equal(normalizer.align(AlignedText.of(text(700))).text, text(700).normalize(form));
    const start = performance.now();
    normalizer.normalize(text(100_000));
    assert.ok(performance.now() - start < 10_000);
  }
});
