/**
 * `deno task torture`: tries to break every promise of the store, the sandbox and the language, many
 * times, and counts. Short in the suite, long by hand; then it can be cut off and goes on.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { formatUserError, nearest, UserError } from "../../lib/base/errors.ts";
import {
  type ArgumentSpec,
  collect,
  once,
  Option,
  parseArguments,
  wholeNumber,
} from "../../lib/cli/arguments.ts";
import type { CommandContext } from "../../lib/cli/context.ts";
import { casesOf, seedOf, type Shard } from "./command/choice.ts";
import {
  caseName,
  type Finished,
  noteFinished,
  progressPath,
  readProgress,
} from "./command/progress.ts";
import { workFolder } from "./command/work_folder.ts";
import { Workers } from "./command/workers.ts";
import type { Part } from "./part.ts";
import { ALL_PARTS, TRIAL } from "./parts.ts";

const ALL: typeof ALL_PARTS = { ...ALL_PARTS, ...TRIAL };

/** What a part came to. */
export interface PartReport {
  readonly part: string;
  readonly promise: string;
  /** Cases that held and those that did not. */
  readonly cases: number;
  /** Label -> how many cases. */
  readonly counts: Readonly<Record<string, number>>;
  readonly broken: readonly Finished[];
}

/** What runs, and how. */
export interface TortureOptions {
  readonly parts: readonly string[];
  readonly long: boolean;
  readonly seed: number;
  readonly shard: Shard;
  /** One case alone. */
  readonly one?: number | undefined;
  /** For the progress of a long run. */
  readonly folder: string;
  /** How long a case may take, in seconds. */
  readonly timeout: number;
  /** Called for each case that ends. */
  readonly tell?: (finished: Finished) => void;
}

/** Runs the cases of some parts. */
export async function torture(options: TortureOptions): Promise<PartReport[]> {
  const { folder, long, seed, one, timeout } = options;
  const keeps = long && one === undefined;
  if (keeps) await Deno.mkdir(folder, { recursive: true });
  const before = keeps ? await readProgress(folder, seed) : new Map<string, Finished>();
  const reports: PartReport[] = [];
  await using work = await workFolder();
  await using workers = new Workers({ folder: work.path, limit: timeout });
  for (const name of options.parts) {
    const part = (await ALL[name]!()).default;
    const all: Finished[] = [];
    for (const index of one === undefined ? casesOf(part, options) : [one]) {
      let finished = before.get(caseName({ part: name, index }));
      // What was broken may have been mended meanwhile.
      if (finished === undefined || finished.broken !== undefined) {
        const began = performance.now();
        const answer = await workers.run({ part: name, index, seed: seedOf(seed, name, index) });
        const seconds = Math.round(performance.now() - began) / 1000;
        finished = { part: name, index, ...answer, seconds };
        if (keeps) await noteFinished(progressPath(folder, options), finished);
        options.tell?.(finished);
      }
      all.push(finished);
    }
    reports.push(reportOf(part, all));
  }
  return reports;
}

function reportOf({ name, promise }: Part, all: readonly Finished[]): PartReport {
  const counts: Record<string, number> = {};
  for (const { label } of all) {
    if (label !== undefined) counts[label] = (counts[label] ?? 0) + 1;
  }
  const broken = all.filter((each) => each.broken !== undefined);
  return { part: name, promise, cases: all.length, counts, broken };
}

/** The command that repeats a case. */
export function repeatOf(finished: Pick<Finished, "part" | "index">, seed: number): string {
  return `deno task torture --case ${caseName(finished)} --seed ${seed}`;
}

const SPEC: ArgumentSpec = {
  name: "torture",
  description: "Tries to break every promise: kills, full disks, flipped bits, changes in between.",
  operands: [],
  options: [
    new Option(
      "--long",
      "every case, resumed where the last call stopped (default: a few of each)",
    ),
    new Option("--part <name>", "this part alone; may be repeated").argParser(collect),
    new Option("--shard <i/n>", "the i-th of n parts of the cases, from 1").argParser(once),
    new Option("--seed <number>", "what the cases follow from (default: 1)").argParser(once),
    new Option("--case <name:index>", "one case again, as a report names it").argParser(once),
    new Option("--folder <path>", "for the progress of a long run (default: runs/torture)")
      .argParser(once),
    new Option("--timeout <seconds>", "a case that takes longer has no end (default: 300)")
      .argParser(wholeNumber),
    new Option("--json", "machine-readable output: a line for each part"),
  ],
  examples: [
    "Examples:",
    "  deno task torture --part kills",
    "  deno task torture --long --shard 2/8",
    "  deno task torture --case flips:17 --seed 1",
  ].join("\n"),
};

