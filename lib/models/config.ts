/**
 * Reading config.json by the fields that an architecture declares, and the kinds of fields there are.
 *
 * A field's error message is what is required of it, so that bounds and words stand together.
 *
 * @module
 */
import { z } from "zod";
import { nearest, UserError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { ACTIVATIONS } from "./layers/activations.ts";

/** A whole number above 0. */
export function count(doc: string, fallback: number): z.ZodDefault<z.ZodNumber> {
  return bounded(z.int(ABOVE_0).positive(ABOVE_0), doc, fallback);
}

/** A whole number of layers: far more than any model has, and few enough to be built in a moment. */
export function layerCount(doc: string, fallback: number): z.ZodDefault<z.ZodNumber> {
  return bounded(z.int(ABOVE_0).positive(ABOVE_0).max(4096, "at most 4096"), doc, fallback);
}

/** What is dropped while a model is trained: a share from 0 to 1. */
export function share(doc: string, fallback: number): z.ZodDefault<z.ZodNumber> {
  const requirement = "a number from 0 to 1";
  return bounded(z.number(requirement).min(0, requirement).max(1, requirement), doc, fallback)
    .meta({ dropped: true });
}

/** Whether a field is a {@linkcode share}: it shapes training, not what the weights mean. */
export function isShare(field: z.ZodType): boolean {
  return field.meta()?.dropped === true;
}

/** A number above 0. */
export function positive(doc: string, fallback: number): z.ZodDefault<z.ZodNumber> {
  const requirement = "a number above 0";
  return bounded(z.number(requirement).positive(requirement), doc, fallback);
}

/** True or false. */
export function flag(doc: string, fallback: boolean): z.ZodDefault<z.ZodBoolean> {
  return z.boolean("true or false").describe(doc).default(fallback);
}

/** The id of a token, or none. */
export function tokenId(
  doc: string,
  fallback: number | null,
): z.ZodDefault<z.ZodNullable<z.ZodNumber>> {
  return z.int("the id of a token (a whole number) or null").nullable().describe(doc)
    .default(fallback);
}

/** The name of an activation function. */
export function activation(
  doc: string,
  fallback: ActivationName,
): z.ZodDefault<z.ZodEnum<{ [Name in ActivationName]: Name }>> {
  return z.enum(ACTIVATION_NAMES).describe(doc).default(fallback);
}

type ActivationName = keyof typeof ACTIVATIONS;

const ACTIVATION_NAMES = Object.fromEntries(
  Object.keys(ACTIVATIONS).map((name) => [name, name]),
) as { [Name in ActivationName]: Name };

/** What `.refine()` takes to ask that a width is divided evenly by a number of heads. */
export function multipleOf(
  width: string,
  heads: string,
): [(config: Readonly<Record<string, unknown>>) => boolean, { path: string[]; message: string }] {
  return [
    (config) => Number(config[width]) % Number(config[heads]) === 0,
    { path: [heads], message: `a divisor of ${width}` },
  ];
}

const ABOVE_0 = "a whole number above 0";

function bounded(schema: z.ZodNumber, doc: string, fallback: number): z.ZodDefault<z.ZodNumber> {
  return schema.describe(doc).default(fallback);
}

/**
 * Reads the fields of a schema.
 *
 * @param title What the model is called in messages: `GPT-2`.
 * @param schema The fields; those it doesn't have are passed over.
 * @param json A parsed config.json. `null` counts as absent, as a default of transformers would.
 * @throws {UserError} for the first field that is wrong.
 */
export function readConfig<S extends z.ZodObject>(
  title: string,
  schema: S,
  json: JsonObject,
): z.output<S> {
  const given = Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
  const { data, error } = schema.safeParse(given);
  if (error === undefined) return data;
  const issue = error.issues[0]!;
  const field = String(issue.path[0]);
  const value = given[field];
  const values = issue.code === "invalid_value" ? issue.values.map(String) : undefined;
  throw configError(title, {
    field,
    value,
    requirement: values === undefined ? issue.message : `one of ${values.join(", ")}`,
    nearest: values !== undefined && typeof value === "string" ? nearest(value, values) : undefined,
  });
}

/** A field of a config that cannot be. */
export function configError(
  title: string,
  problem: {
    readonly field: string;
    readonly value: unknown;
    readonly requirement: string;
    readonly remedy?: string;
    readonly nearest?: string | undefined;
  },
): UserError {
  const { field, value, requirement, ...rest } = problem;
  return new UserError({
    what: `the ${title} config has ${field}: ${JSON.stringify(value)}`,
    requirement: `${field} must be ${requirement}`,
    ...rest,
  });
}
