/**
 * Eight runners on one store and one lock file of pins at once, some in containers, some killed.
 *
 * Pipelines share a stage and have stages of their own; one stage draws its result by chance, so that
 * work that was done twice under one key would show. Left out: runners on other machines, whose
 * leases take a minute to run out (`tests/store/lease_test.ts` has those, with short ones).
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunRecord } from "../../lib/store/mod.ts";
import { brokenIn } from "../end_to_end/store_check.ts";
import {
  byOutcome,
  type Run,
  runOf,
  runPipeline,
  start,
  type Surroundings,
  textOf,
} from "../end_to_end/temper.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { container, namedContainer } from "../store/containers.ts";
import type { Part, TortureCase } from "./part.ts";

const RUNNERS = 8;
const PIPELINES = 3;
/** A machine may be busy; runners that wait for each other in a circle would wait for ever. In ms. */
const LONGEST_RUN = 180_000;

/** Writes a text, pins a source, and takes a moment, in which a kill may fall. */
const STIR = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Writes a text.",
  inputs: { data: "texts[]?" },
  output: "texts",
  options: z.object({ text: z.string(), chance: z.boolean().default(false), linger: z.number() }),
  async resolve({ options, pins }) {
    const source = "stir://" + options.text;
    if (pins.get(source) === undefined) pins.set(source, { commit: options.text });
    return { key: pins.get(source) };
  },
  async run({ lists, output, options }) {
    const read = await Promise.all(
      (lists.data ?? []).map(({ path }) => Deno.readTextFile(path + "/generations.jsonl")),
    );
    await new Promise((go) => setTimeout(go, options.linger));
    const text = [...read, options.chance ? crypto.randomUUID() : options.text].join("+");
    await Deno.writeTextFile(output.path + "/generations.jsonl", text);
    for (let i = 0; i < 20; i++) await Deno.writeTextFile(output.path + "/" + i, options.text + i);
  },
});
`;

/** Ids of a pipeline's stages. The first two do the same work in each. */
function stagesOf(pipeline: number): string[] {
  return ["shared", "chance", `own${pipeline}`, `end${pipeline}`];
}

function yamlOf(pipeline: number): string {
  const [, , own, end] = stagesOf(pipeline);
  return `name: p${pipeline}
stages:
  shared: { uses: ./stir.ts, with: { text: shared, linger: 150 } }
  chance: { uses: ./stir.ts, with: { text: chance, chance: true, linger: 100 } }
  ${own}: { uses: ./stir.ts, inputs: { data: shared }, with: { text: ${own}, linger: 100 } }
  ${end}: { uses: ./stir.ts, inputs: { data: ${own} }, with: { text: ${end}, linger: 50 } }
