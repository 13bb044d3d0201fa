/**
 * The options of `run`, some of which `plan` takes too.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { type Device, DEVICE_CHOICES } from "../base/device.ts";
import type { SelectionRequest } from "../pipeline/run/selection.ts";
import { type Arguments, collect, once, Option, wholeNumber } from "./arguments.ts";

/** What decides which stages run and what their keys are. */
export interface PlanOptions extends SelectionRequest {
  readonly file: string;
  /** `key=value` each. */
  readonly params: readonly string[];
  readonly device: "auto" | Device;
  readonly update: boolean;
  readonly offline: boolean;
  readonly json: boolean;
  readonly runs: string | undefined;
}

/** Everything that `run` takes. */
export interface RunOptions extends PlanOptions {
  readonly jobs: number | undefined;
  readonly dryRun: boolean;
}

/** The pipeline file. */
export const FILE_OPERAND = {
  name: "<file>",
  description: "a pipeline, such as pipelines/imdb.yaml",
};

/** What `run` and `plan` share. */
export function planOptions(): Option[] {
  return [
    new Option("-p, --param <key=value>", "set a parameter of the pipeline; may be repeated")
      .argParser(collect),
    new Option("--only <stage>", "this stage alone, on results that exist").argParser(once),
    new Option("--from <stage>", "rerun this stage and what depends on it").argParser(once),
    new Option("--force <stage>", "rerun this stage even if its result is there; may be repeated")
      .argParser(collect),
    new Option("--device <device>", "the engine that stages compute on")
      .choices([...DEVICE_CHOICES]).default("auto"),
    new Option("--update", "look movable sources up anew and move their pins"),
    new Option("--offline", "use what is on this machine alone"),
    new Option(
      "--runs <folder>",
      "where runs and results are kept (default: TEMPER_RUNS, else runs/ in the project)",
    ),
    new Option("--json", "machine-readable output: NDJSON of events, or one document"),
  ];
}

/** What only `run` takes. */
export function runOnlyOptions(): Option[] {
  return [
    new Option("--dry-run", "say what would be done and why, and do nothing"),
    new Option("-j, --jobs <number>", "stages at once (default: the number of cores)")
      .argParser(wholeNumber),
  ];
}

/**
 * Reads what commander parsed.
 *
 * @throws {UserError} Where options contradict each other.
 */
export function readRunOptions({ operands, options }: Arguments): RunOptions {
  const given = options as {
    readonly param?: readonly string[];
    readonly only?: string;
    readonly from?: string;
    readonly force?: readonly string[];
    readonly device: "auto" | Device;
    readonly update?: boolean;
    readonly offline?: boolean;
    readonly runs?: string;
    readonly json?: boolean;
    readonly dryRun?: boolean;
    readonly jobs?: number;
  };
  if (given.update && given.offline) {
    throw new UserError({
      what: "--update and --offline cannot be used together",
      requirement: "--update asks the network what sources point to now; --offline forbids it",
    });
  }
  return {
    file: operands[0]!,
    params: given.param ?? [],
    only: given.only,
    from: given.from,
    force: given.force ?? [],
    device: given.device,
    update: given.update ?? false,
    offline: given.offline ?? false,
    runs: given.runs,
    json: given.json ?? false,
    dryRun: given.dryRun ?? false,
    jobs: given.jobs,
  };
}
