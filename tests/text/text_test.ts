import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import {
  characterCount,
  normalizeLines,
  normalizeWhitespace,
  removeControls,
  stripHtml,
  wordCount,
} from "../../lib/text/clean.ts";
import { SeenTexts, textKey } from "../../lib/text/dedupe.ts";
import { cutPassages } from "../../lib/text/passages.ts";
import { compileCondition, compileTemplate } from "../../lib/text/template.ts";

Deno.test("stripHtml() removes what is markup and nothing else", () => {
  const cases: [string, string][] = [
    ["a<br /><br />b", "a\n\nb"],
    ["a<br>b<BR/>c", "a\nb\nc"],
    ['<p class="x>y">one</p><div>two</div>', "\none\n\ntwo\n"],
    ["<b>bold</b> and <i>it</i>alic", "bold and italic"],
    ["1 < 2 and 3 > 2, <3, a<b, x <", "1 < 2 and 3 > 2, <3, a<b, x <"],
    ["x<!-- hidden <b> -->y<script>if (a<b) {}</script>z<style>p{}</style>", "xyz"],
    ["&lt;b&gt; stays", "<b> stays"],
    ["&amp;lt;", "&lt;"],
    // What html.unescape of Python gives: names without a semicolon, those of HTML 5, broken numbers.
    ["a&nbsp;b&hellip; it&#8217;s &copy 2002", "a\u00a0b… it’s © 2002"],
    ["&notit; &notin; &Afr; &NotEqualTilde; &#xD800;&#x110000;", "¬it; ∉ 𝔄 ≂̸ \ufffd\ufffd"],
    [
      "AT&T &amp; co &nosuch; &#233;&#xe9;&eacute; &#150; &#0; &hearts;",
      "AT&T & co &nosuch; ééé – \ufffd ♥",
    ],
    // As browsers read attributes: a quotation mark that doesn't follow "=" is a character as any other.
    ["<a href='it's'>broken", "broken"],
    ["<br class=x'>a<i b = \"1>2\" c='<p>'>b</i>", "\nab"],
    ['<a title="never closed>b', "b"],
    // What no tag closes is text, and what a tag can't be: e-mail addresses, hearts, comparisons.
    ["x <a lot of text", "x <a lot of text"],
    ["x <a lot <b>of</b> text", "x <a lot of text"],
    ['<b c="> d', " d"],
    [
      "<me@x.org> <http://x.org> </3 <my_tag> <and/or>",
      "<me@x.org> <http://x.org> </3 <my_tag> <and/or>",
    ],
    ["<!-->a<!---->b<!-- c --> d <!-- e", "ab d <!-- e"],
    ["<!DOCTYPE html><?xml version='1.0'?>a", "a"],
    ["<SCRIPT src='a>b'>1 < 2</SCRIPT >x<style/>y<script>z", "xyz"],
    ["<scripts>a</scripts><script-x>b</script-x>", "ab"],
    ["<p/>a<br/ >b<toString>c<constructor>", "\na\nbc"],
    ["", ""],
  ];
  for (const [html, text] of cases) assert.equal(stripHtml(html), text, html);
});

Deno.test("stripHtml() takes a time in proportion to a text, whatever is not closed", () => {
  const units = [
    ...["<", "<a ", "<a '", '<a b="', "<!--", "<!x", "<?", "</", "<script", "<script>", "<style>"],
    ...["</script ", "&#", "&", "<a b='<a b=\"", '<a b="<a " c=\'', "<a b=\"'\" c='\"' ", '="'],
  ];
  for (const unit of units) {
    for (const text of [unit.repeat(100_000), `${unit.repeat(100_000)}'>"-->`]) {
      const start = performance.now();
      stripHtml(text);
      assert.ok(performance.now() - start < 6000, unit);
    }
  }
  assert.equal(stripHtml("<".repeat(100_000)).length, 100_000);
});

Deno.test("removeControls() leaves tabs, line ends and what letters need", () => {
  const cases: [string, string, string][] = [
    ["a\u0000b\u0007\u001b\u007f\u0080\u009fc", "abc", "abc"],
    ["a\tb\nc\r\nd\u0085e", "a\tb\nc\r\nd\u0085e", "a\tb\nc\r\nd\u0085e"],
    ["page\fpage\vline", "page\npage\nline", "page\npage\nline"],
    ["\u001b[1;31mred\u001b[0m [1m", "red [1m", "red [1m"],
    ["\ufeffa\u200bb\u00adc\u202ed\u2066e", "\ufeffa\u200bb\u00adc\u202ed\u2066e", "abcde"],
    ["👩\u200d🚀 می\u200cروم", "👩\u200d🚀 می\u200cروم", "👩\u200d🚀 می\u200cروم"],
    ["", "", ""],
  ];
  for (const [text, expected, visible] of cases) {
    assert.equal(removeControls(text), expected, JSON.stringify(text));
    assert.equal(removeControls(text, { invisible: true }), visible, JSON.stringify(text));
  }
});

Deno.test("normalizeWhitespace() and normalizeLines() differ in line ends alone", () => {
  assert.equal(normalizeWhitespace(" a\u00a0\t b\r\n\r\n\r\nc "), "a b c");
  assert.equal(normalizeLines("\n a\u00a0\t b \r\n\r\n\r\n\r\nc\rd\n\n"), "a b\n\nc\nd");
});

