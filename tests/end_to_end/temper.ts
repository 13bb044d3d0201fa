/**
 * Runs Temper as a person does, from outside, and a small pipeline with all seven stages to run it on.
 *
 * @module
 */
import { join, resolve } from "node:path";
import type { RunEvent, StageFailure } from "../../lib/pipeline/run/events.ts";
import type { StagePlan } from "../../lib/pipeline/run/plan.ts";
import type { RunRecord } from "../../lib/store/mod.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** The project's folder. */
export const ROOT: string = resolve(import.meta.dirname!, "../..");

/** What a finished command left. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run it. */
export interface Surroundings {
  /** Folder for runs and store, so that tests don't meet. */
  readonly runs: string;
  /** Folder for temporary files: a command that is killed leaves its own. */
  readonly temporary?: string;
  /** Environment variables beyond the present ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** The project's folder, where it is a copy. */
  readonly root?: string;
  /** The folder that it is called from. */
  readonly from?: string;
  /** A command that starts another one, such as a container's. */
  readonly within?: readonly string[];
}

/** Starts `deno task ARGS`, without the layer of `deno task` itself, which a kill would not reach past. */
export function start(
  args: readonly string[],
  { runs, temporary, env, root = ROOT, from = root, within = [] }: Surroundings,
): Deno.ChildProcess {
  const [command = "", ...rest] = [
    ...within,
    Deno.execPath(),
    ...["run", "-P=runner", "--no-check", "--quiet", "main.ts", ...args],
  ];
  return new Deno.Command(command, {
    args: rest,
    cwd: root,
    env: {
      ...{ NO_COLOR: "1", TEMPER_RUNS: runs, INIT_CWD: from },
      ...(temporary === undefined ? {} : { TMPDIR: temporary }),
      ...env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs `deno task ARGS` to its end. */
export async function temper(args: readonly string[], around: Surroundings): Promise<Outcome> {
  return textOf(await start(args, around).output());
}

/** The output of a command as text. */
export function textOf({ code, stdout, stderr }: Deno.CommandOutput): Outcome {
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** What a run told with `--json`. */
export interface Run extends Outcome {
  readonly events: readonly RunEvent[];
  /** Stage -> how it ended. */
  readonly outcomes: Readonly<Record<string, string>>;
  /** Stage -> why it ran; only of stages that did. */
  readonly reasons: Readonly<Record<string, readonly string[]>>;
  readonly failures: Readonly<Record<string, StageFailure>>;
}

/** Runs a pipeline to its end, on the native engine unless told otherwise. */
export async function runPipeline(
  args: readonly string[],
  around: Surroundings,
): Promise<Run> {
  const device = args.includes("--device") ? [] : ["--device", "cpu"];
  return runOf(await temper(["run", ...args, ...device, "--json"], around));
}

/** Reads what `run --json` printed; the last line of a run that was killed may be cut off. */
export function runOf(outcome: Outcome): Run {
  const events = outcome.stdout.split("\n").flatMap((line): RunEvent[] => {
    try {
      return [JSON.parse(line) as RunEvent];
    } catch {
      return [];
    }
  });
  const outcomes: Record<string, string> = {};
  const reasons: Record<string, readonly string[]> = {};
  const failures: Record<string, StageFailure> = {};
  for (const event of events) {
    if (event.type === "stage_start") reasons[event.stage] = event.reasons;
    if (event.type !== "stage_end") continue;
    outcomes[event.stage] = event.outcome;
    if (event.failure !== undefined) failures[event.stage] = event.failure;
  }
  return { ...outcome, events, outcomes, reasons, failures };
}

/** Stages of a run by how they ended: `{ cached: [...], done: [...] }`, in the order of the pipeline. */
export function byOutcome({ outcomes, events }: Run): Record<string, string[]> {
  const first = events.find((event) => event.type === "run_start");
  const order = first?.type === "run_start" ? first.stages : Object.keys(outcomes);
  const groups: Record<string, string[]> = {};
  for (const id of order) (groups[outcomes[id] ?? "none"] ??= []).push(id);
  return groups;
}

/** What `plan --json` says of each stage. */
export async function planOf(
  args: readonly string[],
  around: Surroundings,
): Promise<Record<string, StagePlan>> {
  const { code, stdout, stderr } = await temper(
    ["plan", ...args, "--device", "cpu", "--json"],
    around,
  );
  if (code !== 0) throw new Error(`plan failed: ${stdout}${stderr}`);
  const { stages } = JSON.parse(stdout) as { stages: StagePlan[] };
  return Object.fromEntries(stages.map((stage) => [stage.stage, stage]));
}

/** The record of the newest run. */
export async function latest(runs: string): Promise<RunRecord> {
  return JSON.parse(await Deno.readTextFile(join(runs, "latest/run.json"))) as RunRecord;
}

/** Stage id -> artifact digest of the newest run. */
export async function digests(runs: string): Promise<Record<string, string | undefined>> {
  const { stages } = await latest(runs);
  return Object.fromEntries(Object.entries(stages).map(([id, stage]) => [id, stage.artifact]));
}

/** Path of a file in a stage's result of the newest run. */
export function resultOf(runs: string, stage: string, file: string): string {
  return join(runs, "latest/artifacts", stage, file);
}

/** Copies the project, as far as it runs, so that a test may edit its code. */
export async function copyProject(to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for (const name of ["deno.json", "deno.lock", "main.ts", "lib", "stages"]) {
    await copyTree(join(ROOT, name), join(to, name));
  }
}

/** Copies a file, or a folder with all in it. */
export async function copyTree(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copyTree(join(from, name), join(to, name));
}

/** A temporary folder for one test. */
export interface Workspace extends AsyncDisposable, Surroundings {
  readonly folder: string;
}

/** Makes a temporary folder; it goes with the test, for a file's tests together would keep much. */
export async function workspace(files: Readonly<Record<string, string>> = {}): Promise<Workspace> {
  const folder = await temporaryDirectory();
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(folder, name), text);
  }
  return {
    folder,
    temporary: await temporaryDirectory(),
    runs: join(folder, "runs"),
    from: folder,
    [Symbol.asyncDispose]: async () => await Deno.remove(folder, { recursive: true }),
  };
}

/** A workspace with `verses.txt` and `small.yaml`: all seven stages, a few seconds in all. */
export async function smallProject(options: { maxSteps?: number } = {}): Promise<
  Workspace & { readonly file: string; readonly verses: string }
> {
  const space = await workspace({
    "verses.txt": verses(120),
    "small.yaml": smallPipeline(options.maxSteps ?? 6),
  });
  return {
    ...space,
    file: join(space.folder, "small.yaml"),
    verses: join(space.folder, "verses.txt"),
  };
}

/** Verses with enough repetition for a tiny model to learn something; the same for the same seed. */
export function verses(count: number, seed = 1): string {
  const nouns = [
    "sea",
    "moon",
    "whale",
    "night",
    "ship",
    "wind",
    "star",
    "harbour",
    "gull",
    "tide",
  ];
  const verbs = ["sings to", "follows", "forgets", "carries", "waits for", "remembers", "calls"];
  const adjectives = ["pale", "old", "silent", "wide", "bitter", "golden", "restless"];
  let state = seed;
  const pick = (list: readonly string[]): string => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return list[Math.floor(state / 65536) % list.length]!;
  };
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    lines.push(
      `The ${pick(adjectives)} ${pick(nouns)} ${pick(verbs)} the ${pick(adjectives)} ${
        pick(nouns)
      } and the ${pick(nouns)} ${pick(verbs)} verse ${i}.`,
    );
  }
  return lines.join("\n") + "\n";
}

/** Ids of the stages of the small pipeline, in its order. */
export const SMALL_STAGES = [
  "verses",
  "clean",
  "folds",
  "tokens",
  "model",
  "scores",
  "samples",
] as const;

/** The YAML of the small pipeline. */
export function smallPipeline(maxSteps: number): string {
  return `name: small
seed: 7
params: { max_steps: ${maxSteps}, learning_rate: 1.0e-3, top_k: 20 }
stages:
  verses:
    uses: download
    with: { from: verses.txt }
  clean:
    uses: filter
    inputs: { data: verses }
    with: { drop_empty: true, dedupe: exact }
  folds:
    uses: split
    inputs: { data: clean }
    with: { train: 0.8, validation: 0.1, test: 0.1 }
  tokens:
    uses: tokenize
    inputs: { data: folds }
    with: { train: { type: bpe, vocab_size: 300 }, packing: true, max_length: 32 }
  model:
    uses: train
    inputs: { data: tokens }
    with:
      config: { model_type: gpt2, n_layer: 1, n_embd: 32, n_head: 2, n_positions: 64 }
      learning_rate: "\${{ params.learning_rate }}"
      per_device_train_batch_size: 4
      max_steps: "\${{ params.max_steps }}"
      logging_steps: 1
  scores:
    uses: evaluate
    inputs: { model: model, data: tokens }
    with: { metrics: [perplexity, bleu, rouge], num_examples: 4, prompt_tokens: 8, max_new_tokens: 8 }
  samples:
    uses: generate
    inputs: { model: model }
    with: { prompts: ["The sea"], max_new_tokens: 12, do_sample: true, top_k: "\${{ params.top_k }}" }
`;
}
