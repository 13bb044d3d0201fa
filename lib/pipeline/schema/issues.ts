/**
 * What zod finds wrong, as plain data that crosses processes and as sentences that a person can use.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import type { z } from "zod";
import { nearest } from "../../base/errors.ts";
import { formatLabel, typeName } from "./value_words.ts";
import type { Problem } from "../yaml/problems.ts";
import { branchesOf, choicesOf, type JsonSchema, schemaAt, schemaWords } from "./words.ts";
import type { NodePath } from "../yaml/node.ts";

/** One mistake in a value. */
export interface SchemaIssue {
  /** Where in the value; for an unknown key and a missing one, the key is its last step. */
  readonly path: NodePath;
  /** A key that nothing knows, one that has to be there, a value that is not accepted, a key that breaks the rule for names. */
  readonly problem: "unknown" | "missing" | "wrong" | "name";
  /** The author's own words on what is required, where there are any. */
  readonly message?: string;
}

/** Longer documentation would hide what the message is about. */
const MAX_REMARK = 100;

/** zod's messages begin so where the author of a schema gave none. */
const DEFAULT_MESSAGE = /^(Invalid|Too (small|big)|Unrecognized)/;

/**
 * Turns zod's issues into plain data.
 *
 * @param issues As zod reports them.
 * @param value What was checked.
 * @returns One entry a mistake; a union's mistakes are those of the one branch that the value was meant for, if that is plain.
 */
export function readIssues(issues: readonly z.core.$ZodIssue[], value: Json): SchemaIssue[] {
  return issues.flatMap((issue) => readIssue(issue, value, []));
}

function readIssue(
  issue: z.core.$ZodIssue,
  value: Json,
  before: NodePath,
): SchemaIssue[] {
  const path = [...before, ...issue.path.map((step) => typeof step === "symbol" ? "" : step)];
  const message = DEFAULT_MESSAGE.test(issue.message) ? {} : { message: issue.message };
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({ path: [...path, key], problem: "unknown" }));
    case "invalid_key":
      return [{ path, problem: "name", message: issue.issues[0]?.message ?? issue.message }];
    case "invalid_union": {
      // A branch whose very type fits is the one that was meant.
      const meant = issue.errors.filter((branch) =>
        branch.every(({ path, code }) => path.length > 0 || code === "unrecognized_keys")
      );
      if (meant.length === 1) return meant[0]!.flatMap((inner) => readIssue(inner, value, path));
      return [{ path, problem: "wrong", ...message }];
    }
    case "invalid_type":
    case "invalid_value":
      if (path.length > 0 && valueAt(value, path) === undefined) {
        return [{ path, problem: "missing" }];
      }
      return [{ path, problem: "wrong", ...message }];
    default:
      return [{ path, problem: "wrong", ...message }];
  }
}

/**
 * Keys that a schema does not know, in mappings that zod would let pass and drop.
 *
 * A schema says that it takes other keys by `additionalProperties` (`z.looseObject`, `z.record`).
 *
 * @param schema JSON Schema of what is accepted.
 * @param value The value.
 * @returns An entry for every such key, at any depth.
 */
export function unknownKeys(schema: JsonSchema, value: Json): SchemaIssue[] {
  if (Array.isArray(value)) {
    return value.flatMap((item: Json, index) =>
      unknownIn(schema, { key: index, value: item, fallback: [] })
    );
  }
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const fallback: SchemaIssue[] = acceptsKey(schema, key)
      ? []
      : [{ path: [key], problem: "unknown" }];
    return unknownIn(schema, { key, value: item, fallback });
  });
}

function unknownIn(
  schema: JsonSchema,
  member: { key: string | number; value: Json; fallback: SchemaIssue[] },
): SchemaIssue[] {
  const inner = schemaAt(schema, [member.key]);
  if (inner === undefined) return member.fallback;
  return unknownKeys(inner, member.value).map((issue) => ({
    ...issue,
    path: [member.key, ...issue.path],
  }));
}

function acceptsKey(schema: JsonSchema, key: string): boolean {
  const branches = branchesOf(schema) ?? schema.allOf;
  if (branches !== undefined) return branches.some((branch) => acceptsKey(branch, key));
  if (schema.type !== "object") return schema.type === undefined;
  if (Object.hasOwn(schema.properties ?? {}, key)) return true;
  const others = schema.additionalProperties;
  return others === undefined ? schema.properties === undefined : others !== false;
}

