/**
 * `deno task plan FILE`: what a run would do and why, without doing it.
 *
 * @module
 */
import { plan } from "../pipeline/run/plan.ts";
import { planLines } from "../report/terminal/plan.ts";
import { styleFor } from "../report/terminal/text.ts";
import { type ArgumentSpec, parseArguments } from "./arguments.ts";
import type { CommandContext } from "./context.ts";
import { prepare, type Prepared } from "./prepare.ts";
import { FILE_OPERAND, planOptions, readRunOptions } from "./run_options.ts";

function spec(): ArgumentSpec {
  return {
    name: "plan",
    description: "Says what a run would do and why, without doing it.",
    operands: [FILE_OPERAND],
    options: planOptions(),
  };
}

/** Runs the command. */
export async function run(argv: string[], io: CommandContext): Promise<number> {
  const parsed = parseArguments(argv, { spec: spec(), io });
  if (parsed === undefined) return 0;
  const options = readRunOptions(parsed);
  using prepared = await prepare(options, { io, signal: new AbortController().signal });
  await printPlan(prepared, { io, json: options.json });
  return 0;
}

/** Prints the plan: a table, or one JSON document. */
export async function printPlan(
  { context, selection }: Prepared,
  { io, json }: { readonly io: CommandContext; readonly json: boolean },
): Promise<void> {
  const stages = await plan(context, selection);
  if (json) {
    const { name, file } = context.pipeline;
    io.out.write(JSON.stringify({ type: "plan", pipeline: name, file, stages }) + "\n");
    return;
  }
  const style = styleFor(io.out.isTerminal && (io.env("NO_COLOR") ?? "") === "");
  const width = io.out.isTerminal ? io.out.size().columns : 100;
  io.out.write(planLines(stages, { width, style }).join("\n") + "\n");
}
