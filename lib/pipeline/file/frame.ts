/**
 * The part of loading above the stages: parameters, allowed variables, seed, schedule.
 *
 * @module
 */
import type { Json, JsonObject } from "../../base/json.ts";
import { z } from "zod";
import { overrideParams } from "./params.ts";
import type { Problems } from "../yaml/problems.ts";
import { frameSchema, type PipelineFrame } from "../schema/pipeline_file.ts";
import { explainIssue, type IssueWords, readIssues, withoutSlips } from "../schema/issues.ts";
import type { JsonSchema } from "../schema/words.ts";
import { scheduleMistakes } from "./schedule.ts";
import { evaluateTemplates, type Scope } from "./template.ts";
import { formatPath } from "../definition/options.ts";
import {
  findNode,
  type MappingEntry,
  type MappingNode,
  type NodePath,
  nodeToJson,
  type Span,
  type YamlNode,
} from "../yaml/node.ts";

/** What the stages need from the rest of the file. */
export interface Frame {
  /** The checked keys; undefined where one of them is wrong. */
  readonly value: PipelineFrame | undefined;
  readonly params: JsonObject;
  /** What expressions in stages may name, apart from `matrix`. */
  readonly scope: Scope;
  /** Name -> stage as written; undefined where `stages:` is not a mapping. */
  readonly stages: MappingNode | undefined;
}

/** What {@linkcode readFrame} needs. */
export interface FrameOptions {
  /** `-p` options. */
  readonly overrides: readonly string[];
  /** Reads an environment variable. */
  readonly env: (name: string) => string | undefined;
  readonly problems: Problems;
}

/**
 * Reads and checks everything but the stages.
 *
 * @param root The file's mapping.
 * @param options Where parameters and variables come from, and where mistakes go.
 * @returns The frame.
 */
export async function readFrame(root: MappingNode, options: FrameOptions): Promise<Frame> {
  const { problems } = options;
  const entries = new Map([...root.entries].filter(([key]) => !key.startsWith("x-")));
  const env = readEnv(entries.get("env")?.value, options);
  const params = await readParams(entries, env, options);
  const silent = (path: readonly string[]): boolean =>
    path[0] === "params" && params.broken.has(path[1] ?? "");
  const base: Scope = {
    values: { params: params.values, env: env.values },
    unsetEnv: env.unset,
    silent,
  };

  const seed = await evaluateEntry(entries, "seed", { scope: base, problems });
  const seedValue = seed === undefined ? 42 : nodeToJson(seed);
  const scope: Scope = { ...base, values: { ...base.values, seed: seedValue } };
  const withoutMatrix: Scope = { ...scope, absent: { matrix: NO_MATRIX } };
  for (const key of entries.keys()) {
    if (["seed", "params", "env", "stages"].includes(key)) continue;
    await evaluateEntry(entries, key, { scope: withoutMatrix, problems });
  }

  const value = checkFrame({ ...root, entries }, problems);
  const schedule = entries.get("schedule")?.value;
  if (schedule?.type === "mapping") {
    for (const { key, problem } of await scheduleMistakes(nodeToJson(schedule) as JsonObject)) {
      problems.add(findNode(schedule, [key]).node.span, problem);
    }
  }
  const stages = entries.get("stages")?.value;
  return {
    value,
    params: params.values,
    scope,
    stages: stages?.type === "mapping" ? stages : undefined,
  };
}

const NO_MATRIX = {
  what: "there are no matrix values here",
  requirement: "`matrix.…` exists in stages that have a matrix or read one that has",
};

/** Evaluates the value of a key in place. */
async function evaluateEntry(
  entries: Map<string, MappingEntry>,
  key: string,
  options: { scope: Scope; problems: Problems },
): Promise<YamlNode | undefined> {
  const entry = entries.get(key);
  if (entry === undefined) return undefined;
  const value = await evaluateTemplates(entry.value, options);
  entries.set(key, { ...entry, value });
  return value;
}

/** The variables that expressions may read; those that are not set have no value. */
function readEnv(
  node: YamlNode | undefined,
  { env }: FrameOptions,
): { values: JsonObject; unset: ReadonlySet<string> } {
  const values = new Map<string, Json>();
  const unset = new Set<string>();
  for (const item of node?.type === "list" ? node.items : []) {
    if (item.type !== "scalar" || typeof item.value !== "string" || item.value === "") continue;
    const value = env(item.value);
    if (value === undefined) unset.add(item.value);
    else values.set(item.value, value);
  }
  return { values: Object.fromEntries(values), unset };
}

async function readParams(
  entries: Map<string, MappingEntry>,
  env: { values: JsonObject; unset: ReadonlySet<string> },
  { overrides, problems }: FrameOptions,
): Promise<{ values: JsonObject; broken: ReadonlySet<string> }> {
  const refused = (name: string) => ({
    what: `a parameter cannot use "${name}"`,
    requirement: "parameters are literals, apart from `${{ env.NAME }}`",
  });
  const node = await evaluateEntry(entries, "params", {
    scope: {
      values: { env: env.values },
      unsetEnv: env.unset,
      absent: { params: refused("params"), seed: refused("seed"), matrix: refused("matrix") },
    },
    problems,
  });
  const broken = new Set<string>();
  if (node?.type !== "mapping") {
    // Overrides are checked against what is there: nothing.
    return {
      values: await overrideParams({}, { overrides: node ? [] : overrides, problems }),
      broken,
    };
  }
  for (const [key, { key: span, value }] of node.entries) {
    if (value.type === "invalid") broken.add(key);
    if (key === "__proto__") {
      problems.add(span, {
        what: `no parameter may be called "${key}"`,
        requirement: "JavaScript keeps that name for itself",
      });
    }
  }
  const defaults: JsonObject = {
    ...nodeToJson(node) as JsonObject,
    ...Object.fromEntries([...broken].map((key) => [key, null])),
  };
  return { values: await overrideParams(defaults, { overrides, problems }), broken };
}

/** Checks the keys of the file; `stages` only as far as names go. */
function checkFrame(root: MappingNode, problems: Problems): PipelineFrame | undefined {
  const value = nodeToJson(root);
  const parsed = frameSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const words: IssueWords = {
    subject: (path) =>
      path[0] === "stages" && path.length === 2
        ? `stage "${path[1]}"`
        : `key "${formatPath(path)}"`,
    keys: (path) => path.length === 0 ? "keys of a pipeline" : `keys of "${formatPath(path)}"`,
  };
  const schema = z.toJSONSchema(frameSchema, {
    io: "input",
    unrepresentable: "any",
  }) as JsonSchema;
  for (const issue of withoutSlips(readIssues(parsed.error.issues, value), schema)) {
    const span = issueSpan(root, issue.path, issue.problem);
    if (span === undefined) continue;
    problems.add(
      span,
      explainIssue(issue, { value, schema, words }),
    );
  }
  return undefined;
}

/**
 * Where an issue of a schema stands in the file.
 *
 * @param root Node of the value that was checked.
 * @param path The issue's path.
 * @param problem What kind of issue it is.
 * @returns Its place; undefined where the value there is invalid for a reason that was reported.
 */
export function issueSpan(
  root: YamlNode,
  path: NodePath,
  problem: "unknown" | "missing" | "wrong" | "name",
): Span | undefined {
  const { node, key, complete } = findNode(root, path);
  if (node.type === "invalid") return undefined;
  if (complete && (problem === "unknown" || problem === "name")) return key ?? node.span;
  // What is missing is missing from the mapping that has the deepest key on the way.
  return complete ? node.span : key ?? node.span;
}
