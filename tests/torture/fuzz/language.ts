/** Pipeline files: every text is a pipeline, always the same one, or mistakes that each have a place. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Json, JsonObject } from "../../../lib/base/json.ts";
import type { Memory } from "../../../lib/pipeline/code/memory.ts";
import { loadPipeline } from "../../../lib/pipeline/file/load.ts";
import type { Pipeline } from "../../../lib/pipeline/types.ts";
import { REGISTRY, ROOT } from "../../pipeline/loading.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, isUsableName, MAX_LEVELS, type Told, told } from "./fuzzing.ts";
import { damagedJson, damagedText } from "./mutations.ts";
import { spelled, spelling, validTree } from "./pipelines.ts";

/** Pieces of the language, and what YAML knows beside it. */
const FRAGMENTS: readonly string[] = [
  ...": \n- \n  \n    \n\t # & * ! | > ' \" % @ ` { } [ ] , ? - ~ << &a *a !!str !!int !!binary !x --- ..."
    .split(" "),
  ...[
    "${{",
    "}}",
    "${{ }}",
    "${{ params.x }}",
    "${{ matrix.note }}",
    "${{ seed }}",
    "${{ env.HOME }}",
  ],
  ...[
    "${{ 1/0 }}",
    "${{ range(99) }}",
    "${{ 'a' * 3 }}",
    "${{ params }}",
    "${{ x | tojson }}",
    "{{ a }}",
  ],
  ...[
    "${{ [1][5] }}",
    "${{ seed.a.b }}",
    "${{ '}}' }}",
    "${{ {'a': 1} }}",
    "{% for x in y %}",
    "{#",
  ],
  ...["name: ", "seed: ", "params: ", "env: [A]\n", "schedule: ", "cron: ", "stages: ", "uses: "],
  ...[
    "inputs: ",
    "with: ",
    "matrix: ",
    "permissions: ",
    "timeout: ",
    "net: [a]",
    "read: [..]",
    "x-a: &a ",
  ],
  ...[
    "<<: *a\n",
    "<<: [*a, *b]\n",
    "first@*",
    "first@learning_rate=1",
    "@",
    "@*",
    "a@b=c,d=e",
    "./none.ts",
  ],
  ...[
    "first",
    "data",
    "null",
    "true",
    "[]",
    "{}",
    "-1",
    "1e999",
    "-.inf",
    ".nan",
    "0x",
    "99999999999999999999",
  ],
  ...[
    "\0",
    "\x07",
    "\x1b[2J",
    "\x7f",
    "\u0085",
    "\u2028",
    "\ufeff",
    "\ud800",
    "\r\n",
    "\r",
    "1s",
    "2h",
  ],
  ...[
    "constructor: 1\n",
    "toString",
    "hasOwnProperty: {}\n",
    "? [a]\n: b\n",
    "? a",
    "|+\n  a\n",
    ">-\n",
  ],
  ...[`./${"a".repeat(300)}.ts`, "file:///etc/passwd", "https://a.b/c.ts", "x".repeat(2000)],
].filter((text) => isUsableName(text));

/** Deep nesting in each of its forms. */
const nested = fc.record({
  levels: fc.integer({ min: 1, max: MAX_LEVELS }),
  form: fc.constantFrom("[", "{a: ", "- ", "block", "${{ ((", "alias"),
}).map(({ levels, form }) => {
  if (form === "block") {
    const few = Math.min(levels, 1000);
    return Array.from({ length: few }, (_, i) => `${" ".repeat(i)}a:`).join("\n");
  }
  if (form === "alias") {
    const few = Math.min(levels, 40);
    return Array.from(
      { length: few },
      (_, i) => `x-${i}: &a${i} [${i === 0 ? "1" : `*a${i - 1}, *a${i - 1}`}]`,
    ).join("\n");
  }
  if (form === "${{ ((") return `name: "\${{ ${"(".repeat(levels)}1${")".repeat(levels)} }}"`;
  const close = form === "[" ? "]" : form === "{a: " ? "}" : "";
  return `x-a: ${form.repeat(levels)}1${close.repeat(levels)}`;
});

/** Trees with mistakes of every kind, damaged before they are written. */
const damagedTree = damagedJson(validTree).filter((value): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)
);

