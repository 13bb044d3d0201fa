/**
 * Parameters: the defaults of the file and what `-p key=value` puts in their place.
 *
 * A default decides the type of its parameter. Values in the file are literals, apart from
 * `${{ env.X }}`; parameters do not refer to each other.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import { nearest, UserError, UserErrors } from "../../base/errors.ts";
import { formatLabel, typeName } from "../schema/value_words.ts";
import { nodeToJson, SourceText } from "../yaml/node.ts";
import { Problems } from "../yaml/problems.ts";

/** So much of what was given stands in a message. */
const MAX_SHOWN = 200;

/**
 * Applies the `-p` options of the command line, in order.
 *
 * @param defaults Parameters as the file gives them.
 * @param options `overrides`: "key=value" each, `a.b=value` for a key inside of a mapping; `problems` takes mistakes.
 * @returns The parameters; those with a mistake keep their default.
 */
export async function overrideParams(
  defaults: JsonObject,
  options: { overrides: readonly string[]; problems: Problems },
): Promise<JsonObject> {
  let params = defaults;
  for (const override of options.overrides) {
    try {
      params = await overrideParam(params, override);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      options.problems.addError(error);
    }
  }
  return params;
}

async function overrideParam(params: JsonObject, override: string): Promise<JsonObject> {
  const equals = override.indexOf("=");
  if (equals <= 0) {
    throw new UserError({
      what: `-p ${shortened(override)}: not a parameter with its value`,
      requirement: "write -p key=value",
    });
  }
  const key = override.slice(0, equals);
  const text = override.slice(equals + 1);
  const path = Object.hasOwn(params, key) ? [key] : key.split(".");
  return await replaceAt(params, { path, depth: 0, text, override });
}

interface Replacement {
  readonly path: readonly string[];
  readonly depth: number;
  readonly text: string;
  readonly override: string;
}

async function replaceAt(mapping: JsonObject, replacement: Replacement): Promise<JsonObject> {
  const { path, depth, text, override } = replacement;
  const key = path[depth]!;
  const names = Object.keys(mapping);
  if (!Object.hasOwn(mapping, key)) {
    const owner = path.slice(0, depth).join(".");
    throw new UserError({
      what: depth === 0
        ? `-p ${shortened(override)}: unknown parameter "${key}"`
        : `-p ${shortened(override)}: the parameter "${owner}" has no key "${key}"`,
      requirement: names.length === 0
        ? "the pipeline has no parameters"
        : `${depth === 0 ? "parameters" : "keys"}: ${names.join(", ")}`,
      nearest: nearest(key, names),
    });
  }
  const current = mapping[key]!;
  if (depth === path.length - 1) {
    return { ...mapping, [key]: await typed(text, { like: current, override }) };
  }
  if (!isJsonObject(current)) {
    throw new UserError({
      what: `-p ${shortened(override)}: the parameter "${
        path.slice(0, depth + 1).join(".")
      }" has no keys`,
      requirement: `it is ${typeName(current)}: ${formatLabel(current)}`,
    });
  }
  return { ...mapping, [key]: await replaceAt(current, { ...replacement, depth: depth + 1 }) };
}

/** The value of a text in YAML, read as the file is: within the same bounds, and nothing but what JSON can hold. */
async function yamlValue(text: string, override: string): Promise<Json | undefined> {
  // Few parameters are lists or mappings, and the package is slow to load.
  const { parseYaml } = await import("../yaml/source.ts");
  const problems = new Problems(new SourceText("-p", text));
  const node = parseYaml(problems);
  if (!problems.any) return nodeToJson(node);
  try {
    problems.throwIfAny();
  } catch (error) {
    if (!(error instanceof UserErrors)) throw error;
    const { at: _, what, ...parts } = error.errors[0]!.parts;
    throw new UserError({ ...parts, what: `-p ${shortened(override)}: ${what}` });
  }
  return undefined;
}

/** What was given, cut where it is long: the message is about its place, not about all of it. */
function shortened(override: string): string {
  return override.length > MAX_SHOWN ? `${override.slice(0, MAX_SHOWN)}…` : override;
}

/** The value that a text of the command line means, given the default that it replaces. */
async function typed(
  text: string,
  { like, override }: { like: Json; override: string },
): Promise<Json> {
  if (typeof like === "string") return text;
  const wrong = (): UserError =>
    new UserError({
      what: `-p ${shortened(override)}: "${shortened(text)}" is not ${typeName(like)}`,
      requirement: `the default of this parameter is ${formatLabel(like)}, so it takes ${
        typeName(like)
      }`,
    });
  if (typeof like === "number") {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value)) throw wrong();
    return value;
  }
  if (typeof like === "boolean") {
    if (text === "true" || text === "false") return text === "true";
    throw wrong();
  }
  const value = await yamlValue(text, override);
  // A default of null says nothing about the type.
  const fits = like === null
    ? value !== undefined
    : Array.isArray(like)
    ? Array.isArray(value)
    : isJsonObject(value);
  if (!fits) throw wrong();
  return value as Json;
}
