import assert from "node:assert/strict";
import { z } from "zod";
import type { OptionsResult } from "../../lib/pipeline/definition/options.ts";
import { describeStage } from "../../lib/pipeline/definition/describe.ts";
import { defineStage } from "../../lib/pipeline/stage.ts";
import { load, mistakes, withStages } from "./loading.ts";

const DATA = "d: { uses: download, with: { from: x } }";

function training(...options: string[]): string {
  return withStages(
    DATA,
    "t:",
    "  uses: train",
    "  inputs: { data: d }",
    "  with:",
    ...options.map((line) => `    ${line}`),
  );
}

interface Case {
  readonly name: string;
  readonly yaml: string;
  readonly expected: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "unknown and missing ones",
    yaml: withStages("d: { uses: download, with: { frm: x } }", "e: { uses: download }"),
    expected: [
      '3:32+3 unknown option "frm" of stage "download"; did you mean "from"?; options of "download": from, model',
      '4:3+1 missing option "from" of stage "download"; it must be text (where to get it)',
    ],
  },
  {
    name: "wrong values",
    yaml: training(
      "learning_rate: -1",
      "epochs: 1.5",
      "strategy: step",
      "dropout: 2",
      "note: 3",
      "template: [a]",
    ),
    expected: [
      '8:22+2 option "learning_rate" of stage "train" cannot be -1 (a number); it must be a number above 0 (initial learning rate; default 5e-5)',
      '9:15+3 option "epochs" of stage "train" cannot be 1.5 (a number); it must be a whole number at least 1 (passes over the data; default 3)',
      '10:17+4 option "strategy" of stage "train" cannot be "step" (text); did you mean "steps"?; it must be "no", "steps" or "epoch" (when to evaluate; default no)',
      '11:16+1 option "dropout" of stage "train" cannot be 2 (a number); it must be a number from 0 to 1 or "auto" (default auto)',
      '12:13+1 option "note" of stage "train" cannot be 3 (a number); it must be text',
      '13:17+3 option "template" of stage "train" cannot be ["a"] (a list); it must be text (text of a row)',
    ],
  },
  {
    name: "null",
    yaml: training("learning_rate:", "strategy: null"),
    expected: [
      '8:7+13 option "learning_rate" of stage "train" cannot be null; it must be a number above 0 (initial learning rate; default 5e-5)',
      '9:17+4 option "strategy" of stage "train" cannot be null; it must be "no", "steps" or "epoch" (when to evaluate; default no)',
    ],
  },
  {
    name: "what lies deeper",
    yaml: training(
      "config:",
      "  width: 0",
      "  wdth: 3",
      "  layers:",
      "    - { size: 1, sze: 2 }",
      "    - { size: x }",
      "    - {}",
      "    - 3",
    ),
    expected: [
      '9:16+1 option "config.width" of stage "train" cannot be 0 (a number); it must be a whole number above 0',
      '10:9+4 unknown option "config.wdth" of stage "train"; did you mean "width"?; keys of option "config": width, layers',
      '12:24+3 unknown option "config.layers[0].sze" of stage "train"; did you mean "size"?; keys of option "config.layers[0]": size',
      '13:21+1 option "config.layers[1].size" of stage "train" cannot be "x" (text); it must be a whole number',
      '14:13+2 missing option "config.layers[2].size" of stage "train"; it must be a whole number',
      '15:13+1 option "config.layers[3]" of stage "train" cannot be 3 (a number); it must be a mapping with size',
    ],
  },
  {
    name: "keys that the schema itself would drop",
    yaml: training("config: { width: 1, layers: [], depth: 2 }"),
    expected: [
      '8:39+5 unknown option "config.depth" of stage "train"; keys of option "config": width, layers',
    ],
  },
  {
    name: "texts that are no numbers",
    yaml: training("learning_rate: '1_000'", "epochs: ''"),
    expected: [
      '8:22+7 option "learning_rate" of stage "train" cannot be "1_000" (text); it must be a number above 0 (initial learning rate; default 5e-5)',
      '9:15+2 option "epochs" of stage "train" cannot be "" (text); it must be a whole number at least 1 (passes over the data; default 3)',
    ],
  },
  {
    name: "the other keys of a stage, too",
    yaml: withStages(
      DATA,
      "t: { uses: train, inputs: { data: d }, timeout: x, with: { epochs: 0 } }",
    ),
    expected: [
      '4:51+1 key "timeout" of stage "t" cannot be "x" (text); it must be a number of seconds above 0, or text such as 90s, 30m, 2h (Time after which the stage is stopped: seconds, or text such as `90s`, `30m`, `2h`)',
      '4:70+1 option "epochs" of stage "train" cannot be 0 (a number); it must be a whole number at least 1 (passes over the data; default 3)',
    ],
  },
];

for (const { name, yaml, expected } of CASES) {
  Deno.test(`loadPipeline() checks options: ${name}`, async () => {
    assert.deepEqual(await mistakes(yaml), expected);
  });
}

Deno.test("texts that are numbers count as numbers where a number is needed", async () => {
  const table: [string, string, unknown][] = [
    ["learning_rate: 2e-5", "learning_rate", 2e-5],
    ["learning_rate: '2e-5'", "learning_rate", 2e-5],
    ["learning_rate: 2.0e-5", "learning_rate", 2e-5],
    ["learning_rate: '.5'", "learning_rate", 0.5],
    ["epochs: '12'", "epochs", 12],
    ["epochs: 1${{ 2 }}", "epochs", 12],
    ["note: '12'", "note", "12"],
  ];
  for (const [line, name, expected] of table) {
    const { stages } = await load(training(line));
    assert.equal(stages[1]!.options[name], expected, line);
  }
  const { stages } = await load(training("config: { width: '3', layers: [{ size: '4' }] }"));
  assert.deepEqual(stages[1]!.options.config, { width: 3, layers: [{ size: 4 }] });
});

