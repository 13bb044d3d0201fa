/**
 * One process for one request about a stage: starts it confined, hands it the request, and listens.
 *
 * The entry file imports the stage by a literal path, so its code needs no read permission.
 *
 * @module
 */
import { join } from "node:path";
import { fileUrl } from "../../base/paths.ts";
import { runProcess } from "../code/process.ts";
import { type Grants, PERMISSION_SET, writeConfig } from "../code/process_config.ts";
import { cutError, cutLine, ReportBounds } from "./bounds.ts";
import {
  type Answers,
  MARK,
  type Message,
  parseAnswer,
  parseLine,
  type Report,
  type Request,
  type ThrownError,
} from "./protocol.ts";

/** How a stage's process ended. */
export type ChildOutcome<A> =
  | { readonly type: "done"; readonly value: A }
  | { readonly type: "threw"; readonly error: ThrownError }
  | {
    /** Its time was up, it printed more than it may, it was told to stop. */
    readonly type: "timeout" | "flood" | "interrupted";
  }
  | {
    readonly type: "died";
    readonly code: number;
    readonly signal: string | undefined;
    readonly lastLines: readonly string[];
  };

/** Everything one process needs. */
export interface ChildOptions {
  /** `file:` URL of the stage's module. */
  readonly module: string;
  /** Absolute folder with `deno.json`, whose import map says what "temper" is. */
  readonly project: string;
  readonly grants: Grants;
  /** Variables to start the process with. */
  readonly environment?: Readonly<Record<string, string>>;
  /** An existing folder of the runner for the generated files; the process cannot read it. */
  readonly folder: string;
  /** Whether it may use only what is on this machine of what it imports. */
  readonly cachedOnly?: boolean;
  readonly timeout?: number | undefined;
  readonly maxOutput?: number;
  /** Progress, summary entries and log messages as they come. */
  readonly onReport?: (report: Report) => void;
  /** A line for the stage's log: what it printed. */
  readonly onLine?: (line: string) => void;
  /** How long a stage that was told to stop may take, in milliseconds. */
  readonly patience?: number;
  /** Stop: politely, then when the patience is at its end for good. */
  readonly stop?: AbortSignal | undefined;
  /** Stop for good, now. */
  readonly kill?: AbortSignal | undefined;
}

/** The module that answers on the other side. */
export const HOST: string = import.meta.resolve("./host.ts");

/** How long a stage that was told to stop may take. */
const STOP_PATIENCE_MS = 5000;

/** How many of the last lines are worth showing where a process died without a word. */
const LAST_LINES = 10;

/**
 * Asks a stage in a process of its own.
 *
 * @returns How it ended; a stage's failure is a value, only a bug throws.
 */
export async function runChild<R extends Request>(
  request: R,
  options: ChildOptions,
): Promise<ChildOutcome<Answers[R["task"]]>> {
  const { module, project, grants, folder } = options;
  const config = await writeConfig(folder, { project, grants });
  const entry = join(folder, "entry.ts");
  await Deno.writeTextFile(
    entry,
    `import { host } from ${JSON.stringify(HOST)};\n` +
      `await host(() => import(${JSON.stringify(module)}));\n`,
  );
  const lastLines: string[] = [];
  const print = (line: string): void => {
    lastLines.push(cutLine(line));
    if (lastLines.length > LAST_LINES) lastLines.shift();
    options.onLine?.(line);
  };
  const reports = new ReportBounds((report) => options.onReport?.(report));
  let last: Exclude<Message, Report> | undefined;
  const end = await runProcess({
    args: [
      ..."run --no-prompt --quiet --no-check".split(" "),
      ...(options.cachedOnly ? ["--cached-only"] : []),
      ...["--config", config, `-P=${PERMISSION_SET}`, fileUrl(entry)],
    ],
    cwd: folder,
    environment: options.environment ?? {},
    input: JSON.stringify(request) + "\n",
    onStdout: (line) => {
      const { text, message } = parseLine(line);
      if (text !== undefined) print(text);
      if (message === undefined) return;
      if (message.type === "result" || message.type === "error") {
        last = message;
        return;
      }
      if (message.type === "log") print(message.message);
      reports.take(message);
    },
    mark: MARK,
    onStderr: print,
    timeout: options.timeout,
    ...(options.maxOutput === undefined ? {} : { maxOutput: options.maxOutput }),
    patience: options.patience ?? STOP_PATIENCE_MS,
    stop: options.stop,
    kill: options.kill,
  });
  reports.end();
  if (end.type !== "ended") return { type: end.type };
  if (last?.type === "error") return { type: "threw", error: cutError(last.error) };
  if (last === undefined || end.code !== 0) {
    return { type: "died", code: end.code, signal: end.signal, lastLines };
  }
  const value = parseAnswer<R["task"]>(request.task, last.value);
  return value === undefined
    ? { type: "threw", error: noAnswer(request.task) }
    : { type: "done", value };
}

/** The error for an answer of another form than its task has. */
function noAnswer(task: Request["task"]): ThrownError {
  const parts = {
    what: `the stage's answer to "${task}" is none`,
    requirement: task === "resolve"
      ? "resolve() returns { key, data?, read?, net?, env? }: a key in JSON, lists of texts"
      : "a stage's module leaves JSON and standard output as they are",
  };
  return { name: "UserError", message: parts.what, parts, causes: [] };
}
