/** Runs the train stage on small data, for its tests. */
import { randomStream } from "../../lib/base/random.ts";
import type { SummaryEntry } from "../../lib/pipeline/stage.ts";
import type { LogEntry, TrainerState } from "../../lib/train/loop/trainer_state.ts";
import train from "../../stages/train.ts";
import { writeRows } from "../train/fixture.ts";
import { stageContext } from "../fixtures/stage_context.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** Tokens of the language that rows are of. */
export const VOCABULARY = 24;

/** 12 rows to train on, 5 to evaluate on. */
export async function writeData(
  seed = 1,
  splits: readonly string[] = ["train", "validation"],
): Promise<string> {
  const random = randomStream(seed);
  const rows = (count: number): number[][] =>
    Array.from({ length: count }, () => {
      let token = random.nextBelow(VOCABULARY);
      return Array.from({ length: 3 + random.nextBelow(6) }, () => {
        token = random.nextFloat() < 0.9 ? (token * 5 + 1) % VOCABULARY : 0;
        return token;
      });
    });
  const dir = await writeRows(
    Object.fromEntries(splits.map((name) => [name, rows(name === "validation" ? 5 : 12)])),
    { vocabSize: VOCABULARY },
  );
  await Deno.writeTextFile(`${dir}/tokenizer.json`, "{}");
  return dir;
}

/** 24 rows to train on and 8 to evaluate on; which of the classes a row is of shows in every token. */
export async function writeLabelled(
  names: readonly string[] = ["ham", "spam"],
  splits: readonly string[] = ["train", "validation"],
): Promise<string> {
  const random = randomStream(9);
  const share = Math.floor((VOCABULARY - 1) / names.length);
  const rows = (count: number): number[][] =>
    Array.from({ length: count }, (_, row) => {
      const first = 1 + (row % names.length) * share;
      return Array.from({ length: 1 + random.nextBelow(8) }, () => first + random.nextBelow(share));
    });
  const dir = await writeRows(
    Object.fromEntries(splits.map((name) => [name, rows(name === "validation" ? 8 : 24)])),
    {
      vocabSize: VOCABULARY,
      classes: { names, of: ([token = 1]) => Math.floor((token - 1) / share) },
    },
  );
  await Deno.writeTextFile(`${dir}/tokenizer.json`, "{}");
  return dir;
}

const DATA = await writeData();
/** A model that trains in no time, without dropout. */
export const CONFIG = {
  model_type: "gpt2",
  n_layer: 1,
  n_head: 2,
  n_embd: 8,
  n_positions: 16,
  resid_pdrop: 0,
  embd_pdrop: 0,
  attn_pdrop: 0,
};
/** Settings that the runs have in common. */
export const BASE = {
  config: CONFIG,
  learning_rate: 0.01,
  per_device_train_batch_size: 4,
  max_steps: 3,
  logging_steps: 1,
};

/** What a run left. */
export interface Outcome {
  readonly dir: string;
  readonly bytes: Uint8Array;
  readonly state: TrainerState;
  readonly losses: number[];
  readonly config: Record<string, unknown>;
  readonly log: string[];
  readonly progress: [number, number, string][];
  readonly summary: SummaryEntry[];
}

/** Runs the stage with the settings of BASE and those given. */
export async function run(
  given: Record<string, unknown> = {},
  { data = DATA, model, seed = 42, threads = 2, resume, onProgress }: {
    data?: string;
    model?: string;
    seed?: number;
    threads?: number;
    /** Folder of checkpoints. */
    resume?: string;
    /** Called with each step. */
    onProgress?: () => void;
  } = {},
): Promise<Outcome> {
  const dir = await temporaryDirectory();
  const { context, told } = stageContext({
    inputs: { data, model },
    output: dir,
    options: train.options.parse({ ...BASE, ...given }),
    seed,
    threads,
    resume,
    onProgress,
  });
  await train.run(context);
  const state: TrainerState = JSON.parse(await Deno.readTextFile(`${dir}/trainer_state.json`));
  return {
    dir,
    bytes: await weightBytes(dir),
    state,
    losses: values(state, "loss"),
    config: JSON.parse(await Deno.readTextFile(`${dir}/config.json`)),
    ...told,
  };
}

/** The files of weights, one after the other where there are shards. */
async function weightBytes(dir: string): Promise<Uint8Array> {
  const names = [...Deno.readDirSync(dir)].map(({ name }) => name)
    .filter((name) => name.endsWith(".safetensors")).sort();
  const files = await Promise.all(names.map((name) => Deno.readFile(`${dir}/${name}`)));
  return new Uint8Array(await new Blob(files).arrayBuffer());
}

/** All values of one name in a history. */
export function values({ log_history: history }: TrainerState, name: string): number[] {
  return history.flatMap((entry: LogEntry) => entry[name] ?? []);
}

/** Whether two files are the same. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

let base: Promise<Outcome> | undefined;
/** The run with the settings of BASE, made once. */
export function baseRun(): Promise<Outcome> {
  return base ??= run();
}
