/**
 * The JSON Schema (2020-12) of pipeline files, for editors: keys, types and documentation of the
 * whole language and of every built-in stage, generated from the definitions that the loader checks with.
 *
 * Two things are wider than in the loader's schema: a value may be a `${{ }}` expression wherever it
 * is no free text, and an option that is required may come from the matrix. The references between
 * stages (names, kinds, circles) are beyond JSON Schema; the loader checks them.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { z } from "zod";
import { describeStage } from "./describe.ts";
import { roleWords } from "./inputs_spec.ts";
import { pipelineSchema } from "../schema/pipeline_file.ts";
import type { RoleSpec, StageDescription, StageRegistry } from "../types.ts";

/** A JSON Schema to be written: any keyword. */
type WritableSchema = { [keyword: string]: Json };

const EXPRESSION = { $ref: "#/$defs/expression" };

/**
 * Generates the schema.
 *
 * @param registry The built-in stages.
 * @returns The schema as JSON.
 * @throws {UserError} If a definition is at fault.
 */
export async function pipelineJsonSchema(registry: StageRegistry): Promise<Json> {
  const descriptions = await Promise.all(
    Object.entries(registry).map(async ([uses, { module, load }]) => {
      const identity = { uses, module, builtin: true };
      return describeStage(await load(), { identity, requests: [] }).description;
    }),
  );
  const generated = z.toJSONSchema(pipelineSchema, { io: "input", unrepresentable: "any" });
  const base = allowExpressions(JSON.parse(JSON.stringify(generated)) as WritableSchema);
  const properties = base.properties as Record<string, WritableSchema>;
  const { stages, env, params, ...others } = properties;
  const stage = stages!.additionalProperties as WritableSchema;
  return {
    ...base,
    title: "Temper pipeline",
    properties: {
      ...others,
      params: params!,
      // Decides which variables expressions may read, so it cannot be one.
      env: withoutExpressions(env!),
      stages: { ...stages!, additionalProperties: { $ref: "#/$defs/stage" } },
    },
    patternProperties: {
      "^x-": {
        description: "Free for anchors: `x-defaults: &defaults { … }`, then `<<: *defaults`.",
      },
    },
    $defs: {
      expression: {
        type: "string",
        pattern: "\\$\\{\\{",
        description: "An expression that is evaluated while the pipeline is loaded.",
      },
      stage: stageSchema(stage, descriptions),
    },
  } as Json;
}

/** A stage: the common keys, and for each built-in its inputs and options. */
function stageSchema(
  base: WritableSchema,
  descriptions: readonly StageDescription[],
): WritableSchema {
  const properties = base.properties as Record<string, WritableSchema>;
  const { uses, ...others } = properties;
  return {
    ...base,
    properties: {
      uses: {
        description: uses!.description ?? "",
        anyOf: [
          ...descriptions.map(({ uses, doc }) => ({ const: uses, description: firstLine(doc) })),
          { type: "string", pattern: "^\\.{0,2}/", description: "A stage of your own." },
          EXPRESSION,
        ],
      },
      ...others,
    },
    allOf: descriptions.flatMap(rulesOf),
  };
}

/** What follows from `uses: NAME`. */
function rulesOf(description: StageDescription): WritableSchema[] {
  const { uses, doc, inputs } = description;
  const isUsed = { properties: { uses: { const: uses } }, required: ["uses"] };
  const schema = allowExpressions(description.optionsSchema as WritableSchema);
  const { required, ...options } = schema;
  const roles = Object.entries(inputs);
  const requiredRoles = roles.filter(([, { optional }]) => !optional).map(([role]) => role);
  const rules: WritableSchema[] = [{
    if: isUsed,
    then: {
      description: doc,
      properties: {
        inputs: {
          type: "object",
          properties: Object.fromEntries(roles.map(([role, spec]) => [role, roleSchema(spec)])),
          additionalProperties: false,
          ...(requiredRoles.length > 0 ? { required: requiredRoles } : {}),
        },
        with: options as Json,
        permissions: false,
      },
      ...(requiredRoles.length > 0 ? { required: ["inputs"] } : {}),
    },
  }];
  if (Array.isArray(required) && required.length > 0) {
    rules.push({
      // A matrix key sets the option of its name.
      if: { allOf: [isUsed, { not: { required: ["matrix"] } }] },
      then: { required: ["with"], properties: { with: { required } } },
    });
  }
  return rules;
}

function roleSchema(role: RoleSpec): WritableSchema {
  const description = `${roleWords(role)}: the stage that puts it out.`;
  return role.many
    ? { description, anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] }
    : { description, type: "string" };
}

/** Lets `${{ }}` stand for every value that is no free text, and drops keywords that only Temper knows. */
function allowExpressions(schema: WritableSchema): WritableSchema {
  const { template: _, path: __, $schema: ___, ...rest } = schema;
  const result: WritableSchema = { ...rest };
  for (const keyword of ["properties", "$defs"]) {
    const members = result[keyword];
    if (!isSchema(members)) continue;
    result[keyword] = Object.fromEntries(
      Object.entries(members).map(([name, member]) => [
        name,
        isSchema(member) ? orExpression(allowExpressions(member)) : member,
      ]),
    );
  }
  for (const keyword of ["items", "additionalProperties"]) {
    const member = result[keyword];
    if (isSchema(member)) result[keyword] = orExpression(allowExpressions(member)) as Json;
  }
  for (const keyword of ["prefixItems", "anyOf", "oneOf", "allOf"]) {
    const members = result[keyword];
    if (Array.isArray(members)) {
      result[keyword] = members.map((member) => allowExpressions(member as WritableSchema));
    }
  }
  return schema.$schema === undefined ? result : { $schema: schema.$schema, ...result };
}

function orExpression(schema: WritableSchema): WritableSchema {
  const isFreeText = schema.type === "string" && schema.enum === undefined &&
    schema.const === undefined && schema.pattern === undefined && schema.format === undefined;
  const isAnything = schema.type === undefined && schema.anyOf === undefined &&
    schema.oneOf === undefined && schema.enum === undefined && schema.const === undefined;
  // Mappings of names (stages, inputs, with) are written out.
  if (isFreeText || isAnything || schema.type === "object") return schema;
  const { description, default: fallback, ...rest } = schema;
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [...(isPlainUnion(rest) ? rest.anyOf as Json[] : [rest as Json]), EXPRESSION],
  };
}

function withoutExpressions(schema: WritableSchema): WritableSchema {
  const { anyOf, ...rest } = schema;
  const [only] = Array.isArray(anyOf) ? anyOf : [];
  return { ...rest, ...(only as WritableSchema | undefined ?? {}) };
}

function isPlainUnion(schema: WritableSchema): boolean {
  return Array.isArray(schema.anyOf) && Object.keys(schema).length === 1;
}

function isSchema(value: Json | undefined): value is WritableSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The sentence that a documentation begins with. */
export function firstLine(doc: string): string {
  return doc.trim().split("\n", 1)[0]!.trim();
}
