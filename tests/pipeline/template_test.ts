import assert from "node:assert/strict";
import { load, mistakes, stage } from "./loading.ts";

const PARAMS = "params: { n: 3, half: 0.5, small: 0.00001, flag: true, text: hi, list: [1, a], " +
  "map: { k: { deep: 2 } }, none: null }";

function pipeline(expression: string): string {
  return [
    "name: t",
    "seed: 7",
    "env: [TOKEN, UNSET]",
    PARAMS,
    "stages:",
    `  d: { uses: download, with: { from: ${expression} } }`,
  ].join("\n");
}

Deno.test("loadPipeline() evaluates expressions in texts", async () => {
  const table: [string, string][] = [
    ["'a ${{ params.text }} b'", "a hi b"],
    ["'${{ params.n }}-${{ params.half }}'", "3-0.5"],
    ["'${{ params.small }}!'", "1e-5!"],
    ["'${{ params.flag }}!'", "true!"],
    ["'${{ params.list }}!'", '[1,"a"]!'],
    ["'${{ params.none }}!'", "null!"],
    ["'v${{ params.n + 1 }}'", "v4"],
    ["'${{ params.text ~ seed }}'", "hi7"],
    ["'${{ params.text | upper }}'", "HI"],
    ["'${{ params.list[1] }}'", "a"],
    ["'${{ params[\"text\"] }}'", "hi"],
    ["'${{ params.map.k.deep }}x'", "2x"],
    ["'${{ params.map.k }}x'", '{"deep":2}x'],
    ['\'${{ "yes" if params.n > 2 else "no" }}\'', "yes"],
    ["'${{ env.TOKEN }}'", "secret"],
    ["'${{ env.UNSET | default(\"x\") }}'", "x"],
    ["'${{ \"}}\" }}'", "}}"],
    ["'${{ \"${{\" }} x'", "${{ x"],
    ["'{{ column }} ${{ params.n }}'", "{{ column }} 3"],
    ["'{{ column }}'", "{{ column }}"],
    ['\'${{ {"a": {"b": "c"}}.a.b }}\'', "c"],
  ];
  const env = (name: string) => name === "TOKEN" ? "secret" : undefined;
  for (const [expression, expected] of table) {
    const { stages } = await load(pipeline(expression), { env });
    assert.equal(stages[0]!.options.from, expected, expression);
  }
});

Deno.test("loadPipeline() evaluates expressions in blocks of text", async () => {
  const { stages } = await load([
    "name: t",
    PARAMS,
    "stages:",
    "  d:",
    "    uses: download",
    "    with:",
    "      from: |",
    "        first ${{ params.n }}",
    "        second ${{ params.text }}",
  ].join("\n"));
  assert.equal(stages[0]!.options.from, "first 3\nsecond hi\n");
});

Deno.test("a text that is one expression takes the type of its value", async () => {
  const { stages } = await load([
    "name: t",
    PARAMS,
    "stages:",
    "  d: { uses: download, with: { from: x, model: ' ${{ not params.flag }} ' } }",
    "  t:",
    "    uses: train",
    "    inputs: { data: d }",
    "    with:",
    "      epochs: ${{ params.n * 2 }}",
    '      learning_rate: "${{ params.small }}"',
    `      config: "\${{ {'width': params.n} }}"`,
    "    timeout: ${{ params.half }}",
    "  s:",
    "    uses: score",
    "    inputs: { models: '${{ [\"t\"] }}' }",
  ].join("\n"));
  assert.equal(stages[0]!.options.model, false);
  const { options, timeout } = stages[1]!;
  assert.deepEqual([options.epochs, options.learning_rate], [6, 1e-5]);
  assert.deepEqual(options.config, { width: 3, layers: [] });
  assert.equal(timeout, 500);
  assert.deepEqual(stages[2]!.inputs, { models: ["t"] });
});

