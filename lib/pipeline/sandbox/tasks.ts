/**
 * The three things that the process of a stage can be asked for: what the stage is, what its sources
 * are, and its work.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { ownMember } from "../../base/json.ts";
import { InternalError, UserError } from "../../base/errors.ts";
import { cutEntry, cutText, MAX_LOGGED } from "./bounds.ts";
import type { Measure, StageContext, StageDefinition, SummaryEntry } from "../stage.ts";
import { placeOf } from "./places.ts";
import { pinText } from "./pins.ts";
import {
  type Answers,
  type DescribeRequest,
  isSummaryEntry,
  type Report,
  type ResolveRequest,
  type RunRequest,
} from "./protocol.ts";

/** Progress is told at most this often; a person reads no faster, and a step may take a millisecond. */
const PROGRESS_INTERVAL_MS = 100;

/** Says what the default export of a module is. */
export async function describe(
  definition: unknown,
  { uses, requests }: DescribeRequest,
): Promise<Answers["describe"]> {
  // The other tasks know that already and need none of this.
  const { describeStage } = await import("../definition/describe.ts");
  // The runner knows which module it asked.
  return describeStage(definition, { identity: { uses, module: "", builtin: false }, requests });
}

/** For own stages: the runner's process does not run their code, so what `resolve` finds travels. */
export async function resolve(
  { resolve }: StageDefinition,
  { request, signal }: { readonly request: ResolveRequest; readonly signal: AbortSignal },
): Promise<Answers["resolve"]> {
  if (resolve === undefined) throw new InternalError("the stage has no resolve");
  const env = grantedEnv(request.env);
  // Maps, for a source may be called `__proto__`.
  const pins = new Map(request.pins.map(([source, pin]) => [source, pinText(source, pin)]));
  const changes = new Map<string, string>();
  const asked = new Set<string>();
  const sources = await resolve({
    options: request.options,
    baseDir: request.baseDir,
    pins: {
      get: (source) => {
        if (pins.has(source)) asked.add(source);
        const text = changes.get(source) ?? pins.get(source);
        return text === undefined ? undefined : JSON.parse(text);
      },
      set: (source, pin) => void changes.set(source, pinText(source, pin)),
    },
    update: request.update,
    offline: request.offline,
    digestFile: async (path) => {
      const hash = createHash("sha256");
      using file = await Deno.open(placeOf(path, request.places));
      for await (const chunk of file.readable) hash.update(chunk);
      return hash.digest("hex");
    },
    env: (name) => ownMember(env, name),
    signal,
  });
  return { sources, pins: [...changes], asked: [...asked] };
}

/** Does a stage's work. */
export async function run(
  definition: StageDefinition,
  { request, signal, report }: {
    readonly request: RunRequest;
    readonly signal: AbortSignal;
    readonly report: (report: Report) => void;
  },
): Promise<Answers["run"]> {
  const { cache, resume } = request;
  const progress = new Progress(report);
  const context: StageContext<Record<string, unknown>> = {
    inputs: request.inputs,
    lists: request.lists,
    output: { path: request.output },
    options: request.options,
    seed: request.seed,
    sources: request.sources,
    ...(cache === undefined ? {} : { cache: { path: cache } }),
    ...(resume === undefined ? {} : { resume: { path: resume } }),
    device: request.device,
    threads: request.threads,
    offline: request.offline,
    env: grantedEnv(request.env),
    file: (path) => placeOf(path, request.places),
    progress: (done, total, unit, also) => progress.tell({ done, total, unit, also }),
    log: (message) => report({ type: "log", message: cutText(String(message), MAX_LOGGED) }),
    summary: (entry) => {
      if (!isSummaryEntry(entry)) throw notASummary(entry);
      report({ type: "summary", entry: cutEntry(inJson(entry)) });
    },
    signal,
  };
  await definition.run(context);
  progress.flush();
  return null;
}

function grantedEnv(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

/** JSON has no infinite numbers; a perplexity may be one, and is worth telling. */
function inJson(entry: SummaryEntry): SummaryEntry {
  if (entry.type !== "figure") return entry;
  const { label, value, compare } = entry;
  if (Number.isFinite(value) && Number.isFinite(compare?.value ?? 0)) return entry;
  const beside = compare === undefined ? "" : ` (${compare.label} ${compare.value})`;
  return { type: "note", text: `${label} ${value}${beside}` };
}

function notASummary(entry: unknown): UserError {
  return new UserError({
    what: `summary() cannot show ${shown(entry)}`,
    requirement: '{ type: "figure", label, value, compare? }, { type: "text", prompt, text }, ' +
      '{ type: "note", text } or { type: "rules", title, rows, rules: [{ rule, rows, examples }] }, ' +
      "with numbers as value and rows",
  });
}

/** What was given, as far as it can be written: it may hold itself, or be nested without end. */
function shown(entry: unknown): string {
  try {
    return cutText(JSON.stringify(entry) ?? String(entry), 500);
  } catch {
    return "what is no JSON";
  }
}

/** Passes on the newest figures, at most ten times a second, and always the last ones. */
class Progress {
  readonly #report: (report: Report) => void;
  #last = -Infinity;
  #held: Report | undefined;

  constructor(report: (report: Report) => void) {
    this.#report = report;
  }

  tell(
    { done, total, unit, also }: {
      readonly done: number;
      readonly total: number;
      readonly unit: string;
      readonly also: Measure | undefined;
    },
  ): void {
    // A division by nothing yet is no progress, and no reason to stop.
    if (!Number.isFinite(done) || !Number.isFinite(total)) return;
    this.#held = {
      ...{ type: "progress", done, total, unit: String(unit) },
      ...(Number.isFinite(also?.done)
        ? { also: { done: also!.done, unit: String(also!.unit) } }
        : {}),
    };
    const now = performance.now();
    // Where the total is not known no call is the last: `flush` sends what is held at the end.
    if (now - this.#last < PROGRESS_INTERVAL_MS && (done < total || total <= 0)) return;
    this.#last = now;
    this.flush();
  }

  flush(): void {
    if (this.#held !== undefined) this.#report(this.#held);
    this.#held = undefined;
  }
}
