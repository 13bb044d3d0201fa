import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import { keepC4Lines } from "../../lib/text/quality/c4_lines.ts";
import { Page } from "../../lib/text/quality/page.ts";
import { duplicatesOf, RepeatedNgrams } from "../../lib/text/quality/repetition.ts";
import {
  defaultThresholds,
  QUALITY_RULES,
  qualityOf,
  type QualityRuleName,
} from "../../lib/text/quality/rules.ts";
import { sentenceCount } from "../../lib/text/quality/sentences.ts";
import { WordList } from "../../lib/text/words/word_list.ts";

/** What a rule counts: the value with which it fails a threshold that nothing passes. */
function valueOf(rule: QualityRuleName, text: string): number {
  const threshold = QUALITY_RULES[rule].bound === "min" ? Infinity : -Infinity;
  return qualityOf(text, { [rule]: threshold }, { badWords: new WordList(["darn it", "heck"]) })!
    .value;
}

/** Sixty words of good English. */
const GOOD =
  "Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse, and " +
  "nothing particular to interest me on shore, I thought I would sail about a little and see the watery part of " +
  "the world. It is a way I have of driving off the spleen, and regulating the circulation of the blood.";

Deno.test("each quality rule counts what its paper says", () => {
  const cases: [QualityRuleName, string, number][] = [
    ["gopher_min_words", "one, two - three\n42 ...!", 4],
    ["gopher_max_words", "", 0],
    ["gopher_min_mean_word_length", '"ab" (cde), f-g --', 8 / 3],
    ["gopher_max_mean_word_length", "🐋 naïve 𝒳𝒳", 3.5],
    ["gopher_min_mean_word_length", "... !!!", 0],
    ["gopher_max_hash_ratio", "#one two ## x", 3 / 4],
    ["gopher_max_ellipsis_ratio", "one... two… ...... x", 4 / 4],
    ["gopher_max_hash_ratio", "", 0],
    ["gopher_max_bullet_lines", "• a\n\n - b\n* c\n-1 d\nno - e\r\n‣f", 4 / 6],
    ["gopher_max_ellipsis_lines", "a...\nb…  \nc\n\n...d", 2 / 4],
    ["gopher_min_alphabetic_words", "a1 22 $3 é ж 我 ---", 4 / 7],
    ["gopher_min_stop_words", "The THE, the (and) thesis", 2],
    ["gopher_max_duplicate_lines", "a\nb\n a \n\na\nB", 2 / 5],
    ["gopher_max_duplicate_line_characters", "aaa\nb\naaa\nccc", 3 / 10],
    ["gopher_max_duplicate_paragraphs", "a\nb\n \n\na\nb\n\nb\n\n", 1 / 3],
    ["gopher_max_duplicate_paragraph_characters", "a\nb\n\na\nb\n\nbb", 3 / 8],
    // "a bb" twice: 6 of 10 characters; "bb a" once.
    ["gopher_max_top_2_gram", "a bb a bb cccc", 6 / 10],
    ["gopher_max_top_2_gram", "never twice the same pair", 0],
    // Overlapping occurrences count each character once.
    ["gopher_max_top_2_gram", "a a a a", 1],
    ["gopher_max_top_3_gram", "a b c x a b c y a b c", 9 / 11],
    ["gopher_max_top_4_gram", "a b c d e f a b c d", 8 / 10],
    ["gopher_max_duplicate_5_grams", "a b c d e x a b c d e", 5 / 11],
    ["gopher_max_duplicate_5_grams", "a b c d e f g a b c d e f", 6 / 13],
    ["gopher_max_duplicate_6_grams", "a b c d e x a b c d e", 0],
    ["gopher_max_duplicate_10_grams", "a ".repeat(11), 10 / 11],
    ["gopher_max_duplicate_5_grams", "", 0],
    ["c4_min_sentences", "One. Two! Three?", 3],
    ["c4_max_curly_brackets", "if (a) { b } else {", 2],
    ["c4_max_lorem_ipsum", "Lorem Ipsum dolor", 1],
    ["c4_max_bad_words", "Darn  it, hecks!", 1],
  ];
  for (const [rule, text, expected] of cases) {
    const value = valueOf(rule, text);
    assert.ok(Math.abs(value - expected) < 1e-12, `${rule} of ${JSON.stringify(text)}: ${value}`);
  }
  const tried = new Set(cases.map(([rule]) => rule));
  const ngrams = /duplicate_[789]_grams/;
  const untried = Object.keys(QUALITY_RULES).filter((rule) =>
    !tried.has(rule as QualityRuleName) && !ngrams.test(rule)
  );
  assert.deepEqual(untried, []);
});

