/**
 * What the runner and the process of a stage say to each other.
 *
 * The runner writes one {@linkcode Request} as a line of JSON to standard input, which it then leaves
 * open: its end means that the runner is dead. The process answers on standard output with lines that
 * begin with a mark, a {@linkcode Message} each; the last is a result or an error. Whatever else it
 * prints is text for the log.
 *
 * The process runs code that nobody has looked at, and what it says decides how the stage is run
 * later; so the form of all of it is checked here.
 *
 * @module
 */
import type { Device } from "../../base/device.ts";
import { z } from "zod";
import {
  hasMoreValues,
  isJsonObject,
  type Json,
  type JsonObject,
  parseJson,
} from "../../base/json.ts";
import type { DescribedStage } from "../definition/describe.ts";
import type { OptionsRequest } from "../definition/options.ts";
import type { Places } from "./places.ts";
import { type InputArtifact, KINDS, type Sources, type SummaryEntry } from "../stage.ts";

/** Says what an own stage is, and checks options against it. */
export interface DescribeRequest {
  readonly task: "describe";
  /** As written after `uses:`. */
  readonly uses: string;
  readonly requests: readonly OptionsRequest[];
}

/** Finds what an own stage's sources are. */
export interface ResolveRequest {
  readonly task: "resolve";
  readonly options: Readonly<Record<string, Json>>;
  /** Absolute folder of the pipeline file. */
  readonly baseDir: string;
  /** The stage's own, by source. */
  readonly pins: readonly (readonly [source: string, pin: Json])[];
  readonly update: boolean;
  readonly offline: boolean;
  /** Names of the variables it was granted. */
  readonly env: readonly string[];
  /** Where copies of what it was granted lie. */
  readonly places: Places;
}

/** Does the work. */
export interface RunRequest {
  readonly task: "run";
  readonly inputs: Readonly<Record<string, InputArtifact>>;
  readonly lists: Readonly<Record<string, readonly InputArtifact[]>>;
  /** Absolute; empty and writable. */
  readonly output: string;
  /** A folder that outlives the run, for stages that declare one. */
  readonly cache?: string | undefined;
  /** The folder of its key, for stages that go on after a kill. */
  readonly resume?: string | undefined;
  readonly options: Readonly<Record<string, Json>>;
  readonly seed: number;
  readonly sources: Json;
  readonly device: Device;
  readonly threads: number;
  readonly offline: boolean;
  /** Names of the variables it was granted. */
  readonly env: readonly string[];
  /** Where copies of what it was granted, and of its sources, lie. */
  readonly places: Places;
}

/** What a stage's process is asked to do, once. */
export type Request = DescribeRequest | ResolveRequest | RunRequest;

/** Whether the process closes itself up before it loads the stage: not for a built-in one. */
export interface Confining {
  readonly confined?: true;
  /** Paths that its process may read. */
  readonly readable?: readonly string[];
}

/** What each task comes to. */
export interface Answers {
  readonly describe: DescribedStage;
  readonly resolve: {
    readonly sources: Sources;
    /** What it set, as `pinText` writes it. */
    readonly pins: readonly (readonly [source: string, text: string])[];
    /** Sources whose pins it asked for. */
    readonly asked: readonly string[];
  };
  readonly run: null;
}

const text = z.string();
const texts = z.array(text);
const kind = z.enum(KINDS);
// All of it came out of JSON, whose depth `parseLine` bounds; zod would walk it again, a dozen calls a
// level, and `z.record` would drop a member that is called `__proto__`.
const anyJson = z.custom<Json>((value) => value !== undefined);
const json = z.custom<JsonObject>(isJsonObject);

/** A stage may mean an infinite number; what comes out of JSON is finite. */
const anyNumber = z.custom<number>((value) => typeof value === "number");
const figure = { label: text, value: anyNumber };
const summaryEntry = z.discriminatedUnion("type", [
  z.object({ type: z.literal("figure"), ...figure, compare: z.object(figure).exactOptional() }),
  z.object({ type: z.literal("text"), prompt: text, text }),
  z.object({ type: z.literal("note"), text }),
  z.object({
    type: z.literal("rules"),
    title: text,
    rows: z.number(),
    rules: z.array(
      z.object({
        rule: text,
        rows: z.number(),
        of: z.number().exactOptional(),
        examples: z.array(text).readonly(),
      }),
    ).readonly(),
  }),
]);

const reports = [
  z.object({
    type: z.literal("progress"),
    done: z.number(),
    total: z.number(),
    unit: text,
    also: z.object({ done: z.number(), unit: text }).exactOptional(),
  }),
  z.object({ type: z.literal("log"), message: text }),
  z.object({ type: z.literal("summary"), entry: summaryEntry }),
] as const;
const report = z.discriminatedUnion("type", reports);

