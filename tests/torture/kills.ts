/**
 * `kill -9` of a runner right before, or in the middle of, each operation that changes something on its
 * disk; and of a runner, of a stage, of both at random moments.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { FAULT, FAULT_LOG } from "./scene/fault_points.ts";
import type { Part, TortureCase } from "./part.ts";
import { noStageLeft, pause, stagesOf } from "./scene/processes.ts";
import {
  assertGoesOn,
  endOf,
  type Project,
  run,
  sceneIn,
  smallProject,
  startRun,
  tellOf,
  trainingProject,
  undisturbed,
} from "./scene/scene.ts";

/** Cases with a kill at an operation: of each project at least one for each operation. */
const SMALL = 900;
const TRAINING = 650;
/** Cases with kills at random moments. */
const RANDOM = 500;
/** More of the first two, behind the others so that these keep their numbers. */
const MORE_SMALL = 400;
const MORE_TRAINING = 250;

export default {
  name: "kills",
  promise: "kill -9 at any moment changes nothing but the time: no wrong hit, nothing partial, " +
    "the same results, nothing left behind",
  cases: { short: 4, long: SMALL + TRAINING + RANDOM + MORE_SMALL + MORE_TRAINING },
  async run(torture: TortureCase): Promise<string> {
    if (Deno.build.os === "windows") return "skipped: there is no kill -9";
    const { index } = torture;
    const training = trainingProject();
    const small = async (index: number): Promise<string> =>
      await killedAt({ ...torture, index }, {
        project: smallProject(),
        cases: SMALL + MORE_SMALL,
      });
    const trained = async (index: number): Promise<string> =>
      await killedAt({ ...torture, index }, {
        project: training,
        cases: TRAINING + MORE_TRAINING,
      });
    if (index < SMALL) return await small(index);
    const later = index - SMALL;
    if (later < TRAINING) return await trained(later);
    const more = later - TRAINING - RANDOM;
    if (more >= MORE_SMALL) return await trained(TRAINING + more - MORE_SMALL);
    if (more >= 0) return await small(SMALL + more);
    return await killedSomeTime(
      { ...torture, index: later },
      later % 5 === 0 ? training : smallProject({ linger: 100 }),
    );
  },
} satisfies Part;

/** A kill before each operation, then within each that writes bytes, then again as far as there are cases. */
async function killedAt(
  { index, folder }: TortureCase,
  { project, cases }: { readonly project: Project; readonly cases: number },
): Promise<string> {
  const expected = await undisturbed(folder, project);
  const moments = momentsOf(expected.operations);
  const faults = [
    ...moments.map((i) => `${i + 1}:kill`),
    ...moments.flatMap((i) => /^write/.test(expected.operations[i]!) ? [`${i + 1}:tear`] : []),
  ];
  assert.ok(faults.length <= cases, `${faults.length} moments to kill at, but ${cases} cases`);
  const scene = await sceneIn(folder, project);
  const fault = faults[index % faults.length]!;
  const log = join(folder, "struck");
  const killed = await run(scene, { env: { [FAULT]: fault, [FAULT_LOG]: log } });
  const struck = await Deno.readTextFile(log).catch(() => undefined);
  // What runs side by side comes in another order each time, so the count differs by a few.
  if (struck === undefined) assert.equal(killed.code, 0, tellOf(killed));
  else assert.equal(killed.signal, "SIGKILL", tellOf(killed));
  await noStageLeft(scene.runs);
  await assertGoesOn(scene, expected);
  const operation = struck?.split(" ")[1];
  if (operation === undefined) return "ended before the kill";
  return `killed ${fault.endsWith("kill") ? "before" : "within"} ${operation}`;
}

/**
 * The operations to strike at: all of them, but of a loop of the same one (hundreds of files of code are
 * copied in a row) the first and the last four and every sixteenth.
 */
function momentsOf(operations: readonly string[]): number[] {
  return operations.flatMap((name, i) => {
    let start = i;
    while (operations[start - 1] === name) start--;
    let end = i;
    while (operations[end + 1] === name) end++;
    return i - start < 4 || end - i < 4 || (i - start) % 16 === 0 ? [i] : [];
  });
}

async function killedSomeTime({ seed, folder }: TortureCase, project: Project): Promise<string> {
  const random = randomNumbers(seed);
  const expected = await undisturbed(folder, project);
  const scene = await sceneIn(folder, project);
  const victim = (["runner", "stage", "both"] as const)[Math.floor(random() * 3)]!;
  const jobs = random() < 0.5 ? "1" : "2";
  const child = startRun(scene, { args: ["--jobs", jobs] });
  let ended = false;
  const end = endOf(child).finally(() => ended = true);
  await Promise.race([pause(random() * expected.duration * 1.1), end]);
  let hit = false;
  while (!ended && !hit) {
    const stages = victim === "runner" ? [] : await stagesOf(scene.runs);
    if (victim === "stage" && stages.length === 0) {
      await pause(5);
      continue;
    }
    for (const pid of [...(victim === "stage" ? [] : [child.pid]), ...stages]) {
      try {
        Deno.kill(pid, "SIGKILL");
        hit = true;
      } catch {
        // It ended by itself meanwhile.
      }
    }
  }
  const killed = await end;
  // A stage may be killed between its last word and its end, which its runner may overlook.
  if (victim === "stage" && killed.code !== 0) {
    assert.match(JSON.stringify(killed.failures), /was killed by SIGKILL/, tellOf(killed));
  }
  await noStageLeft(scene.runs);
  await assertGoesOn(scene, expected);
  return hit
    ? `killed the ${victim === "both" ? "runner and its stages" : victim}`
    : "ended before";
}
