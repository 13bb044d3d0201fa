/**
 * A small project in a case's folder, and runs of it: what the parts that attack the runner and its
 * store do their harm to. A stage puts into its result all that it read, so that a result shows from
 * which bytes it was made.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { brokenIn } from "../../end_to_end/store_check.ts";
import { digests, type Run, runOf, textOf } from "../../end_to_end/temper.ts";
import { FAULT, FAULT_LOG } from "./fault_points.ts";

const ROOT = resolve(import.meta.dirname!, "../../..");
const FAULTS = join(import.meta.dirname!, "faults.ts");

/** A run that takes so long hangs: a case's own limit is the harness's. In milliseconds. */
const HANGS_AFTER = 90_000;

/** A project in a folder. */
export interface Scene {
  readonly folder: string;
  readonly runs: string;
  /** Ids of its stages. */
  readonly stages: readonly string[];
}

/** Files of a project by name, and its stages. */
export interface Project {
  readonly files: Readonly<Record<string, string>>;
  readonly stages: readonly string[];
}

const OWN = `import { defineStage, z } from "temper";
import { readDataset } from "temper/data";
import { WORD } from "./code.ts";

export default defineStage({
  doc: "Puts into its result all that it read.",
  inputs: { data: "rows" },
  output: "texts",
  options: z.object({ note: z.string(), linger: z.number() }),
  permissions: { read: ["./words.txt"], env: ["TORTURE_WORD"] },
  async run({ inputs, options, output, env, summary }) {
    await new Promise((go) => setTimeout(go, options.linger));
    const { LATE } = await import("./late.ts");
    const words = await Deno.readTextFile(new URL("./words.txt", import.meta.url));
    const { splits } = await readDataset(inputs.data!.path);
    summary({ type: "figure", label: "rows", value: splits.data!.length });
    summary({ type: "figure", label: "letters", value: words.length });
    const read = { WORD, LATE, words, env, note: options.note, rows: splits };
    await Deno.writeTextFile(output.path + "/generations.jsonl", JSON.stringify(read));
  },
});
`;

/** Takes a place for a while. */
const SLOW = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Takes its time.",
  inputs: {},
  output: "texts",
  options: z.object({ linger: z.number() }),
  async run({ options, output }) {
    await new Promise((go) => setTimeout(go, options.linger));
    await Deno.writeTextFile(output.path + "/generations.jsonl", '{"text":"a slow answer"}');
  },
});
`;

/** Joins two results, late. */
const JOIN = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Joins what it reads.",
  inputs: { data: "texts[]" },
  output: "texts",
  options: z.object({ linger: z.number() }),
  async run({ lists, options, output, summary }) {
    await new Promise((go) => setTimeout(go, options.linger));
    const texts = await Promise.all(
      lists.data.map(({ path }) => Deno.readTextFile(path + "/generations.jsonl")),
    );
    summary({ type: "figure", label: "length", value: texts.join("").length });
    summary({ type: "text", prompt: "all", text: texts.join("").slice(0, 40) });
    await Deno.writeTextFile(output.path + "/generations.jsonl", texts.join("\\n"));
  },
});
`;

function lines(count: number): string {
  return Array.from({ length: count }, (_, i) => `verse ${i}. The sea is wide and blue.\n`).join(
    "",
  );
}

/** What the own stage may read beside its input. */
const GRANTS = "permissions: { read: [./words.txt], env: [TORTURE_WORD] }";

/** A source, an own stage, one that joins: about a second. `linger`: how long each waits, in milliseconds. */
export function smallProject({ linger = 0 }: { readonly linger?: number } = {}): Project {
  return {
    stages: ["slow", "verses", "echo", "last"],
    files: {
      "p.yaml": `name: torture
params: { note: a note }
stages:
  slow: { uses: ./slow.ts, with: { linger: ${linger} } }
  verses: { uses: download, with: { from: verses.txt } }
  echo:
    uses: ./own.ts
    inputs: { data: verses }
    with: { note: "\${{ params.note }}", linger: ${linger} }
    ${GRANTS}
  last: { uses: ./join.ts, inputs: { data: [slow, echo] }, with: { linger: ${linger} } }
`,
      "own.ts": OWN,
      "slow.ts": SLOW,
      "join.ts": JOIN,
      "code.ts": 'export const WORD = "old";\n',
      "late.ts": 'export const LATE = "old";\n',
      "words.txt": "old words\n",
      "verses.txt": lines(20),
    },
  };
}

