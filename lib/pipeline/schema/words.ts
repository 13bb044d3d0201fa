/**
 * JSON Schema read as a person reads it: "a number above 0", with its meaning and default.
 *
 * Covers what zod's `toJSONSchema` writes. What it does not know it calls "a value".
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { formatLabel } from "./value_words.ts";

/** The parts of JSON Schema (2020-12) that are read here. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: Json;
  readonly const?: Json;
  readonly enum?: readonly Json[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  /** Set by `.meta({ template: true })`: the text is a Jinja row template. */
  readonly template?: boolean;
}

/**
 * What a schema accepts, as the end of the sentence "it must be …".
 *
 * @param schema A schema.
 * @returns Words such as `a whole number, at least 1` or `"no", "steps" or "epoch"`.
 */
export function schemaWords(schema: JsonSchema): string {
  return words(schema, false);
}

function words(schema: JsonSchema, plural: boolean): string {
  const choices = choicesOf(schema);
  if (choices !== undefined) return joinOr(choices.map((choice) => JSON.stringify(choice)));
  const branches = branchesOf(schema);
  if (branches !== undefined) {
    const parts = branches.flatMap((branch) => {
      if (branch.type === "boolean") return ["true", "false"];
      const choices = choicesOf(branch);
      if (choices !== undefined) return choices.map((choice) => JSON.stringify(choice));
      return [words(branch, plural)];
    });
    return joinOr([...new Set(parts)]);
  }
  if (Array.isArray(schema.type)) {
    return joinOr(schema.type.map((type) => words({ ...schema, type }, plural)));
  }
  switch (schema.type) {
    case "number":
    case "integer":
      return numberWords(schema, plural);
    case "string":
      return plural ? "texts" : "text";
    case "boolean":
      return "true or false";
    case "null":
      return "null";
    case "array":
      return arrayWords(schema, plural);
    case "object": {
      const mapping = plural ? "mappings" : "a mapping";
      const keys = Object.keys(schema.properties ?? {});
      if (keys.length > 0) return `${mapping} with ${keys.join(", ")}`;
      const values = schema.additionalProperties;
      return typeof values === "object" && Object.keys(values).length > 0
        ? `${mapping} of ${words(values, true)}`
        : mapping;
    }
    default:
      return plural ? "values" : "a value";
  }
}

function numberWords(schema: JsonSchema, plural: boolean): string {
  const noun = schema.type === "integer"
    ? (plural ? "whole numbers" : "a whole number")
    : (plural ? "numbers" : "a number");
  const bounds: string[] = [];
  const { exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  // zod writes the limits of exact integers where the author gave none.
  const minimum = schema.minimum === Number.MIN_SAFE_INTEGER ? undefined : schema.minimum;
  const maximum = schema.maximum === Number.MAX_SAFE_INTEGER ? undefined : schema.maximum;
  if (minimum !== undefined && maximum !== undefined) {
    bounds.push(`from ${formatLabel(minimum)} to ${formatLabel(maximum)}`);
  } else if (minimum !== undefined) bounds.push(`at least ${formatLabel(minimum)}`);
  else if (maximum !== undefined) bounds.push(`at most ${formatLabel(maximum)}`);
  if (exclusiveMinimum !== undefined) bounds.push(`above ${formatLabel(exclusiveMinimum)}`);
  if (exclusiveMaximum !== undefined) bounds.push(`below ${formatLabel(exclusiveMaximum)}`);
  if (multipleOf !== undefined) bounds.push(`a multiple of ${formatLabel(multipleOf)}`);
  return [noun, joinAnd(bounds)].filter((part) => part !== "").join(" ");
}

function arrayWords(schema: JsonSchema, plural: boolean): string {
  const noun = plural ? "lists" : "a list";
  if (schema.prefixItems !== undefined) {
    return `${noun} of ${joinAnd(schema.prefixItems.map((item) => words(item, false)))}`;
  }
  const { minItems, maxItems } = schema;
  if (minItems === 1 && maxItems === undefined && schema.items !== undefined) {
    return `${plural ? "non-empty lists" : "a non-empty list"} of ${words(schema.items, true)}`;
  }
  const size = minItems !== undefined && minItems === maxItems
    ? ` of ${minItems}`
    : minItems !== undefined && maxItems !== undefined
    ? ` of ${minItems} to ${maxItems}`
    : minItems !== undefined
    ? ` of at least ${minItems}`
    : maxItems !== undefined
    ? ` of at most ${maxItems}`
    : "";
  const items = schema.items === undefined ? "values" : words(schema.items, true);
  return size === "" ? `${noun} of ${items}` : `${noun}${size} ${items}`;
}

/** The values of an enumeration, a constant, or a union of those; undefined for other schemas. */
export function choicesOf(schema: JsonSchema): readonly Json[] | undefined {
  if (schema.enum !== undefined) return schema.enum;
  if (schema.const !== undefined) return [schema.const];
  const branches = branchesOf(schema)?.map(choicesOf);
  if (branches === undefined || branches.some((branch) => branch === undefined)) return undefined;
  return branches.flatMap((branch) => branch!);
}

/** The branches of a union; undefined for other schemas. */
export function branchesOf(schema: JsonSchema): readonly JsonSchema[] | undefined {
  return schema.anyOf ?? schema.oneOf;
}

/**
 * The schema of a part of a value.
 *
 * @param schema Schema of the whole.
 * @param path Keys and indices.
 * @returns Its schema; undefined where the schema says nothing about it. In a union, the first branch that knows the path.
 */
export function schemaAt(
  schema: JsonSchema,
  path: readonly (string | number)[],
): JsonSchema | undefined {
  if (path.length === 0) return schema;
  for (const branch of [...(branchesOf(schema) ?? []), ...(schema.allOf ?? [])]) {
    const found = schemaAt(branch, path);
    if (found !== undefined) return found;
  }
  const [step, ...rest] = path;
  if (typeof step === "number") {
    const item = schema.prefixItems?.[step] ?? schema.items;
    return item === undefined ? undefined : schemaAt(item, rest);
  }
  const properties = schema.properties ?? {};
  if (Object.hasOwn(properties, step!)) return schemaAt(properties[step!]!, rest);
  const others = schema.additionalProperties;
  return typeof others === "object" ? schemaAt(others, rest) : undefined;
}

/** `a, b or c`. */
function joinOr(parts: readonly string[]): string {
  return join(parts, " or ");
}

function joinAnd(parts: readonly string[]): string {
  return join(parts, " and ");
}

function join(parts: readonly string[], last: string): string {
  if (parts.length < 2) return parts.join("");
  return parts.slice(0, -1).join(", ") + last + parts.at(-1);
}
