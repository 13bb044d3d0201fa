/** Keys: equal exactly where the meaning of a pipeline is equal, and explained wherever they differ. */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { sha256Hex } from "../../../lib/base/hash.ts";
import { isJsonObject, type Json, type JsonObject } from "../../../lib/base/json.ts";
import { loadPipeline } from "../../../lib/pipeline/file/load.ts";
import { explain, isComponents } from "../../../lib/pipeline/key/explain.ts";
import {
  type Components,
  componentsOf,
  fingerprint,
  type StageFacts,
} from "../../../lib/pipeline/key/fingerprint.ts";
import type { Pipeline } from "../../../lib/pipeline/types.ts";
import { randomNumbers } from "../../fixtures/random_numbers.ts";
import { REGISTRY, ROOT } from "../../pipeline/loading.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, isUsableName } from "./fuzzing.ts";
import { anyJson, damagedJson } from "./mutations.ts";
import { spelled, type Spelling, spelling, validTree } from "./pipelines.ts";

/** What is done to a pipeline that means the same afterwards, beside spelling it otherwise. */
const SAME = ["nothing", "defaults", "params", "override", "names", "remarks", "texts"] as const;

/** What is done to one that means something else. */
const OTHER = ["option", "seed", "source", "input", "fan", "code", "package", "version"] as const;

type Input =
  | {
    readonly kind: "pipeline";
    readonly tree: JsonObject;
    readonly same: (typeof SAME)[number];
    readonly other: (typeof OTHER)[number];
    readonly spellings: readonly [Spelling, Spelling, Spelling];
    readonly draw: number;
  }
  | { readonly kind: "document"; readonly facts: StageFacts<string>; readonly changed: unknown };

const name = fc.oneof(
  fc.constantFrom("a", "b.ts", "", "toString", "é", "z@1"),
  fc.string({ maxLength: 4 }),
)
  .filter((text) => isUsableName(text) && text.isWellFormed());
const digest = fc.nat(20).map((n) => sha256Hex(String(n)));
const digests = fc.dictionary(name, digest, { maxKeys: 4 });
const plainJson = anyJson(2).map((value) =>
  JSON.parse(
    JSON.stringify(value ?? null, (_, part) =>
      typeof part === "string" && !part.isWellFormed() ? "" : part),
  )
).filter((value) =>
  JSON.stringify(value).isWellFormed() && !/\\ud[89a-f]/.test(JSON.stringify(value))
);
const orNull = fc.option(digest);

const facts: fc.Arbitrary<StageFacts<string>> = fc.record({
  uses: name,
  builtin: fc.boolean(),
  version: fc.integer({ min: 1, max: 9 }),
  graph: fc.record({
    root: name,
    files: digests,
    imports: fc.dictionary(name, name, { maxKeys: 2 }),
    packages: fc.uniqueArray(fc.constantFrom("a@1.0.0", "a@2.0.0", "@x/b@0.1.0"), { maxLength: 3 }),
    paths: fc.constant([]),
    data: fc.constant([]),
    local: fc.constant({}),
    loading: fc.constant({ urls: [], lock: {}, packages: [], registries: {} }),
  }),
  options: fc.dictionary(name, plainJson, { maxKeys: 4 }) as fc.Arbitrary<Record<string, Json>>,
  inputs: fc.dictionary(name, fc.array(digest, { maxLength: 3 }), { maxKeys: 3 }),
  seed: fc.nat(0xffff_ffff),
  sources: plainJson,
  granted: fc.option(
    fc.record({ read: fc.dictionary(name, orNull), env: fc.dictionary(name, orNull) }),
    { nil: undefined },
  ),
  device: fc.constantFrom(undefined, "cpu", "wasm"),
});

export const fuzz: Fuzz<Input> = {
  name: "fuzz-fingerprint",
  promise: "keys are equal exactly where the meaning is, and every difference is explained",
  perCase: 500,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("pipeline" as const),
        tree: validTree,
        same: fc.constantFrom(...SAME),
        other: fc.constantFrom(...OTHER),
        spellings: fc.tuple(spelling, spelling, spelling),
        draw: fc.nat(),
      }),
    },
    {
      weight: 3,
      arbitrary: facts.chain((made) =>
        fc.record({
          kind: fc.constant("document" as const),
          facts: fc.constant(made),
          changed: damagedJson(fc.constant(documentOf(made))),
        })
      ),
    },
  ),
  async check(input, folder): Promise<void> {
    if (input.kind === "document") return documents(input.facts, input.changed);
    const { tree, same, other, draw } = input;
    const [one, two, three] = input.spellings;
    const random = randomNumbers(draw);
    const keys = await keysOf(folder, spelled(tree, one));
    const again = reworded(tree, same, random);
    const others = await keysOf(folder, spelled(again.tree, two), again.loading);
    assert.deepEqual(sorted(others), sorted(keys), `${same}: other keys`);
    const change = changed(tree, other, random);
    if (change === undefined) return;
    const now = await keysOf(folder, spelled(change.tree, three), change.world);
    for (const stage of change.stages) {
      for (const key of now.get(stage) ?? []) {
        assert.ok(!keys.get(stage)!.includes(key), `${other}: the same key for ${stage}`);
      }
    }
  },
};

