/**
 * Checks the options of a stage and completes them with their defaults.
 *
 * Runs where the definition is: in the runner's process for built-in stages, in a process without
 * permissions for own ones. What it returns is plain data.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject, MAX_JSON_DEPTH } from "../../base/json.ts";
import { z } from "zod";
import { readIssues, type SchemaIssue, unknownKeys, valueAt } from "../schema/issues.ts";
import { type Kind, KINDS, type Misuse, type StageDefinition } from "../stage.ts";
import type { JsonSchema } from "../schema/words.ts";
import type { NodePath } from "../yaml/node.ts";

/** The options of one stage, or of one cell of a matrix. */
export interface OptionsRequest {
  /** As written under `with:`. */
  readonly given: JsonObject;
  /** Matrix values; those whose key is the name of an option set it, over `given`. */
  readonly matrix: JsonObject;
  /** Roles that the pipeline connects. */
  readonly inputs: readonly string[];
  /** How many artifacts each of them has. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** The options after checking. */
export type OptionsResult =
  | {
    readonly ok: true;
    /** With defaults. */
    readonly options: JsonObject;
    /** What the stage puts out with them. */
    readonly output: Kind;
  }
  | {
    readonly ok: false;
    /** What was checked, matrix values included. */
    readonly value: JsonObject;
    readonly issues: readonly SchemaIssue[];
    /** What is wrong with options and inputs together. */
    readonly misuse?: Misuse;
    /** A failure of the definition itself, such as an `output` that throws. */
    readonly failure?: string;
  };

/** What the names in a mapping are made of, in words. */
export const NAME_WORDS = "anything but __proto__, which JavaScript keeps for itself";

/** Names of a stage's options. */
export function optionNames(definition: StageDefinition): string[] {
  return Object.keys(definition.options.shape);
}

/**
 * Checks options.
 *
 * @param definition The stage.
 * @param request What was written.
 * @param schema Gives the JSON Schema of the options; asked only where options hold mappings.
 * @returns The options with defaults and the kind of output, or every mistake.
 */
export function checkOptions(
  definition: StageDefinition,
  request: OptionsRequest,
  schema: () => Json,
): OptionsResult {
  const { shape } = definition.options;
  const matrix = Object.entries(request.matrix).filter(([key]) => Object.hasOwn(shape, key));
  let value: JsonObject = { ...request.given, ...Object.fromEntries(matrix) };

  let thrown: unknown;
  const parse = (): ReturnType<typeof definition.options.safeParse> => {
    thrown = undefined;
    try {
      return definition.options.safeParse(value);
    } catch (error) {
      // A check across options meets values of any type, and `{ toString: 2 } > 1` throws: each option by
      // itself tells what is wrong.
      thrown = error;
      return z.object(shape).safeParse(value) as ReturnType<typeof definition.options.safeParse>;
    }
  };
  let parsed = parse();
  if (!parsed.success) {
    const coerced = coerceNumbers(value, parsed.error.issues);
    if (coerced !== value) {
      value = coerced;
      parsed = parse();
    }
  }
  const unknown: SchemaIssue[] = acceptsOthers(definition) ? [] : Object.keys(value)
    .filter((key) => !Object.hasOwn(shape, key))
    .map((key) => ({ path: [key], problem: "unknown" }));
  // zod drops keys that it does not know: the schema is needed only where something went missing.
  if (!parsed.success || lostKeys(value, parsed.data)) {
    const deeper = unknownKeys(schema() as JsonSchema, value).filter(({ path }) => path.length > 1);
    unknown.push(...deeper);
  }
  unknown.push(...keptNames(value, []));
  const found = parsed.success ? [] : parsed.error.issues;
  // `do_sampel: true` is one mistake, not also a temperature without do_sample.
  const isSlip = unknown.length > 0 || found.some(({ code }) => code === "invalid_type");
  const told = isSlip ? found.filter((issue) => !isAcross(issue)) : found;
  const issues = [...unknown, ...readIssues(told, value)];
  if (!parsed.success || issues.length > 0) return { ok: false, value, issues: distinct(issues) };

  const failed = (failure: string): OptionsResult => ({ ok: false, value, issues: [], failure });
  if (thrown !== undefined) {
    return failed(
      `its check of several options threw: ${thrown instanceof Error ? thrown.message : thrown}`,
    );
  }
  const notJson = findNotJson(parsed.data, []);
  if (notJson !== undefined) {
    return failed(`its option "${formatPath(notJson)}" becomes something that JSON cannot hold`);
  }
  const options = JSON.parse(JSON.stringify(parsed.data)) as JsonObject;
  let output: Kind;
  let misuse: Misuse | undefined;
  try {
    const { inputs, counts = {} } = request;
    misuse = definition.check?.({ options: parsed.data, inputs, counts });
  } catch (error) {
    return failed(`its \`check\` threw: ${error instanceof Error ? error.message : error}`);
  }
  if (misuse !== undefined) return { ok: false, value, issues: [], misuse };
  try {
    output = typeof definition.output === "function"
      ? definition.output(parsed.data)
      : definition.output;
  } catch (error) {
    return failed(`its \`output\` threw: ${error instanceof Error ? error.message : error}`);
  }
  const kinds = definition.kinds ?? KINDS;
  if (!kinds.includes(output)) {
    return failed(`its \`output\` returned "${output}", which is not one of ${kinds.join(", ")}`);
  }
  return { ok: true, options, output };
}

/** Keys below the options that are called `__proto__`: zod drops them without a word. Those beside the options are unknown anyway. */
function keptNames(value: Json, path: NodePath): SchemaIssue[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]): SchemaIssue[] => {
    const step = Array.isArray(value) ? Number(key) : key;
    const below = keptNames(item as Json, [...path, step]);
    if (key !== "__proto__" || path.length === 0) return below;
    return [{ path: [...path, step], problem: "name", message: NAME_WORDS }, ...below];
  });
}

