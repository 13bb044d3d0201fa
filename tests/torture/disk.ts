/**
 * A disk that refuses: full, broken, read-only, another user's, with a clock that jumps, with links and
 * odd names where the store wants its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { CLOCK, FAULT, FAULT_LOG, SYSTEM_ERRORS } from "./scene/fault_points.ts";
import { ODD_THINGS } from "./scene/odd_things.ts";
import type { Part, TortureCase } from "./part.ts";
import {
  assertClear,
  assertGoesOn,
  type Ended,
  run,
  sceneIn,
  smallProject,
  tellOf,
  undisturbed,
} from "./scene/scene.ts";

/** What each kind of case tries, and how many cases of it there are. */
const KINDS: readonly {
  readonly cases: number;
  readonly run: (torture: TortureCase) => Promise<string>;
}[] = [
  { cases: 500, run: refusedAt },
  { cases: 40, run: smallDisk },
  { cases: 40, run: withoutRights },
  { cases: 40, run: wrongClock },
  { cases: 4 * ODD_THINGS.length, run: oddThing },
];

export default {
  name: "disk",
  promise:
    "a disk that refuses is told in words, spoils nothing in the store, and the run goes on afterwards",
  cases: { short: 5, long: KINDS.reduce((sum, { cases }) => sum + cases, 0) },
  async run(torture: TortureCase): Promise<string> {
    if (Deno.build.os === "windows") return "skipped: the errors are those of POSIX";
    let { index } = torture;
    for (const kind of KINDS) {
      if (index < kind.cases) return await kind.run({ ...torture, index });
      index -= kind.cases;
    }
    throw new Error(`there is no case ${torture.index}`);
  },
} satisfies Part;

/** The system refuses one operation, or all from one on. */
async function refusedAt({ index, seed, folder }: TortureCase): Promise<string> {
  const random = randomNumbers(seed);
  const project = smallProject();
  const expected = await undisturbed(folder, project);
  const scene = await sceneIn(folder, project);
  const codes = Object.keys(SYSTEM_ERRORS);
  const code = codes[Math.floor(random() * codes.length)]!;
  const lasting = random() < 0.5 ? "+" : "";
  const at = index % expected.operations.length + 1;
  const log = join(folder, "struck");
  const env = { [FAULT]: `${at}${lasting}:${code}`, [FAULT_LOG]: log };
  const refused = await run(scene, { env });
  assertClear(refused);
  await assertGoesOn(scene, expected);
  const [, operation] = (await Deno.readTextFile(log).catch(() => "")).split(" ");
  if (operation === undefined) return "ended before the refusal";
  return `${code}${lasting === "+" ? " from" : " once at"} ${operation}: ${endOf(refused)}`;
}

function endOf({ code }: Ended): string {
  return code === 0 ? "done all the same" : "refused";
}

/** Runs, store and all, on a file system of a few hundred kilobytes, which then grows. */
async function smallDisk({ seed, folder }: TortureCase): Promise<string> {
  const random = randomNumbers(seed);
  const project = smallProject();
  const expected = await undisturbed(folder, project);
  const scene = await sceneIn(folder, project);
  await Deno.mkdir(scene.runs);
  const kilobytes = 8 * (1 + Math.floor(random() * 40));
  const mounting = await command("mount", [
    ...["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", scene.runs],
  ]);
  if (!mounting) return "skipped: only root may mount a small disk";
  try {
    const full = await run(scene);
    assertClear(full);
    assert.ok(await command("mount", ["-o", "remount,size=64m", scene.runs]));
    await assertGoesOn(scene, expected);
    return `a disk of ${kilobytes < 100 ? "under" : "over"} 100 kB: ${endOf(full)}`;
  } finally {
    await command("umount", [scene.runs]);
  }
}

/** What root is denied, too, without these; others are denied it anyway. */
const AS_OTHERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"];

