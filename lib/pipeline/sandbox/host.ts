/**
 * The inside of a stage's process: takes one request from standard input, answers it, and tells the
 * runner what happens on standard output.
 *
 * Standard input stays open as long as the runner lives. When it closes the runner is dead, and the
 * process ends itself, also where the stage never yields to the event loop and while its module is
 * loaded: a worker watches, since a stage left behind would compute for hours for nobody. Nothing here
 * publishes a result; the runner does, so a process that outlives its runner by an instant can do no
 * harm.
 *
 * @module
 */
import { createRequire } from "node:module";
import { isTooDeep, type Json, MAX_JSON_DEPTH } from "../../base/json.ts";
import { unreachable, UserError, UserErrors } from "../../base/errors.ts";
import { sayLastWordsAs } from "../../base/watchdog.ts";
import type { StageDefinition } from "../stage.ts";
import type { Places } from "./places.ts";
import { cutError } from "./bounds.ts";
import { type Confining, MARK, type Message, type Request, type ThrownError } from "./protocol.ts";
import { describe, resolve, run } from "./tasks.ts";

// Taken before the module of the stage runs: it may replace anything that it can reach. An import would fix
// what the module exports, before `confine.ts` replaces it.
const { Worker: Watchdog } = createRequire(import.meta.url)(
  "node:worker_threads",
) as typeof import("node:worker_threads");
const { stdin, stdout } = Deno;
const exit: (code: number) => never = Deno.exit;
const { stringify } = JSON;
const encoder = new TextEncoder();

/** How long a stage may tidy up after it was told to stop. */
const GRACE_MS = 1000;

/** While a module is loaded to be described, the watch is held for this long, and left for this long. */
const WATCH_MS = 500;
const PAUSE_MS = 50;

/** Reads standard input to its end, which comes when the runner dies; then nothing may go on. */
const WATCHDOG = `
const buffer = new Uint8Array(64);
try { while (await Deno.stdin.read(buffer) !== null); } catch { /* closed is as good as ended */ }
try { Deno.kill(Deno.pid, "SIGKILL"); } catch { Deno.exit(1); }`;

/**
 * Answers the one request of this process, then ends the process.
 *
 * @param load Imports the stage's module; the entry file writes it with a literal path, which needs no read permission.
 */
