/**
 * The inside of a stage's process: takes one job from standard input, runs the stage, and tells the
 * runner what happens on standard output.
 *
 * Standard input stays open as long as the runner lives. When it closes the runner is dead, and the
 * process ends itself even where the stage never yields to the event loop: a worker watches, since
 * a stage left behind would compute for hours for nobody. Nothing here publishes a result; the
 * runner does, so a process that outlives its runner by an instant can do no harm.
 *
 * @module
 */
import type { Device } from "../../base/device.ts";
import type { Json } from "../../base/json.ts";
import { InternalError, UserError, UserErrors } from "../../base/errors.ts";
import { type ChildMessage, encodeMessage, isSummaryEntry, type ThrownError } from "./events.ts";
import type { InputArtifact, StageContext, StageDefinition, SummaryEntry } from "../stage.ts";

/** What a stage's process is asked to do; one line of JSON. */
export interface StageJob {
  /** `run` does the work; `resolve` only finds what an own stage's sources are. */
  readonly task: "run" | "resolve";
  readonly inputs: Readonly<Record<string, InputArtifact>>;
  readonly lists: Readonly<Record<string, readonly InputArtifact[]>>;
  /** Absolute; empty and writable. */
  readonly output: string;
  /** A folder that outlives the run, for stages that declare one; null for the others. */
  readonly cache: string | null;
  /** The folder of its key, for stages that go on after a kill; null for the others. */
  readonly resume: string | null;
  readonly options: Readonly<Record<string, Json>>;
  readonly seed: number;
  readonly sources: Json;
  readonly device: Device;
  readonly threads: number;
  readonly offline: boolean;
  /** Names of the variables it was granted. */
  readonly env: readonly string[];
  /** For `resolve`. */
  readonly baseDir: string;
  readonly pins: Readonly<Record<string, Json>>;
  readonly update: boolean;
}

/** Progress is told at most this often; a person reads no faster, and a step may take a millisecond. */
const PROGRESS_INTERVAL_MS = 100;

/** How long a stage may tidy up after it was told to stop. */
const GRACE_MS = 1000;

/** Reads standard input to its end, which comes when the runner dies; then nothing may go on. */
const WATCHDOG = `
self.onmessage = async () => {
  const buffer = new Uint8Array(64);
  try { while (await Deno.stdin.read(buffer) !== null); } catch { /* closed is as good as ended */ }
  try { Deno.kill(Deno.pid, "SIGKILL"); } catch { Deno.exit(1); }
};`;

/**
 * Runs the one job of this process, then ends the process.
 *
 * @param load Imports the stage's module; the entry file writes it with a literal path, which needs no read permission.
 */
export async function host(
  load: () => Promise<{ readonly default?: unknown }>,
): Promise<void> {
  const controller = new AbortController();
  catchSignals(controller);
  const job = await readJob();
  const watchdog = new Worker("data:text/javascript," + encodeURIComponent(WATCHDOG), {
    type: "module",
  });
  watchdog.postMessage("watch");
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    fail(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    fail(event.error);
  });
  withoutStorage();
  try {
    const definition = (await load()).default as StageDefinition | undefined;
    if (definition === undefined || typeof definition.run !== "function") {
      throw new UserError({
        what: "the stage's module has no definition",
        requirement: "its default export is what defineStage() returns",
      });
    }
    const value = job.task === "run"
      ? await runStage(definition, job, controller.signal)
      : await resolveSources(definition, job, controller.signal);
    send({ type: "result", value });
  } catch (error) {
    fail(error);
  }
  Deno.exit(0);
}

async function runStage(
  definition: StageDefinition,
  job: StageJob,
  signal: AbortSignal,
): Promise<Json> {
  const progress = new Progress();
  const context: StageContext<Record<string, unknown>> = {
    inputs: job.inputs,
    lists: job.lists,
    output: { path: job.output },
    options: job.options,
    seed: job.seed,
    sources: job.sources,
    ...(job.cache === null ? {} : { cache: { path: job.cache } }),
    ...(job.resume === null ? {} : { resume: { path: job.resume } }),
    device: job.device,
    threads: job.threads,
    offline: job.offline,
    env: grantedEnv(job.env),
    progress: (done, total, unit) => progress.report(done, total, unit),
    log: (message) => send({ type: "log", message: String(message) }),
    summary: (entry) => {
      if (!isSummaryEntry(entry)) throw notASummary(entry);
      send({ type: "summary", entry: inJson(entry) });
    },
    signal,
  };
  await definition.run(context);
  progress.flush();
  return null;
}

