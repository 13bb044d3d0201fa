/**
 * `deno task parity FOLDER`: holds every trace of the reference below a folder against what an engine computes.
 *
 * A room of its own, joined by `main.ts`: commands of `lib/cli` may not import models.
 *
 * @module
 */
import { relative } from "node:path";
import { once, Option, parseArguments } from "../cli/arguments.ts";
import { absolute, type CommandContext } from "../cli/context.ts";
import { DEVICE_CHOICES } from "../base/device.ts";
import { UserError, UserErrors } from "../base/errors.ts";
import { chooseDevice } from "../runtime/device.ts";
import { openEngine } from "../runtime/engine.ts";
import { checkTrace, TOLERANCES, type TraceResult } from "./check.ts";
import { resultJson, resultLines, summaryLine } from "./report.ts";
import { findTraces } from "./trace.ts";

/**
 * Runs the command.
 *
 * @param argv What follows `parity`.
 * @param io The world around the command.
 * @returns 0 where every trace that was run holds, 1 where one does not, 2 where one cannot be checked.
 * @throws {UserError} for arguments that are not accepted, or where nothing could be run.
 */
export async function run(argv: string[], io: CommandContext): Promise<number> {
  const given = parseArguments(argv, {
    io,
    spec: {
      name: "parity",
      description: "Holds what an engine computes against traces of transformers and PyTorch:\n" +
        `logits, loss and every gradient to ${TOLERANCES.pass} relative, six steps of AdamW and the\n` +
        `weights after them to ${TOLERANCES.steps}. Exits with 1 where one does not hold,\n` +
        "with 2 where one cannot be checked.",
      operands: [{
        name: "<folder>",
        description: "traces below it are run: model/, golden.json, golden.safetensors",
      }],
      options: [
        new Option("--device <name>", `${DEVICE_CHOICES.join(", ")}; default auto`).argParser(once),
        new Option("--json", "print one JSON document"),
      ],
      examples:
        "A number that rounding alone moves further than the tolerance is held against that " +
        "instead;\nnumbers that it moves by 1% are counted as not known to 1% (lib/parity/rounding.ts)." +
        "\nArchitectures that are not supported are listed as skipped.",
    },
  });
  if (given === undefined) return 0;
  const root = absolute(io, given.operands[0]!);
  const { device: asked = "auto", json = false } = given.options;
  const { device } = await chooseDevice(String(asked));
  const folders = await findTraces(root);
  const named = (folder: string): string => relative(root, folder) || ".";
  const results: TraceResult[] = [];
  const errors: UserError[] = [];
  const threads = navigator.hardwareConcurrency;
  const engine = await openEngine(device, { threads });
  // How far rounding reaches is a property of the trace, and a GPU in software takes minutes to measure it.
  const gauge = device === "webgpu" ? await openEngine("wasm", { threads }) : engine;
  try {
    if (json !== true) io.out.write(`${engine.description}\n`);
    for (const folder of folders) {
      const result = await checkOrTell(folder, { engine, gauge });
      if (result instanceof UserError) {
        errors.push(result);
        results.push({ folder: named(folder), error: result.message });
        continue;
      }
      results.push({ ...result, folder: named(folder) });
      if (json !== true) io.out.write(resultLines(results.at(-1)!).join("\n") + "\n");
    }
  } finally {
    if (gauge !== engine) await gauge.dispose();
    await engine.dispose();
  }
  if (errors.length > 0 && errors.length === results.length) {
    throw errors.length === 1 ? errors[0] : new UserErrors(errors);
  }
  if (json !== true) {
    for (const result of results) {
      if ("error" in result) io.out.write(resultLines(result).join("\n") + "\n");
    }
  }
  const ran = results.filter((result) => "holds" in result);
  const holds = errors.length === 0 && ran.every((result) => result.holds);
  if (ran.length > 0 || results.length > 0) {
    if (json === true) {
      const traces = results.map(resultJson);
      const document = { type: "parity", device, engine: engine.description, holds, traces };
      io.out.write(JSON.stringify(document) + "\n");
    } else {
      io.out.write(summaryLine(results) + "\n");
    }
  }
  if (ran.some((result) => !result.holds)) return 1;
  if (errors.length > 0) return 2;
  if (ran.length > 0) return 0;
  if (json === true && results.length > 0) return 2;
  throw new UserError({
    what: results.length === 0
      ? `there is no trace below ${root}`
      : `none of the ${results.length} traces below ${root} can be run`,
    requirement: "folders with model/, golden.json and golden.safetensors, as " +
      "reference/make_goldens.py makes them",
  });
}

/** Checks a trace; one that is damaged keeps no other from being checked. */
async function checkOrTell(
  folder: string,
  engines: Parameters<typeof checkTrace>[1],
): Promise<TraceResult | UserError> {
  try {
    return await checkTrace(folder, engines);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}
