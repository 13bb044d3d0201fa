import assert from "node:assert/strict";
import { PatternList } from "../../lib/text/words/pattern_list.ts";
import { SpellingMap, WordList } from "../../lib/text/words/word_list.ts";

Deno.test("WordList finds whole words and phrases in any case", () => {
  const list = new WordList([
    "whale",
    "white shark",
    "white",
    "C++",
    ".net",
    "鲸",
    "été",
    "don't",
    "",
  ]);
  const cases: [string, string | undefined][] = [
    ["a WHALE.", "whale"],
    ["whales, whale2, whale_x, 2whale, narwhale", undefined],
    ["whale-boat", "whale"],
    ["white  \n shark", "white shark"],
    ["white sharks", "white"],
    ["I like c++ a lot", "C++"],
    ["C++11", "C++"],
    ["xC++", undefined],
    ["use .NET", ".net"],
    ["x.net", ".net"],
    ["大鲸鱼", "鲸"],
    ["l'Été", "été"],
    ["étés", undefined],
    ["DON'T", "don't"],
    // A letter outside of the basic plane, and one whose small form is longer.
    ["𝒳whale", undefined],
    ["İ whale", "whale"],
    ["", undefined],
  ];
  for (const [text, word] of cases) assert.equal(list.firstIn(text), word, text);
  assert.equal(list.countIn("White shark, white whale: whale"), 4);
  assert.equal(new WordList(["Polish"], { exactCase: true }).countIn("Polish polish"), 1);
  assert.equal(new WordList([]).countIn("anything"), 0);
});

Deno.test("WordList replaces what it finds, once", () => {
  const list = new WordList(["a b", "a", "[x]"]);
  assert.deepEqual(list.replace("a  b, A; ab [X]", "[x]"), { text: "[x], [x]; ab [x]", count: 3 });
  assert.deepEqual(list.replace("none", "$1"), { text: "none", count: 0 });
  assert.equal(list.replace("a", "$&").text, "$&");
});

Deno.test("SpellingMap replaces whole words and keeps their capital letters", () => {
  const map = new SpellingMap({
    colour: "color",
    "per cent": "percent",
    "grey": "gray",
    "gray": "grey",
    ß: "ss",
    i: "eye",
    naïve: "naive",
    __proto__x: "y",
  });
  const cases: [string, string][] = [
    ["colour Colour COLOUR cOlOuR colours", "color Color COLOR color colours"],
    ["Per cent PER CENT per\u00a0cent Per Cent", "Percent PERCENT percent percent"],
    ["grey gray", "gray grey"],
    ["I i", "Eye eye"],
    ["Naïve NAÏVE", "Naive NAIVE"],
  ];
  for (const [text, expected] of cases) assert.equal(map.replace(text).text, expected, text);
  assert.equal(map.replace("Grey colour, grey").count, 3);
});

Deno.test("WordList takes a time in proportion to a text, however many words it has", () => {
  const words = Array.from({ length: 20_000 }, (_, i) => `word${i} and more`);
  const list = new WordList([...words, `${"a ".repeat(40)}b`, "aaaaaaaaaaaaaaaaaaaaaaab"]);
  for (const unit of ["a", "a ", "word1 and ", " ", "é"]) {
    const start = performance.now();
    assert.equal(list.countIn(unit.repeat(100_000)), 0);
    assert.ok(performance.now() - start < 4000, unit);
  }
});

Deno.test("PatternList finds and replaces; what is no pattern is told", () => {
  const list = new PatternList(["^page \\d+$", "\\p{Sc}\\d+"], {
    option: "drop_patterns",
    ignoreCase: true,
  });
  assert.equal(list.firstIn("one\nPAGE 7\ntwo"), "^page \\d+$");
  assert.equal(list.firstIn("€5"), "\\p{Sc}\\d+");
  // A search leaves nothing behind that the next one starts from.
  assert.equal(list.firstIn("€5"), "\\p{Sc}\\d+");
  assert.equal(list.firstIn("page seven"), undefined);
  assert.equal(list.countIn("€5 £6\npage 1"), 3);
  assert.deepEqual(list.replace("€5 or £6", "$1"), { text: "$1 or $1", count: 2 });
  assert.throws(
    () => new PatternList(["(a"], { option: "drop_patterns" }),
    /drop_patterns is no regular expression.*\(a.*backslash/,
  );
  assert.throws(() => new PatternList(["a*"], { option: "p" }), /a\*.*matches the empty text/);
});