Deno.test("expressions reach every key of the file that is no text of its own", async () => {
  const { name, seed, schedule, stages } = await load([
    "name: run-${{ params.n }}",
    "seed: ${{ params.n + 1 }}",
    "params: { n: 3, stage: download }",
    "schedule: { cron: '0 ${{ params.n }} * * 1', timezone: UTC }",
    "stages: { d: { uses: '${{ params.stage }}', with: { from: 'x${{ seed }}' } } }",
  ].join("\n"));
  assert.equal(name, "run-3");
  assert.equal(seed, 4);
  assert.equal(schedule?.cron, "0 3 * * 1");
  assert.equal(stages[0]!.options.from, "x4");
});

interface Case {
  readonly name: string;
  readonly yaml: string;
  readonly expected: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "unknown names",
    yaml: pipeline("'${{ params.m }} ${{ parms.n }} ${{ params.map.kk }} ${{ params.map.k.dep }}'"),
    expected: [
      '6:43+8 unknown parameter "m"; did you mean "map"?; parameters stand under "params:"; known: n, half, small, flag, text, list, map, none',
      '6:59+5 unknown name "parms" in ${{ }}; did you mean "params"?; known here: params, env, seed',
      '6:74+13 unknown key "kk" of params.map; did you mean "k"?; known: k',
      '6:95+16 unknown key "dep" of params.map.k; did you mean "deep"?; known: deep',
    ],
  },
  {
    name: "unknown names in branches that are not taken",
    yaml: pipeline("'${{ params.n if true else params.txt }}'"),
    expected: [
      '6:65+10 unknown parameter "txt"; did you mean "text"?; parameters stand under "params:"; known: n, half, small, flag, text, list, map, none',
    ],
  },
  {
    name: "syntax",
    yaml: pipeline("'a ${{ params.n + }}'"),
    expected: [
      '6:41+17 cannot read the expression ${{ params.n + }}: something is missing before "}}"; it takes Jinja expressions, such as ${{ params.epochs * 2 }}',
    ],
  },
  {
    name: "empty expressions",
    yaml: pipeline("'a ${{ }}'"),
    expected: [
      '6:41+6 cannot read the expression ${{ }}: something is missing before "}}"; it takes Jinja expressions, such as ${{ params.epochs * 2 }}',
    ],
  },
  {
    name: "expressions that are not closed",
    yaml: pipeline("'a ${{ params.n }'"),
    expected: ['6:41+15 the expression after ${{ is not closed; an expression ends with "}}"'],
  },
  {
    name: "environment variables",
    yaml: pipeline("'${{ env.PATH }} ${{ env.TOKE }} ${{ env.UNSET }}'"),
    expected: [
      '6:43+8 the environment variable "PATH" is not allowed; variables that a pipeline reads are listed under "env:"; known: TOKEN, UNSET; add it: env: [TOKEN, UNSET, PATH]',
      '6:59+8 the environment variable "TOKE" is not allowed; did you mean "TOKEN"?; variables that a pipeline reads are listed under "env:"; known: TOKEN, UNSET; add it: env: [TOKEN, UNSET, TOKE]',
      '6:75+9 the environment variable "UNSET" is not set; set it, or give a value: ${{ env.UNSET | default("…") }}',
    ],
  },
  {
    name: "unknown filters",
    yaml: pipeline("'${{ params.n | uper }}'"),
    expected: [
      '6:39+22 cannot evaluate ${{ params.n | uper }}: there is no filter "uper", but there is "upper"',
    ],
  },
  {
    name: "expressions without a value",
    yaml: pipeline("'${{ params.list[9] }}'"),
    expected: ["6:39+21 the expression ${{ params.list[9] }} has no value"],
  },
  {
    name: "expressions that cannot be computed",
    yaml: pipeline("'${{ params.n / 0 }}'"),
    expected: ["6:39+19 cannot evaluate ${{ params.n / 0 }}: it divides by zero"],
  },
  {
    name: "expressions that would fill the memory",
    yaml: pipeline("'${{ range(params.n * 100000000) | length }}'"),
    expected: [
      "6:39+43 cannot evaluate ${{ range(params.n * 100000000) | length }}: range() makes at most 10000 numbers",
    ],
  },
  {
    name: "matrix values where there are none",
    yaml: pipeline("'${{ matrix.a }}'"),
    expected: ['6:43+6 the stage "d" has no matrix and reads no stage that has one'],
  },
  {
    name: "expressions in keys",
    yaml: pipeline("x, '${{ params.text }}': 1"),
    expected: [
      "6:41+20 ${{ }} is evaluated in values, not in keys",
      '6:41+20 unknown option "${{ params.text }}" of stage "download"; options of "download": from, model',
    ],
  },
  {
    name: "the type of the result",
    yaml: pipeline("'${{ params.n }}'"),
    expected: [
      '6:38+17 option "from" of stage "download" cannot be 3 (a number); it must be text (where to get it)',
    ],
  },
  {
    name: "parameters that use each other, told once",
    yaml: [
      "name: t",
      "params: { a: 1, b: '${{ params.a }}', c: '${{ seed }}' }",
      "stages: { d: { uses: download, with: { from: '${{ params.b }}' } } }",
    ].join("\n"),
    expected: [
      '2:25+6 a parameter cannot use "params"; parameters are literals, apart from `${{ env.NAME }}`',
      '2:47+4 a parameter cannot use "seed"; parameters are literals, apart from `${{ env.NAME }}`',
    ],
  },
  {
    name: "row templates",
    yaml: [
      "name: t",
      "stages:",
      "  m: { uses: download, with: { from: x, model: true } }",
      "  w:",
      "    uses: write",
      "    inputs: { model: m }",
      "    with:",
      "      prompts:",
      '        - "{{ fine }}"',
      '        - "{% for x in y %}"',
      '        - "{{ a | }}"',
      "        - '{{ \"open }}'",
      "        - '{{ a b }}'",
      "        - plain",
      "        - '{{ a | lenght > 3 }}'",
      "        - '{% if b is defnied %}{{ c | jion(1) }}{% endif %}'",
      "        - '{% filter zzzz %}{{ d }}{% endfilter %}'",
    ].join("\n"),
    expected: [
      '10:11+18 the template in option "prompts[1]" of stage "write" cannot be read: a block is not closed; a Jinja template over the columns of a row, such as {{ text }}',
      '11:11+11 the template in option "prompts[2]" of stage "write" cannot be read: something is missing before "}}"; a Jinja template over the columns of a row, such as {{ text }}',
      '12:11+13 the template in option "prompts[3]" of stage "write" cannot be read: it ends too early; a Jinja template over the columns of a row, such as {{ text }}',
      '13:11+11 the template in option "prompts[4]" of stage "write" cannot be read: it does not end where it should; a Jinja template over the columns of a row, such as {{ text }}',
      '15:11+22 the template in option "prompts[6]" of stage "write" cannot be read: there is no filter "lenght", but there is "length"; a Jinja template over the columns of a row, such as {{ text }}',
      '16:11+51 the template in option "prompts[7]" of stage "write" cannot be read: there is no test "defnied", but there is "defined"; a Jinja template over the columns of a row, such as {{ text }}',
      '17:11+41 the template in option "prompts[8]" of stage "write" cannot be read: there is no filter "zzzz"; a Jinja template over the columns of a row, such as {{ text }}',
    ],
  },
];

for (const { name, yaml, expected } of CASES) {
  Deno.test(`loadPipeline() checks ${name}`, async () => {
    assert.deepEqual(await mistakes(yaml), expected);
  });
}

Deno.test("row templates are checked only in options that are marked as templates", async () => {
  const pipeline = await load([
    "name: t",
    "stages:",
    "  d: { uses: download, with: { from: '{{ not a template' } }",
  ].join("\n"));
  assert.equal(stage(pipeline, "d").options.from, "{{ not a template");
});
