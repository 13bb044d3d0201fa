/**
 * Kills a training stage at random moments, through the runner, and holds what it ends with to the digest
 * of an undisturbed run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunEvent } from "../../lib/pipeline/run/events.ts";
import { openStore } from "../../lib/store/mod.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { brokenIn } from "./store_check.ts";
import {
  copyProject,
  digests,
  runPipeline,
  start,
  type Surroundings,
  verses,
  workspace,
} from "./temper.ts";

const posix = Deno.build.os !== "windows";

/** How often each is killed, and what it trains with: between them every state that a run keeps. */
const RUNS: readonly { readonly what: string; readonly kills: number; readonly model: string }[] = [
  {
    what: "training stage",
    kills: 12,
    model: `
    inputs: { data: tokens }
    with:
      config: { model_type: gpt2, n_layer: 1, n_embd: 16, n_head: 2, n_positions: 16 }
      learning_rate: 1.0e-3
      lr_scheduler_type: cosine
      per_device_train_batch_size: 4
      gradient_accumulation_steps: 2
      max_steps: 500
      logging_steps: 15
      eval_strategy: steps
      eval_steps: 50
      save_steps: 10`,
  },
  {
    what: "stage with Adafactor, thawing layers, a plateau, rows by length and an early end",
    kills: 4,
    model: `
    inputs: { data: tokens, model: base }
    with:
      optim: adafactor
      learning_rate: 5.0e-2
      freeze: [wte, h.0.attn]
      unfreeze: [{ epoch: 1, modules: [h.0.attn] }, { epoch: 2, modules: [wte] }]
      lr_scheduler_type: reduce_lr_on_plateau
      lr_scheduler_kwargs: { factor: 0.7, patience: 1 }
      per_device_train_batch_size: 1
      gradient_accumulation_steps: 3
      group_by_length: true
      gradient_checkpointing: true
      num_train_epochs: 8
      logging_steps: 5
      eval_strategy: steps
      eval_steps: 16
      early_stopping_patience: 5
      load_best_model_at_end: true
      save_steps: 16
      save_total_limit: 1`,
  },
  {
    what: "stage that trains adapters with momentum",
    kills: 4,
    model: `
    inputs: { data: tokens, model: base }
    with:
      lora: { r: 2, lora_dropout: 0.2, target_modules: all-linear }
      optim: sgd
      optim_args: { momentum: 0.9 }
      learning_rate: 5.0e-2
      per_device_train_batch_size: 2
      max_steps: 1200
      save_strategy: epoch
      report_to: tensorboard`,
  },
];

const PIPELINE = `name: killed
seed: 11
stages:
  verses: { uses: download, with: { from: verses.txt } }
  folds: { uses: split, inputs: { data: verses }, with: { train: 0.9, validation: 0.1 } }
  tokens:
    uses: tokenize
    inputs: { data: folds }
    with: { train: { type: bpe, vocab_size: 270 }, packing: true, max_length: 16 }
  base:
    uses: train
    inputs: { data: tokens }
    with:
      config: { model_type: gpt2, n_layer: 1, n_embd: 16, n_head: 2, n_positions: 16 }
      learning_rate: 1.0e-2
      max_steps: 5
  model:
    uses: train`;

/** The process of the stage that runs under a `runs` folder. */
async function stageProcess(runs: string): Promise<number | undefined> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pid=,args="] }).output();
  const line = new TextDecoder().decode(stdout).split("\n")
    .find((text) => text.includes(`${runs}/store/scratch/`));
  return line === undefined ? undefined : Number.parseInt(line);
}

/** Makes a stage's result unknown, so that it runs again. */
async function forget(runs: string, stage: string): Promise<void> {
  const actions = join(runs, "store/actions");
  for await (const { name } of Deno.readDir(actions)) {
    const path = join(actions, name);
    const action = JSON.parse(await Deno.readTextFile(path)) as { readonly stage: string };
    if (action.stage === stage) await Deno.remove(path);
  }
}

interface Attempt {
  readonly killed: boolean;
  /** Steps that it went on from; 0 where it began at the beginning or never told. */
  readonly from: number;
  /** Milliseconds from the stage's start to the end. */
  readonly took: number;
  readonly events: readonly RunEvent[];
}

/** Waits until a stage has kept a checkpoint, or until `ended` says that it won't any more. */
async function firstCheckpoint(runs: string, ended: () => boolean): Promise<void> {
  while (!ended()) {
    // A folder may go while it is read: an older checkpoint, for which there is a newer one.
    const names = await readdir(join(runs, "store/resume"), { recursive: true }).catch(() => []);
    if (names.some((name) => basename(name).startsWith("checkpoint-"))) return;
    await sleep(20);
  }
}