/** A source, tokens and a training that keeps checkpoints: some seconds. */
export function trainingProject(): Project {
  return {
    stages: ["verses", "tokens", "model"],
    files: {
      "p.yaml": `name: torture
stages:
  verses: { uses: download, with: { from: verses.txt } }
  tokens:
    uses: tokenize
    inputs: { data: verses }
    with: { train: { type: bpe, vocab_size: 270 }, packing: true, max_length: 16 }
  model:
    uses: train
    inputs: { data: tokens }
    with:
      config: { model_type: gpt2, n_layer: 1, n_embd: 8, n_head: 1, n_positions: 16 }
      per_device_train_batch_size: 2
      max_steps: 3
      save_steps: 1
      logging_steps: 1
`,
      "verses.txt": lines(60),
    },
  };
}

/** Writes a project into a folder. */
export async function sceneIn(folder: string, project: Project): Promise<Scene> {
  await Deno.mkdir(join(folder, "tmp"), { recursive: true });
  for (const [name, text] of Object.entries(project.files)) {
    await Deno.writeTextFile(join(folder, name), text);
  }
  return { folder, runs: join(folder, "runs"), stages: project.stages };
}

/** How to run it. */
export interface RunHow {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Another folder for runs than the scene's. */
  readonly runs?: string;
  /** Command and arguments to start it with, as `setpriv …`. */
  readonly through?: readonly string[];
}

/** Starts a run of the scene's pipeline, in a runner whose operations can be counted. */
export function startRun(scene: Scene, how: RunHow = {}): Deno.ChildProcess {
  const [command = "", ...args] = [
    ...(how.through ?? []),
    ...[Deno.execPath(), "run", "-P=runner", "--no-check", "--quiet", "--preload", FAULTS],
    ...["main.ts", "run", "p.yaml", "--device", "cpu", "--json", ...(how.args ?? [])],
  ];
  return new Deno.Command(command, {
    args,
    cwd: ROOT,
    env: {
      NO_COLOR: "1",
      TEMPER_RUNS: how.runs ?? scene.runs,
      INIT_CWD: scene.folder,
      TMPDIR: join(scene.folder, "tmp"),
      TORTURE_WORD: "granted",
      ...how.env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** A run's end, and the signal that ended it. */
export interface Ended extends Run {
  readonly signal: Deno.Signal | null;
}

/** Waits for the end of a run; one that has none is a broken promise. */
export async function endOf(child: Deno.ChildProcess): Promise<Ended> {
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    child.kill("SIGKILL");
  }, HANGS_AFTER);
  const output = await child.output().finally(() => clearTimeout(timer));
  const run = { ...runOf(textOf(output)), signal: output.signal };
  assert.ok(!hung, `the run had no end after ${HANGS_AFTER / 1000} s:\n${tellOf(run)}`);
  return run;
}

/** Runs the scene's pipeline to its end. */
export async function run(scene: Scene, how: RunHow = {}): Promise<Ended> {
  return await endOf(startRun(scene, how));
}

/** What a run said, as far as it helps to understand a report. */
export function tellOf({ code, outcomes, reasons, failures, events, stderr, stdout }: Run): string {
  const notes = events.flatMap((event) => event.type === "note" ? [event.text] : []);
  const error = stdout.split("\n").find((line) => line.startsWith('{"type":"error"'));
  const told = { code, outcomes, reasons, failures, notes, ...(error ? { error } : {}) };
  return `${JSON.stringify(told, undefined, 1)}\n${stderr.slice(-2000)}`;
}

/** What an undisturbed run comes to. */
export interface Undisturbed {
  readonly digests: Readonly<Record<string, string | undefined>>;
  /** Key of each action record -> its artifact. */
  readonly results: Readonly<Record<string, string>>;
  /** Stage -> summary as it is shown. */
  readonly shown: Readonly<Record<string, string>>;
  /** What a runner does to its disk, in order: `rename`, `write`. */
  readonly operations: readonly string[];
  /** How long it takes, in milliseconds. */
  readonly duration: number;
}

const known = new Map<string, Promise<Undisturbed>>();

/** What an undisturbed run of a project comes to; found once a process. */
export function undisturbed(folder: string, project: Project): Promise<Undisturbed> {
  const name = JSON.stringify(project);
  let found = known.get(name);
  if (found === undefined) {
    found = findUndisturbed(join(folder, "undisturbed"), project);
    known.set(name, found);
    found.catch(() => known.delete(name));
  }
  return found;
}

async function findUndisturbed(folder: string, project: Project): Promise<Undisturbed> {
  const scene = await sceneIn(folder, project);
  const log = join(folder, "operations");
  const began = performance.now();
  const ended = await run(scene, { env: { [FAULT]: "count", [FAULT_LOG]: log } });
  const duration = performance.now() - began;
  assert.equal(ended.code, 0, `the undisturbed run failed: ${tellOf(ended)}`);
  const operations = (await Deno.readTextFile(log)).trim().split("\n");
  const found = {
    digests: await digests(scene.runs),
    results: await resultsIn(scene.runs),
    shown: shownBy(ended),
    operations,
    duration,
  };
  await Deno.remove(folder, { recursive: true });
  return found;
}

/** Key -> artifact of every action record that can be read. */
export async function resultsIn(runs: string): Promise<Record<string, string>> {
  const results: Record<string, string> = {};
  const folder = join(runs, "store/actions");
  for (const { name } of await Array.fromAsync(Deno.readDir(folder)).catch(() => [])) {
    const record = JSON.parse(await Deno.readTextFile(join(folder, name)));
    results[name.replace(/\.json$/, "")] = String(record.artifact);
  }
  return results;
}

/** Stage -> the summary that a run shows of it. */
export function shownBy({ events }: Run): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const event of events) {
    if (event.type !== "stage_end" || event.summary === undefined) continue;
    shown[event.stage] = JSON.stringify(event.summary);
  }
  return shown;
}

