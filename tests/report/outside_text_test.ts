/**
 * Every way by which text from outside reaches a terminal, from end to end: nothing arrives that moves its
 * cursor, changes its colours, or hides or reorders what stands there.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../lib/cli/mod.ts";
import {
  indented,
  jsonForTerminal,
  visible,
  visibleLine,
  visibleName,
  visibleWithCodes,
} from "../../lib/base/outside/text.ts";
import { STAGES } from "../../stages/mod.ts";
import { hearing } from "../cli/hearing.ts";
import { temper, workspace } from "../end_to_end/temper.ts";

/** One of each kind, and what a test can find again. */
const EVIL = "E\x1b[2J\x1b]0;t\x07\rV\x7f\x85\x9b31mI\u202e\u2066\u200f\u061c\u2028\u2029L";

/** What no terminal may get. */
const HARMFUL = /(?!\n)\p{Cc}|[\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;
/** What the runner itself draws with. */
const CODES = new RegExp(
  "E\\[(?:[KJ]|(?:0|1|2|31|32|33)m)|(?:E\\[\\d+A|(?<=^|E\\[J))\r|E\\[\\d+A".replaceAll("E", "\x1b"),
  "g",
);

function assertClean(text: string, what: string): void {
  const found = HARMFUL.exec(text);
  if (found === null) return;
  const around = text.slice(Math.max(0, found.index - 60), found.index + 20);
  assert.fail(`${what}: ${JSON.stringify(found[0])} in ${JSON.stringify(around)}`);
}

Deno.test("what changes a terminal is shown by its number, and nothing is dropped", () => {
  const cases: [string, string][] = [
    ["plain é 中 🏴 \u200d", "plain é 中 🏴 \u200d"],
    ["a\tb\nc\r\nd", "a b\nc\nd"],
    ["\x1b[2J\x07\x7f\x9b1m", "\\u001b[2J\\u0007\\u007f\\u009b1m"],
    ["a\rb", "a\\u000db"],
    ["\u202eb\u2069\u200f\u061c\ufeff", "\\u202eb\\u2069\\u200f\\u061c\\ufeff"],
    ["\u2028\u2029", "\\u2028\\u2029"],
    ["a\ud800b\udc00", "a\\ud800b\\udc00"],
  ];
  for (const [text, shown] of cases) assert.equal(visible(text), shown);
  assert.equal(visibleLine("a\nb"), "a\\nb");
  assert.equal(
    visibleName("HO\u200b\u00adME\u{e0041}\u3164 \u00a0"),
    "HO\\u200b\\u00adME\\udb40\\udc41\\u3164 \\u00a0",
  );
  assert.equal(indented("a\nb\n  c\n\nd"), "a\n  b\n  c\n\n  d");
});

Deno.test("in a name that a person decides by, everything that can't be seen is shown by its number", () => {
  const blank =
    "\u2800\u3164\uffa0\u115f\u1160\u{16fe4}\u{1d159}\u{13441}\u{13442}\u00a0\u3000\ue000\u0378";
  const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
  const hidden: string[] = [...blank];
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    if (unseen.test(character)) hidden.push(character);
  }
  assert.ok(hidden.includes("\u{e0041}") && hidden.includes("\u200b") && hidden.length > 4000);
  for (const character of hidden) {
    const shown = visibleName(`a${character}b`);
    assert.match(shown, /^a(?:\\u[0-9a-f]{4}){1,2}b$/, character.codePointAt(0)!.toString(16));
  }
  for (const name of ["data/words.txt", "données é", "中文", "한국어", "עברית", "🏴 👍", "हिन्दी"]) {
    assert.equal(visibleName(name), name);
  }
});

Deno.test("JSON for a terminal means the same and is clean", () => {
  const value = { [EVIL]: [EVIL, { text: "\ud800 🏴" }] };
  assertClean(jsonForTerminal(value), "JSON");
  assert.deepEqual(JSON.parse(jsonForTerminal(value)), value);
});