function documentOf(facts: StageFacts<string>): Components {
  return JSON.parse(JSON.stringify(componentsOf(facts)));
}

/** Two key documents have one key exactly where they are the same value, and else there is a reason. */
function documents(facts: StageFacts<string>, changed: unknown): void {
  const components = documentOf(facts);
  assert.equal(fingerprint(componentsOf(facts)), fingerprint(components), "through JSON and back");
  assert.deepEqual(explain(components, componentsOf(facts)), []);
  const reordered = reverse(components as unknown as Json) as unknown as Components;
  assert.equal(fingerprint(reordered), fingerprint(components), "in another order");
  if (!isComponents(changed)) return;
  const now = JSON.parse(JSON.stringify(changed)) as Components;
  if (!JSON.stringify(now).isWellFormed() || /\\ud[89a-f]/.test(JSON.stringify(now))) return;
  const isSame = plain(now as unknown as Json) === plain(components as unknown as Json);
  assert.equal(fingerprint(now) === fingerprint(components), isSame, "key and value agree");
  const reasons = explain(now, components);
  if (isSame) assert.deepEqual(reasons, []);
  // A record may have parts that no version ever wrote; of those nothing can be said.
  else if (hasKnownParts(now) && sameImports(now, components)) {
    assert.notDeepEqual(reasons, [], "no reason for another key");
  }
}

const PARTS = [
  ...["stage", "version", "code", "packages", "options", "inputs", "seed", "sources", "granted"],
  "device",
];

/** An import that is new or gone alone is no document of code: the file that imports it is another. */
function sameImports({ code: a }: Components, { code: b }: Components): boolean {
  return plain(Object.keys(a.imports).sort()) === plain(Object.keys(b.imports).sort());
}

function hasKnownParts({ code, granted = { read: {}, env: {} }, ...rest }: Components): boolean {
  return Object.keys(rest).every((part) => PARTS.includes(part)) &&
    Object.keys(code).every((part) => ["files", "imports"].includes(part)) &&
    Object.keys(granted).every((part) => ["read", "env"].includes(part));
}

