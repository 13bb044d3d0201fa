import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { STAGES } from "../../stages/mod.ts";
import { loadPipeline } from "../../lib/pipeline/file/load.ts";
import { pipelineJsonSchema } from "../../lib/pipeline/definition/editor.ts";
import { type JsonSchema, schemaAt, schemaWords } from "../../lib/pipeline/schema/words.ts";
import { REGISTRY, ROOT } from "./loading.ts";

Deno.test("schemaWords() says what a schema accepts", () => {
  const table: [z.ZodType, string][] = [
    [z.string(), "text"],
    [z.boolean(), "true or false"],
    [z.null(), "null"],
    [z.unknown(), "a value"],
    [z.number(), "a number"],
    [z.int(), "a whole number"],
    [z.number().gt(0), "a number above 0"],
    [z.number().min(0).lt(1), "a number at least 0 and below 1"],
    [z.number().min(0).max(1), "a number from 0 to 1"],
    [z.int().min(2).multipleOf(8), "a whole number at least 2 and a multiple of 8"],
    [z.int().max(3), "a whole number at most 3"],
    [z.enum(["a", "b", "c"]), '"a", "b" or "c"'],
    [z.literal("a"), '"a"'],
    [z.boolean().or(z.literal("lines")), 'true, false or "lines"'],
    [z.number().or(z.literal("auto")), 'a number or "auto"'],
    [z.string().nullable(), "text or null"],
    [z.array(z.string()), "a list of texts"],
    [z.array(z.string()).min(1), "a non-empty list of texts"],
    [z.array(z.array(z.string()).min(1)), "a list of non-empty lists of texts"],
    [z.array(z.int().min(1)).min(2), "a list of at least 2 whole numbers at least 1"],
    [z.array(z.string()).length(3), "a list of 3 texts"],
    [z.array(z.string()).min(1).max(3), "a list of 1 to 3 texts"],
    [z.array(z.string()).max(3), "a list of at most 3 texts"],
    [z.string().or(z.array(z.string())), "text or a list of texts"],
    [z.tuple([z.string(), z.int()]), "a list of text and a whole number"],
    [z.object({ a: z.string(), b: z.string() }), "a mapping with a, b"],
    [z.record(z.string(), z.number()), "a mapping of numbers"],
    [z.record(z.string(), z.unknown()), "a mapping"],
    [z.array(z.object({ a: z.int() })), "a list of mappings with a"],
  ];
  for (const [schema, expected] of table) {
    assert.equal(schemaWords(z.toJSONSchema(schema, { io: "input" }) as JsonSchema), expected);
  }
});

Deno.test("schemaAt() follows keys, indices and unions", () => {
  const schema = z.toJSONSchema(
    z.object({
      list: z.array(z.object({ x: z.int() })),
      either: z.union([z.string(), z.object({ y: z.boolean() })]),
      map: z.record(z.string(), z.number()),
      pair: z.tuple([z.string(), z.null()]),
    }),
    { io: "input" },
  ) as JsonSchema;
  const table: [(string | number)[], string | undefined][] = [
    [["list", 3, "x"], "integer"],
    [["either", "y"], "boolean"],
    [["map", "anything"], "number"],
    [["pair", 1], "null"],
    [["list", 3, "z"], undefined],
    [["nothing"], undefined],
  ];
  for (const [path, type] of table) assert.equal(schemaAt(schema, path)?.type, type);
});

Deno.test("pipelineJsonSchema() describes the language and every stage", async () => {
  const schema = await pipelineJsonSchema(REGISTRY) as unknown as JsonSchema & {
    readonly patternProperties: Record<string, unknown>;
    readonly $defs: { readonly stage: StageSchema };
  };
  assert.deepEqual(Object.keys(schema.properties ?? {}).sort(), [
    "description",
    "env",
    "name",
    "params",
    "schedule",
    "seed",
    "stages",
  ]);
  assert.deepEqual(schema.required, ["name", "stages"]);
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(Object.keys(schema.patternProperties), ["^x-"]);
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    assert.ok(property.description, `${key} is documented`);
  }
  const stage = schema.$defs.stage;
  for (const [key, property] of Object.entries(stage.properties)) {
    assert.ok(property.description, `${key} of a stage is documented`);
  }
  const names = stage.properties.uses!.anyOf!.flatMap((one) => one.const ?? []);
  assert.deepEqual(names, Object.keys(REGISTRY));
  const rule = (name: string) =>
    stage.allOf.find((one) => one.if.properties?.uses?.const === name)!.then;
  const train = rule("train").properties;
  assert.deepEqual(train.inputs!.required, ["data"]);
  assert.deepEqual(Object.keys(train.inputs!.properties!), ["data", "model"]);
  assert.equal(train.with!.additionalProperties, false);
  const rate = train.with!.properties!.learning_rate!;
  assert.equal(rate.default, 5e-5);
  assert.equal(rate.description, "initial learning rate");
  assert.deepEqual(rate.anyOf, [
    { type: "number", exclusiveMinimum: 0 },
    { $ref: "#/$defs/expression" },
  ]);
  assert.deepEqual(train.with!.properties!.template, {
    type: "string",
    description: "text of a row",
  });
  assert.equal(rule("download").properties.with!.required, undefined, "a matrix may set it");
});

interface StageSchema {
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly allOf: readonly {
    readonly if: JsonSchema;
    readonly then: { readonly properties: Readonly<Record<string, JsonSchema>> };
  }[];
}

Deno.test("the checked-in schema is the one that the definitions make", async () => {
  const checkedIn = await Deno.readTextFile(join(ROOT, "pipelines/pipeline.schema.json"));
  const made = JSON.stringify(await pipelineJsonSchema(STAGES), undefined, 2) + "\n";
  assert.equal(checkedIn, made, "run `deno task schema --write`");
});

Deno.test("the pipelines that come with Temper are correct", async () => {
  for await (const { name } of Deno.readDir(join(ROOT, "pipelines"))) {
    if (!name.endsWith(".yaml")) continue;
    const options = { params: [], registry: STAGES, project: ROOT };
    const pipeline = await loadPipeline(join(ROOT, "pipelines", name), options);
    assert.ok(pipeline.stages.length > 0, name);
  }
});