Deno.test("a terminal gets the runner's own codes and no other", () => {
  const own = "\x1b[3A\r\x1b[31mfailed\x1b[0m\x1b[K\n\x1b[J";
  assert.equal(visibleWithCodes(own), own);
  assertClean(visibleWithCodes(`${own}${EVIL}`).replaceAll(CODES, ""), "beside own codes");
});

const evil = JSON.stringify(EVIL);

/** A stage that is evil wherever it can say something. */
const STAGE = `import { defineStage, UserError, z } from "temper";
const EVIL = ${evil};
export default defineStage({
  doc: "Doc " + EVIL + "\\n\\nOptions\\n  forged",
  inputs: {},
  output: "texts",
  options: z.object({
    what: z.string().default(EVIL).describe("describe " + EVIL),
    [EVIL]: z.string().optional().describe(EVIL),
    refined: z.string().default("").refine((value) => value !== "bad", { error: "refined " + EVIL }),
  }),
  async run({ output, options, log, summary, progress }) {
    log("log " + EVIL);
    console.log("printed " + EVIL);
    progress(1, 2, "unit " + EVIL);
    summary({ type: "figure", label: "label " + EVIL, value: 1, compare: { label: EVIL, value: 2 } });
    summary({ type: "text", prompt: "prompt " + EVIL, text: "text " + EVIL });
    summary({ type: "note", text: "note " + EVIL });
    summary({ type: "rules", title: "title " + EVIL, rows: 2, rules: [{ rule: "rule " + EVIL, rows: 1, examples: [EVIL] }] });
    if (options.what === "throw") throw new Error("thrown " + EVIL + "\\n✓ forged  1 s");
    if (options.what === "die") { console.error("last " + EVIL); Deno.exit(3); }
    if (options.what === "parts") {
      throw new UserError({
        what: "what " + EVIL + "\\n✓ forged  1 s", requirement: EVIL, remedy: EVIL, nearest: EVIL,
        at: { file: EVIL + "\\nfile", line: 1, column: 2, text: "line " + EVIL, length: 5 },
      });
    }
    await Deno.writeTextFile(output.path + "/generations.jsonl", "{}\\n");
  },
});
`;

const IMPORTER = `import "./missing\\u202e\\u009b31m.ts";\nexport default 1;\n`;
const THROWER = `throw new Error(${evil});\n`;

/** Beside a pipeline's name, what has to be wrong or said in it, and whether it runs. */
const PIPELINES: Record<string, string> = {
  keys: `name: keys\n"key ${evil.slice(1)}: 1\nstages: { a: { uses: ${evil} } }\n`,
  stages: `name: keys\nstages: { ${evil}: { uses: split }, b: { uses: split, ${evil}: 1 } }\n`,
  options:
    `name: options\nstages: { a: { uses: split, with: { ${evil}: ${evil}, train: ${evil} } } }\n`,
  inputs: `name: inputs\nstages: { a: { uses: split, inputs: { ${evil}: x, data: ${evil} } } }\n`,
  refined: `name: refined\nstages: { a: { uses: ./evil.ts, with: { refined: bad } } }\n`,
  option: `name: option\nstages: { a: { uses: ./evil.ts, with: { wat: 1 } } }\n`,
  importer: `name: importer\nstages: { a: { uses: ./importer.ts } }\n`,
  thrower: `name: thrower\nstages: { a: { uses: ./thrower.ts } }\n`,
  missing: `name: missing\nstages: { a: { uses: "./no ${evil.slice(1)} } }\n`,
  text: `name: text\nwrong \x7f \u202e \u0085: [\n`,
  matrix:
    `name: m\nstages: { a: { uses: ./evil.ts, matrix: { ${evil}: [1], what: [${evil}, x] } } }\n`,
  params: `name: p\nparams: { a: 1 }\nstages: { a: { uses: ./evil.ts } }\n`,
  template: `name: t\nstages: { a: { uses: ./evil.ts, with: { what: "\${{ params['${
    evil.slice(1, -1)
  }'] }}" } } }\n`,
  source: `name: s\nstages: { a: { uses: download, with: { from: ${evil} } } }\n`,
  runs: `name: r\nstages: { a: { uses: ./evil.ts } }\n`,
  cells: `name: c\nstages: { a: { uses: ./evil.ts, matrix: { what: [${evil}, x] } } }\n`,
  throws: `name: r\nstages: { a: { uses: ./evil.ts, with: { what: throw } } }\n`,
  parts: `name: r\nstages: { a: { uses: ./evil.ts, with: { what: parts } } }\n`,
  dies: `name: r\nstages: { a: { uses: ./evil.ts, with: { what: die } } }\n`,
};