/** Sorted by the dullest of ways, to be compared. */
function plain(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(plain).join()}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((key) => `${JSON.stringify(key)}:${plain(value[key]!)}`).join()}}`;
}

function reverse(value: Json): Json {
  if (Array.isArray(value)) return value.map(reverse);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).reverse().map(([key, item]) => [key, reverse(item)]),
  );
}

/** What a stage is made of beside its file. */
interface World {
  readonly code?: string;
  readonly packages?: readonly string[];
  readonly version?: number;
  readonly params?: readonly string[];
}

/** The keys of every stage by its name, artifacts being named by the keys that made them. */
async function keysOf(
  folder: string,
  text: string,
  world: World = {},
): Promise<Map<string, string[]>> {
  const file = join(folder, "p.yaml");
  await Deno.writeTextFile(file, text);
  const pipeline: Pipeline = await loadPipeline(file, {
    params: world.params ?? [],
    registry: REGISTRY,
    project: ROOT,
    env: () => undefined,
  });
  const byId = new Map<string, string>();
  const byName = new Map<string, string[]>();
  for (const { id, name, description, inputs, options } of pipeline.stages) {
    const { uses, builtin, version, compute } = description;
    const key = fingerprint(componentsOf({
      uses,
      builtin,
      version: uses === "train" ? version + (world.version ?? 0) : version,
      graph: {
        root: uses,
        files: { [`${uses}.ts`]: uses === "train" ? world.code ?? "code" : "code" },
        imports: {},
        packages: uses === "train" ? world.packages ?? ["zod@1.0.0"] : ["zod@1.0.0"],
        paths: [],
        data: [],
        local: {},
        loading: { urls: [], lock: {}, packages: [], registries: {} },
      },
      options,
      inputs: Object.fromEntries(
        Object.entries(inputs).map(([role, ids]) => [role, ids.map((from) => byId.get(from)!)]),
      ),
      seed: pipeline.seed,
      sources: uses === "download" ? { [String(options.from)]: { commit: "1" } } : null,
      device: compute ? "cpu" : undefined,
    }));
    byId.set(id, key);
    byName.set(name, [...byName.get(name) ?? [], key]);
  }
  return byName;
}

/** Cells may come in another order; names of stages may differ. */
function sorted(keys: ReadonlyMap<string, readonly string[]>): string[] {
  return [...keys.values()].flat().sort();
}

type Stage = { with?: JsonObject; inputs?: JsonObject; matrix?: JsonObject } & JsonObject;
type Tree = JsonObject & { readonly stages: Record<string, Stage>; readonly seed?: number };

const DEFAULTS: Readonly<Record<string, JsonObject>> = {
  download: { model: false },
  train: { learning_rate: 5e-5, epochs: 3, strategy: "no", note: "", dropout: "auto" },
  score: { metrics: ["perplexity"] },
  write: { prompts: [] },
};

/** The same pipeline in other words. */
function reworded(
  original: JsonObject,
  how: (typeof SAME)[number],
  random: () => number,
): { tree: JsonObject; loading?: World } {
  const tree = structuredClone(original) as Tree;
  const stages = Object.entries(tree.stages);
  switch (how) {
    case "nothing":
      return { tree };
    case "defaults":
      for (const [, stage] of stages) {
        const unsaid = Object.entries(DEFAULTS[String(stage.uses)]!).filter(([key]) =>
          !Object.hasOwn(stage.with ?? {}, key) && !Object.hasOwn(stage.matrix ?? {}, key) &&
          random() < 0.7
        );
        stage.with = { ...Object.fromEntries(unsaid), ...stage.with };
      }
      return { tree: { seed: 42, ...tree } };
    case "params":
    case "override": {
      const params: Record<string, Json> = {};
      const overrides: string[] = [];
      for (const [name, stage] of stages) {
        for (const [key, value] of Object.entries(stage.with ?? {})) {
          if (random() < 0.5) continue;
          const param = `${name}_${key}`;
          const isText = typeof value === "string";
          if (how === "override" && (typeof value === "number" || isText)) {
            params[param] = isText ? "another" : 7;
            overrides.push(`${param}=${value}`);
          } else params[param] = value;
          stage.with = { ...stage.with, [key]: `\${{ params.${param} }}` };
        }
      }
      return { tree: { ...tree, params }, loading: { params: overrides } };
    }
    case "names": {
      // Stages come in the order of the file where nothing else orders them: that of keys is kept.
      const renamed = Object.fromEntries(stages.map(([name, stage]) => {
        const roles = Object.entries(stage.inputs ?? {}).map(([role, from]) => [
          role,
          Array.isArray(from) ? from.map((one) => `new-${one}`) : `new-${from}`,
        ]);
        const inputs = stage.inputs === undefined ? {} : { inputs: Object.fromEntries(roles) };
        return [`new-${name}`, { ...stage, ...inputs }];
      }));
      return { tree: { ...tree, name: "other", stages: renamed } };
    }
    case "remarks":
      for (const [, stage] of stages) Object.assign(stage, { description: "a", timeout: "2h" });
      return {
        tree: { ...tree, description: "b", "x-y": [1], schedule: { cron: "0 3 * * 1" } },
      };
    case "texts":
      // A number in quotes is read as a number where a number is needed.
      for (const [, stage] of stages) {
        const { learning_rate: rate } = stage.with ?? {};
        if (typeof rate === "number") stage.with = { ...stage.with, learning_rate: `${rate}` };
      }
      return { tree };
  }
}

/** Another pipeline, and the stages whose keys are others. */
function changed(
  original: JsonObject,
  how: (typeof OTHER)[number],
  random: () => number,
): { tree: JsonObject; stages: readonly string[]; world?: World } | undefined {
  const tree = structuredClone(original) as Tree;
  const { first, second, scored, data } = tree.stages as Record<string, Stage>;
  const trained = ["first", "second", "scored", "texts"];
  switch (how) {
    case "option": {
      const key = random() < 0.5 ? "epochs" : "note";
      const before = second!.with?.[key] ?? DEFAULTS.train![key]!;
      second!.with = {
        ...second!.with,
        [key]: typeof before === "number" ? before + 1 : `${before}x`,
      };
      return { tree, stages: ["second", "texts"] };
    }
    case "seed":
      return {
        tree: { ...tree, seed: ((tree.seed ?? 42) + 1) % 0xffff_ffff },
        stages: Object.keys(tree.stages),
      };
    case "source":
      data!.with = { ...data!.with, from: `${data!.with?.from}x` };
      return { tree, stages: ["data", ...trained] };
    case "input":
      if (tree.stages.base!.with!.from === data!.with!.from) return undefined;
      second!.inputs = { ...second!.inputs, model: "base" };
      return { tree, stages: ["second", "texts"] };
    case "fan": {
      const models = scored!.inputs!.models!;
      if (!Array.isArray(models) || models.length < 2) return undefined;
      // Where both sides were trained alike, the order means nothing.
      if (JSON.stringify(first!.with) === JSON.stringify(second!.with)) return undefined;
      scored!.inputs = { models: models.toReversed() };
      return { tree, stages: ["scored"] };
    }
    case "code":
      return { tree, stages: trained, world: { code: "edited" } };
    case "package":
      return { tree, stages: trained, world: { packages: ["zod@1.0.1"] } };
    case "version":
      return { tree, stages: trained, world: { version: 1 } };
  }
}

/** Attacks keys. */
export const fingerprints: Part = fuzzPart(fuzz, import.meta.url);
