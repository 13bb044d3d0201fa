/**
 * Reads what a process without permissions said about an own stage.
 *
 * The process runs code that nobody has looked at, and what it says decides how the stage is run
 * later; so its form is checked, and who it speaks for is not taken from it.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { z } from "zod";
import type { StageIdentity } from "../definition/describe.ts";
import type { DescribeAnswer } from "./describe_host.ts";
import { KINDS } from "../stage.ts";

const kind = z.enum(KINDS);
const texts = z.array(z.string());
const json = z.record(z.string(), z.json());

const description = z.strictObject({
  uses: z.string(),
  module: z.string(),
  builtin: z.boolean(),
  doc: z.string(),
  version: z.number(),
  inputs: z.record(
    z.string(),
    z.strictObject({ kinds: z.array(kind), optional: z.boolean(), many: z.boolean() }),
  ),
  output: z.array(kind),
  optionsSchema: json,
  permissions: z.strictObject({
    net: texts.optional(),
    env: texts.optional(),
    read: texts.optional(),
    ffi: z.boolean().optional(),
  }),
  compute: z.boolean(),
  cache: z.boolean(),
  resumable: z.boolean(),
  resolves: z.boolean(),
});

const result = z.discriminatedUnion("ok", [
  z.strictObject({ ok: z.literal(true), options: json, output: kind }),
  z.strictObject({
    ok: z.literal(false),
    value: json,
    issues: z.array(z.strictObject({
      path: z.array(z.union([z.string(), z.number()])),
      problem: z.enum(["unknown", "missing", "wrong", "name"]),
      message: z.string().optional(),
    })),
    misuse: z.strictObject({
      what: z.string(),
      requirement: z.string().optional(),
      remedy: z.string().optional(),
    }).optional(),
    failure: z.string().optional(),
  }),
]);

const answer = z.discriminatedUnion("ok", [
  z.strictObject({
    ok: z.literal(true),
    description,
    results: z.array(result),
    optionNames: texts,
  }),
  z.strictObject({
    ok: z.literal(false),
    reason: z.enum(["import", "definition", "spec"]),
    name: z.string(),
    message: z.string(),
  }),
]);

/**
 * Reads an answer.
 *
 * @param value The answer, from a process or from what was remembered.
 * @param options `identity`: whose it is; `count`: how many options it was asked about.
 * @returns The answer; undefined where it has not the form of one.
 */
export function readAnswer(
  value: Json,
  { identity, count }: { identity: StageIdentity; count: number },
): DescribeAnswer | undefined {
  const parsed = answer.safeParse(value);
  if (!parsed.success) return undefined;
  const { data } = parsed;
  if (!data.ok) return data;
  if (data.results.length !== count) return undefined;
  const { uses, module, builtin } = identity;
  return {
    ...data,
    description: { ...data.description, uses, module, builtin },
  } as DescribeAnswer;
}