Deno.test("characterCount() counts code points, wordCount() stretches without space", () => {
  const random = randomStream(1);
  for (let i = 0; i < 200; i++) {
    const text = Array.from(
      { length: random.nextBelow(12) },
      () => ["a", "é", "🐋", "\ud83d", "\udc0b"][random.nextBelow(5)],
    )
      .join("");
    assert.equal(characterCount(text), [...text].length);
  }
  assert.equal(wordCount("  one two\nthree "), 3);
  assert.equal(wordCount("  "), 0);
});

Deno.test("SeenTexts finds copies as its mode says", () => {
  const exact = new SeenTexts("exact");
  assert.deepEqual(["a", "A", "a "].map((text) => exact.add(text)), [false, false, false]);
  assert.equal(exact.add("a"), true);
  assert.equal(textKey(" Ａ\n b", "normalized"), "a b");
});

Deno.test("cutPassages() keeps every word, in order, within the bounds", () => {
  const random = randomStream(7);
  const word = (): string => "abcdefghij".slice(0, 1 + random.nextBelow(10));
  for (let round = 0; round < 200; round++) {
    const sentence = (): string =>
      Array.from({ length: 1 + random.nextBelow(15) }, word).join(
        random.nextBelow(5) ? " " : "\n",
      ) + ". ";
    const paragraph = (): string =>
      Array.from(
        { length: 1 + random.nextBelow(6) },
        () => sentence().replace(/^./, (c) => c.toUpperCase()),
      ).join("");
    const text = Array.from({ length: random.nextBelow(8) }, paragraph).join("\n \n\n");
    const maxChars = 12 + random.nextBelow(300);
    const minChars = random.nextBelow(maxChars);
    const passages = cutPassages(text, { minChars, maxChars });
    const words = (t: string): string[] => t.split(/\s+/).filter((w) => w !== "");
    assert.deepEqual(words(passages.join(" ")), words(text));
    for (const passage of passages) assert.ok(characterCount(passage) <= maxChars, passage);
  }
});

Deno.test("cutPassages() joins short paragraphs and cuts long ones at sentence ends", () => {
  assert.deepEqual(cutPassages("a\n\nb\n\nc", { minChars: 3, maxChars: 10 }), ["a\n\nb\n\nc"]);
  assert.deepEqual(cutPassages("a\n\nb", { minChars: 3, maxChars: 10, joiner: " " }), ["a b"]);
  assert.deepEqual(
    cutPassages("One is here. Two is there. Mr. small.", { minChars: 1, maxChars: 27 }),
    ["One is here. Two is there.", "Mr. small."],
  );
  // A heading is too short alone and its paragraph too long for it: it gets the first sentence.
  assert.deepEqual(
    cutPassages("Head\n\nFirst of all. Second of all. Third one.", { minChars: 10, maxChars: 36 }),
    ["Head\n\nFirst of all. Second of all.", "Third one."],
  );
  assert.deepEqual(cutPassages("x".repeat(7), { minChars: 1, maxChars: 3 }), ["xxx", "xxx", "x"]);
  assert.deepEqual(
    cutPassages("a  b\n\n c", {
      minChars: 5,
      maxChars: 9,
      clean: normalizeWhitespace,
      joiner: " ",
    }),
    ["a b c"],
  );
  assert.deepEqual(cutPassages(" \n\n ", { minChars: 1, maxChars: 3 }), []);
});

Deno.test("compileTemplate() renders rows and refuses names that are no columns", () => {
  const columns = ["text", "label", "id"];
  const option = "template";
  const render = compileTemplate("{{ label }}: {{ text | upper }} {{ id }}", { columns, option });
  assert.equal(render({ text: "a", label: 1, id: 2n ** 60n }), "1: A 1152921504606846976");
  const fine =
    "{% set n = text | length %}{% for w in text.split(' ') %}{{ w }}{{ loop.index + n }}{% endfor %}" +
    "{{ text is defined }}{{ text | replace('a', label | string) }}";
  assert.equal(
    compileTemplate(fine, { columns, option })({ text: "a b", label: 7, id: 0 }),
    "a4b5True7 b",
  );
  assert.throws(
    () => compileTemplate("{{ txt }}", { columns, option }),
    /"txt".*did you mean "text"\?.*text, label, id/,
  );
  assert.throws(() => compileTemplate("{{ text | join(sepp) }}", { columns, option }), /sepp/);
  assert.throws(
    () => compileTemplate("{{ text ", { columns, option }),
    /template is no Jinja template/,
  );
  assert.throws(
    () => compileTemplate("{{ text | uper }}", { columns, option }),
    /in template there is no filter "uper", but there is "upper"/,
  );
});

Deno.test("compileCondition() wants true or false", () => {
  const options = { columns: ["text", "label"], option: "where" };
  const long = compileCondition("{{ text | length > 3 }}", options);
  assert.deepEqual(["abc", "abcd"].map((text) => long({ text })), [false, true]);
  const both = compileCondition(
    "{{ not (text == 'a' or text in ['b', 'c']) and label > 0 }}",
    options,
  );
  assert.deepEqual(["a", "b", "d"].map((text) => both({ text, label: 1 })), [false, false, true]);
  assert.equal(compileCondition("{{ label }}", options)({ label: 1 }), true);
  const floats = { columns: [{ name: "label", type: "float" }], option: "where" };
  assert.deepEqual([1, 0].map((label) => compileCondition("{{ label }}", floats)({ label })), [
    true,
    false,
  ]);
  assert.equal(compileCondition("{{ text is none }}", options)({ text: null }), true);
  assert.throws(
    () => compileCondition("{{ text }}", options)({ text: "maybe" }),
    /where renders "maybe".*true or false/,
  );
});