/** JSON has no infinite numbers; a perplexity may be one, and is worth telling. */
function inJson(entry: SummaryEntry): SummaryEntry {
  if (entry.type !== "figure") return entry;
  const { label, value, compare } = entry;
  if (Number.isFinite(value) && Number.isFinite(compare?.value ?? 0)) return entry;
  const beside = compare === undefined ? "" : ` (${compare.label} ${compare.value})`;
  return { type: "note", text: `${label} ${value}${beside}` };
}

/** Deno keeps these in a folder of its own and asks for no permission; a stage writes its output alone. */
function withoutStorage(): void {
  for (const name of ["localStorage", "caches"]) Reflect.deleteProperty(globalThis, name);
}

function notASummary(entry: unknown): UserError {
  return new UserError({
    what: `summary() cannot show ${JSON.stringify(entry)}`,
    requirement: '{ type: "figure", label, value, compare? }, { type: "text", prompt, text } or ' +
      '{ type: "note", text }, with a number as value',
  });
}

/** For own stages: the runner's process does not run their code, so what `resolve` finds travels. */
async function resolveSources(
  definition: StageDefinition,
  job: StageJob,
  signal: AbortSignal,
): Promise<Json> {
  if (definition.resolve === undefined) throw new InternalError("the stage has no resolve");
  const env = grantedEnv(job.env);
  const pins: Record<string, unknown> = {};
  const { createHash } = await import("node:crypto");
  const sources = await definition.resolve({
    options: job.options,
    baseDir: job.baseDir,
    pins: {
      get: (source) => pins[source] ?? job.pins[source],
      set: (source, pin) => {
        pins[source] = pin;
      },
    },
    update: job.update,
    offline: job.offline,
    digestFile: async (path) => {
      const hash = createHash("sha256");
      using file = await Deno.open(path);
      for await (const chunk of file.readable) hash.update(chunk);
      return hash.digest("hex");
    },
    env: (name) => env[name],
    signal,
  });
  return { sources: sources as unknown as Json, pins: pins as Record<string, Json> };
}

/** Passes on the newest figures, at most ten times a second, and always the last ones. */
class Progress {
  #last = -Infinity;
  #held: (ChildMessage & { type: "progress" }) | undefined;

  report(done: number, total: number, unit: string): void {
    // A division by nothing yet is no progress, and no reason to stop.
    if (!Number.isFinite(done) || !Number.isFinite(total)) return;
    this.#held = { type: "progress", done, total, unit: String(unit) };
    const now = performance.now();
    if (now - this.#last < PROGRESS_INTERVAL_MS && done < total) return;
    this.#last = now;
    this.flush();
  }

  flush(): void {
    if (this.#held !== undefined) send(this.#held);
    this.#held = undefined;
  }
}

/** The runner stops a stage with SIGTERM; a terminal's Ctrl-C reaches it too, and is the runner's to answer. */
function catchSignals(controller: AbortController): void {
  if (Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGINT", () => {});
  Deno.addSignalListener("SIGTERM", () => {
    controller.abort(new DOMException("The stage was told to stop.", "AbortError"));
    setTimeout(() => Deno.exit(143), GRACE_MS);
  });
}

async function readJob(): Promise<StageJob> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65536);
  let line = "";
  while (!line.endsWith("\n")) {
    const count = await Deno.stdin.read(buffer);
    if (count === null) Deno.exit(1);
    line += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return JSON.parse(line) as StageJob;
}

function grantedEnv(names: readonly string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of names) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return env;
}

function send(message: ChildMessage): void {
  const bytes = new TextEncoder().encode(encodeMessage(message) + "\n");
  let written = 0;
  try {
    while (written < bytes.length) written += Deno.stdout.writeSync(bytes.subarray(written));
  } catch {
    Deno.exit(1); // Nobody listens any more.
  }
}

function fail(error: unknown): never {
  send({ type: "error", error: describe(error) });
  Deno.exit(1);
}

/** An error as data. Whatever was thrown, even a string, comes out with a message. */
function describe(error: unknown): ThrownError {
  if (!(error instanceof Error)) {
    return {
      name: "Error",
      message: String(error),
      stack: undefined,
      parts: undefined,
      causes: [],
    };
  }
  const causes: string[] = [];
  let code = codeOf(error);
  let cause = error.cause;
  while (cause !== undefined && cause !== null && causes.length < 8) {
    causes.push(cause instanceof Error ? cause.stack ?? cause.message : String(cause));
    code ??= codeOf(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  let parts: ThrownError["parts"];
  if (error instanceof UserErrors) parts = { what: error.message };
  if (error instanceof UserError) {
    const { cause: _, ...rest } = error.parts;
    parts = rest;
  }
  return { name: error.name, message: error.message, stack: error.stack, code, parts, causes };
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
