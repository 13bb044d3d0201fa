/**
 * `deno task run FILE`: runs a pipeline.
 *
 * @module
 */
import { execute } from "../pipeline/run/execute.ts";
import { checkRequired, plan } from "../pipeline/run/plan.ts";
import {
  jsonReporter,
  liveReporter,
  plainReporter,
  type Reporter,
} from "../report/terminal/terminal.ts";
import { styleFor } from "../report/terminal/text.ts";
import { thisOwner } from "../store/mod.ts";
import { type ArgumentSpec, parseArguments } from "./arguments.ts";
import type { CommandContext } from "./context.ts";
import { printPlan } from "./plan.ts";
import { prepare } from "./prepare.ts";
import {
  FILE_OPERAND,
  planOptions,
  readRunOptions,
  runOnlyOptions,
  type RunOptions,
} from "./run_options.ts";
import { versionsOf } from "./versions.ts";

function spec(): ArgumentSpec {
  return {
    name: "run",
    description: "Runs a pipeline: what is there already is kept, the rest is made.",
    operands: [FILE_OPERAND],
    options: [...planOptions(), ...runOnlyOptions()],
    examples: [
      "Examples:",
      "  deno task run pipelines/quickstart.yaml",
      "  deno task run pipelines/imdb.yaml -p max_length=128 --device cpu",
      "  deno task run pipelines/imdb.yaml --from tokens",
    ].join("\n"),
  };
}

/** Exit codes by how the run ended. */
const EXIT = { done: 0, failed: 1, interrupted: 130 } as const;

/** Runs the command. */
export async function run(argv: string[], io: CommandContext): Promise<number> {
  const parsed = parseArguments(argv, { spec: spec(), io });
  if (parsed === undefined) return 0;
  const options = readRunOptions(parsed);
  // The record needs it and finding it takes a process, which may as well start now.
  const owner = options.dryRun ? undefined : thisOwner().catch(() => {});
  try {
    return await runPipeline(argv, { options, io });
  } finally {
    await owner;
  }
}

async function runPipeline(
  argv: readonly string[],
  { options, io }: { readonly options: RunOptions; readonly io: CommandContext },
): Promise<number> {
  using signals = listenForStop(io);
  using prepared = await prepare(options, { io, signal: signals.stop });
  if (options.dryRun) {
    await printPlan(prepared, { io, json: options.json });
    return 0;
  }
  const { context, selection } = prepared;
  if (selection.required.size > 0) {
    checkRequired(await plan(context, selection), { pipeline: context.pipeline, selection });
  }
  const cores = navigator.hardwareConcurrency;
  const reporter = reporterFor(io, options.json);
  try {
    const result = await execute({
      ...context,
      selection,
      engines: io.engines,
      jobs: options.jobs ?? cores,
      cores,
      command: ["run", ...argv],
      versions: await versionsOf(io.root),
      stop: signals.stop,
      kill: signals.kill,
      listen: (event) => reporter.event(event),
    });
    reporter.close();
    if (result.status === "interrupted") {
      io.err.write("interrupted; run the same command to go on: finished stages are kept\n");
    }
    return EXIT[result.status];
  } finally {
    reporter.close();
  }
}

function reporterFor(io: CommandContext, json: boolean): Reporter {
  if (json) return jsonReporter(io.out.write);
  const live = io.out.isTerminal;
  const screen = {
    out: io.out.write,
    err: io.err.write,
    style: styleFor(live && (io.env("NO_COLOR") ?? "") === ""),
    // Asked for at each use: a window can change its size.
    get width(): number {
      return live ? io.out.size().columns : 100;
    },
    get height(): number {
      return io.out.size().rows;
    },
    now: Date.now,
  };
  return live ? liveReporter(screen) : plainReporter(screen);
}

/** The first Ctrl-C stops the stages politely, the second at once. */
function listenForStop(
  io: CommandContext,
): Disposable & { readonly stop: AbortSignal; readonly kill: AbortSignal } {
  const stop = new AbortController();
  const kill = new AbortController();
  const names: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  const heard = (): void => {
    if (stop.signal.aborted) {
      kill.abort(new DOMException("Interrupted.", "AbortError"));
      return;
    }
    io.err.write("stopping; once more stops at once\n");
    stop.abort(new DOMException("Interrupted.", "AbortError"));
  };
  for (const name of names) Deno.addSignalListener(name, heard);
  return {
    stop: stop.signal,
    kill: kill.signal,
    [Symbol.dispose](): void {
      for (const name of names) Deno.removeSignalListener(name, heard);
    },
  };
}
