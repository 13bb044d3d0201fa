/**
 * Runs Temper as a person does, from outside, and a small pipeline with all seven stages to run it on.
 *
 * @module
 */
import { resolve } from "node:path";

/** The project's folder. */
export const ROOT: string = resolve(import.meta.dirname!, "../..");

/** What a finished command left. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

/** How to run it. */
export interface Surroundings {
  /** Folder for runs and store, so that tests don't meet. */
  readonly runs: string;
  /** Environment variables beyond the present ones. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `temper ARGS`. */
export function start(args: readonly string[], { runs, env }: Surroundings): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-P=runner", "--no-check", "--quiet", "main.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", TEMPER_RUNS: runs, INIT_CWD: ROOT, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs `temper ARGS` to its end. */
export async function temper(args: readonly string[], around: Surroundings): Promise<Outcome> {
  const began = performance.now();
  const { code, stdout, stderr } = await start(args, around).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    seconds: (performance.now() - began) / 1000,
  };
}

/** Verses with enough repetition for a tiny model to learn something; the same for the same seed. */
export function verses(count: number, seed = 1): string {
  const nouns = ["sea", "moon", "whale", "night", "ship", "wind", "star", "harbour", "gull", "tide"];
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
      `The ${pick(adjectives)} ${pick(nouns)} ${pick(verbs)} the ${pick(adjectives)} ${pick(nouns)} ` +
        `and the ${pick(nouns)} ${pick(verbs)} verse ${i}.`,
    );
  }
  return lines.join("\n") + "\n";
}

/** A folder with `verses.txt` and `small.yaml`: all seven stages, a few seconds in all. */
export async function smallProject(options: { rows?: number; maxSteps?: number } = {}): Promise<
  { folder: string; file: string; runs: string }
> {
  const folder = await Deno.makeTempDir({ prefix: "temper-" });
  await Deno.writeTextFile(`${folder}/verses.txt`, verses(options.rows ?? 120));
  const file = `${folder}/small.yaml`;
  await Deno.writeTextFile(file, smallPipeline(options.maxSteps ?? 6));
  return { folder, file, runs: `${folder}/runs` };
}

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

/** Stage id -> artifact digest of the newest run. */
export async function digests(runs: string): Promise<Record<string, string>> {
  const record = JSON.parse(await Deno.readTextFile(`${runs}/latest/run.json`));
  return Object.fromEntries(
    Object.entries(record.stages as Record<string, { artifact: string }>)
      .map(([id, stage]) => [id, stage.artifact]),
  );
}