interface Blow {
  readonly victim: "runner" | "stage";
  /** Milliseconds from the start of the training stage, or from its first checkpoint. */
  readonly delay: number;
  readonly after: "start" | "checkpoint";
}

/** Runs, and kills the runner or the stage at the moment that is told. */
async function attempt(
  file: string,
  around: Surroundings,
  { victim, delay, after }: Blow,
): Promise<Attempt> {
  const child = start(["run", file, "--device", "cpu", "--json"], around);
  const errors = new Response(child.stderr).text();
  const events: RunEvent[] = [];
  let killed = false;
  let began: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const kill = async (): Promise<void> => {
    const pid = victim === "runner" ? child.pid : await stageProcess(around.runs);
    try {
      if (pid === undefined) return;
      Deno.kill(pid, "SIGKILL");
      killed = true;
    } catch {
      // It has just ended by itself.
    }
  };
  let killing: Promise<void> | undefined;
  let ended = false;
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const event = JSON.parse(line) as RunEvent;
      events.push(event);
      if (event.type !== "stage_start" || event.stage !== "model") continue;
      began = performance.now();
      if (after === "start") {
        timer = setTimeout(() => killing = kill(), delay);
      } else {
        killing = firstCheckpoint(around.runs, () => ended).then(() => sleep(delay)).then(kill);
      }
    }
  }
  ended = true;
  clearTimeout(timer);
  await killing;
  const { code } = await child.status;
  if (!killed) assert.equal(code, 0, await errors);
  await errors;
  const told = events.flatMap((event) =>
    event.type === "log" ? /^resumed at step (\d+) of \d+$/.exec(event.message)?.[1] ?? [] : []
  );
  const took = performance.now() - (began ?? performance.now());
  return { killed, from: Number(told[0] ?? 0), took, events };
}

for (const { what, kills: most, model } of RUNS) {
  Deno.test({
    name: `a ${what} that is killed ${most} times at random moments ends with the same digest`,
    ignore: !posix,
    async fn(): Promise<void> {
      await using space = await workspace({
        "verses.txt": verses(60),
        "killed.yaml": PIPELINE + model + "\n",
      });
      // Of a copy: an edit of the project while this goes on would change the stage's key.
      const p = { ...space, root: join(space.folder, "temper") };
      await copyProject(p.root);
      const file = join(p.folder, "killed.yaml");
      const undisturbed = { ...p, runs: join(p.folder, "undisturbed") };
      const { took } = await attempt(file, undisturbed, {
        victim: "runner",
        delay: 600_000,
        after: "start",
      });
      const expected = await digests(undisturbed.runs);
      assert.equal((await runPipeline([file], undisturbed)).outcomes.model, "cached");

      const seed = Number(Deno.env.get("TEMPER_KILL_SEED") ?? Date.now() % 1_000_000);
      const random = randomNumbers(seed);
      const story = [`seed ${seed}, the stage takes ${Math.round(took)} ms`];
      let [kills, ends, resumed] = [0, 0, 0];
      try {
        const wanted = (): boolean => kills < most || resumed < most / 7;
        while (wanted() || ends === 0) {
          const victim = random() < 0.5 ? "runner" : "stage";
          // A part of it at most: the next goes on from there, and reaches what comes late.
          const delay = wanted() ? random() * took * 0.4 : 600_000;
          // On a busy machine every kill may come before the first checkpoint: later ones wait for it.
          const late = wanted() && kills >= most / 2 && resumed < most / 7;
          const after = late ? "checkpoint" : "start";
          const blow: Blow = { victim, delay: late ? delay / 8 : delay, after };
          const { killed, from, events } = await attempt(file, p, blow);
          story.push(
            `${killed ? `killed the ${victim}` : "ended"} ${
              Math.round(blow.delay)
            } ms after its ${after}, from ${from}`,
          );
          if (from > 0) resumed++;
          if (killed) kills++;
          // Killed in its last instant it may have ended all the same.
          if (!events.some((event) => event.type === "run_end" && event.status === "done")) {
            continue;
          }
          ends++;
          assert.deepEqual(await digests(p.runs), expected);
          assert.deepEqual(await brokenIn(p.runs), []);
          // A kill between the result's record and the end leaves the folder to the next run's sweep.
          using store = openStore(p.runs);
          await store.sweep();
          assert.deepEqual([...Deno.readDirSync(store.layout.resume)], []);
          await forget(p.runs, "model");
        }
        assert.ok(resumed >= most / 7, `${resumed} of the attempts went on from a checkpoint`);
        console.log(
          `the stage takes ${
            Math.round(took)
          } ms: ${kills} kills, ${resumed} times gone on, ${ends} times to the end, seed ${seed}`,
        );
      } catch (error) {
        console.log(story.join("\n") + `\nagain with TEMPER_KILL_SEED=${seed}`);
        throw error;
      }
    },
  });
}
