/**
 * The shape of a pipeline file, once: the checks, the types and the JSON Schema for editors come from it.
 *
 * It describes the file after `${{ }}` was evaluated and without the keys beginning with `x-`,
 * which a file may have to hold anchors. What a stage's options are is the stage's own matter.
 *
 * @module
 */
import { z } from "zod";
import { isVisibleName } from "../../base/outside/text.ts";
import { HOST, HOST_WORDS, PATH_WORDS, VARIABLE, VARIABLE_WORDS } from "./permission_forms.ts";

/** Names of stages: they become folder names and parts of ids. */
export const STAGE_NAME = /^[a-z0-9_-]+$/;
/** Names of pipelines: they become parts of folder names. */
const PIPELINE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** Keys of a matrix: they stand in ids and after `matrix.`. */
export const MATRIX_KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;
const TIMEOUT_WORDS = "a number of seconds above 0, or text such as 90s, 30m, 2h";
const TIMEOUT = /^(\d+(?:\.\d+)?)(s|m|h)$/;

const schedule = z.strictObject({
  cron: z.string().describe(
    "When to run: five fields, minute hour day-of-month month day-of-week, such as `0 3 * * 1`.",
  ),
  timezone: z.string().default("UTC").describe(
    "IANA time zone that the cron expression is meant in, such as `Europe/Berlin`.",
  ),
  overlap: z.enum(["skip", "queue", "cancel"]).default("skip").describe(
    "What to do where the last run has not ended: leave this one out (skip), start it afterwards (queue), or stop the last one (cancel).",
  ),
  catch_up: z.enum(["none", "latest", "all"]).default("latest").describe(
    "What to do about runs that were missed while nothing was running: nothing, the latest one, or all of them.",
  ),
}).describe("When the pipeline is to run by itself (`deno task schedule`).");

const permissions = z.strictObject({
  net: z.array(z.string().regex(HOST, { error: HOST_WORDS })).optional().describe(
    "Hosts (`host` or `host:port`) it may connect to.",
  ),
  env: z.array(z.string().regex(VARIABLE, { error: VARIABLE_WORDS })).optional().describe(
    "Environment variables it may read.",
  ),
  read: z.array(z.string().min(1).refine(isVisibleName, { error: PATH_WORDS })).optional().describe(
    "Files and folders it may read, relative to the pipeline file.",
  ),
  ffi: z.boolean().optional().describe("Whether it may load native libraries."),
}).describe(
  "What an own stage is granted beyond reading its inputs and writing its output. It gets what its module asks for; everything that it asks for has to be granted here.",
);

/** One stage, as written. */
export const stageSchema = z.strictObject({
  uses: z.string().min(1).describe(
    "What the stage does: the name of a built-in stage (`deno task stages` lists them), or the path of an own one, from this file: `./my_stage.ts`.",
  ),
  description: z.string().optional().describe("A remark for readers."),
  inputs: z.record(
    z.string(),
    z.union([z.string(), z.array(z.string())]),
  ).default({}).describe(
    "Role -> the stage whose output it reads. `tuned@*` is every cell of a matrix, `tuned@seed=1` one cell; a role that takes any number also takes a list.",
  ),
  with: z.record(z.string(), z.unknown()).default({}).describe(
    "Options of the stage (`deno task stages NAME` documents them).",
  ),
  matrix: z.record(
    z.string().regex(MATRIX_KEY, { error: "letters, digits and `_`, no digit first" }),
    z.array(z.unknown()).min(1),
  ).default({}).describe(
    "Key -> list of values. The stage runs once for every combination. A key that is the name of an option sets it; every key is `${{ matrix.key }}`.",
  ),
  permissions: permissions.optional(),
  timeout: z.union([
    z.number().positive({ error: TIMEOUT_WORDS }),
    z.string().regex(TIMEOUT, { error: TIMEOUT_WORDS }),
  ], { error: TIMEOUT_WORDS }).optional().describe(
    "Time after which the stage is stopped: seconds, or text such as `90s`, `30m`, `2h`. Default: no limit.",
  ),
}).describe("A stage: what it does, what it reads, how.");

/** The file. */
export const pipelineSchema = z.strictObject({
  name: z.string().regex(PIPELINE_NAME, {
    error: "letters, digits, `.`, `_` and `-`, a letter or digit first",
  }).describe("Name of the pipeline, part of the names of its runs."),
  description: z.string().optional().describe("A remark for readers."),
  seed: z.int().min(0).max(0xffff_ffff).default(42).describe(
    "Every random choice of every stage follows from it.",
  ),
  params: z.record(z.string(), z.unknown()).default({}).describe(
    "Values to be used as `${{ params.key }}` and replaced by `-p key=value`. The default decides the type.",
  ),
  env: z.array(z.string().min(1)).default([]).describe(
    "Environment variables that `${{ env.NAME }}` may read.",
  ),
  schedule: schedule.optional(),
  stages: z.record(
    z.string().regex(STAGE_NAME, { error: "small letters, digits, `_` and `-`" }),
    stageSchema,
  ).refine((stages) => Object.keys(stages).length > 0, { error: "at least one stage" }).describe(
    "Name -> stage. The order does not matter: inputs decide what runs first.",
  ),
});

/** The file without the bodies of its stages, which need `matrix` values to be complete. */
export const frameSchema = pipelineSchema.extend({
  stages: z.record(pipelineSchema.shape.stages.keyType, z.unknown()).refine(
    (stages) => Object.keys(stages).length > 0,
    { error: "at least one stage" },
  ),
});

/** The file's frame after checking. */
export type PipelineFrame = z.output<typeof frameSchema>;
/** A stage of the file after checking. */
export type StageFile = z.output<typeof stageSchema>;

/**
 * Milliseconds of a `timeout:`.
 *
 * @param timeout Seconds, or text that {@linkcode stageSchema} accepted.
 * @returns Milliseconds, at least 1; undefined for undefined.
 */
export function timeoutMilliseconds(timeout: number | string | undefined): number | undefined {
  if (timeout === undefined) return undefined;
  const [, amount, unit] = TIMEOUT.exec(typeof timeout === "number" ? `${timeout}s` : timeout) ??
    [];
  const seconds = typeof timeout === "number"
    ? timeout
    : Number(amount) * ({ s: 1, m: 60, h: 3600 }[unit ?? "s"] ?? 1);
  return Math.max(1, Math.round(seconds * 1000));
}
