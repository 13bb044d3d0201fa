/**
 * `deno task plan FILE`: what a run would do and why, without doing it.
 *
 * @module
 */
import { jsonForTerminal } from "../base/outside/text.ts";
import type { PlanContext } from "../pipeline/run/context.ts";
import { plan } from "../pipeline/run/plan.ts";
import { planLines } from "../report/terminal/plan.ts";
import { styleFor } from "../report/terminal/text.ts";
import type { CommandContext } from "./context.ts";
import { prepare } from "./prepare.ts";
import { runOptions } from "./run_options.ts";

/** Runs the command. */
export async function run(argv: string[], io: CommandContext): Promise<number> {
  const options = runOptions(argv, { command: "plan", io });
  if (options === undefined) return 0;
  using prepared = await prepare(options, { io, signal: new AbortController().signal });
  await printPlan(prepared.context, { io, json: options.json });
  return 0;
}

/** Prints the plan: a table, or one JSON document. */
export async function printPlan(
  context: PlanContext,
  { io, json }: { readonly io: CommandContext; readonly json: boolean },
): Promise<void> {
  const stages = await plan(context);
  if (json) {
    const { name, file } = context.pipeline;
    io.out.write(jsonForTerminal({ type: "plan", pipeline: name, file, stages }) + "\n");
    return;
  }
  const style = styleFor(io.out.isTerminal && (io.env("NO_COLOR") ?? "") === "");
  const width = io.out.isTerminal ? io.out.size().columns : 100;
  io.out.write(planLines(stages, { width, style }).join("\n") + "\n");
}