Deno.test("qualityOf() tells the first rule that drops, at the papers' thresholds", () => {
  const all = defaultThresholds("gopher_quality", "gopher_repetition", "c4");
  assert.equal(Object.keys(all).length, Object.keys(QUALITY_RULES).length);
  assert.deepEqual(Object.keys(defaultThresholds("c4")).length, 4);
  const enough = { ...all, c4_min_sentences: 3 };
  assert.equal(qualityOf(GOOD, enough), undefined);
  assert.deepEqual(qualityOf(GOOD, all), { rule: "c4_min_sentences", value: 3, threshold: 5 });
  assert.equal(qualityOf(GOOD, {}), undefined);
  assert.equal(qualityOf("", {}), undefined);
  const ruleOf = (text: string): string | undefined => qualityOf(text, enough)?.rule;
  assert.equal(ruleOf(""), "gopher_min_words");
  assert.equal(ruleOf(GOOD.slice(0, 200)), "gopher_min_words");
  assert.equal(ruleOf("a I ".repeat(40)), "gopher_min_mean_word_length");
  assert.equal(ruleOf("donaudampfschiff ".repeat(60)), "gopher_max_mean_word_length");
  assert.equal(ruleOf(GOOD.replaceAll(" ", " #")), "gopher_max_hash_ratio");
  assert.equal(
    ruleOf(GOOD.replaceAll("a", "1").replaceAll(/[b-z]/gi, "2")),
    "gopher_min_alphabetic_words",
  );
  assert.equal(ruleOf(`${GOOD}\n\n${GOOD}\n\n${GOOD}`), "gopher_max_duplicate_lines");
  assert.equal(ruleOf(`${GOOD}\n${"Buy now, buy this. ".repeat(20)}`), "gopher_max_top_2_gram");
  assert.equal(ruleOf(`${GOOD} { }`), "c4_max_curly_brackets");
  // Exactly at a threshold passes: the papers say "greater than" and "at least".
  assert.equal(qualityOf("a b", { gopher_max_words: 2, gopher_min_words: 2 }), undefined);
  const lists = { stopWords: new Set(["der", "und"]) };
  assert.equal(qualityOf("Der Wal und das Meer", { gopher_min_stop_words: 2 }, lists), undefined);
});

Deno.test("RepeatedNgrams counts as a plain count of every n-gram does", () => {
  const random = randomStream(31);
  for (let round = 0; round < 300; round++) {
    const words = Array.from(
      { length: random.nextBelow(60) },
      () => "abcdefg".slice(0, 1 + random.nextBelow(2 + round % 4)),
    );
    const repeated = new RepeatedNgrams(new Page(words.join(" ")));
    const all = words.join("").length;
    for (let n = 2; n <= 10; n++) {
      const places = new Map<string, number[]>();
      for (let i = 0; i + n <= words.length; i++) {
        const key = words.slice(i, i + n).join(" ");
        places.set(key, [...places.get(key) ?? [], i]);
      }
      const share = (starts: number[]): number => {
        const covered = new Set(
          starts.flatMap((start) => Array.from({ length: n }, (_, k) => start + k)),
        );
        return all === 0 ? 0 : [...covered].reduce((sum, i) => sum + words[i]!.length, 0) / all;
      };
      const again = [...places.values()].flatMap((starts) => starts.slice(1));
      assert.equal(repeated.duplicateShare(n), share(again), `${n} of ${words}`);
      const several = [...places].filter(([, starts]) => starts.length > 1);
      const most = Math.max(...several.map(([, starts]) => starts.length));
      const size = ([ngram]: [string, number[]]): number => ngram.replaceAll(" ", "").length;
      const top = several.filter(([, starts]) => starts.length === most)
        .sort((a, b) => size(b) - size(a) || a[1][0]! - b[1][0]!)[0];
      assert.equal(repeated.topShare(n), top === undefined ? 0 : share(top[1]), `${n} of ${words}`);
    }
  }
});

