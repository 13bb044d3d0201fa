import assert from "node:assert/strict";
import { Template } from "@huggingface/jinja";
import { FILTERS, TESTS, unknownFilter } from "../../lib/base/jinja/filters.ts";

const VALUES = {
  text: "Ahoy",
  number: 3,
  list: ["a", "b"],
  mapping: { text: 1 },
  flag: true,
  rows: [{ a: 1 }, { a: 2 }],
};

/** Whether the package renders one of these templates: then it knows what is in them. */
function renders(templates: readonly string[]): boolean {
  return templates.some((template) => {
    try {
      new Template(template).render(VALUES);
      return true;
    } catch {
      return false;
    }
  });
}

const CALLS = ["", "('text')", "(1)", "('a', 'b')", "('a', 'eq', 1)", "(attribute='a')"];

Deno.test("every filter and test of the list is one that the package knows", () => {
  for (const filter of FILTERS) {
    const templates = Object.keys(VALUES).flatMap((name) =>
      CALLS.map((call) => `{{ ${name} | ${filter}${call} }}`)
    );
    assert.ok(renders(templates), filter);
    assert.equal(unknownFilter(new Template(templates[0]!).parsed.body), undefined);
  }
  for (const test of TESTS) {
    const templates = Object.keys(VALUES).map((name) => `{{ ${name} is ${test} }}`);
    assert.ok(renders(templates), test);
    assert.equal(unknownFilter(new Template(templates[0]!).parsed.body), undefined);
  }
});

Deno.test("names of Jinja that the package does not know are not in the list", () => {
  const others =
    "batch center count d e escape filesizeformat format groupby max min pprint random " +
    "reject round select slice striptags sum truncate urlencode urlize wordcount wordwrap xmlattr";
  for (const filter of others.split(" ")) {
    const templates = Object.keys(VALUES).flatMap((name) =>
      CALLS.map((call) => `{{ ${name} | ${filter}${call} }}`)
    );
    assert.ok(!renders(templates), filter);
    const mistake = unknownFilter(
      new Template(`{{ [text] | join(text | ${filter}) }}`).parsed.body,
    );
    assert.ok(mistake?.startsWith(`there is no filter "${filter}"`), mistake);
  }
});

Deno.test("unknownFilter() looks into every corner of a template", () => {
  const templates = [
    "{% for x in list | nope %}{% endfor %}",
    "{% if a %}{{ b }}{% else %}{{ c | nope }}{% endif %}",
    "{{ a if b is nope else c }}",
    "{% set x = y | nope %}",
    "{{ {'k': v | nope} }}",
    "{% macro m(a) %}{{ a | nope(1) }}{% endmacro %}",
    "{{ x[1:(y | nope)] }}",
  ];
  for (const template of templates) {
    assert.match(
      unknownFilter(new Template(template).parsed.body) ?? template,
      /^there is no .* "nope"/,
    );
  }
  assert.equal(
    unknownFilter(new Template("{{ filter }} {{ x.nope('a') }}").parsed.body),
    undefined,
  );
});
