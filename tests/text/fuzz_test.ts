import assert from "node:assert/strict";
import fc from "fast-check";
import {
  normalizeLines,
  normalizeWhitespace,
  removeControls,
  stripHtml,
} from "../../lib/text/clean.ts";
import { SeenTexts } from "../../lib/text/dedupe.ts";
import { jaccardSimilarity } from "../../lib/text/duplicates/shingles.ts";
import { maskPersonalData } from "../../lib/text/masking/mask.ts";
import { repairMojibake } from "../../lib/text/mojibake.ts";
import { keepC4Lines } from "../../lib/text/quality/c4_lines.ts";
import { QUALITY_RULES, qualityOf, type QualityRuleName } from "../../lib/text/quality/rules.ts";
import { SpellingMap, WordList } from "../../lib/text/words/word_list.ts";

/** Pieces that the functions for texts look for, and characters of all kinds, halves of pairs too. */
const TEXT = fc.array(
  fc.oneof(
    fc.constantFrom(
      ...[
        "<",
        ">",
        "</p>",
        "<b a='",
        '"',
        "<!--",
        "-->",
        "<script>",
        "&amp;",
        "&#",
        "\n",
        "\r\n",
        " ",
      ],
      ...[
        "\u00a0",
        "@",
        "me@x.org",
        "10.0.0.1",
        "fe80::1",
        ":",
        "+49 30 1234567",
        "4111 1111 1111 1111",
      ],
      ...[
        "Ã©",
        "â€™",
        "ðŸ˜€",
        "Ã",
        "…",
        "...",
        "#",
        "• ",
        "{",
        "lorem ipsum",
        ".",
        "the ",
        "İ",
        "ß",
        "ﬁ",
      ],
      ...[
        "🐋",
        "\ud83d",
        "\udc0b",
        "\u0000",
        "\u001b[0m",
        "\ufeff",
        "\u200d",
        "é",
        "e\u0301",
        "鲸",
        "ไทย",
        "שלום",
      ],
    ),
    fc.string({ unit: "binary", maxLength: 5 }),
    fc.string({ maxLength: 8 }),
  ),
  { maxLength: 30 },
).map((pieces) => pieces.join(""));

const list = new WordList(["the", "鲸", "e", "lorem ipsum", "🐋", "."]);
const map = new SpellingMap({ the: "a", e: "🐋", "lorem ipsum": "text" });

const FUNCTIONS: Readonly<Record<string, (text: string) => string>> = {
  stripHtml,
  removeControls,
  removeInvisible: (text) => removeControls(text, { invisible: true }),
  normalizeWhitespace,
  normalizeLines,
  repairMojibake,
  mask: (text) => maskPersonalData(text).text,
  keepC4Lines: (text) => keepC4Lines(text).text,
  replaceWords: (text) => list.replace(text, "🐋").text,
  respell: (text) => map.replace(text).text,
};

/** What done twice is as done once. */
const IDEMPOTENT = ["removeControls", "removeInvisible", "normalizeWhitespace", "normalizeLines"];

Deno.test("functions from text to text fail on no text and cut no character in two", () => {
  fc.assert(
    fc.property(TEXT, (text) => {
      for (const [name, change] of Object.entries(FUNCTIONS)) {
        const changed = change(text);
        if (text.isWellFormed()) assert.ok(changed.isWellFormed(), name);
        if (IDEMPOTENT.includes(name)) assert.equal(change(changed), changed, name);
      }
    }),
    { numRuns: 2000, seed: 9 },
  );
});

Deno.test("what is counted of a text is a number in its range", () => {
  fc.assert(
    fc.property(TEXT, (text) => {
      for (const [name, { bound, doc }] of Object.entries(QUALITY_RULES)) {
        const threshold = bound === "min" ? Infinity : -Infinity;
        const failure = qualityOf(text, { [name as QualityRuleName]: threshold }, {
          badWords: list,
        });
        const value = failure!.value;
        assert.ok(value >= 0 && Number.isFinite(value), name);
        if (doc.startsWith("share")) assert.ok(value <= 1, name);
      }
    }),
    { numRuns: 1000, seed: 9 },
  );
});

Deno.test("a text is like itself, whatever is in it, and known when it comes again", () => {
  fc.assert(
    fc.property(TEXT, TEXT, (a, b) => {
      const similarity = jaccardSimilarity([a, b], { ngram: 2 });
      assert.ok(similarity >= 0 && similarity <= 1);
      assert.equal(similarity, jaccardSimilarity([b, a], { ngram: 2 }));
      assert.equal(jaccardSimilarity([a, a], { ngram: 2 }), 1);
      const seen = new SeenTexts("exact");
      assert.deepEqual([seen.add(a), seen.add(b), seen.add(a)], [false, a === b, true]);
    }),
    { numRuns: 1000, seed: 9 },
  );
});
