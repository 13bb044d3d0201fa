/**
 * What a run tells while it goes on, and the lines by which a stage's process talks to the runner.
 *
 * A {@linkcode RunEvent} is one line of `events.ndjson` and of `--json`, and what the terminal draws.
 * A {@linkcode ChildMessage} never leaves the runner: it becomes an event with the stage's name on it.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import type { Location, UserErrorParts } from "../../base/errors.ts";
import type { Kind, SummaryEntry } from "../stage.ts";

export type { SummaryEntry };

/** How a stage of a run ended. */
export type StageOutcome = "cached" | "done" | "failed" | "blocked" | "interrupted";

/** A failure as data: what of an error survives the way out of a process. */
export interface StageFailure {
  /** What could not be done and why. */
  readonly what: string;
  readonly requirement?: string | undefined;
  readonly remedy?: string | undefined;
  readonly nearest?: string | undefined;
  readonly at?: Location | undefined;
  /** Where in the code it was thrown, for errors that are no `UserError`. */
  readonly stack?: string | undefined;
  /** The last lines of the stage's log, where its process died without a word. */
  readonly lastLines?: readonly string[] | undefined;
}

/** One thing that happened. `time` is ISO 8601 in UTC; durations are milliseconds. */
export type RunEvent =
  | {
    readonly type: "run_start";
    readonly time: string;
    readonly run: string;
    readonly folder: string;
    readonly pipeline: string;
    readonly file: string;
    readonly stages: readonly string[];
    readonly jobs: number;
  }
  | {
    readonly type: "stage_start";
    readonly time: string;
    readonly stage: string;
    readonly key: string;
    readonly reasons: readonly string[];
    /** Only stages that compute have a device and threads. */
    readonly device?: string;
    readonly device_why?: string;
    readonly threads?: number;
  }
  | {
    readonly type: "progress";
    readonly time: string;
    readonly stage: string;
    readonly done: number;
    readonly total: number;
    readonly unit: string;
  }
  | {
    readonly type: "log";
    readonly time: string;
    readonly stage: string;
    readonly message: string;
  }
  | {
    readonly type: "summary";
    readonly time: string;
    readonly stage: string;
    readonly entry: SummaryEntry;
  }
  | {
    readonly type: "note";
    readonly time: string;
    readonly stage?: string;
    readonly text: string;
  }
  | {
    readonly type: "stage_end";
    readonly time: string;
    readonly stage: string;
    readonly outcome: StageOutcome;
    /** How long this run worked on it. */
    readonly duration: number;
    readonly key?: string;
    readonly artifact?: string;
    readonly kind?: Kind;
    /** What it had to say when it was computed: now, or in the run it was taken from. */
    readonly summary?: readonly SummaryEntry[];
    readonly failure?: StageFailure;
    /** Stages that failed and so kept it from running. */
    readonly blocked_by?: readonly string[];
    readonly log?: string;
  }
  | {
    readonly type: "run_end";
    readonly time: string;
    readonly run: string;
    readonly folder: string;
    readonly latest: string;
    readonly status: "done" | "failed" | "interrupted";
    readonly duration: number;
    /** Stage -> the folder a person opens. */
    readonly artifacts: Readonly<Record<string, string>>;
  };

/** What a stage's process says on its standard output. */
export type ChildMessage =
  | {
    readonly type: "progress";
    readonly done: number;
    readonly total: number;
    readonly unit: string;
  }
  | { readonly type: "log"; readonly message: string }
  | { readonly type: "summary"; readonly entry: SummaryEntry }
  | { readonly type: "result"; readonly value: Json }
  | { readonly type: "error"; readonly error: ThrownError };

/** What a stage threw, before it is put into words for a person. */
export interface ThrownError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** The system's code, `ENOSPC`, of it or of the nearest error underneath that has one. */
  readonly code?: string | undefined;
  /** The parts of a `UserError`; undefined for any other. */
  readonly parts: Omit<UserErrorParts, "cause"> | undefined;
  /** Messages and stacks of the errors underneath, nearest first. */
  readonly causes: readonly string[];
}

/**
 * What marks a protocol line among whatever a stage prints: ASCII record separator and a name. It
 * is no secret; a stage that fakes its own progress deceives only its own user.
 */
const MESSAGE_PREFIX = "\x1etemper:";

/** A message as the line that carries it, without the newline. */
export function encodeMessage(message: ChildMessage): string {
  return MESSAGE_PREFIX + JSON.stringify(message);
}

/**
 * Takes apart one line of a stage's standard output.
 *
 * A stage may have printed without a newline before the message; that text comes back as `text`. A
 * line that has the mark and not the form of a message is text, too: whatever a stage prints, the
 * runner goes on.
 */
export function decodeLine(line: string): { text?: string; message?: ChildMessage } {
  const start = line.indexOf(MESSAGE_PREFIX);
  if (start < 0) return { text: line };
  let message: unknown;
  try {
    message = JSON.parse(line.slice(start + MESSAGE_PREFIX.length));
  } catch {
    return { text: line };
  }
  if (!isChildMessage(message)) return { text: line };
  return start === 0 ? { message } : { text: line.slice(0, start), message };
}

type Loose = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isChildMessage(value: unknown): value is ChildMessage {
  if (!isObject(value)) return false;
  switch (value.type) {
    case "progress":
      return Number.isFinite(value.done) && Number.isFinite(value.total) &&
        typeof value.unit === "string";
    case "log":
      return typeof value.message === "string";
    case "summary":
      return isSummaryEntry(value.entry);
    case "result":
      return value.value !== undefined;
    case "error":
      return isThrownError(value.error);
    default:
      return false;
  }
}

/** Whether a value has the form of a {@linkcode SummaryEntry}. */
export function isSummaryEntry(value: unknown): value is SummaryEntry {
  if (!isObject(value)) return false;
  const isFigure = (figure: unknown): boolean =>
    isObject(figure) && typeof figure.label === "string" && typeof figure.value === "number";
  switch (value.type) {
    case "figure":
      return isFigure(value) && (value.compare === undefined || isFigure(value.compare));
    case "text":
      return typeof value.prompt === "string" && typeof value.text === "string";
    case "note":
      return typeof value.text === "string";
    default:
      return false;
  }
}

function isThrownError(value: unknown): value is ThrownError {
  if (!isObject(value)) return false;
  const { name, message, stack, code, parts, causes } = value;
  const isText = (text: unknown): boolean => text === undefined || typeof text === "string";
  if (typeof name !== "string" || typeof message !== "string") return false;
  if (!isText(stack) || !isText(code)) return false;
  if (!Array.isArray(causes) || !causes.every((cause) => typeof cause === "string")) return false;
  if (parts === undefined) return true;
  return isObject(parts) && typeof parts.what === "string" &&
    [parts.requirement, parts.remedy, parts.nearest].every(isText) &&
    (parts.at === undefined || isLocation(parts.at));
}

function isLocation(value: unknown): boolean {
  return isObject(value) && typeof value.file === "string" && Number.isInteger(value.line) &&
    Number.isInteger(value.column);
}