/** Whether what a run said of a fault is meant for a person: no stack, no "fault of Temper". */
export function assertClear(ended: Ended): void {
  const said = ended.stderr + JSON.stringify(ended.failures);
  assert.ok(
    [0, 1, 2].includes(ended.code) && ended.signal === null,
    `ended with code ${ended.code}, signal ${ended.signal}: ${tellOf(ended)}`,
  );
  assert.doesNotMatch(said, /fault of Temper|Internal error|^ +at |Uncaught/m, tellOf(ended));
  if (ended.code === 0) return;
  const told = Object.values(ended.failures).every(({ what }) => what.length > 0) &&
    (Object.keys(ended.failures).length > 0 || /"type":"error"/.test(ended.stdout));
  assert.ok(told, `it failed without a word of why: ${tellOf(ended)}`);
}

/**
 * Runs undisturbed and holds that all is as if nothing had happened: same results, all whole, nothing
 * left. `lost`: a person took away a part of the store, so that it is whole only afterwards.
 */
export async function assertGoesOn(
  scene: Scene,
  expected: Undisturbed,
  { lost = false, ...how }: RunHow & { readonly lost?: boolean } = {},
): Promise<Ended> {
  if (!lost) assert.deepEqual(await brokenIn(scene.runs, scene.stages), [], "before the next run");
  const on = await run(scene, how);
  assert.equal(on.code, 0, `the next run failed: ${tellOf(on)}`);
  await assertSame(scene, expected, { ended: on, lost });
  const again = await run(scene, how);
  assert.equal(again.code, 0, `the run after it failed: ${tellOf(again)}`);
  assert.deepEqual([...new Set(Object.values(again.outcomes))], ["cached"], tellOf(again));
  await assertSame(scene, expected, { ended: again, lost });
  await assertNothingLeft(scene);
  return on;
}

/**
 * Holds that a run came to what an undisturbed one comes to, in the store and in what it shows.
 * `lost`: of the folders of runs the newest alone counts, for a person may have changed older ones.
 */
export async function assertSame(
  scene: Scene,
  expected: Undisturbed,
  { ended, lost = false }: { readonly ended: Ended; readonly lost?: boolean },
): Promise<void> {
  const told = tellOf(ended);
  assert.deepEqual(await digests(scene.runs), expected.digests, `other results\n${told}`);
  assert.deepEqual(shownBy(ended), expected.shown, `other summaries\n${told}`);
  const newest = await Deno.readLink(join(scene.runs, "latest"));
  const broken = (await brokenIn(scene.runs, scene.stages)).filter((problem) =>
    !lost || !problem.includes("/artifacts/") || problem.startsWith(newest)
  );
  assert.deepEqual(broken, [], `broken: ${broken.join("; ")}\n${told}`);
  for (const [key, artifact] of Object.entries(await resultsIn(scene.runs))) {
    const right = expected.results[key];
    if (right !== undefined) {
      assert.equal(artifact, right, `the record of ${key} names a wrong result`);
    }
  }
}

/** Holds that neither locks nor scratch folders nor folders to resume from lie about. */
export async function assertNothingLeft(scene: Scene): Promise<void> {
  for (const place of ["locks", "scratch", "resume"]) {
    const folder = join(scene.runs, "store", place);
    const left = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
    const found = left.map(({ name }) => name);
    assert.deepEqual(found, [], `left in store/${place}: ${found.join(", ")}`);
  }
}
