import assert from "node:assert/strict";
import { FILTER_NAMES, TEST_NAMES } from "../../lib/base/jinja/calls/library.ts";
import { unknownFilter } from "../../lib/base/jinja/filters.ts";
import { wrapped } from "../../lib/base/jinja/calls/wrap.ts";
import { parse } from "../../lib/base/jinja/syntax/parser.ts";
import { compileTemplate } from "../../lib/text/template.ts";

/** `jinja2.filters.FILTERS` and `jinja2.tests.TESTS` of Jinja 3.1. */
const FILTERS =
  "abs attr batch capitalize center count d default dictsort e escape filesizeformat " +
  "first float forceescape format groupby indent int items join last length list lower map max min " +
  "pprint random reject rejectattr replace reverse round safe select selectattr slice sort string " +
  "striptags sum title tojson trim truncate unique upper urlencode urlize wordcount wordwrap xmlattr";
const TESTS =
  "!= < <= == > >= boolean callable defined divisibleby eq equalto escaped even false " +
  "filter float ge greaterthan gt in integer iterable le lessthan lower lt mapping ne none number " +
  "odd sameas sequence string test true undefined upper";
const LEFT_OUT = ["pprint", "random", "urlize"];

Deno.test("every filter and test of Jinja is there, but those that are left out", () => {
  const sorted = (names: readonly string[]): string[] => [...names].sort();
  const known = FILTERS.split(" ").filter((name) => !LEFT_OUT.includes(name));
  assert.deepEqual(sorted(FILTER_NAMES), sorted(known));
  assert.deepEqual(sorted(TEST_NAMES), sorted(TESTS.split(" ")));
});

Deno.test("unknownFilter() looks into every corner of a template", () => {
  const templates = [
    "{% for x in list | nope %}{% endfor %}",
    "{% for x in list if x is nope %}{% endfor %}",
    "{% if a %}{{ b }}{% elif c is nope %}{% endif %}",
    "{% if a %}{{ b }}{% else %}{{ c | nope }}{% endif %}",
    "{{ a if b is nope else c }}",
    "{{ a < b < (c | nope) }}",
    "{{ a ~ (c | nope) ~ b }}",
    "{% set x = y | nope %}",
    "{% set x | nope %}y{% endset %}",
    "{% filter nope %}y{% endfilter %}",
    "{% filter upper | nope %}y{% endfilter %}",
    "{% with a = (b | nope) %}{% endwith %}",
    "{{ {'k': v | nope} }}",
    "{{ {v | nope: 1} }}",
    "{% macro m(a) %}{{ a | nope(1) }}{% endmacro %}",
    "{% macro m(a=(b | nope)) %}{% endmacro %}",
    "{% call(x) m(y | nope) %}{% endcall %}",
    "{{ x[1:(y | nope)] }}",
    "{{ x(*(y | nope)) }}",
    "{{ x(**(y | nope)) }}",
    "{{ x | map('nope') }}",
    "{{ x | rejectattr('a', 'nope') }}",
    "{{ x | default(y | nope) }}",
  ];
  for (const template of templates) {
    assert.match(unknownFilter(parse(template)) ?? template, /^there is no .* "nope"/);
  }
  assert.equal(
    unknownFilter(parse("{{ filter }} {{ x.nope('a') }} {{ x | map(nope) }}")),
    undefined,
  );
});

Deno.test("wrapped() and float take long texts of any characters in a time that grows with them", () => {
  const wrapping = { width: 79, breakWords: true, breakHyphens: true };
  const began = performance.now();
  for (const part of ["😀", "a", "a-", "😀-", " ", "\u00a0", "a\u00a0"]) {
    for (const width of [1, 79]) {
      const lines = wrapped(`${part.repeat(100_000)}x`, { ...wrapping, width });
      assert.ok(lines.every((line) => [...line].length <= width), part);
    }
  }
  const render = compileTemplate("{{ text | float(7) }}", { columns: ["text"], option: "t" });
  assert.equal(render({ text: `${"1".repeat(300_000)}x` }), "7");
  assert.ok(performance.now() - began < 30_000, `${performance.now() - began} ms`);
});

Deno.test("what a search or a number would take is counted before it is done", () => {
  const columns = ["a", "b"];
  const render = (source: string, row: Record<string, string>): string =>
    compileTemplate(source, { columns, option: "t" })(row);
  const began = performance.now();
  const row = { a: `${"a".repeat(200_000)}b${"a".repeat(200_000)}`, b: "a".repeat(1_000_000) };
  for (
    const source of [
      "{{ a in b }}",
      "{{ b.find(a) }}",
      "{{ b.count(a) }}",
      "{{ b.replace(a, '') }}",
      "{{ b | replace(a, '') }}",
      "{{ b.split(a) }}",
      "{{ b.rsplit(a, 1) }}",
      "{{ b.partition(a) }}",
    ]
  ) {
    assert.throws(() => render(source, row), /no end in sight/, source);
  }
  assert.equal(render("{{ a in b }}", { a: "b".repeat(1_000), b: "a".repeat(100_000) }), "False");
  for (const base of [2, 4, 8, 16, 32]) {
    const text = `1${"0".repeat(200_000)}`;
    assert.equal(render(`{{ a | int(0, ${base}) > 5 }}`, { a: text, b: "" }), "True");
  }
  assert.equal(render("{{ a | int(0, 16) }}", { a: "-0xFf", b: "" }), "-255");
  assert.equal(render("{{ a | int(7, 8) }}", { a: "x", b: "" }), "7");
  assert.ok(performance.now() - began < 30_000, `${performance.now() - began} ms`);
});