Deno.test("quality rules take a time in proportion to a text", () => {
  for (
    const unit of ["a", "a ", "a\n", ". ", "... ", "- ", "{", "lorem ", "\n\n", "é\u0301", "Dr. "]
  ) {
    const start = performance.now();
    qualityOf(
      unit.repeat(100_000),
      Object.fromEntries(
        Object.entries(QUALITY_RULES).map((
          [name, { bound }],
        ) => [name, bound === "min" ? 0 : Infinity]),
      ),
    );
    keepC4Lines(unit.repeat(100_000));
    assert.ok(performance.now() - start < 8000, unit);
  }
});

Deno.test("duplicatesOf() of nothing is nothing", () => {
  assert.deepEqual(duplicatesOf([]), { parts: 0, characters: 0 });
});

Deno.test("sentenceCount() tells ends of sentences from other full stops", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["...", 1],
    ["no end at all", 1],
    ["One. Two! Three? Four", 4],
    ["Dr. J. R. Smith met Mrs. Jones at St. Paul. He left.", 2],
    ["It costs 3.50 at example.com. Cheap!", 2],
    ["What?! Really... yes. She said “No.” Then left.", 4],
    ["1. First thing. 2. Second thing.", 2],
    ["e.g. this, i.e. that, etc. and so on.", 1],
    ["That was I. Then you.", 2],
    ["我爱北京。你呢？好！", 3],
    ["यह एक वाक्य है। दूसरा।", 2],
    ["Line one.\nLine two.\n\nline three", 3],
  ];
  for (const [text, count] of cases) assert.equal(sentenceCount(text), count, text);
});

Deno.test("keepC4Lines() keeps lines that look like sentences and counts the others", () => {
  const page = [
    "Home | About | Contact",
    "The whale swam on.[12] It was white.[citation needed]",
    "",
    "  She said, “Call me Ishmael.”  ",
    "Too short.",
    "And so on and on...",
    "And so on (and on…)",
    "Please enable JavaScript to see this page.",
    "We use cookies, as all do.",
    "Read our Privacy Policy and be glad.",
    `A ${"x".repeat(1001)} word is too long.`,
    "[edit]",
    "鲸鱼 游 走了。",
  ].join("\n");
  const { text, dropped } = keepC4Lines(page);
  assert.equal(
    text,
    "The whale swam on. It was white.\nShe said, “Call me Ishmael.”\n鲸鱼 游 走了。",
  );
  assert.deepEqual(dropped, {
    maxWordLength: 1,
    terminalPunctuation: 3,
    minWords: 1,
    javascript: 1,
    policy: 2,
  });
  const off = {
    terminalPunctuation: false,
    minWords: 0,
    maxWordLength: Infinity,
    javascript: false,
    policy: false,
    citations: false,
  };
  assert.equal(keepC4Lines(page, off).text.split("\n").length, 12);
  assert.equal(keepC4Lines("One two.", { minWords: 2 }).text, "One two.");
});

Deno.test("sentenceCount() looks at a row of dots once", () => {
  assert.equal(sentenceCount("Contents ..... 5 Chapters ... 7\nThe end."), 3);
  const began = performance.now();
  for (const mark of [".", '."', "…", ". ", "?!"]) {
    sentenceCount(`Contents ${mark.repeat(300_000)}x`);
  }
  // A quarter of an hour, where each dot began anew.
  assert.ok(performance.now() - began < 20_000, `${performance.now() - began} ms`);
});
