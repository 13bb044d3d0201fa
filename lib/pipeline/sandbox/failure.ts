/**
 * Puts the end of a stage's process into words: what failed, why, and what helps.
 *
 * @module
 */
import {
  InternalError,
  type Location,
  unreachable,
  UserError,
  UserErrors,
} from "../../base/errors.ts";
import type { ChildOutcome } from "./child.ts";
import { explainDenial } from "./denial.ts";
import type { ThrownError } from "./protocol.ts";
import type { StageNode } from "../types.ts";

/** A failure as data: what of an error survives the way out of a process. */
export interface StageFailure {
  /** What could not be done and why. */
  readonly what: string;
  readonly requirement?: string | undefined;
  readonly remedy?: string | undefined;
  readonly nearest?: string | undefined;
  readonly at?: Location | undefined;
  /** Where in the code it was thrown, for errors that are no `UserError`. */
  readonly stack?: string | undefined;
  /** The last lines of the stage's log, where its process died without a word. */
  readonly lastLines?: readonly string[] | undefined;
}

/** What a person is told of a process that did not end well. */
export function failureOf(
  outcome: Exclude<ChildOutcome<unknown>, { type: "done" }>,
  node: StageNode,
  baseDir: string,
): StageFailure {
  switch (outcome.type) {
    case "threw":
      return thrown(outcome.error, node, baseDir);
    case "timeout":
      return {
        what: `stage "${node.id}" was stopped after its time limit of ${seconds(node.timeout)}`,
        remedy: `raise timeout: of stage "${node.name}" in the pipeline, or give it less to do`,
      };
    case "flood":
      return { what: `stage "${node.id}" was stopped because it prints without end` };
    case "interrupted":
      return { what: `stage "${node.id}" was interrupted` };
    case "died":
      return died(outcome, node);
    default:
      return unreachable(outcome);
  }
}

/** What a person is told of an error that the runner itself met while it handled a stage. */
export function failureOfError(error: unknown, node: StageNode): StageFailure {
  if (error instanceof UserError) {
    const { cause: _, ...parts } = error.parts;
    return parts;
  }
  if (error instanceof UserErrors) return { what: error.message };
  const stack = error instanceof Error ? error.stack : undefined;
  if (error instanceof InternalError) return { what: error.message, stack };
  return { what: `stage "${node.id}" failed: ${error}`, stack };
}

/** A failure in one line, for the run's record. */
export function failureText(failure: StageFailure): string {
  return [failure.what, failure.requirement, failure.remedy].filter((part) => part !== undefined)
    .join("; ");
}

function thrown(error: ThrownError, node: StageNode, baseDir: string): StageFailure {
  // A built-in stage that put a denial into words itself knows more of it: which host moved, say.
  if (node.description.builtin && error.parts !== undefined) {
    return { ...error.parts, stack: error.stack };
  }
  const denial = explainDenial(error, node, baseDir);
  if (denial !== undefined) return { ...denial, stack: error.stack };
  if (error.parts !== undefined) return { ...error.parts, stack: error.stack };
  const text = error.message === "" ? error.name : `${error.name}: ${error.message}`;
  return {
    what: `stage "${node.id}" failed: ${text}`,
    at: placeOf(error, node),
    stack: error.stack,
  };
}

/** Where in the stage's own file it was thrown; only an own stage's author can mend that file. */
function placeOf(error: ThrownError, node: StageNode): Location | undefined {
  const { module, builtin, uses } = node.description;
  if (builtin || error.stack === undefined) return undefined;
  // Deno spells a module in a stack as its URL or, where it maps the place to the source, decoded.
  const spellings = [module, decodeURIComponent(module)];
  for (const line of error.stack.split("\n")) {
    const spelling = spellings.find((each) => line.includes(`${each}:`));
    if (spelling === undefined) continue;
    const start = line.indexOf(`${spelling}:`) + spelling.length + 1;
    const [row, column] = line.slice(start).split(/[:)]/).map(Number);
    if (row === undefined || !(row >= 1)) continue;
    return { file: uses, line: row, column: column !== undefined && column >= 1 ? column : 1 };
  }
  return undefined;
}

function died(outcome: ChildOutcome<unknown> & { type: "died" }, node: StageNode): StageFailure {
  const { signal, code, lastLines } = outcome;
  if (lastLines.some((line) => /\bout of memory\b/i.test(line))) {
    return {
      what: `the process of stage "${node.id}" ran out of memory`,
      remedy:
        "give it less at once: smaller batches or files, or a template whose loops are shorter",
    };
  }
  const how = signal === undefined
    ? code === 0 ? "ended its process before run() was done" : `died with exit code ${code}`
    : `was killed by ${signal}`;
  return {
    what: `the process of stage "${node.id}" ${how}`,
    ...(signal === "SIGKILL"
      ? {
        remedy:
          "most often the system ran out of memory: give the stage smaller batches, or the run fewer --jobs",
      }
      : signal === undefined && code === 0
      ? { remedy: "return from run() instead of calling Deno.exit()" }
      : {}),
    lastLines,
  };
}

function seconds(milliseconds: number | undefined): string {
  return `${(milliseconds ?? 0) / 1000} s`;
}