`;
}

/** One of the eight, as it was drawn. */
interface Runner {
  readonly pipeline: number;
  readonly jobs: string;
  /** Milliseconds after which it is killed; undefined where it is left alone. */
  readonly killedAfter: number | undefined;
  readonly within: readonly string[] | undefined;
}

function draw(random: () => number): Runner[] {
  const containers = [container(), namedContainer("elsewhere")];
  return Array.from({ length: RUNNERS }, () => ({
    pipeline: Math.floor(random() * PIPELINES),
    jobs: random() < 0.5 ? "1" : "2",
    killedAfter: random() < 0.45 ? 300 + random() * 9000 : undefined,
    within: random() < 0.5 ? containers[Math.floor(random() * 2)] : undefined,
  }));
}

/** Runs one of them to its end or its death. */
async function play(runner: Runner, around: Surroundings & { folder: string }): Promise<Run> {
  const { pipeline, jobs, killedAfter, within } = runner;
  const file = join(around.folder, `p${pipeline}.yaml`);
  const child = start(["run", file, "--jobs", jobs, "--device", "cpu", "--json"], {
    ...around,
    ...(within === undefined ? {} : { within }),
  });
  let late = false;
  const timer = setTimeout(() => {
    late = killedAfter === undefined;
    try {
      child.kill("SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }, killedAfter ?? LONGEST_RUN);
  const run = runOf(textOf(await child.output()));
  clearTimeout(timer);
  assert.ok(
    !late,
    `a runner did not end within ${LONGEST_RUN / 1000} s: ${run.stdout}${run.stderr}`,
  );
  if (killedAfter === undefined) assert.equal(run.code, 0, run.stdout + run.stderr);
  return run;
}

/** Adds what is told of keys to what was told; a key has one artifact. */
function take(
  told: Map<string, string>,
  stages: readonly { readonly key?: string; readonly artifact?: string }[],
): void {
  for (const { key, artifact } of stages) {
    if (key === undefined || artifact === undefined) continue;
    assert.equal(told.get(key) ?? artifact, artifact, `two results under the key ${key}`);
    told.set(key, artifact);
  }
}

async function runTogether({ seed, folder }: TortureCase): Promise<string> {
  const random = randomNumbers(seed);
  const runs = join(folder, "runs");
  const temporary = join(folder, "tmp");
  const around = { folder, runs, temporary };
  await Deno.mkdir(temporary);
  await Deno.writeTextFile(join(folder, "stir.ts"), STIR);
  for (let i = 0; i < PIPELINES; i++) {
    await Deno.writeTextFile(join(folder, `p${i}.yaml`), yamlOf(i));
    // All pin into one file.
    await Deno.symlink("pins.lock", join(folder, `p${i}.lock`));
  }
  const runners = draw(random);
  const ended = await Promise.all(runners.map((runner) => play(runner, around)));

  const told = new Map<string, string>();
  for (const run of ended) {
    take(told, run.events.filter((event) => event.type === "stage_end"));
  }
  const used = [...new Set(runners.map(({ pipeline }) => pipeline))].sort();
  const last: Run[] = [];
  for (const pipeline of used) {
    // One stage runs in any case, so that this run sweeps.
    const file = join(folder, `p${pipeline}.yaml`);
    const run = await runPipeline([file, "--force", stagesOf(pipeline)[3]!], around);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    take(told, run.events.filter((event) => event.type === "stage_end"));
    last.push(run);
  }
  for (const record of await recordsIn(runs)) take(told, Object.values(record.stages));
  for (const [key, artifact] of told) {
    const action = await Deno.readTextFile(join(runs, "store/actions", `${key}.json`));
    assert.equal(JSON.parse(action).artifact, artifact, `the record of ${key}`);
  }
  await checkResults(folder, used);
  await checkPins(folder, used);
  assert.deepEqual(await brokenIn(runs), []);
  for (const place of ["scratch", "locks"]) {
    assert.deepEqual(await names(join(runs, "store", place)), [], place);
  }
  assert.deepEqual((await names(folder)).filter((name) => name.endsWith(".writing")), []);
  assert.deepEqual(await processesOf(runs), [], "processes outlive their runners");

  // Nobody's finished work was done again, but for what was forced.
  for (const [i, run] of last.entries()) {
    const done = byOutcome(run).done ?? [];
    const finished = ended.flatMap(({ outcomes }) =>
      Object.keys(outcomes).filter((id) => outcomes[id] === "done" || outcomes[id] === "cached")
    );
    const again = done.filter((id) => finished.includes(id) && id !== stagesOf(used[i]!)[3]);
    assert.deepEqual(again, [], "finished stages ran again");
  }
  const killed = runners.filter(({ killedAfter }) => killedAfter !== undefined).length;
  const inside = runners.filter(({ within }) => within !== undefined).length;
  return `${killed > 2 ? "many" : "few"} kills, ${inside > 0 ? "with" : "without"} containers`;
}

async function recordsIn(runs: string): Promise<RunRecord[]> {
  const records: RunRecord[] = [];
  for (const name of await names(runs)) {
    if (name === "store" || name === "latest") continue;
    const text = await Deno.readTextFile(join(runs, name, "run.json")).catch(() => "{}");
    const record = JSON.parse(text) as Partial<RunRecord>;
    if (record.stages !== undefined) records.push(record as RunRecord);
  }
  return records;
}

/** What the last runs show is what an undisturbed run comes to: that is known beforehand. */
async function checkResults(folder: string, used: readonly number[]): Promise<void> {
  for (const record of await recordsIn(join(folder, "runs"))) {
    const pipeline = Number(record.pipeline.slice(1));
    const [shared, , own, end] = stagesOf(pipeline);
    const texts = [shared, `${shared}+${own}`, `${shared}+${own}+${end}`];
    for (const [i, id] of [shared, own, end].entries()) {
      if (record.stages[id!]?.artifact === undefined) continue;
      const path = join(folder, "runs", record.id, "artifacts", id!, "generations.jsonl");
      assert.equal(await Deno.readTextFile(path).catch(() => texts[i]), texts[i]);
    }
    if (record.status === "done") assert.ok(used.includes(pipeline));
  }
}

async function checkPins(folder: string, used: readonly number[]): Promise<void> {
  const { own } = JSON.parse(await Deno.readTextFile(join(folder, "pins.lock")));
  const expected: Record<string, unknown> = {};
  for (const stage of used.flatMap(stagesOf)) {
    expected[stage] = { [`stir://${stage}`]: { commit: stage } };
  }
  assert.deepEqual(own, expected, "pins");
}

/** Processes of stages of one `runs` folder, by their command lines. */
async function processesOf(runs: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "args="] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line.includes(runs));
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
}

/** The part of `deno task torture`. */
export const runners: Part = {
  name: "runners",
  promise:
    "Eight runners on one store, in containers and killed at random, lose no record or pin, " +
    "publish one result a key, end, and leave nothing behind.",
  cases: { short: 1, long: 40 },
  run: runTogether,
};
