/** Patterns of Oniguruma as JavaScript's, and words found without them. Expected: Python tokenizers 0.23. */
import assert from "node:assert/strict";
import {
  GPT2_PATTERN,
  LLAMA3_PATTERN,
  QWEN_PATTERN,
} from "../../lib/tokenizers/components/known_patterns.ts";
import { translateRegex } from "../../lib/tokenizers/components/oniguruma.ts";
import { regexPattern } from "../../lib/tokenizers/components/pattern.ts";
import { wordEndOf } from "../../lib/tokenizers/scanning/byte_level_words.ts";
import { randomStream } from "../../lib/base/random.ts";
import { nastyText } from "../reference/nasty_texts.ts";

const find = (pattern: string, text: string): string[] =>
  regexPattern(translateRegex(pattern)).matches(text).map(([from, to]) => text.slice(from, to));

Deno.test("translateRegex() keeps what a pattern of Oniguruma matches", () => {
  const table: [string, string, string[]][] = [
    ["\\s+", "a\u0085\ufeff b", ["\u0085", " "]],
    ["\\w+", "é_1² x\u200dy", ["é_1²", "x", "y"]],
    ["[\\w]+|[^\\w]|\\W", "a²", ["a", "²"]],
    ["\\d{2,}", "1 22 ٣٣٣", ["22", "٣٣٣"]],
    ["\\h+", "xABg9", ["AB", "9"]],
    [".", "a\n\r", ["a", "\r"]],
    ["(?m:.)", "a\n", ["a", "\n"]],
    ["^b", "ab\nb", ["b"]],
    ["a$", "a\na", ["a", "a"]],
    ["\\Aa|b\\z", "aba b", ["a", "b"]],
    ["[^\\p{Han}\\P{L}]+", "ab漢1c", ["ab", "c"]],
    ["\\p{^L}+", "a1-b", ["1-"]],
    ["[[:alpha:]&&[^a-c]]+", "abcdé", ["dé"]],
    ["[a\\-z\\]]+", "a-z]b", ["a-z]"]],
    ["[]a]+", "]a[", ["]a"]],
    ["(?i:AB)c", "abc aBC Abc", ["abc", "Abc"]],
    ["(?i)ab", "AB", ["AB"]],
    ["a++ab|a+", "aaab", ["aaa"]],
    ["(?>a|ab)c", "abc ac", ["ac"]],
    ["(?<=x)y|y(?!z)", "xyzyz y", ["y", "y"]],
    ["(?<name>a)b", "ab", ["ab"]],
    ["\\x41\\x{1F642}\\u00e9\\t", "A🙂é\t", ["A🙂é\t"]],
    ["\\bfoo\\b", "foo foobar", ["foo"]],
    ["x*", "axb", ["", "x", ""]],
    ["a{,2}b", "aaab", ["aab"]],
    ["a{,}", "a{,}", ["a{,}"]],
    ["\\(\\.\\/\\-\\]", "(./-]", ["(./-]"]],
  ];
  for (const [pattern, text, expected] of table) {
    assert.deepEqual(find(pattern, text), expected, pattern);
  }
});

Deno.test("translateRegex() names what it does not translate", () => {
  const table: [string, RegExp][] = [
    ["(a)\\1", /the escape "\\1"/],
    ["\\Kx", /the escape "\\K"/],
    ["\\R", /the escape "\\R"/],
    ["(?x: a)", /the group "\(\?x"/],
    ["(a", /a "\(" without an end/],
    ["a)", /a "\)" too many/],
    ["[a", /an end within/],
    ["*a", /a "\*" with nothing before it/],
    ["\\p{Klingon}", /the property \\p\{Klingon\}/],
    ["(?i:ss)", /letters whose case is ignored/],
    ["[z-a]", /an empty range/],
    ["\\xff", /the byte \\xff/],
  ];
  for (const [pattern, message] of table) assert.throws(() => translateRegex(pattern), message);
});

Deno.test("words of byte-level tokenizers are those of their patterns", () => {
  const random = randomStream(7);
  for (const pattern of [GPT2_PATTERN, LLAMA3_PATTERN, QWEN_PATTERN]) {
    const wordEnd = wordEndOf(pattern)!;
    for (let i = 0; i < 3000; i++) {
      const text = nastyText(random).toWellFormed();
      const words: string[] = [];
      for (let from = 0; from < text.length;) {
        const to = wordEnd(text, from);
        words.push(text.slice(from, to));
        from = to;
      }
      assert.deepEqual(words, find(pattern, text), JSON.stringify(text));
    }
  }
});