/** Whether a check of several options together failed, and not of one. */
function isAcross(issue: z.core.$ZodIssue): boolean {
  return issue.code === "custom" && issue.params?.across === true;
}

/** Whether a schema takes options that it does not name, as `z.looseObject` does. */
export function acceptsOthers({ options }: StageDefinition): boolean {
  const { catchall } = options.def;
  return catchall !== undefined && catchall._zod.def.type !== "never";
}

/** Whether a mapping below the options has a key that is not in what was made of it. */
function lostKeys(given: unknown, parsed: unknown, depth = 0): boolean {
  if (typeof given !== "object" || given === null) return false;
  // A schema may make anything of a mapping; then nothing can be said without the schema.
  if (typeof parsed !== "object" || parsed === null) return true;
  return Object.entries(given).some(([key, value]) => {
    if (!Object.hasOwn(parsed, key)) return depth > 0;
    return lostKeys(value, (parsed as Readonly<Record<string, unknown>>)[key], depth + 1);
  });
}

/**
 * Reads texts that are numbers as numbers where a number is needed: "2e-5" in quotes, or the result
 * of a `${{ }}` inside of a text.
 */
function coerceNumbers(value: JsonObject, issues: readonly z.core.$ZodIssue[]): JsonObject {
  let changed: JsonObject = value;
  for (const issue of issues) {
    if (issue.code !== "invalid_type" || !["number", "int"].includes(issue.expected)) continue;
    const path = issue.path.filter((step) => typeof step !== "symbol");
    const text = valueAt(value, path);
    if (typeof text !== "string" || !/^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(text)) continue;
    changed = withValue(changed, path, Number(text)) as JsonObject;
  }
  return changed;
}

function withValue(value: Json, path: NodePath, replacement: Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return replacement;
  if (Array.isArray(value)) {
    return value.map((item: Json, index) =>
      index === step ? withValue(item, rest, replacement) : item
    );
  }
  if (!isJsonObject(value)) return value;
  return { ...value, [step]: withValue(value[step] ?? null, rest, replacement) };
}

/** Two checks may find the same mistake: a strict schema reports an unknown key that was found already. */
function distinct(issues: readonly SchemaIssue[]): SchemaIssue[] {
  const seen = new Set<string>();
  return issues.filter(({ path, problem }) => {
    const id = JSON.stringify([path, problem]);
    return !seen.has(id) && seen.add(id);
  });
}

/** Path to the first value that JSON would change or refuse, or that is nested too deeply. */
function findNotJson(value: unknown, path: NodePath): NodePath | undefined {
  // A default or a transform may make what is nested without end; its own name says enough.
  if (path.length > MAX_JSON_DEPTH) return path.slice(0, 1);
  if (value === null || ["string", "boolean", "undefined"].includes(typeof value)) return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : path;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const found = item === undefined ? [...path, index] : findNotJson(item, [...path, index]);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (
    typeof value !== "object" || ![Object.prototype, null].includes(Object.getPrototypeOf(value))
  ) {
    return path;
  }
  for (const [key, item] of Object.entries(value)) {
    const found = findNotJson(item, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A path as people write it: `metrics[0].name`. */
export function formatPath(path: NodePath): string {
  return path.map((step, index) =>
    typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`
  ).join("");
}