const extras = fc.constantFrom<JsonObject>(
  {},
  { params: { rate: 1, note: "a", list: [1], deep: { a: { b: null } } }, env: ["HOME"] },
  { schedule: { cron: "0 3 * * 1", timezone: "Europe/Berlin", overlap: "queue" } },
  { description: "${{ params.note }}", params: { note: "b" } },
);

const overrides = fc.array(
  fc.oneof(
    fc.constantFrom(
      "rate=2",
      "rate=x",
      "note=",
      "list=[1",
      "deep.a.b=1",
      "deep.a=&a [*a]",
      "list=*a",
    ),
    fc.constantFrom("=", "", "a", "deep..a=1", "toString=1", "constructor.name=1", "rate=1e999"),
    fc.string({ unit: "binary", maxLength: 12 }),
  ),
  { maxLength: 2 },
);

interface Input {
  readonly text: string;
  readonly params: readonly string[];
}

export const fuzz: Fuzz<Input> = {
  name: "fuzz-language",
  promise: "a pipeline file is one pipeline, every time, or mistakes with places, and nothing else",
  perCase: 500,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.record({
    text: fc.oneof(
      {
        weight: 2,
        arbitrary: fc.tuple(validTree, extras, spelling).map(([tree, more, style]) =>
          spelled({ ...tree, ...more }, style)
        ),
      },
      {
        weight: 3,
        arbitrary: fc.tuple(damagedTree, extras, spelling).map(([tree, more, style]) =>
          spelled({ ...tree, ...more }, style)
        ),
      },
      {
        weight: 5,
        arbitrary: damagedText(
          fc.tuple(validTree, extras, spelling).map(([tree, more, style]) =>
            spelled({ ...tree, ...more }, style)
          ),
          FRAGMENTS,
        ),
      },
      { weight: 1, arbitrary: nested },
      {
        weight: 1,
        arbitrary: fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 30 })
          .map((parts) => parts.join("")),
      },
    ),
    params: overrides,
  }),
  async check({ text, params }, folder): Promise<void> {
    const file = `${folder}/p.yaml`;
    await Deno.writeTextFile(file, text);
    const memory = rememberingMemory();
    const load = (): Promise<Told<Pipeline>> =>
      told(() =>
        loadPipeline(file, {
          params,
          registry: REGISTRY,
          project: ROOT,
          memory,
          env: (name) => name === "HOME" ? "/home/x" : undefined,
        })
      );
    const first = await load();
    const again = await load();
    assert.deepEqual(shown(again), shown(first), "the same file, loaded twice");
    if (first.errors !== undefined) {
      const lines = (await Deno.readTextFile(file)).split("\n");
      for (const { message, parts: { at } } of first.errors) {
        if (at === undefined) {
          assert.match(message, /^-p |^\d+ more mistakes?; mend/, `without a place: ${message}`);
          continue;
        }
        assert.equal(at.file, file);
        const line = lines[at.line - 1];
        assert.ok(line !== undefined, `line ${at.line} of ${lines.length}: ${message}`);
        assert.ok(at.column <= line.length + 1, `column ${at.column} of ${line.length}`);
      }
      return;
    }
    for (const { options, cell } of first.value.stages) {
      for (const value of [options, cell]) {
        assert.deepEqual(JSON.parse(JSON.stringify(value)), value, "options are JSON");
      }
    }
  },
};

function shown({ value, errors }: Told<Pipeline>): unknown {
  return value ?? errors?.map(({ message, parts }) => ({ message, at: parts.at }));
}

/** As that of a store, in memory: the second time a file is loaded its tree is remembered. */
function rememberingMemory(): Memory {
  const known = new Map<string, string>();
  return {
    get: (namespace, key) => {
      const text = known.get(`${namespace} ${key}`);
      return text === undefined ? undefined : JSON.parse(text) as Json;
    },
    set: (namespace, key, value) => void known.set(`${namespace} ${key}`, JSON.stringify(value)),
    digestModule: () => Promise.resolve("digest"),
  };
}

/** Attacks pipeline files. */
export const language: Part = fuzzPart(fuzz, import.meta.url);
