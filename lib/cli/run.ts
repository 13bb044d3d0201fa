/**
 * `deno task run FILE`: runs a pipeline.
 *
 * @module
 */
import { execute, type RunEnd } from "../pipeline/run/execute.ts";
import { checkRequired, plan } from "../pipeline/run/plan.ts";
import {
  jsonReporter,
  liveReporter,
  plainReporter,
  type Reporter,
} from "../report/terminal/terminal.ts";
import { styleFor } from "../report/terminal/text.ts";
import { thisOwner } from "../store/mod.ts";
import type { CommandContext } from "./context.ts";
import { printPlan } from "./plan.ts";
import { prepare } from "./prepare.ts";
import { runOptions } from "./run_options.ts";
import { versionsOf } from "./versions.ts";

/** Exit codes by how the run ended. */
const EXIT: Readonly<Record<RunEnd, number>> = { done: 0, failed: 1, interrupted: 130 };

/** Runs the command. */
export async function run(argv: string[], io: CommandContext): Promise<number> {
  const options = runOptions(argv, { command: "run", io });
  if (options === undefined) return 0;
  const { dryRun, json } = options;
  // The record needs it and finding it takes a process, which may as well start now.
  const owner = dryRun ? undefined : thisOwner().catch(() => {});
  using signals = listenForStop(io);
  try {
    using prepared = await prepare(options, { io, signal: signals.stop });
    const { context } = prepared;
    if (dryRun) {
      await printPlan(context, { io, json });
      return EXIT.done;
    }
    if (context.selection.required.size > 0) checkRequired(await plan(context), context);
    const cores = navigator.hardwareConcurrency;
    const reporter = reporterFor(io, json);
    const status = await execute({
      ...context,
      engines: io.engines,
      jobs: options.jobs ?? cores,
      cores,
      command: ["run", ...argv],
      versions: await versionsOf(io.root),
      kill: signals.kill,
      listen: (event) => reporter.event(event),
    }).finally(() => reporter.close());
    if (status === "interrupted") {
      io.err.write("interrupted; run the same command to go on: finished stages are kept\n");
    }
    return EXIT[status];
  } catch (error) {
    // Stopped before anything ran.
    if (signals.stop.aborted && error === signals.stop.reason) return EXIT.interrupted;
    throw error;
  } finally {
    await owner;
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
