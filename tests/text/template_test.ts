/** Row templates: what they render and which slips they catch. */
import assert from "node:assert/strict";
import { compileTemplate } from "../../lib/text/template.ts";

const OPTIONS = { columns: ["text", "title", "label", "tags"], option: "template" };

Deno.test("compileTemplate() renders columns", () => {
  const row = { text: " Call me\n", title: null, label: 2n, tags: ["a", "b"] };
  const table: [string, string][] = [
    ["{{ text }}", " Call me\n"],
    ["{{ title }}", ""],
    ["{{ label }}", "2"],
    ["{{ text | trim }}|{{ tags | join(',') }}", "Call me|a,b"],
    ["{% for tag in tags %}{{ loop.index }}{{ tag }}{% endfor %}", "1a2b"],
    ["{% set n = label + 1 %}{{ n }}", "3"],
    ["{% if missing is defined %}x{% else %}y{% endif %}", "y"],
    ["{{ missing | default('none') }}", "none"],
    ["{% macro twice(a) %}{{ a }}{{ a }}{% endmacro %}{{ twice(label) }}", "22"],
    ["{{ text.strip() if label == 2 and tags else 'no' }}", "Call me"],
    ["{{ 9007199254740993 }}", "9007199254740993"],
  ];
  for (const [template, expected] of table) {
    assert.equal(compileTemplate(template, OPTIONS)(row), expected, template);
  }
  assert.equal(
    compileTemplate("{{ label }}", OPTIONS)({ label: 2n ** 60n }),
    "1152921504606846976",
  );
});

Deno.test("compileTemplate() refuses names that are no columns and broken syntax", () => {
  const table: [string, RegExp][] = [
    ["{{ titel }}", /uses "titel", which is no column; did you mean "title"\?/],
    ["{{ text | replace(x, 'y') }}", /uses "x"/],
    ["{% for tag in tagz %}{{ tag }}{% endfor %}", /uses "tagz"/],
    ["{% if lable == 1 %}{{ text }}{% endif %}", /uses "lable"/],
    ["{{ text ", /template is no Jinja template/],
  ];
  for (const [template, message] of table) {
    assert.throws(() => compileTemplate(template, OPTIONS), message);
  }
  const unknown: [string, RegExp][] = [
    ["{{ text | uper }}", /in template there is no filter "uper", but there is "upper"/],
    ["{{ tags | map('uper') | list }}", /there is no filter "uper", but there is "upper"/],
    ["{{ tags | select('defnied') | list }}", /there is no test "defnied", but there is "defined"/],
    ["{% if text is strin %}a{% endif %}", /there is no test "strin", but there is "string"/],
    ["{{ tags | random }}", /there is no filter "random"/],
    ["{% include 'a' %}", /there is no statement \{% include %\}/],
    ["{% fro a in tags %}", /there is no statement \{% fro %\}, but there is \{% for %\}/],
    ["{% endif %}", /\{% endif %\} closes nothing that is open/],
  ];
  for (const [template, message] of unknown) {
    assert.throws(() => compileTemplate(template, OPTIONS), message);
  }
});

Deno.test("A template that would take hours is refused, whatever it repeats", () => {
  const hundred = "range(100000)";
  const endless = [
    `{% for a in ${hundred} %}{% for b in ${hundred} %}{{ a }}{% endfor %}{% endfor %}`,
    `{% for a in ${hundred} %}{% for b in ${hundred} %}{% endfor %}{% endfor %}`,
    `{% for a in ${hundred} %}{% if ${hundred} | sort | length == 1 %}x{% endif %}{% endfor %}`,
    "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
    "{% macro f(n) %}{% if n < 60 %}{{ f(n + 1) }}{{ f(n + 1) }}{% endif %}{% endmacro %}{{ f(0) }}",
    "{% set ns = namespace(x='a') %}{% for a in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{{ range(1000000000) }}",
    "{{ range(0, 10 ** 10, 0.001) }}",
  ];
  for (const template of endless) {
    const render = compileTemplate(template, { ...OPTIONS, columns: ["text", "f", "n"] });
    assert.throws(
      () => render({ text: "a" }),
      /no end in sight|range\(\) makes|stack size|string length|fails:/,
      template,
    );
  }
});

Deno.test("A template has no clock, and a column may bear the name of a function", () => {
  const render = compileTemplate("{{ strftime_now('%Y') | default('no clock') }}", OPTIONS);
  assert.throws(() => render({ text: "a" }), /template fails/);
  const columns = ["range", "namespace", "größe"];
  const named = compileTemplate("{{ range }} {{ namespace }} {{ größe }}", { ...OPTIONS, columns });
  assert.equal(named({ range: 1, namespace: "two", größe: "three" }), "1 two three");
});

Deno.test("A template of much white space is read in time proportional to it", () => {
  for (const space of [" ", "\n", "\t "]) {
    const text = space.repeat(300_000);
    const render = compileTemplate(`{{ text }}${text}b{% if text %}${text}{% endif %}`, OPTIONS);
    assert.ok(render({ text: "a" }).startsWith("a"));
    assert.throws(() => compileTemplate(`{{ text${text}`, OPTIONS), /is no Jinja template/);
  }
});
