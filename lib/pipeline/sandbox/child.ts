/**
 * One subprocess for one stage: starts it confined, feeds it its job, listens, and makes sure that
 * it ends.
 *
 * The permissions go into a generated `deno.json` rather than flags, because a flag's list is cut at
 * commas and data files have commas in their names. The entry file imports the stage by a literal
 * path, so its code needs no read permission.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { InternalError } from "../../base/errors.ts";
import { type ChildMessage, decodeLine, type ThrownError } from "./events.ts";
import type { StageJob } from "./host.ts";
import type { Grants } from "./permissions.ts";

/** How a stage's process ended. */
export type ChildOutcome =
  | { readonly type: "done"; readonly value: Json }
  | { readonly type: "threw"; readonly error: ThrownError }
  | { readonly type: "timeout" }
  | { readonly type: "interrupted" }
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
  readonly job: StageJob;
  readonly grants: Grants;
  /** Variables to start the process with. */
  readonly environment: Readonly<Record<string, string>>;
  /** An existing folder of the runner for the generated files; the process cannot read it. */
  readonly scratch: string;
  readonly timeout: number | undefined;
  /** Progress, summary entries and log messages as they come. */
  readonly onMessage: (message: ChildMessage) => void;
  /** A line for the stage's log: what it printed. */
  readonly onLine: (line: string) => void;
  /** How long a stage that was told to stop may take, in milliseconds; default 5000. */
  readonly patience?: number;
  /** Stop: politely, then when the patience is at its end for good. */
  readonly stop: AbortSignal;
  /** Stop for good, now. */
  readonly kill: AbortSignal;
}

/** How long a stage that was told to stop may take. */
const STOP_PATIENCE_MS = 5000;

/** How many of the last lines are worth showing where a process died without a word. */
const LAST_LINES = 10;

const HOST = import.meta.resolve("./host.ts");
const PROJECT = new URL("../../../", import.meta.url);

/**
 * Runs one stage in a process of its own.
 *
 * @returns How it ended; a stage's failure is a value, only a bug throws.
 */
export async function runChild(options: ChildOptions): Promise<ChildOutcome> {
  if (options.stop.aborted || options.kill.aborted) return { type: "interrupted" };
  const { config, entry } = await writeEntry(options);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      "--no-check",
      "--config",
      config,
      "-P=stage",
      entry,
    ],
    cwd: options.scratch,
    env: { NO_COLOR: "1", ...options.environment },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();

  let ended = false;
  let reason: "timeout" | "interrupted" | undefined;
  const signal = (name: Deno.Signal): void => {
    if (ended) return;
    try {
      child.kill(name);
    } catch {
      // It ended between the check and the call.
    }
  };
  let patience: ReturnType<typeof setTimeout> | undefined;
  const stop = (why: "timeout" | "interrupted"): void => {
    reason ??= why;
    signal("SIGTERM");
    patience ??= setTimeout(() => signal("SIGKILL"), options.patience ?? STOP_PATIENCE_MS);
  };
  const onStop = (): void => stop("interrupted");
  const onKill = (): void => {
    reason ??= "interrupted";
    signal("SIGKILL");
  };
  options.stop.addEventListener("abort", onStop);
  options.kill.addEventListener("abort", onKill);
  const limit = options.timeout === undefined
    ? undefined
    : setTimeout(() => stop("timeout"), options.timeout);

  const lastLines: string[] = [];
  const print = (line: string): void => {
    lastLines.push(line);
    if (lastLines.length > LAST_LINES) lastLines.shift();
    options.onLine(line);
  };
  let value: Json | undefined;
  let error: ThrownError | undefined;
  const hear = (line: string): void => {
    const { text, message } = decodeLine(line);
    if (text !== undefined) print(text);
    if (message === undefined) return;
    if (message.type === "result") value = message.value;
    else if (message.type === "error") error = message.error;
    else {
      if (message.type === "log") print(message.message);
      options.onMessage(message);
    }
  };

  // Kept open until the process has ended: its closing tells the process that the runner is dead.
  const stdin = child.stdin.getWriter();
  try {
    const sent = stdin.write(new TextEncoder().encode(JSON.stringify(options.job) + "\n")).catch(
      () => {/* The process died early; its status says more. */},
    );
    const [status] = await Promise.all([
      child.status,
      eachLine(child.stdout, hear),
      eachLine(child.stderr, print),
      sent,
    ]);
    ended = true;
    if (reason !== undefined) return { type: reason };
    if (error !== undefined) return { type: "threw", error };
    if (status.success && value !== undefined) return { type: "done", value };
    return { type: "died", code: status.code, signal: status.signal ?? undefined, lastLines };
  } finally {
    ended = true;
    clearTimeout(limit);
    clearTimeout(patience);
    options.stop.removeEventListener("abort", onStop);
    options.kill.removeEventListener("abort", onKill);
    await stdin.close().catch(() => {});
  }
}

/** Writes the generated `deno.json` and the entry file into the scratch folder. */
async function writeEntry(options: ChildOptions): Promise<{ config: string; entry: string }> {
  const config = `${options.scratch}/deno.json`;
  const entry = `${options.scratch}/entry.ts`;
  const lock = `${options.scratch}/deno.lock`;
  const settings = {
    imports: await importMap(),
    nodeModulesDir: "none",
    // A copy: processes side by side would rewrite the project's own.
    lock: { path: lock },
    permissions: { stage: options.grants },
  };
  const code = `import { host } from ${JSON.stringify(HOST)};\n` +
    `await host(() => import(${JSON.stringify(options.module)}));\n`;
  await Promise.all([
    Deno.writeTextFile(config, JSON.stringify(settings, undefined, 2)),
    Deno.writeTextFile(entry, code),
    Deno.copyFile(new URL("deno.lock", PROJECT), lock).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }),
  ]);
  return { config, entry };
}

let imports: Promise<Record<string, string>> | undefined;

/** The project's import map with absolute addresses: the generated config lies elsewhere. */
function importMap(): Promise<Record<string, string>> {
  imports ??= (async () => {
    const url = new URL("deno.json", PROJECT);
    const config = JSON.parse(await Deno.readTextFile(url)) as { imports?: Record<string, string> };
    if (config.imports === undefined) throw new InternalError("deno.json has no imports");
    const absolute: Record<string, string> = {};
    for (const [name, target] of Object.entries(config.imports)) {
      absolute[name] = /^\.{0,2}\//.test(target) ? new URL(target, url).href : target;
    }
    return absolute;
  })();
  return imports;
}

/** Calls `each` for every line of a stream, without its end; the last one needs no newline. */
async function eachLine(
  stream: ReadableStream<Uint8Array>,
  each: (line: string) => void,
): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) each(line.endsWith("\r") ? line.slice(0, -1) : line);
  }
  rest += decoder.decode();
  if (rest !== "") each(rest);
}