const misuse = { what: text, requirement: text.exactOptional(), remedy: text.exactOptional() };
const place = z.object({
  file: text,
  line: z.int(),
  column: z.int(),
  length: z.int().exactOptional(),
  text: text.exactOptional(),
});
const thrownError = z.object({
  name: text,
  message: text,
  stack: text.exactOptional(),
  /** The system's code, `ENOSPC`, of it or of the nearest error underneath that has one. */
  code: text.exactOptional(),
  /** The parts of a `UserError`; absent for any other. */
  parts: z.object({ ...misuse, nearest: text.optional(), at: place.optional() }).exactOptional(),
  /** Messages and stacks of the errors underneath, nearest first. */
  causes: texts,
});

const message = z.discriminatedUnion("type", [
  ...reports,
  /** It is done; of the form that {@linkcode Answers} gives its task. */
  z.object({ type: z.literal("result"), value: anyJson }),
  z.object({ type: z.literal("error"), error: thrownError }),
]);

/** What a stage's process says while it is at work. */
export type Report = z.infer<typeof report>;

/** What a stage's process says. */
export type Message = z.infer<typeof message>;

/** What a stage threw, before it is put into words for a person. */
export type ThrownError = z.infer<typeof thrownError>;

const described = z.object({
  description: z.object({
    uses: text,
    module: text,
    builtin: z.boolean(),
    doc: text,
    version: z.number(),
    inputs: z.record(
      text,
      z.object({ kinds: z.array(kind), optional: z.boolean(), many: z.boolean() }),
    ),
    output: z.array(kind),
    optionsSchema: json,
    permissions: z.object({
      net: texts.exactOptional(),
      env: texts.exactOptional(),
      read: texts.exactOptional(),
      ffi: z.boolean().exactOptional(),
    }),
    compute: z.boolean(),
    cache: z.boolean(),
    resumable: z.boolean(),
    resolves: z.boolean(),
  }),
  results: z.array(z.discriminatedUnion("ok", [
    z.object({ ok: z.literal(true), options: json, output: kind }),
    z.object({
      ok: z.literal(false),
      value: json,
      issues: z.array(z.object({
        path: z.array(z.union([text, z.number()])),
        problem: z.enum(["unknown", "missing", "wrong", "name"]),
        message: text.exactOptional(),
      })),
      misuse: z.object(misuse).exactOptional(),
      failure: text.exactOptional(),
    }),
  ])),
  optionNames: texts,
});

const resolved = z.object({
  sources: z.object({
    key: anyJson,
    data: anyJson.exactOptional(),
    read: texts.exactOptional(),
    net: texts.exactOptional(),
    env: texts.exactOptional(),
  }),
  pins: z.array(z.tuple([text, text])),
  asked: texts,
});

const ANSWERS: { readonly [T in keyof Answers]: z.ZodType<Answers[T]> } = {
  describe: described,
  resolve: resolved,
  run: z.null(),
};

/**
 * Reads the answer to a task.
 *
 * @returns undefined where it has not the form of one.
 */
export function parseAnswer<T extends keyof Answers>(task: T, value: Json): Answers[T] | undefined {
  return ANSWERS[task].safeParse(value).data;
}

/** Whether a value has the form of a {@linkcode SummaryEntry}. */
export function isSummaryEntry(value: unknown): value is SummaryEntry {
  return summaryEntry.safeParse(value).success;
}

/**
 * What marks a message among whatever a stage prints: ASCII record separator and a name. It is no
 * secret; a stage that fakes its own messages deceives only its own user.
 */
export const MARK = "\x1etemper:";

/** How much a message may say. */
export interface MessageBounds {
  /** Characters; a longer one is left out. */
  readonly length: number;
  /** Values of JSON: an empty object takes two characters of text, and fifty bytes of memory. */
  readonly values: number;
}

/**
 * What the messages of a process may hold: the sources that `resolve` found may be a hundred thousand files,
 * each with its path and digest; a stage at work only reports, and its result is that it has come to its end.
 */
export const MESSAGE_BOUNDS: Readonly<Record<Request["task"], MessageBounds>> = {
  describe: { length: 1 << 24, values: 500_000 },
  resolve: { length: 1 << 26, values: 2_000_000 },
  run: { length: 1 << 22, values: 10_000 },
};

/**
 * Takes apart one line of a stage's standard output.
 *
 * A stage may have printed without a newline before the message; that text comes back as `text`. A
 * line that has the mark and not the form of a message is text, too: whatever a stage prints, the
 * runner goes on.
 *
 * @param most Values of JSON that a message may have; default any number.
 */
export function parseLine(
  line: string,
  most: number = Infinity,
): { text?: string; message?: Message } {
  const start = line.indexOf(MARK);
  if (start < 0) return { text: line };
  let value: unknown;
  try {
    const json = line.slice(start + MARK.length);
    if (hasMoreValues(json, most)) return { text: line };
    value = parseJson(json);
  } catch {
    return { text: line };
  }
  const { data } = message.safeParse(value);
  if (data === undefined) return { text: line };
  return { ...(start === 0 ? {} : { text: line.slice(0, start) }), message: data };
}