export async function host(
  load: () => Promise<{ readonly default?: unknown }>,
): Promise<void> {
  const controller = new AbortController();
  sayLastWordsAs((parts) => {
    const error = { name: "UserError", message: parts.what, parts, causes: [] };
    return `\n${MARK}${stringify({ type: "error", error })}\n`;
  });
  const request = await readRequest();
  if (request.task === "describe") watchLoading();
  else {
    catchSignals(controller);
    watchRunner();
  }
  // What is made may not depend on the machine; a stage that computes is told what it has.
  const cores = request.task === "run" ? request.threads : 1;
  Object.defineProperty(Object.getPrototypeOf(navigator), "hardwareConcurrency", {
    get: () => cores,
    enumerable: true,
    configurable: true,
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    fail(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    fail(event.error);
  });
  // Deno keeps these in a folder of its own and asks for no permission; a stage writes its output alone.
  for (const name of ["localStorage", "caches"]) Reflect.deleteProperty(globalThis, name);
  try {
    if (request.confined) {
      // Built-in stages ask by `context.file()`.
      if (request.task !== "describe") await leadReads(request.places);
      const { confine } = await import("./confine.ts");
      await confine(request.readable ?? []);
    }
    const { default: definition } = await load();
    const value = await answer(definition, request, controller.signal) as Json;
    send(written({ type: "result", value }, request.task));
  } catch (error) {
    fail(error);
  }
  // Timers of the module must not keep the process.
  exit(0);
}

async function answer(
  definition: unknown,
  request: Request,
  signal: AbortSignal,
): Promise<unknown> {
  switch (request.task) {
    case "describe":
      return await describe(definition, request);
    case "resolve":
      return await resolve(checked(definition), { request, signal });
    case "run":
      return await run(checked(definition), { request, signal, report: send });
    default:
      return unreachable(request);
  }
}

/** A module may define itself otherwise than when it was described. */
function checked(definition: unknown): StageDefinition {
  const { run } = (definition ?? {}) as Partial<StageDefinition>;
  if (typeof run === "function") return definition as StageDefinition;
  throw new UserError({
    what: "the stage's module has no definition",
    requirement: "its default export is what defineStage() returns",
  });
}

/** Most stages have nothing to be led to, and need none of this. */
async function leadReads(places: Places): Promise<void> {
  if (Object.keys(places).length === 0) return;
  const { readCopies } = await import("./places.ts");
  readCopies(places);
}

function watchRunner(): InstanceType<typeof Watchdog> {
  const url = new URL("data:text/javascript," + encodeURIComponent(WATCHDOG));
  return new Watchdog(url);
}

/**
 * Watches with pauses. Deno ends a process whose module awaits what never comes, but not while a worker
 * or a timer is left; so now and then there is neither for a moment. A module that lets a timer be
 * called may be in a loop soon after: if the runner dies in a pause, the shell that guards this process
 * (`../code/guardian.ts`) ends it. What comes back after the pause is V8's own clock, which Deno does not count.
 */
function watchLoading(): void {
  const watchdog = watchRunner();
  setTimeout(() => {
    void watchdog.terminate();
    const pause = Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    if (pause.async) void pause.value.then(watchLoading);
  }, WATCH_MS);
}

/** The runner stops a stage with SIGTERM; a terminal's Ctrl-C reaches it too, and is the runner's to answer. */
function catchSignals(controller: AbortController): void {
  if (Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGINT", () => {});
  Deno.addSignalListener("SIGTERM", () => {
    controller.abort(new DOMException("The stage was told to stop.", "AbortError"));
    setTimeout(() => exit(143), GRACE_MS);
  });
}

async function readRequest(): Promise<Request & Confining> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65536);
  let line = "";
  while (!line.endsWith("\n")) {
    const count = await stdin.read(buffer);
    if (count === null) exit(1);
    line += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return JSON.parse(line) as Request & Confining;
}

/**
 * A message as JSON. What a stage answers may hold itself, be nested without end, or be no JSON.
 *
 * @throws {UserError} Where it can't be written.
 */
function written(message: Message, task: Request["task"]): string {
  const refused = (why: string, cause?: unknown): UserError =>
    new UserError({
      what: `the stage's answer to "${task}" cannot be written as JSON: ${why}`,
      requirement: `JSON, nested at most ${MAX_JSON_DEPTH} levels deep`,
      cause,
    });
  let text: string;
  try {
    text = stringify(message);
  } catch (cause) {
    if (cause instanceof RangeError) throw refused("it is nested too deeply", cause);
    const why = cause instanceof Error ? cause.message : String(cause);
    throw refused(why.split("\n", 1)[0]!, cause);
  }
  if (isTooDeep(text)) throw refused("it is nested too deeply");
  return text;
}

function send(message: Message | string): void {
  const text = typeof message === "string" ? message : stringify(message);
  const bytes = encoder.encode(`${MARK}${text}\n`);
  let written = 0;
  try {
    while (written < bytes.length) written += stdout.writeSync(bytes.subarray(written));
  } catch {
    exit(1); // Nobody listens any more.
  }
}

function fail(error: unknown): never {
  send({ type: "error", error: cutError(thrownError(error)) });
  exit(1);
}

/** An error as data. Whatever was thrown, even a string, comes out with a message. */
function thrownError(error: unknown): ThrownError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), causes: [] };
  const causes: string[] = [];
  let code = codeOf(error);
  let cause = error.cause;
  while (cause !== undefined && cause !== null && causes.length < 8) {
    causes.push(cause instanceof Error ? cause.stack ?? cause.message : String(cause));
    code ??= codeOf(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return {
    name: error.name,
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(code === undefined ? {} : { code }),
    ...partsOf(error),
    causes,
  };
}

function partsOf(error: Error): Pick<ThrownError, "parts"> {
  if (error instanceof UserErrors) return { parts: { what: error.message } };
  if (!(error instanceof UserError)) return {};
  const { cause: _, ...parts } = error.parts;
  return { parts };
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