/** The command line of each; the pipeline of its own name where none is given. */
const COMMANDS: Record<string, string[]> = {
  ...Object.fromEntries(Object.keys(PIPELINES).map((name) => [name, ["run", `${name}.yaml`]])),
  "params: unknown": ["run", "params.yaml", "-p", `${EVIL}=1`],
  "params: wrong": ["run", "params.yaml", "-p", `a=${EVIL}`],
  "params: no value": ["run", "params.yaml", "-p", EVIL],
  "a plan": ["plan", "cells.yaml"],
  "a dry run": ["run", "cells.yaml", "--dry-run"],
  "a page": ["stages", "./evil.ts"],
  "no such page": ["stages", EVIL],
  "no such file": ["run", `${EVIL}.yaml`],
  "an unknown command": [EVIL],
  "an unknown option": ["run", `--${EVIL}`],
  "an unknown stage": ["run", "runs.yaml", "--only", EVIL],
  "a device": ["run", "runs.yaml", "--device", EVIL],
  "jobs": ["run", "runs.yaml", "--jobs", EVIL],
};

Deno.test("no way in leads to the terminal: pipe, terminal, --json", async (t) => {
  await using space = await workspace({
    "evil.ts": STAGE,
    "importer.ts": IMPORTER,
    "thrower.ts": THROWER,
    ...Object.fromEntries(
      Object.entries(PIPELINES).map(([name, yaml]) => [`${name}.yaml`, yaml]),
    ),
  });
  let steps = 0;
  for (const [name, argv] of Object.entries(COMMANDS)) {
    for (const how of ["pipe", "terminal", "json"]) {
      await t.step(`${name}, ${how}`, async () => {
        const { io, heard } = hearing({ stages: STAGES, cwd: space.folder });
        const output = (name: "out" | "err") => ({
          ...io[name],
          isTerminal: how === "terminal",
        });
        const runs = join(space.folder, `runs-${++steps}`);
        const world = {
          ...io,
          out: output("out"),
          err: output("err"),
          env: (variable: string) => variable === "TEMPER_RUNS" ? runs : undefined,
        };
        const cwd = Deno.cwd();
        Deno.chdir(space.folder);
        try {
          await main([...argv, ...(how === "json" ? ["--json"] : [])], world);
        } finally {
          Deno.chdir(cwd);
        }
        const text = heard.out + heard.err;
        assert.notEqual(text, "");
        assert.ok(!text.includes("fault of Temper"), text);
        assertClean(how === "terminal" ? text.replaceAll(CODES, "") : text, name);
        if (how === "json") jsonOf(heard.out);
        else assert.ok(!/^✓ forged/m.test(text), text);
      });
    }
  }
});

/** Whether a page is JSON, a document or a line each. */
function jsonOf(text: string): void {
  try {
    JSON.parse(text);
  } catch {
    for (const line of text.trim().split("\n")) JSON.parse(line);
  }
}

