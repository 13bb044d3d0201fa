/**
 * The other side of `describe_own.ts`: runs in a process without permissions, imports one own stage
 * and says what it is.
 *
 * The answer is one line on standard output that begins with a token which the parent chose, so that
 * whatever the module prints is told apart from it.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import {
  definitionMistake,
  describeDefinition,
  type StageIdentity,
} from "../definition/describe.ts";
import {
  checkOptions,
  optionNames,
  type OptionsRequest,
  type OptionsResult,
} from "../definition/options.ts";
import type { StageDefinition } from "../stage.ts";
import type { StageDescription } from "../types.ts";

/** What the parent asks. */
export interface DescribeRequest {
  readonly token: string;
  readonly identity: StageIdentity;
  readonly requests: readonly OptionsRequest[];
}

/** What the process answers. */
export type DescribeAnswer =
  | {
    readonly ok: true;
    readonly description: StageDescription;
    /** A result for each request, in order. */
    readonly results: readonly OptionsResult[];
    readonly optionNames: readonly string[];
  }
  | {
    readonly ok: false;
    /** The module could not be loaded, is not a stage, or its definition is at fault. */
    readonly reason: "import" | "definition" | "spec";
    readonly name: string;
    readonly message: string;
  };

/**
 * Describes one own stage and ends the process.
 *
 * @param load Imports the module; the entry file holds the literal path, which needs no permission.
 * @param request What the parent asks.
 */
export async function describeHost(
  load: () => Promise<unknown>,
  request: DescribeRequest,
): Promise<never> {
  // Taken before the module runs: it may replace anything it can reach.
  const { stdout, exit } = Deno;
  const { stringify } = JSON;
  const encoder = new TextEncoder();
  const answer = await describeModule(load, request);
  // The module may have left an unfinished line.
  const bytes = encoder.encode(`\n${request.token}${stringify(answer)}\n`);
  for (let written = 0; written < bytes.length;) {
    written += stdout.writeSync(bytes.subarray(written));
  }
  // Timers of the module must not keep the process.
  return exit(0);
}

async function describeModule(
  load: () => Promise<unknown>,
  request: DescribeRequest,
): Promise<DescribeAnswer> {
  let module: { default?: unknown };
  try {
    module = await load() as { default?: unknown };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { ok: false, reason: "import", name, message };
  }
  const mistake = definitionMistake(module.default);
  if (mistake !== undefined) {
    return { ok: false, reason: "definition", name: "UserError", message: mistake };
  }
  const definition = module.default as StageDefinition;
  try {
    const description = describeDefinition(definition, request.identity);
    const results = request.requests.map((options) =>
      checkOptions(definition, options, () => description.optionsSchema)
    );
    return { ok: true, description, results, optionNames: optionNames(definition) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { ok: false, reason: error instanceof UserError ? "spec" : "definition", name, message };
  }
}
