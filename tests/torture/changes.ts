/**
 * Something that a pipeline reads changes while it runs: no result is ever kept under the key of what
 * it was not made from.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { brokenIn } from "../end_to_end/store_check.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import type { Part, TortureCase } from "./part.ts";
import { pause } from "./scene/processes.ts";
import {
  assertClear,
  assertGoesOn,
  assertNothingLeft,
  endOf,
  type Project,
  resultsIn,
  type Scene,
  sceneIn,
  smallProject,
  startRun,
  tellOf,
  type Undisturbed,
  undisturbed,
} from "./scene/scene.ts";

/** What changes, and to what. Each gets as many cases. */
const CHANGES: readonly { readonly file: string; readonly to: (text: string) => string }[] = [
  { file: "verses.txt", to: (text) => text.replaceAll("blue", "grey") },
  { file: "own.ts", to: (text) => text.replace("words.length", "words.length + 1") },
  { file: "code.ts", to: (text) => text.replace("old", "new") },
  { file: "late.ts", to: (text) => text.replace("old", "new") },
  { file: "words.txt", to: (text) => text.replace("old", "new") },
  { file: "p.yaml", to: (text) => text.replace("a note", "a word") },
];

/** Results that a person edits where they lie, and what they put there. */
const EDITED = ["slow", "echo", "verses"] as const;

const EACH = 25;

export default {
  name: "changes",
  promise: "what changes while a run goes on never gives a result under the key of something else",
  cases: { short: 4, long: EACH * (CHANGES.length + EDITED.length) },
  async run(torture: TortureCase): Promise<string> {
    const row = Math.floor(torture.index / EACH);
    const change = CHANGES[row];
    return change === undefined
      ? await edited(torture, EDITED[row - CHANGES.length]!)
      : await changed(torture, change);
  },
} satisfies Part;

/** A file of the project changes at a random moment, by a rename or, as many editors do, in place. */
async function changed(
  { seed, folder }: TortureCase,
  { file, to }: typeof CHANGES[number],
): Promise<string> {
  const random = randomNumbers(seed);
  const before = smallProject({ linger: 300 });
  const after = withFile(before, { name: file, text: to(before.files[file]!) });
  assert.notEqual(after.files[file], before.files[file], `${file} does not change`);
  const worlds = [await undisturbed(folder, before), await undisturbed(folder, after)];
  const scene = await sceneIn(folder, before);
  const path = join(scene.folder, file);
  const inPlace = random() < 0.5;
  // Same size, and where asked the same time: what looks unchanged is not.
  const times = random() < 0.5 ? await Deno.stat(path) : undefined;
  const jobs = random() < 0.5 ? "1" : "2";

  const end = endOf(startRun(scene, { args: ["--jobs", jobs] }));
  await Promise.race([pause(random() * worlds[0]!.duration * 1.1), end]);
  const target = inPlace ? path : `${path}.new`;
  await Deno.writeTextFile(target, after.files[file]!);
  if (times !== undefined) await Deno.utime(target, times.atime!, times.mtime!);
  if (!inPlace) await Deno.rename(target, path);

  const ended = await end;
  assertClear(ended);
  // Written in place, a file is empty for a moment: that, too, may be what was read.
  const empty = inPlace ? withFile(before, { name: file, text: "" }) : undefined;
  await assertRightKeys(
    scene,
    worlds,
    async () =>
      empty === undefined ? undefined : await undisturbed(folder, empty).catch(() => undefined),
  );
  assert.deepEqual(await brokenIn(scene.runs, scene.stages), [], tellOf(ended));
  await assertGoesOn(scene, worlds[1]!);
  await assertRightKeys(scene, worlds);
  return `${file}: ${ended.code === 0 ? "done" : "refused"}`;
}

/** A person edits a result in the newest run's folder, in place, while the next stages are to read it. */
async function edited(
  { seed, folder }: TortureCase,
  stage: typeof EDITED[number],
): Promise<string> {
  const random = randomNumbers(seed);
  const project = smallProject({ linger: 300 });
  const expected = await undisturbed(folder, project);
  const scene = await sceneIn(folder, project);
  const end = endOf(startRun(scene, { args: ["--jobs", random() < 0.5 ? "1" : "2"] }));
  let over = false;
  end.finally(() => over = true).catch(() => {});
  const name = stage === "verses" ? "data.parquet" : "generations.jsonl";
  const path = join(scene.runs, "latest/artifacts", stage, name);
  // As soon as it is there, or some time later.
  while (!over && await Deno.stat(path).catch(() => undefined) === undefined) await pause(3);
  await Promise.race([pause(random() * 500), end]);
  const there = await Deno.stat(path).catch(() => undefined);
  if (there !== undefined) {
    await Deno.chmod(path, 0o644).catch(() => {});
    const bytes = await Deno.readFile(path);
    const at = Math.floor(bytes.length / 2);
    bytes[at] = bytes[at]! ^ 0x20;
    using file = await Deno.open(path, { write: true });
    await file.write(bytes);
    if (random() < 0.5) await Deno.utime(path, there.atime!, there.mtime!);
  }
  const ended = await end;
  assertClear(ended);
  await assertRightKeys(scene, [expected]);
  await assertGoesOn(scene, expected, { lost: true });
  await assertNothingLeft(scene);
  const what = there === undefined ? "never there" : ended.code === 0 ? "done" : "refused";
  return `the result of ${stage}, edited: ${what}`;
}

/** Holds every action record against the runs in which nothing changed. */
async function assertRightKeys(
  scene: Scene,
  worlds: readonly Undisturbed[],
  further: () => Promise<Undisturbed | undefined> = () => Promise.resolve(undefined),
): Promise<void> {
  const results = await resultsIn(scene.runs);
  const all = [...worlds];
  if (Object.keys(results).some((key) => !worlds.some((world) => key in world.results))) {
    const world = await further();
    if (world !== undefined) all.push(world);
  }
  for (const [key, artifact] of Object.entries(results)) {
    const right = all.flatMap((world) => world.results[key] ?? []);
    const record = await Deno.readTextFile(join(scene.runs, "store/actions", `${key}.json`));
    assert.notDeepEqual(
      right,
      [],
      `${await stageOf(scene, key)} has a key that no content gives: ${record}`,
    );
    assert.ok(
      right.includes(artifact),
      `${await stageOf(scene, key)} has a result under the key of other content`,
    );
  }
}

async function stageOf({ runs }: Scene, key: string): Promise<string> {
  const record = JSON.parse(await Deno.readTextFile(join(runs, "store/actions", `${key}.json`)));
  return `stage "${record.stage}" (key ${key.slice(0, 12)})`;
}

function withFile(
  project: Project,
  { name, text }: { readonly name: string; readonly text: string },
): Project {
  return { ...project, files: { ...project.files, [name]: text } };
}