/** No right to write to a part of the store, or to read it. */
async function withoutRights({ index, seed, folder }: TortureCase): Promise<string> {
  const random = randomNumbers(seed);
  const isRoot = Deno.uid() === 0;
  const through = isRoot ? AS_OTHERS : [];
  if (isRoot && !await command("setpriv", [...AS_OTHERS.slice(1), "true"])) {
    return "skipped: root is let in everywhere, and there is no setpriv";
  }
  const project = smallProject();
  const expected = await undisturbed(folder, project);
  const scene = await sceneIn(folder, project);
  const filled = index % 2 === 0;
  // Half of the cases meet a store with results, of which one stage's are to be made.
  if (filled) assert.equal((await run(scene)).code, 0);
  else await Deno.mkdir(join(scene.runs, "store"), { recursive: true });
  const places = ["", "store", "store/blobs", "store/artifacts", "store/actions", "store/scratch"];
  places.push("store/locks", "store/tmp", "store/index.db", "store/downloads");
  const place = places[Math.floor(index / 2) % places.length]!;
  const target = join(scene.runs, place);
  if (!filled && !place.includes(".")) await Deno.mkdir(target, { recursive: true });
  const mode = random() < 0.5 ? "a-w" : "a-rwx";
  if (await Deno.lstat(target).catch(() => undefined) === undefined) return "nothing is there";
  const all = random() < 0.5 ? ["-R"] : [];
  assert.ok(await command("chmod", [...all, mode, target]));
  let denied: Ended;
  try {
    denied = await run(scene, { through, args: filled ? ["--force", "last"] : [] });
  } finally {
    await command("chmod", ["-R", "u+rwX", target]);
  }
  assertClear(denied);
  await assertGoesOn(scene, expected);
  return `chmod ${mode} ${place === "" ? "runs" : place}: ${endOf(denied)}`;
}

/** The clock jumps between runs, and what is on the disk may be older or newer than now. */
async function wrongClock({ index, seed, folder }: TortureCase): Promise<string> {
  const random = randomNumbers(seed);
  const project = smallProject();
  const expected = await undisturbed(folder, project);
  const scene = await sceneIn(folder, project);
  const hours = [-24 * 400, -30, -1, 1, 30, 24 * 400][index % 6]!;
  const env = { [CLOCK]: String(hours * 3600) };
  const first = await run(scene, random() < 0.5 ? { env } : {});
  assert.equal(first.code, 0, tellOf(first));
  if (random() < 0.5) await shiftTimes(scene.runs, 3600 * hours);
  const second = await run(scene, random() < 0.5 ? { env } : {});
  assert.equal(second.code, 0, tellOf(second));
  // A file of the project that changes while the clock is wrong is another file all the same.
  const words = join(scene.folder, "words.txt");
  const changed = { ...project, files: { ...project.files, "words.txt": "new words\n" } };
  const before = await Deno.stat(words);
  await Deno.writeTextFile(words, changed.files["words.txt"]!);
  if (random() < 0.5) await Deno.utime(words, before.atime!, before.mtime!);
  const third = await run(scene, { env });
  assert.equal(third.code, 0, tellOf(third));
  await assertGoesOn(scene, await undisturbed(folder, changed));
  await Deno.writeTextFile(words, project.files["words.txt"]!);
  await assertGoesOn(scene, expected);
  return `a clock ${Math.abs(hours)} hours ${hours < 0 ? "behind" : "ahead"}`;
}

/** Moves the times of all files below a folder. */
async function shiftTimes(folder: string, seconds: number): Promise<void> {
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isSymlink) continue;
    if (isDirectory) await shiftTimes(path, seconds);
    const { mtime } = await Deno.stat(path);
    const moved = mtime!.getTime() / 1000 + seconds;
    await Deno.utime(path, moved, moved);
  }
}

/** Something else stands where the store wants its own. */
async function oddThing({ index, folder }: TortureCase): Promise<string> {
  const project = smallProject();
  const expected = await undisturbed(folder, project);
  const scene = await sceneIn(folder, project);
  const { name, put, remove, mayRefuse } = ODD_THINGS[index % ODD_THINGS.length]!;
  const filled = Math.floor(index / ODD_THINGS.length) % 2 === 0;
  if (filled) assert.equal((await run(scene)).code, 0);
  const elsewhere = join(folder, "elsewhere");
  await Deno.mkdir(elsewhere);
  await Deno.writeTextFile(join(elsewhere, "precious.txt"), "precious");
  await put(scene, elsewhere);
  const odd = await run(scene, { args: filled ? ["--force", "echo"] : [] });
  assertClear(odd);
  if (!mayRefuse) assert.equal(odd.code, 0, `it can be done: ${tellOf(odd)}`);
  if (remove !== undefined) await remove(scene);
  await assertPrecious(elsewhere);
  await assertGoesOn(scene, expected, { lost: true });
  await assertPrecious(elsewhere);
  return `${name}: ${endOf(odd)}`;
}

/** What lies outside `runs` and is only linked to is nobody's to remove or to change. */
async function assertPrecious(elsewhere: string): Promise<void> {
  const text = await Deno.readTextFile(join(elsewhere, "precious.txt")).catch(() => "gone");
  assert.equal(text, "precious", "a file outside of `runs` was touched");
}

async function command(name: string, args: readonly string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(name, {
      args: [...args],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