/** The options of a command line; undefined where help was asked for. */
function readOptions(
  argv: readonly string[],
  io: CommandContext,
): TortureOptions & { readonly json: boolean } | undefined {
  const parsed = parseArguments(argv, { spec: SPEC, io });
  if (parsed === undefined) return undefined;
  const given = parsed.options as {
    readonly long?: boolean;
    readonly part?: readonly string[];
    readonly shard?: string;
    readonly seed?: string;
    readonly case?: string;
    readonly folder?: string;
    readonly timeout?: number;
    readonly json?: boolean;
  };
  const [, casePart, caseIndex] = /^(.+):(\d+)$/.exec(given.case ?? "") ?? [];
  if (given.case !== undefined && casePart === undefined) {
    throw new UserError({
      what: `--case cannot be "${given.case}"`,
      requirement: "the name of a part and a number, as in kills:17",
    });
  }
  const parts = casePart === undefined ? given.part ?? Object.keys(ALL_PARTS) : [casePart];
  for (const part of parts) {
    if (Object.hasOwn(ALL, part)) continue;
    const names = Object.keys(ALL_PARTS);
    throw new UserError({
      what: `there is no part "${part}"`,
      nearest: nearest(part, names),
      requirement: `parts: ${names.join(", ")}`,
    });
  }
  const [, number = "1", of = "1"] = /^(\d+)\/(\d+)$/.exec(given.shard ?? "1/1") ?? [];
  if (!/^\d+\/\d+$/.test(given.shard ?? "1/1") || Number(number) < 1 || +number > +of) {
    throw new UserError({
      what: `--shard cannot be "${given.shard}"`,
      requirement: "I/N with I from 1 to N, as in 2/8",
    });
  }
  if (!/^\d{1,15}$/.test(given.seed ?? "1")) {
    throw new UserError({
      what: `--seed cannot be "${given.seed}"`,
      requirement: "a whole number from 0",
    });
  }
  return {
    parts,
    long: given.long ?? false,
    seed: Number(given.seed ?? 1),
    shard: { number: Number(number), of: Number(of) },
    one: caseIndex === undefined ? undefined : Number(caseIndex),
    folder: resolve(io.cwd, given.folder ?? join(io.root, "runs/torture")),
    timeout: given.timeout ?? 300,
    json: given.json ?? false,
  };
}

/** Runs the command; 1 where a promise was broken. */
export async function main(argv: readonly string[], io: CommandContext): Promise<number> {
  const options = readOptions(argv, io);
  if (options === undefined) return 0;
  const tell = (finished: Finished): void => {
    if (finished.broken === undefined) return;
    io.err.write(
      `broken: ${finished.broken}\nagain: ${repeatOf(finished, options.seed)}\n\n`,
    );
  };
  const reports = await torture({ ...options, tell });
  for (const report of reports) {
    io.out.write(options.json ? JSON.stringify(report) + "\n" : textOf(report, options.seed));
  }
  return reports.some(({ broken }) => broken.length > 0) ? 1 : 0;
}

function textOf({ part, promise, cases, counts, broken }: PartReport, seed: number): string {
  const lines = Object.entries(counts).sort(([, a], [, b]) => b - a)
    .map(([label, count]) => `  ${String(count).padStart(7)}  ${label}`);
  const again = broken.map((each) => `  ${repeatOf(each, seed)}`);
  return [
    `${part}: ${cases} cases, ${broken.length} broken promises`,
    `  ${promise}`,
    ...lines,
    ...again,
    "",
  ].join("\n") + "\n";
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname!, "../..");
  const out = (stream: typeof Deno.stdout): CommandContext["out"] => ({
    write: (text) => void stream.writeSync(new TextEncoder().encode(text)),
    isTerminal: false,
    size: () => ({ columns: 100, rows: 24 }),
  });
  const context: CommandContext = {
    stages: {},
    engines: {
      choose: () => Promise.reject(new Error("torture computes nothing itself")),
      needs: () => Promise.reject(new Error("torture computes nothing itself")),
      threadModules: [],
    },
    out: out(Deno.stdout),
    err: out(Deno.stderr),
    cwd: Deno.env.get("INIT_CWD") ?? Deno.cwd(),
    root,
    env: (name) => Deno.env.get(name),
  };
  try {
    Deno.exit(await main(Deno.args, context));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    context.err.write(formatUserError(error) + "\n");
    Deno.exit(2);
  }
}
