/** Templates render what Jinja in Python renders; what they render was written down from there. */
import assert from "node:assert/strict";
import {
  compileCondition,
  compileMarkedTemplate,
  compileTemplate,
} from "../../lib/text/template.ts";
import { evaluateExpression } from "../../lib/base/jinja/template.ts";
import { type JinjaCases, readCases } from "../fixtures/jinja_cases.ts";

/** What a case renders; null where it cannot. */
function rendered(template: string, { row, types }: JinjaCases): string | null {
  const columns = Object.entries(types).map(([name, type]) => ({ name, type }));
  try {
    return compileTemplate(template, { columns, option: "template" })(row);
  } catch (error) {
    // In words: what went wrong, and of which template.
    assert.match((error as Error).message, /^template fails: [^]+/);
    assert.doesNotMatch((error as Error).message, /Internal error|is not a function|undefined \(/);
    return null;
  }
}

Deno.test("templates render as in jinja2, or fail where it fails", async () => {
  const table = await readCases();
  assert.ok(table.cases.length > 400);
  for (const [template, expected] of table.cases) {
    assert.equal(rendered(template, table), expected, template);
  }
});

Deno.test("an empty cell is not 0", () => {
  const grades = [null, "", 0, "A", "0", false];
  const keeps = (where: string): unknown[] => {
    const holds = compileCondition(where, { columns: ["grade"], option: "where" });
    return grades.filter((grade) => holds({ grade }));
  };
  // False is 0 in Python, too.
  assert.deepEqual(keeps("{{ grade == 0 }}"), [0, false]);
  assert.deepEqual(keeps("{{ grade == '' }}"), [""]);
  assert.deepEqual(keeps("{{ grade == none }}"), [null]);
  assert.deepEqual(keeps("{{ grade is none or grade == '' }}"), [null, ""]);
  assert.deepEqual(keeps("{{ grade != 0 }}"), [null, "", "A", "0"]);
  assert.deepEqual(keeps("{{ grade in [0, 'A'] }}"), [0, "A", false]);
  assert.throws(() => keeps("{{ grade > 0 }}"), /where fails: ">" cannot compare None with int/);
});

Deno.test("a cell is what its column says: a float prints its point, an int past 2^53 each digit", () => {
  const table: [type: string | undefined, cell: unknown, expected: string][] = [
    ["float", 1, "1.0 1.5 float"],
    ["float", -0, "-0.0 0.5 float"],
    ["float", 1e16, "1e+16 1e+16 float"],
    ["float", 2.5, "2.5 3.0 float"],
    ["int", 1, "1 1.5 int"],
    ["int", 2n ** 60n, "1152921504606846976 1.152921504606847e+18 int"],
    ["json", 1, "1 1.5 int"],
    ["json", 0.5, "0.5 1.0 float"],
    [undefined, 1, "1 1.5 int"],
    [undefined, 7n, "7 7.5 int"],
  ];
  for (const [type, cell, expected] of table) {
    const columns = [type === undefined ? "x" : { name: "x", type }];
    const template = "{{ x }} {{ x + 0.5 }} {{ 'float' if x is float else 'int' }}";
    const render = compileTemplate(template, { columns, option: "template" });
    assert.equal(render({ x: cell }), expected, `${type} ${cell}`);
  }
});

Deno.test("a null cell that is printed as it is, is nothing, and None everywhere else", () => {
  const columns = ["title", "absent"];
  const table: [string, string][] = [
    ["{{ title }}", ""],
    ["{{ (title) }}|{{ absent }}", "|"],
    ["{% for i in [1] %}{{ title }}{% endfor %}", ""],
    ["{{ title is none }} {{ title == None }} {{ title or 'x' }}", "True True x"],
    ["{{ title ~ '' }} {{ [title] }} {{ title | string }}", "None [None] None"],
    ["{% set title = none %}{{ title }}", "None"],
    ["{{ none }} {{ absent is none }}", "None True"],
    ["{{ title is defined }} {{ title | default('x') }}", "True None"],
  ];
  for (const [template, expected] of table) {
    assert.equal(compileTemplate(template, { columns, option: "t" })({ title: null }), expected);
  }
});

Deno.test("what has no form as text is told, with what helps", () => {
  const table: [string, RegExp][] = [
    ["{{ tags | map('upper') }}", /what "map" gives cannot be printed: add "\| list"/],
    ["{{ tags | map('upper') | length }}", /a generator has no length: add "\| list"/],
    ["{{ text.upper }}", /"upper" cannot be printed: it is called, upper\(\)/],
    ["{{ tags.append('x') }}", /cannot change a list: there is no append\(\)/],
    ["{{ text.encode('utf-8') }}", /templates have no encode\(\) of texts/],
    ["{{ text == strftime_now('%Y') if text is defined }}", /"strftime_now" is not defined/],
    ["{% for a in text %}{% set b.c = 1 %}{% endfor %}{{ 1 is defined }}", /"b" is no namespace/],
    ["{{ (-8) ** 0.5 }}", /a complex one/],
    ["{{ '9' * 10 ** 9 }}", /no end in sight/],
    ["{{ text.center(10 ** 10) }}", /no end in sight/],
    ["{{ '%999999999d' % 1 }}", /no end in sight/],
    ["{{ '{:>999999999}'.format(1) }}", /no end in sight/],
    ["{{ 10 ** (10 ** 10) }}", /no end in sight/],
    ["{{ ([0] * 99999) | sort | map('string') | map('center', 99999) | join }}", /no end in sight/],
    ["{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", /no end in sight/],
  ];
  for (const [template, message] of table) {
    const options = { columns: ["text", "tags"], option: "template" };
    assert.throws(
      () => compileTemplate(template, options)({ text: "a", tags: ["a", "b"] }),
      message,
      template,
    );
  }
});

Deno.test("statements have the scopes of Jinja", () => {
  const table: [string, string][] = [
    ["{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{% set x = 2 %}{{ m() }}", "12"],
    ["{% set x = 0 %}{% macro m() %}{% set x = 5 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}", "50"],
    ["{% for tags in tags %}{{ tags }}{% endfor %}{{ tags }}", "ab['a', 'b']"],
    ["{% set v %}{% set u = 1 %}{{ u }}{% endset %}{{ v }}{{ u is defined }}", "1False"],
    ["{% filter upper %}{% set w = 'a' %}{{ w }}{% endfilter %}{{ w is defined }}", "AFalse"],
    ["{% if true %}{% set q = 1 %}{% endif %}{{ q }}", "1"],
    ["{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}", "211"],
    [
      "{% set g = [3, 1] | map('string') %}{{ '3' in g }}{{ g | list }}{{ g | list }}",
      "True['1'][]",
    ],
    ["{% print 1, 2 %}", "12"],
  ];
  for (const [template, expected] of table) {
    const render = compileTemplate(template, { columns: ["tags"], option: "template" });
    assert.equal(render({ tags: ["a", "b"] }), expected, template);
  }
  const misuse = "{% for loop in tags %}{% endfor %}";
  assert.throws(
    () => compileTemplate(misuse, { columns: ["tags"], option: "template" }),
    /is no Jinja template: "loop" is what a loop calls itself/,
  );
});

Deno.test("what chat templates mark as generated is rendered", () => {
  const render = compileTemplate("a{% generation %}{{ text }}{% endgeneration %}", {
    columns: ["text"],
    option: "template",
  });
  assert.equal(render({ text: "b" }), "ab");
  // A mark is a call block, as in transformers.
  const left = "{% for a in [1] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}";
  assert.throws(
    () => compileTemplate(left, { columns: [], option: "template" }),
    /{% break %} stands in no loop/,
  );
});

Deno.test("compileMarkedTemplate() tells where marked parts begin and end", () => {
  const compile = (source: string) =>
    compileMarkedTemplate(source, { columns: ["text"], option: "template" });
  assert.equal(compile("{{ text }}"), undefined);
  const mark = "{% generation %}{{ text }}{% endgeneration %}";
  assert.deepEqual(compile(`a${mark}b${mark}`)!({ text: "🙂" }), {
    text: "a🙂b🙂",
    learned: [1, 3, 4, 6],
  });
  assert.deepEqual(compile(`a${mark}b`)!({ text: "" }), { text: "ab", learned: [] });
  const loop =
    `{% for a in [1, 2] %}{% if a == 2 %}${mark}{% else %}{{ a }}{% endif %}{% endfor %}`;
  assert.deepEqual(compile(loop)!({ text: "x" }), { text: "1x", learned: [1, 2] });
  // The tags themselves take the white space that other tags take.
  const spaced = "a\n{% generation %}\n b {%- endgeneration %}\nc";
  assert.deepEqual(compile(spaced)!({ text: "" }), { text: "a\n bc", learned: [2, 4] });
  const recursive = `{% for a in [1] recursive %}${mark}{% endfor %}`;
  assert.throws(() => compile(recursive), /within a recursive {% for %}/);
  assert.throws(
    () => compile("{% generation %}{{ x }}{% endgeneration %}"),
    /"x", which is no column/,
  );
});

Deno.test("expressions of pipelines have Python's values as JSON", () => {
  const values = { params: { n: 7, half: 0.5, list: [1, "a"], map: { a: null } } };
  const table: [string, unknown][] = [
    ["params.n // 2", 3],
    ["-params.n % 3", 2],
    ["params.n / 7", 1],
    ["2.5 | round", 2],
    ["params.list == [1, 'a']", true],
    ["'' == 0", false],
    ["(1, 2)", [1, 2]],
    ["range(3)", [0, 1, 2]],
    ["params.list | map('string') | list", ["1", "a"]],
    ["{1: params.map}", { "1": { a: null } }],
    ["params.map.a", null],
    ["params.map.b", undefined],
    ["2 ** 60", 2 ** 60],
    ["params.n ~ '-' ~ params.half", "7-0.5"],
    ["params.n > 3 and 'yes' or 'no'", "yes"],
  ];
  for (const [expression, expected] of table) {
    assert.deepEqual(evaluateExpression(expression, values), expected, expression);
  }
  assert.throws(() => evaluateExpression("2 ** 60 + 1", values), /would not be kept exactly/);
});
