/** Templates render what jinja2 renders, or are refused where it raises. */
import assert from "node:assert/strict";
import type { Named } from "../../lib/base/jinja/template.ts";
import { compileTemplate } from "../../lib/text/template.ts";
import { readCases } from "../fixtures/jinja_cases.ts";
import { ROWS, templatesBySeed, type TypedRow } from "./jinja_templates.ts";
import { floatsBySeed, OF_FLOATS, OF_TEXTS, textsBySeed } from "./jinja_values.ts";
import { hasPackages, runScript } from "./python.ts";

type Rendered = { readonly text: string } | { readonly error: string };

function rendered(template: string, { row, types }: TypedRow): Rendered {
  const columns = Object.entries(types).map(([name, type]) => ({ name, type }));
  try {
    return { text: compileTemplate(template, { columns, option: "template" })(row) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** What Python prints of objects that have no other form, and texts that remember that they were escaped. */
const UNLIKE = / at 0x[0-9a-f]+>|<built-in method|<bound method|<class |<jinja2\.|Markup\(/;

/** A slice of what has none is an error in Jinja, too, but of a constant: that one is undefined. */
const SLICE_OF_CONSTANT = /has no slices/;

const TEMPLATES = Number(Deno.env.get("JINJA_TEMPLATES") ?? 2400);
const VALUES = Number(Deno.env.get("JINJA_VALUES") ?? 40);
const SEED = Number(Deno.env.get("JINJA_SEED") ?? 9);

const hasJinja = await hasPackages("jinja2");

/** What jinja2 makes of templates. */
function references(cases: readonly { template: string; of: TypedRow }[]): Promise<Rendered[]> {
  return runScript<Rendered>(
    "jinja.py",
    cases.map(({ template, of: { row, types } }) => ({
      template,
      types,
      row: Object.fromEntries(
        Object.entries(row).map(([name, cell]) =>
          [name, typeof cell === "bigint" ? String(cell) : cell] as const
        ),
      ),
    })),
  );
}

Deno.test({
  name: "the table of cases is what jinja2 renders",
  ignore: !hasJinja,
  fn: async () => {
    const { row, types, cases } = await readCases();
    const of = { row, types };
    const expected = await references(cases.map(([template]) => ({ template, of })));
    const texts = expected.map((one) => "text" in one ? one.text : null);
    assert.deepEqual(cases.map(([, text]) => text), texts);
  },
});

Deno.test({
  name: "templates by chance render as in jinja2",
  ignore: !hasJinja,
  fn: async () => {
    const cases = templatesBySeed(SEED, TEMPLATES).map((template, i) => ({
      template,
      of: ROWS[i % ROWS.length]!,
    }));
    const expected = await references(cases);
    const { wrong, texts } = differences(cases, expected);
    assert.ok(texts > TEMPLATES / 3, `only ${texts} templates render`);
    assert.deepEqual(wrong, []);
  },
});

Deno.test({
  name: "floats and texts by chance are written, rounded, read and formatted as in jinja2",
  ignore: !hasJinja,
  fn: async () => {
    const of = (x: unknown, type: string): TypedRow => ({ row: { x }, types: { x: type } });
    const cases = [
      ...floatsBySeed(SEED, VALUES).flatMap((x) =>
        OF_FLOATS.map((one) => ({ template: `{{ ${one} }}`, of: of(x, "float") }))
      ),
      ...textsBySeed(SEED, VALUES).flatMap((x) =>
        OF_TEXTS.map((one) => ({ template: `{{ ${one} }}`, of: of(x, "string") }))
      ),
    ];
    assert.deepEqual(differences(cases, await references(cases)).wrong, []);
  },
});

/** The cases of which ours is not theirs, in words, and how many render. */
function differences(
  cases: readonly { template: string; of: TypedRow }[],
  expected: readonly Rendered[],
): { wrong: string[]; texts: number } {
  const wrong: string[] = [];
  let texts = 0;
  for (const [i, { template, of }] of cases.entries()) {
    const theirs = expected[i]!;
    if ("text" in theirs && UNLIKE.test(theirs.text)) continue;
    if ("text" in theirs) texts++;
    const ours = rendered(template, of);
    if ("error" in ours && ("error" in theirs || SLICE_OF_CONSTANT.test(ours.error))) continue;
    if ("text" in theirs && "text" in ours && theirs.text === ours.text) continue;
    const [row] = JSON.stringify(ours).split("; the row");
    wrong.push(`${template} of ${describe(of.row)}: ${JSON.stringify(theirs)}, but ours ${row}`);
  }
  return { wrong, texts };
}

function describe(row: Named): string {
  return JSON.stringify(row, (_, cell) => typeof cell === "bigint" ? String(cell) : cell);
}
