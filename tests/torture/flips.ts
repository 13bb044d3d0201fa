/**
 * One damaged or deleted file anywhere under `runs`: it is found before it is used, named, and made
 * again; what a run shows never comes from it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { damageFile, DAMAGES } from "./scene/damage.ts";
import { FAULT } from "./scene/fault_points.ts";
import { downloadingProject, killDownload } from "./scene/half_download.ts";
import type { Part, TortureCase } from "./part.ts";
import { noStageLeft } from "./scene/processes.ts";
import {
  assertClear,
  assertGoesOn,
  assertSame,
  type Project,
  resultsIn,
  run,
  type Scene,
  sceneIn,
  smallProject,
  tellOf,
  trainingProject,
  undisturbed,
} from "./scene/scene.ts";

/** Kinds of files under `runs`, by their path in it; each gets as many cases. */
const KINDS: readonly {
  readonly name: string;
  readonly files: RegExp;
  /** Of a run that was killed in its last stage: locks, scratch folders, folders to resume from. */
  readonly ofKilled?: "small" | "training" | "download";
}[] = [
  { name: "a blob", files: /^store\/blobs\// },
  { name: "a manifest", files: /^store\/artifacts\// },
  { name: "an action record", files: /^store\/actions\// },
  { name: "a file of a run's artifacts", files: /^[^/]+\/artifacts\/.*\// },
  { name: "a run record", files: /^[^/]+\/run\.json$/ },
  { name: "the index", files: /^store\/index\.db/ },
  { name: "a run's events or logs", files: /^[^/]+\/(events\.ndjson|logs\/)/ },
  { name: "a lock", files: /^store\/locks\//, ofKilled: "small" },
  { name: "a scratch file", files: /^store\/(scratch|tmp)\//, ofKilled: "small" },
  { name: "a file of a killed run", files: /^(?!store)/, ofKilled: "small" },
  {
    name: "a blob of a killed run",
    files: /^store\/(blobs|artifacts|actions)\//,
    ofKilled: "small",
  },
  { name: "a file to resume from", files: /^store\/resume\//, ofKilled: "training" },
  { name: "half a download", files: /^store\/downloads\//, ofKilled: "download" },
];

/** What is found before it is used, and said. */
const NAMED = ["a blob", "a manifest", "an action record"];

export default {
  name: "flips",
  promise:
    "a damaged or missing file under runs is found before it is used, named and made again; " +
    "what is shown never comes from it",
  cases: { short: 6, long: 50 * KINDS.length },
  async run({ index, seed, folder }: TortureCase): Promise<string> {
    const random = randomNumbers(seed);
    const kind = KINDS[Math.floor(index / 50)]!;
    const project = projectOf(kind.ofKilled);
    const expected = await undisturbed(folder, project);
    const scene = await sceneIn(folder, project);
    await leave(scene, { project, ofKilled: kind.ofKilled });

    const files = (await filesBelow(scene.runs)).filter((path) => kind.files.test(path));
    const file = files[Math.floor(random() * files.length)];
    if (file === undefined) return `${kind.name}: there is none`;
    const path = join(scene.runs, file);
    const damage = DAMAGES[index % DAMAGES.length]!;
    const digests = Object.values(await resultsIn(scene.runs));
    const how = { keepTimes: random() < 0.5, random, digests };
    const before = await Deno.readFile(path);
    // An empty file has no bit, a text no field; all can be longer.
    const did = await damageFile(path, { ...how, damage }) ??
      await damageFile(path, { ...how, damage: "bit" }) ??
      await damageFile(path, { ...how, damage: "longer" });
    if (kind.name === "a scratch file") await makeOld(join(scene.runs, "store/scratch"));
    try {
      await assertMends(scene, { path, named: NAMED.includes(kind.name) });
      await assertGoesOn(scene, expected, { lost: true });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${file} (${did}): ${message}`, { cause: error });
    }
    return `${kind.name}: ${did!.replace(/^.*(bit|changed).*?(,|$)/, "$1$2")}`;

    async function assertMends(
      scene: Scene,
      { path, named }: { readonly path: string; readonly named: boolean },
    ): Promise<void> {
      const damaged = await Deno.readFile(path).catch(() => undefined);
      const next = await run(scene);
      assertClear(next);
      assert.equal(next.code, 0, tellOf(next));
      await assertSame(scene, expected, { ended: next, lost: true });
      // A blank more changes no record.
      if (!named || sameJson(before, damaged)) return;
      const said = next.events.some((event) =>
        event.type === "note" ||
        event.type === "stage_start" && event.reasons.join() !== "never ran before"
      );
      assert.ok(said, `it was mended without a word: ${tellOf(next)}`);
      const now = await Deno.readFile(path);
      assert.notDeepEqual(now, damaged, "what was damaged still stands there");
    }
  },
} satisfies Part;

function projectOf(ofKilled: typeof KINDS[number]["ofKilled"]): Project {
  if (ofKilled === "training") return trainingProject();
  return ofKilled === "download" ? downloadingProject() : smallProject();
}

/** Leaves a store with results, or one of a run that was killed in its last stage. */
async function leave(
  scene: Scene,
  { project, ofKilled }: {
    readonly project: Project;
    readonly ofKilled: typeof KINDS[number]["ofKilled"];
  },
): Promise<void> {
  if (ofKilled === "download") return await killDownload(scene);
  if (ofKilled === undefined) {
    const first = await run(scene);
    return assert.equal(first.code, 0, tellOf(first));
  }
  const { operations } = await undisturbed(scene.folder, project);
  // The process of the last stage is the last that is started; a training has kept something later. How many
  // operations come before differs from run to run.
  const processes = operations.filter((name) => name === "process").length;
  const at = ofKilled === "training" ? 7 : 4;
  const killed = await run(scene, { env: { [FAULT]: `${processes}@${at}:kill` } });
  assert.equal(killed.signal, "SIGKILL", tellOf(killed));
  await noStageLeft(scene.runs);
}

/** Whether two files hold the same JSON value. */
function sameJson(a: Uint8Array, b: Uint8Array | undefined): boolean {
  const [one, other] = [a, b].map((bytes) => {
    try {
      return JSON.stringify(JSON.parse(new TextDecoder().decode(bytes)));
    } catch {
      return undefined;
    }
  });
  return one !== undefined && one === other;
}

/** A scratch folder whose owner nobody can read any more is swept when it is a day old. */
async function makeOld(folder: string): Promise<void> {
  const time = Date.now() / 1000 - 48 * 3600;
  for (const { name } of await Array.fromAsync(Deno.readDir(folder))) {
    await Deno.utime(join(folder, name), time, time);
  }
}

/** Paths of all files below a folder, sorted; links are none. */
async function filesBelow(folder: string, below = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(join(folder, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    if (isDirectory) found.push(...await filesBelow(folder, path));
    else if (isFile) found.push(path);
  }
  return found.sort();
}
