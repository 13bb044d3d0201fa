/** Options of every built-in stage, settings of generation, and parts of a split: refused in words, or kept. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Json, JsonObject } from "../../../lib/base/json.ts";
import { resolveSettings } from "../../../lib/decoding/resolve.ts";
import { SETTINGS, UNSUPPORTED } from "../../../lib/decoding/settings.ts";
import { splitRows } from "../../../lib/data/rows/split/split_rows.ts";
import { SplitKeys } from "../../../lib/data/rows/split/split_keys.ts";
import { describeStage } from "../../../lib/pipeline/definition/describe.ts";
import { optionNames } from "../../../lib/pipeline/definition/options.ts";
import { STAGES } from "../../../stages/mod.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, isUsableName, told } from "./fuzzing.ts";
import { anyJson } from "./mutations.ts";

const DEFINITIONS = new Map(
  await Promise.all(
    Object.entries(STAGES).map(async ([name, { load }]) => [name, await load()] as const),
  ),
);

/** Values that some option or other takes, and any. */
const value: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(
    true,
    false,
    0,
    1,
    2,
    8,
    0.5,
    1e-5,
    100,
    -1,
    1e9,
    "auto",
    "epoch",
    "steps",
    "no",
  ),
  fc.constantFrom<Json>(
    "text",
    "label",
    "5",
    "0.1",
    "hf://a/b",
    "./a.csv",
    "{{ text }}",
    "*.weight",
  ),
  fc.constantFrom<Json>(
    ["text"],
    [["a"]],
    [1, 2],
    { train: 0.8, test: 0.2 },
    { n_layer: 1 },
    {},
    [],
  ),
  anyJson(2) as fc.Arbitrary<Json>,
).map((json) => JSON.parse(JSON.stringify(json)) as Json);

const stageRequests = fc.constantFrom(...DEFINITIONS.keys()).chain((stage) => {
  const names = optionNames(DEFINITIONS.get(stage)!);
  const name = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...names) },
    { weight: 1, arbitrary: fc.string({ maxLength: 5 }).filter(isUsableName) },
  );
  return fc.record({
    kind: fc.constant("stage" as const),
    stage: fc.constant(stage),
    given: fc.dictionary(name, value, { maxKeys: 8, noNullPrototype: true }),
    matrix: fc.dictionary(name, value, { maxKeys: 2, noNullPrototype: true }),
    inputs: fc.subarray(["data", "model", "tokenizer", "tokens"]),
  });
});

const setting = fc.constantFrom(
  ...Object.keys(SETTINGS),
  ...Object.keys(UNSUPPORTED),
  "bos_token_id",
);
const shares = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 4 }).filter(isUsableName),
  fc.oneof(fc.constantFrom(0.5, 0.25, 0.1, 1, 2, 0, -1, 1e-9, 1e9), fc.double()),
  { maxKeys: 4, noNullPrototype: true },
);

type Input =
  | {
    readonly kind: "stage";
    readonly stage: string;
    readonly given: JsonObject;
    readonly matrix: JsonObject;
    readonly inputs: readonly string[];
  }
  | { readonly kind: "settings"; readonly folder: JsonObject; readonly asked: JsonObject }
  | {
    readonly kind: "split";
    readonly parts: Readonly<Record<string, number>>;
    readonly texts: readonly string[];
    readonly seed: number;
    readonly shuffle: boolean;
    readonly stratify: boolean;
  };

export const fuzz: Fuzz<Input> = {
  name: "fuzz-options",
  promise:
    "options of stages, settings of generation and parts of a split are kept or refused in words",
  perCase: 500,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.oneof(
    { weight: 2, arbitrary: stageRequests },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("settings" as const),
        folder: fc.dictionary(setting, value, { maxKeys: 5, noNullPrototype: true }),
        asked: fc.dictionary(fc.constantFrom(...Object.keys(SETTINGS)), value, {
          maxKeys: 4,
          noNullPrototype: true,
        }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("split" as const),
        parts: shares,
        texts: fc.array(fc.constantFrom("a", "b", "c", "", "d ", "d", "e"), { maxLength: 12 }),
        seed: fc.nat(),
        shuffle: fc.boolean(),
        stratify: fc.boolean(),
      }),
    },
  ),
  async check(input): Promise<void> {
    if (input.kind === "stage") return stageOptions(input);
    if (input.kind === "settings") {
      const { value } = await told(() =>
        resolveSettings(input.asked, { generationConfig: input.folder, config: {} })
      );
      if (value === undefined) return;
      for (const [name, row] of Object.entries(SETTINGS)) {
        const decided = (value as unknown as Record<string, unknown>)[name];
        assert.ok(decided !== undefined, `${name} is not decided`);
        // null is the neutral value of lengths.
        if (decided !== null) {
          assert.ok(row.schema.safeParse(decided).success, `${name}: ${decided}`);
        }
      }
      return;
    }
    const { parts, texts, seed, shuffle, stratify } = input;
    const rows = texts.map((text, i) => ({ text, label: i % 2 }));
    const options = {
      ...{ parts, seed, shuffle, column: "text" },
      ...(stratify ? { stratify: "label" } : {}),
    };
    const keys = new SplitKeys(options);
    for (const row of rows) keys.add(row);
    const { value } = await told(() => splitRows(keys, options));
    if (value === undefined) return;
    assert.deepEqual(Object.keys(value).sort(), Object.keys(parts).sort());
    const indices = Object.values(value).flatMap((own) => [...own]);
    assert.equal(new Set(indices).size, indices.length, "a row in two parts");
    assert.ok(indices.every((i) => Number.isInteger(i) && i >= 0 && i < rows.length));
    const home = new Map<string, string>();
    for (const [part, own] of Object.entries(value)) {
      for (const i of own) {
        const text = texts[i]!.trim();
        if (text === "") continue;
        assert.equal(home.get(text) ?? part, part, "a text in two parts");
        home.set(text, part);
      }
    }
  },
};

function stageOptions(
  { stage, given, matrix, inputs }: Extract<Input, { kind: "stage" }>,
): void {
  const identity = { uses: stage, module: `file:///${stage}.ts`, builtin: true };
  const requests = [{ given, matrix, inputs }];
  const { results: [result] } = describeStage(DEFINITIONS.get(stage)!, { identity, requests });
  if (result!.ok) {
    assert.deepEqual(JSON.parse(JSON.stringify(result!.options)), result!.options);
    // What was decided is a choice that can be written down, and comes to the same.
    const again = [{ given: result!.options, matrix: {}, inputs }];
    const { results: [same] } = describeStage(DEFINITIONS.get(stage)!, {
      identity,
      requests: again,
    });
    assert.deepEqual(same, result);
    return;
  }
  assert.equal(result!.failure, undefined, "a failure of the definition");
  assert.ok(result!.issues.length > 0 || result!.misuse !== undefined, "refused without a word");
}

/** Attacks options. */
export const options: Part = fuzzPart(fuzz, import.meta.url, { silence: 20_000 });