/**
 * Leaves out keys that are missing because their name is mistyped: that is one mistake, told once.
 *
 * @param issues The mistakes in a value.
 * @param schema JSON Schema of the value.
 * @returns The mistakes without those that follow from another.
 */
export function withoutSlips(issues: readonly SchemaIssue[], schema: JsonSchema): SchemaIssue[] {
  const meant = new Set<string>();
  for (const { path, problem } of issues) {
    if (problem !== "unknown") continue;
    const owner = path.slice(0, -1);
    const names = Object.keys(schemaAt(schema, owner)?.properties ?? {});
    const close = nearest(String(path.at(-1)), names);
    if (close !== undefined) meant.add(JSON.stringify([...owner, close]));
  }
  return issues.filter(({ path, problem }) =>
    problem !== "missing" || !meant.has(JSON.stringify(path))
  );
}

/** The words for one kind of value: how messages name a part of it. */
export interface IssueWords {
  /** Names the part at a path: `option "stratify" of stage "split"`. */
  readonly subject: (path: NodePath) => string;
  /** What its keys are called in a list of the valid ones: `options of "split"`. */
  readonly keys: (path: NodePath) => string;
}

/**
 * The sentence for an issue.
 *
 * @param issue The mistake.
 * @param options `value` that was checked, its JSON `schema`, and the `words` to use.
 * @returns What, requirement and nearest name.
 */
export function explainIssue(
  issue: SchemaIssue,
  options: { value: Json; schema: JsonSchema; words: IssueWords },
): Problem {
  const { value, schema, words } = options;
  const { path } = issue;
  const subject = words.subject(path);
  switch (issue.problem) {
    case "unknown": {
      const owner = path.slice(0, -1);
      const names = Object.keys(schemaAt(schema, owner)?.properties ?? {});
      const close = nearest(String(path.at(-1)), names);
      return {
        what: `unknown ${subject}`,
        requirement: names.length === 0
          ? `there are no ${words.keys(owner)}`
          : `${words.keys(owner)}: ${names.join(", ")}`,
        nearest: close,
      };
    }
    case "missing":
      return { what: `missing ${subject}`, requirement: requirementOf(issue, schema) };
    case "name":
      return {
        what: `${subject} has a name that cannot be used`,
        requirement: `a name is made of: ${issue.message ?? "other characters"}`,
      };
    case "wrong": {
      const given = valueAt(value, path);
      const choices = choicesOf(schemaAt(schema, path) ?? {}) ?? [];
      return {
        what: `${subject} cannot be ${shownValue(given)}`,
        requirement: requirementOf(issue, schema),
        nearest: typeof given === "string" && !choices.includes(given)
          ? nearest(given, choices.filter((choice) => typeof choice === "string"))
          : undefined,
      };
    }
  }
}

/** "it must be a number above 0 (initial learning rate; default 5e-5)". */
function requirementOf(issue: SchemaIssue, schema: JsonSchema): string {
  const own = schemaAt(schema, issue.path) ?? {};
  const must = `it must be ${issue.message ?? schemaWords(own)}`;
  const remarks: string[] = [];
  const doc = own.description?.split(/\.(?:\s|$)/, 1)[0] ?? "";
  if (doc !== "" && doc.length <= MAX_REMARK) remarks.push(doc);
  const isEmpty = JSON.stringify(own.default ?? "").length <= 2 && typeof own.default !== "number";
  if (!isEmpty) remarks.push(`default ${formatLabel(own.default ?? null)}`);
  return remarks.length === 0 ? must : `${must} (${remarks.join("; ")})`;
}

/** A value in a message: `"fast" (text)`, `3 (a number)`; cut where it is long. */
function shownValue(value: Json | undefined): string {
  if (value === undefined || value === null) return typeName(value);
  const json = JSON.stringify(value);
  const shown = json.length > 60 ? `${json.slice(0, 57)}…` : json;
  return typeof value === "boolean" ? shown : `${shown} (${typeName(value)})`;
}

/** The part of a value at a path; undefined where there is none. */
export function valueAt(value: Json, path: NodePath): Json | undefined {
  let part: Json | undefined = value;
  for (const step of path) {
    if (Array.isArray(part)) part = part[Number(step)];
    else if (isJsonObject(part) && Object.hasOwn(part, step)) part = (part as JsonObject)[step];
    else return undefined;
  }
  return part;
}