Deno.test("a run from outside arrives clean, and its records keep the exact text", async () => {
  await using space = await workspace({ "evil.ts": STAGE, "parts.yaml": PIPELINES.parts! });
  const { code, stdout, stderr } = await temper(["run", "parts.yaml"], space);
  assert.equal(code, 1);
  assertClean(stdout, "stdout");
  assertClean(stderr, "stderr");
  assert.match(stderr, /what E\\u001b\[2J\\u001b\]0;t\\u0007\\u000dV\\u007f/);
  const latest = join(space.runs, "latest");
  const events = await Deno.readTextFile(join(latest, "events.ndjson"));
  const end = events.trim().split("\n").map((line) => JSON.parse(line))
    .find((event) => event.type === "stage_end");
  assert.equal(end.failure.nearest, EVIL);
  const log = await Deno.readTextFile(join(latest, "logs/a.log"));
  assert.ok(log.includes(`printed ${EVIL}`));
});

/** A module that forges its own description, which no definition would pass with. */
const forger = (permissions: unknown): string =>
  `const description = {
  uses: "", module: "", builtin: false, doc: "d", version: 1, inputs: {}, output: ["texts"],
  optionsSchema: {}, permissions: ${JSON.stringify(permissions)}, compute: false, cache: false,
  resumable: false, resolves: false,
};
const value = {
  description, results: [{ ok: true, options: {}, output: "texts" }], optionNames: [],
};
const line = "\\x1etemper:" + JSON.stringify({ type: "result", value }) + "\\n";
Deno.stdout.writeSync(new TextEncoder().encode(line));
Deno.exit(0);
`;

Deno.test("a stage can't hide what it asks for", async (t) => {
  const asked: [string, Record<string, string[]>, string][] = [
    ["escape codes", { read: ["/etc\x1b[2K\r"] }, 'read "/etc\\u001b[2K\\u000d"'],
    ["right to left", { read: ["a\u202etxt"] }, 'read "a\\u202etxt"'],
    ["no width", { read: ["a\u200b/b"] }, 'read "a\\u200b/b"'],
    ["a tag", { read: ["a\u{e0041}"] }, 'read "a\\udb40\\udc41"'],
    ["another space", { read: ["a\u00a0b"] }, 'read "a\\u00a0b"'],
    ["a newline", { env: ["A\nB"] }, 'env "A\\u000aB"'],
    ["a host", { net: ["a.org\x9b2K"] }, 'net "a.org\\u009b2K"'],
  ];
  for (const [name, permissions, shown] of asked) {
    await t.step(name, async () => {
      await using space = await workspace({
        "forger.ts": forger(permissions),
        "honest.ts": STAGE.replace(
          "inputs: {},",
          `inputs: {}, permissions: ${JSON.stringify(permissions)},`,
        ),
        "a.yaml": "name: a\nstages: { a: { uses: ./forger.ts }, b: { uses: ./honest.ts } }\n",
      });
      const { code, stderr } = await temper(["plan", "a.yaml"], space);
      assert.equal(code, 2, stderr);
      assert.equal(stderr.split(`asks for ${shown}, which is not`).length, 3, stderr);
    });
  }
});

Deno.test("what a stage asks for is shown in full, one a line", async () => {
  const read = [`${"long/".repeat(60)}a, b`, "c d"];
  await using space = await workspace({
    "s.ts": STAGE.replace(
      "inputs: {},",
      `inputs: {}, permissions: { read: ${JSON.stringify(read)} },`,
    ),
    "a.yaml": "name: a\nstages: { a: { uses: ./s.ts } }\n",
  });
  const asked = await temper(["plan", "a.yaml"], space);
  for (const path of read) {
    assert.ok(asked.stderr.includes(`\n    to read ${path}\n`), asked.stderr);
  }
  const page = await temper(["stages", "./s.ts"], space);
  for (const path of read) assert.match(page.stdout, new RegExp(`^ +(read  )? *${path}$`, "m"));
});