function check(
  definition: unknown,
  given: Record<string, never | unknown>,
  inputs: readonly string[] = [],
): OptionsResult {
  const { results } = describeStage(definition, {
    identity: { uses: "x", module: "file:///x.ts", builtin: true },
    requests: [{ given: given as never, matrix: {}, inputs }],
  });
  return results[0]!;
}

Deno.test("checkOptions() takes further options where the definition says so", () => {
  const base = { doc: "x", inputs: {}, output: "rows" as const, async run(): Promise<void> {} };
  const loose = defineStage({ ...base, options: z.looseObject({ a: z.int() }) });
  assert.deepEqual(check(loose, { a: 1, b: 2 }), {
    ok: true,
    options: { a: 1, b: 2 },
    output: "rows",
  });
  const record = defineStage({
    ...base,
    options: z.object({ labels: z.record(z.string(), z.int()), extra: z.looseObject({}) }),
  });
  const given = { labels: { any: 1 }, extra: { thing: { x: 1 } } };
  assert.deepEqual(check(record, given), { ok: true, options: given, output: "rows" });
});

Deno.test("checkOptions() finds unknown keys in lists, unions and mappings", () => {
  const stage = defineStage({
    doc: "x",
    inputs: {},
    output: "rows",
    options: z.object({
      choice: z.discriminatedUnion("type", [
        z.object({ type: z.literal("a"), x: z.int() }),
        z.object({ type: z.literal("b"), y: z.int() }),
      ]).optional(),
      list: z.array(z.object({ x: z.int() })).default([]),
      map: z.record(z.string(), z.object({ x: z.int() })).default({}),
    }),
    async run(): Promise<void> {},
  });
  const result = check(stage, {
    choice: { type: "a", x: 1, z: 1 },
    list: [{ x: 1 }, { x: 1, z: 1 }],
    map: { k: { x: 1, z: 1 } },
  });
  assert.deepEqual(!result.ok && result.issues, [
    { path: ["choice", "z"], problem: "unknown" },
    { path: ["list", 1, "z"], problem: "unknown" },
    { path: ["map", "k", "z"], problem: "unknown" },
  ]);
});

Deno.test("checkOptions() refuses options that JSON cannot hold", () => {
  const base = { doc: "x", inputs: {}, output: "rows" as const, async run(): Promise<void> {} };
  const date = defineStage({
    ...base,
    options: z.object({ day: z.string().transform((text) => new Date(text)) }),
  });
  const infinite = defineStage({
    ...base,
    options: z.object({
      limit: z.number().or(z.null()).default(null).transform((n) => n ?? Infinity),
    }),
  });
  for (
    const [stage, given, name] of [[date, { day: "2020" }, "day"], [infinite, {}, "limit"]] as const
  ) {
    const result = check(stage, given);
    assert.equal(
      !result.ok && result.failure,
      `its option "${name}" becomes something that JSON cannot hold`,
    );
  }
});

Deno.test("checkOptions() refuses an output that is not among the stage's kinds", () => {
  const stage = defineStage({
    doc: "x",
    inputs: {},
    output: () => "tokens",
    kinds: ["rows", "model"],
    options: z.object({}),
    async run(): Promise<void> {},
  });
  const result = check(stage, {});
  assert.equal(
    !result.ok && result.failure,
    'its `output` returned "tokens", which is not one of rows, model',
  );
});

Deno.test("checkOptions() asks a stage whether options and inputs go together", () => {
  const stage = defineStage({
    doc: "x",
    inputs: { data: "rows?" },
    output: "rows",
    options: z.object({ text: z.string().optional(), odd: z.boolean().default(false) }),
    check({ options, inputs }): { what: string; remedy: string } | undefined {
      if (options.odd) throw new Error("odd");
      return options.text === undefined && !inputs.includes("data")
        ? { what: "there is no text", remedy: "give data" }
        : undefined;
    },
    async run(): Promise<void> {},
  });
  assert.equal(check(stage, { text: "a" }).ok, true);
  assert.equal(check(stage, {}, ["data"]).ok, true);
  const refused = check(stage, {});
  assert.deepEqual(!refused.ok && refused.misuse, {
    what: "there is no text",
    remedy: "give data",
  });
  const failed = check(stage, { odd: true });
  assert.equal(!failed.ok && failed.failure, "its `check` threw: odd");
  const invalid = check(stage, { text: 3 });
  assert.equal(!invalid.ok && invalid.misuse, undefined);
});

Deno.test("describeStage() tells a wrong option where a check across options throws on it", () => {
  const check = (broken: boolean) =>
    defineStage({
      doc: "Has two bounds.",
      inputs: {},
      output: "rows",
      options: z.object({ least: z.int().default(0), most: z.int().default(9) }).refine(
        ({ least, most }) => {
          if (broken) throw new TypeError("it is broken");
          return !(least > most);
        },
        { when: () => true },
      ),
      run: async (): Promise<void> => {},
    });
  const identity = { uses: "x", module: "file:///x.ts", builtin: true };
  const resultOf = (broken: boolean, least: object | number): OptionsResult =>
    describeStage(check(broken) as unknown as Parameters<typeof describeStage>[0], {
      identity,
      requests: [{ given: { least: least as number }, matrix: {}, inputs: [] }],
    }).results[0]!;
  const wrong = resultOf(false, { toString: 2 });
  assert.ok(!wrong.ok && wrong.failure === undefined);
  assert.deepEqual(wrong.issues.at(-1), { path: ["least"], problem: "wrong" });
  const broken = resultOf(true, 1);
  assert.ok(!broken.ok);
  assert.equal(broken.failure, "its check of several options threw: it is broken");
});
