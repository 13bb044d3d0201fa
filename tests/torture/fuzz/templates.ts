/** Jinja: row templates, conditions and `${{ }}` are refused in words or give text, and never hang. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { templateMistake } from "../../../lib/base/jinja/template.ts";
import { findExpressions } from "../../../lib/pipeline/file/template_scan.ts";
import { compileCondition, compileTemplate } from "../../../lib/text/template.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, told } from "./fuzzing.ts";
import { anyJson, damagedText } from "./mutations.ts";

const WHOLE: readonly string[] = [
  "{{ text }}",
  "{{ text | upper | trim }} and {{ label }}",
  "{% if label == 1 %}yes{% elif label %}so{% else %}no{% endif %}",
  "{% for x in list %}{{ loop.index }}: {{ x }}, {% endfor %}",
  "{% set a = text | length %}{{ a > 40 }}",
  "{{ text[1:3] ~ text.strip() ~ (list | join(', ')) }}",
  "{{ label + 1 if label is number else text | default('none') }}",
  "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}",
  "{# a remark #}{{ list | first }}{{ {'a': text}['a'] }}",
  "{%- for i in range(3) -%}{{ i }}{%- endfor -%}",
];

const FRAGMENTS: readonly string[] = [
  ...[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "|",
    "~",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".",
    "=",
  ],
  ...[
    "'",
    '"',
    "\\",
    "text",
    "label",
    "list",
    "none",
    "true",
    "not",
    "and",
    "or",
    "in",
    "is",
    "if",
    "else",
  ],
  ...[
    "{% for x in list %}",
    "{% endfor %}",
    "{% if ",
    "{% endif %}",
    "{% set x = ",
    "{% break %}",
    "loop",
  ],
  ...[
    "| tojson",
    "| upper",
    "| map(attribute='a')",
    "| selectattr('a')",
    "| sort",
    "| items",
    "| nope",
  ],
  ...[
    "range(9)",
    "namespace(a=1)",
    "raise_exception('x')",
    "text.constructor",
    "text.__class__",
    "[].x.y",
  ],
  ...[
    "0",
    "1e9",
    "-1",
    "99999999999999999999",
    "/ 0",
    "* 3",
    "** 2",
    "%",
    "\0",
    "\n",
    "\u2028",
    "𝄞",
    "\ud800",
  ],
];

interface Input {
  readonly source: string;
  readonly row: { readonly text: unknown; readonly label: unknown; readonly list: unknown };
}

export const fuzz: Fuzz<Input> = {
  name: "fuzz-templates",
  promise: "a template is refused in words or gives a text, for any row",
  perCase: 1000,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.record({
    source: fc.oneof(
      { weight: 4, arbitrary: damagedText(fc.constantFrom(...WHOLE), FRAGMENTS) },
      {
        weight: 1,
        arbitrary: fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 20 })
          .map((parts) => parts.join("")),
      },
      { weight: 1, arbitrary: fc.constantFrom(...WHOLE) },
      {
        weight: 1,
        arbitrary: fc.tuple(
          fc.integer({ min: 1, max: 200 }),
          fc.constantFrom("(", "[", "not ", "-"),
        )
          .map(([levels, open]) => {
            const close = { "(": ")", "[": "]" }[open as "(" | "["] ?? "";
            return `{{ ${open.repeat(levels)}1${close.repeat(levels)} }}`;
          }),
      },
    ),
    row: fc.record({
      text: fc.oneof(fc.string(), anyJson(1)),
      label: fc.oneof(fc.integer(), fc.bigInt(), anyJson(1)),
      list: fc.oneof(fc.array(fc.string(), { maxLength: 3 }), anyJson(2)),
    }),
  }),
  async check({ source, row }): Promise<void> {
    const mistake = templateMistake(source);
    assert.ok(mistake === undefined || mistake.trim() !== "", "a mistake in words");
    const options = { columns: ["text", "label", "list"], option: "template" };
    const { value: render } = await told(() => compileTemplate(source, options));
    if (render !== undefined) {
      const { value } = await told(() => render(row), { rough: true });
      assert.ok(value === undefined || typeof value === "string");
    }
    const { value: holds } = await told(() => compileCondition(source, options));
    if (holds !== undefined) await told(() => holds(row), { rough: true });
    const found = findExpressions(source.replaceAll("{{", "${{"));
    if ("unclosed" in found) return;
    for (const { start, end, expression } of found.pieces) {
      assert.ok(
        start < end && end - start === expression.length + 5,
        "an expression has its place",
      );
    }
  },
};

/** Attacks templates. */
export const templates: Part = fuzzPart(fuzz, import.meta.url);
