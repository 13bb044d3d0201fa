/**
 * Kills the small pipeline where it happens to be, and starts it again.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { brokenIn } from "./store_check.ts";
import {
  byOutcome,
  digests,
  latest,
  type Run,
  runOf,
  runPipeline,
  SMALL_STAGES,
  smallProject,
  start,
  type Surroundings,
  textOf,
} from "./temper.ts";

const posix = Deno.build.os !== "windows";
const KILLS = 10;

/** Processes of stages of one `runs` folder, by id. */
async function stagesOf(runs: string): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pid=,args="] }).output();
  return new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line.includes(`${runs}/store/scratch/`))
    .map((line) => Number.parseInt(line));
}

async function noStageLeft(runs: string): Promise<void> {
  const end = Date.now() + 30_000;
  while (Date.now() < end && (await stagesOf(runs)).length > 0) await pause(50);
  assert.deepEqual(await stagesOf(runs), [], "stages outlive their runner");
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Starts a run, and after `delay` milliseconds kills the runner or one of its stages. */
async function killedRun(
  args: readonly string[],
  around: Surroundings,
  { victim, delay, random }: {
    readonly victim: "runner" | "stage";
    readonly delay: number;
    readonly random: () => number;
  },
): Promise<{ readonly run: Run; readonly hit: boolean }> {
  const child = start(["run", ...args, "--device", "cpu", "--json"], around);
  let ended = false;
  const output = child.output().finally(() => ended = true);
  await Promise.race([pause(delay), output]);
  let hit = false;
  while (!ended && !hit) {
    const processes = victim === "runner" ? [child.pid] : await stagesOf(around.runs);
    const pid = processes[Math.floor(random() * processes.length)];
    if (pid === undefined) await pause(10);
    else {
      try {
        Deno.kill(pid, "SIGKILL");
        hit = true;
      } catch {
        // It ended by itself meanwhile.
      }
    }
  }
  return { run: runOf(textOf(await output)), hit };
}

/** Stages whose result a run had told of. */
function finished(run: Run): string[] {
  return SMALL_STAGES.filter((id) => ["cached", "done"].includes(run.outcomes[id] ?? ""));
}

Deno.test({
  name:
    "kill -9 of the runner or a stage at random moments leaves nothing partial, and the next call goes on",
  ignore: !posix,
  async fn(): Promise<void> {
    await using p = await smallProject();
    const began = performance.now();
    const undisturbed = await runPipeline([p.file], { ...p, runs: join(p.folder, "undisturbed") });
    assert.equal(undisturbed.code, 0, undisturbed.stderr);
    const length = performance.now() - began;
    const expected = await digests(join(p.folder, "undisturbed"));

    const seed = Number(Deno.env.get("TEMPER_KILL_SEED") ?? Date.now() % 1_000_000);
    const random = randomNumbers(seed);
    const story: string[] = [`seed ${seed}, a run takes ${Math.round(length)} ms`];
    const left = { runner: KILLS, stage: KILLS };
    let kept: string[] = [];
    let complete = 0;
    try {
      while (left.runner + left.stage > 0) {
        const victim = random() * (left.runner + left.stage) < left.runner ? "runner" : "stage";
        // Half a run at most: the next goes on from there, and reaches what comes late.
        const delay = random() * length * 0.5;
        const jobs = random() < 0.5 ? "1" : "2";
        const { run, hit } = await killedRun([p.file, "--jobs", jobs], p, {
          victim,
          delay,
          random,
        });
        story.push(
          `${hit ? `killed the ${victim}` : "ended"} after ${Math.round(delay)} ms, ` +
            `code ${run.code}: ${JSON.stringify(run.outcomes)}`,
        );
        assert.deepEqual(await brokenIn(p.runs), []);
        for (const id of kept) {
          const outcome = run.outcomes[id];
          assert.ok(
            outcome === undefined || outcome === "cached",
            `${id} was finished: ${outcome}`,
          );
        }
        kept = [...new Set([...kept, ...finished(run)])];
        if (hit) {
          left[victim]--;
          // A stage may be killed between its last word and its end, which its runner may overlook.
          if (victim === "stage" && run.code !== 0) {
            assert.equal(run.code, 1, run.stderr);
            const failures = Object.values(run.failures);
            assert.equal(failures.length, 1);
            assert.match(failures[0]!.what, /was killed by SIGKILL/);
          }
        } else assert.equal(run.code, 0, run.stdout + run.stderr);
        // Now and then a person lets it run; otherwise the next kill meets what this one left.
        const undisturbed = run.code === 0
          ? run
          : left.runner + left.stage === 0 || random() < 0.25
          ? await runPipeline([p.file], p)
          : undefined;
        if (undisturbed === undefined) continue;
        complete++;
        story.push("to the end");
        assert.equal(undisturbed.code, 0, undisturbed.stdout + undisturbed.stderr);
        if (undisturbed !== run) {
          for (const id of kept) assert.equal(undisturbed.outcomes[id], "cached", id);
        }
        assert.deepEqual(await digests(p.runs), expected);
        assert.deepEqual(await brokenIn(p.runs), []);
        await noStageLeft(p.runs);
        if (left.runner + left.stage === 0) break;
        await Deno.remove(p.runs, { recursive: true });
        kept = [];
      }
      const again = await runPipeline([p.file], p);
      assert.deepEqual(byOutcome(again), { cached: [...SMALL_STAGES] });
      for (const place of ["scratch", "locks"]) {
        const remains = await Array.fromAsync(Deno.readDir(join(p.runs, "store", place)));
        assert.deepEqual(remains.map(({ name }) => name), [], place);
      }
      console.log(`${2 * KILLS} kills, ${complete} times to the end, seed ${seed}`);
    } catch (error) {
      console.log(story.join("\n") + `\nagain with TEMPER_KILL_SEED=${seed}`);
      throw error;
    }
  },
});

Deno.test({
  name: "Ctrl-C stops what runs, exits 130, says how to go on, and the next call does",
  ignore: !posix,
  async fn(): Promise<void> {
    await using p = await smallProject({ maxSteps: 100_000 });
    const child = start(["run", p.file, "--device", "cpu"], p);
    const output = child.output();
    let ended = false;
    output.finally(() => ended = true);
    // A person sees that it trains, and has enough.
    while (!ended && !await trains(p.runs)) await pause(50);
    child.kill("SIGINT");
    const { code, stdout, stderr } = textOf(await output);
    assert.equal(code, 130, stderr);
    assert.match(stderr, /^stopping; once more stops at once$/m);
    assert.match(stderr, /^interrupted; run the same command to go on: finished stages are kept$/m);
    assert.match(stdout, /tokens +\d/);
    await noStageLeft(p.runs);
    assert.deepEqual(await brokenIn(p.runs), []);
    const { status, stages } = await latest(p.runs);
    assert.equal(status, "interrupted");
    assert.deepEqual(
      SMALL_STAGES.map((id) => stages[id]!.status),
      ["done", "done", "done", "done", "interrupted", "interrupted", "interrupted"],
    );

    const on = await runPipeline([p.file, "-p", "max_steps=3"], p);
    assert.equal(on.code, 0, on.stderr);
    assert.deepEqual(byOutcome(on), {
      cached: ["verses", "clean", "folds", "tokens"],
      done: ["model", "scores", "samples"],
    });
    assert.deepEqual(on.reasons.model, ["it was interrupted last time"]);
  },
});

/** Whether the newest run has come to a progress of its training. */
async function trains(runs: string): Promise<boolean> {
  try {
    const events = await Deno.readTextFile(join(runs, "latest/events.ndjson"));
    return /"type":"progress".*"stage":"model"/.test(events);
  } catch {
    return false;
  }
}
