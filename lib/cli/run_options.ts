/**
 * The options of `run`, some of which `plan` takes too.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { type Device, DEVICE_CHOICES } from "../base/device.ts";
import type { SelectionRequest } from "../pipeline/run/selection.ts";
import { collect, once, Option, parseArguments, wholeNumber } from "./arguments.ts";
import type { CommandContext } from "./context.ts";

/** What decides which stages run and what their keys are. */
export interface PlanOptions extends SelectionRequest {
  readonly file: string;
  /** `key=value` each. */
  readonly params: readonly string[];
  readonly device: "auto" | Device;
  readonly update: boolean;
  readonly offline: boolean;
  /** Read every byte again that a result stands on, whatever is remembered of files. */
  readonly verify: boolean;
  readonly json: boolean;
  readonly runs: string | undefined;
}

/** Everything that `run` takes. */
export interface RunOptions extends PlanOptions {
  readonly jobs: number | undefined;
  readonly dryRun: boolean;
}

/** What \`run\` and \`plan\` share. */
const PLAN_OPTIONS: readonly Option[] = [
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
  new Option("--verify", "read every source and result again, whatever is remembered of them"),
  new Option(
    "--runs <folder>",
    "where runs and results are kept (default: TEMPER_RUNS, else runs/ in the project)",
  ),
  new Option("--json", "machine-readable output: NDJSON of events, or one document"),
];

/** What only \`run\` takes. */
const RUN_OPTIONS: readonly Option[] = [
  new Option("--dry-run", "say what would be done and why, and do nothing"),
  new Option("-j, --jobs <number>", "stages at once (default: the number of cores)")
    .argParser(wholeNumber),
];

/** What \`--help\` says of either command. */
const COMMANDS = {
  plan: {
    description: "Says what a run would do and why, without doing it.",
    options: PLAN_OPTIONS,
  },
  run: {
    description: "Runs a pipeline: what is there already is kept, the rest is made.",
    options: [...PLAN_OPTIONS, ...RUN_OPTIONS],
    examples: [
      "Examples:",
      "  deno task run pipelines/quickstart.yaml",
      "  deno task run pipelines/imdb.yaml -p max_length=128 --device cpu",
      "  deno task run pipelines/imdb.yaml --from tokens",
    ].join("\n"),
  },
} as const;

/**
 * Reads the arguments of \`run\` or \`plan\`.
 *
 * @param argv What follows the command's name.
 * @returns undefined where help was asked for and printed.
 * @throws {UserError} For what is not accepted, and where options contradict each other.
 */
export function runOptions(
  argv: readonly string[],
  { command, io }: { readonly command: "run" | "plan"; readonly io: CommandContext },
): RunOptions | undefined {
  const operand = { name: "<file>", description: "a pipeline, such as pipelines/imdb.yaml" };
  const spec = { name: command, operands: [operand], ...COMMANDS[command] };
  const parsed = parseArguments(argv, { spec, io });
  if (parsed === undefined) return undefined;
  const { operands, options } = parsed;
  const given = options as {
    readonly param?: readonly string[];
    readonly only?: string;
    readonly from?: string;
    readonly force?: readonly string[];
    readonly device: "auto" | Device;
    readonly update?: boolean;
    readonly offline?: boolean;
    readonly verify?: boolean;
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
    verify: given.verify ?? false,
    runs: given.runs,
    json: given.json ?? false,
    dryRun: given.dryRun ?? false,
    jobs: given.jobs,
  };
}
