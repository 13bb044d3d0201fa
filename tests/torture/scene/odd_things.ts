/**
 * Things that people, other programs and copies of folders leave where a store expects its own.
 *
 * @module
 */
import { join } from "node:path";
import type { Scene } from "./scene.ts";

/** Something odd. */
export interface OddThing {
  readonly name: string;
  /** Puts it there. `elsewhere`: a folder outside of `runs` with a file that must stay. */
  readonly put: (scene: Scene, elsewhere: string) => Promise<void>;
  /** Takes it away, as a person does who was told of it. */
  readonly remove?: (scene: Scene) => Promise<void>;
  /** Whether a refusal in words is an answer, too. */
  readonly mayRefuse: boolean;
}

const KEY = "ab".repeat(32);

/** Moves what is there to a folder outside and leaves a link to it. */
async function linkAway(path: string, to: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true });
  await Deno.rename(path, to);
  await Deno.symlink(to, path);
}

/** Makes room and puts something there. */
async function instead(path: string, put: (path: string) => Promise<void>): Promise<void> {
  await Deno.mkdir(join(path, ".."), { recursive: true });
  await Deno.remove(path, { recursive: true }).catch(() => {});
  await put(path);
}

const file = (path: string): Promise<void> => Deno.writeTextFile(path, "a file");
const folder = async (path: string): Promise<void> => {
  await Deno.mkdir(path);
  await Deno.writeTextFile(join(path, "within.txt"), "a file");
};
const loop = (path: string): Promise<void> => Deno.symlink(path, path);
const dangling = (path: string): Promise<void> => Deno.symlink(`${path}-nowhere`, path);

/** A thing at a place, which a person then removes. */
function at(
  place: string,
  what: string,
  put: (path: string) => Promise<void>,
  mayRefuse = true,
): OddThing {
  return {
    name: `${what} as ${place === "" ? "runs" : place}`,
    put: (scene) => instead(join(scene.runs, place), put),
    remove: async ({ runs }) =>
      await Deno.remove(join(runs, place), { recursive: true }).catch(() => {}),
    mayRefuse,
  };
}

/** First files of a kind, for one to stand in for. */
async function anyOf(path: string): Promise<string | undefined> {
  const names = await Array.fromAsync(Deno.readDir(path)).catch(() => []);
  return names.map(({ name }) => join(path, name)).sort()[0];
}

/** A thing in place of the first file of a folder of the store. */
function insteadOfOne(
  place: string,
  what: string,
  put: (path: string, elsewhere: string) => Promise<void>,
): OddThing {
  return {
    name: `${what} instead of a file of store/${place}`,
    put: async ({ runs }, elsewhere) => {
      let path = await anyOf(join(runs, "store", place));
      if (path !== undefined && place === "blobs") path = await anyOf(path);
      if (path !== undefined) await instead(path, (path) => put(path, elsewhere));
    },
    mayRefuse: true,
    remove: async ({ runs }) => {
      let path = await anyOf(join(runs, "store", place));
      if (path !== undefined && place === "blobs") path = await anyOf(path);
      const info = path === undefined ? undefined : await Deno.lstat(path).catch(() => undefined);
      if (info !== undefined && !info.isFile) await Deno.remove(path!, { recursive: true });
    },
  };
}

/** Every odd thing. */
export const ODD_THINGS: readonly OddThing[] = [
  {
    name: "runs is a link to another folder",
    put: (scene, elsewhere) => linkAway(scene.runs, join(elsewhere, "runs")),
    mayRefuse: false,
  },
  {
    name: "the store is a link to another folder",
    put: (scene, elsewhere) => linkAway(join(scene.runs, "store"), join(elsewhere, "store")),
    mayRefuse: false,
  },
  {
    name: "blobs is a link to another folder",
    put: (scene, elsewhere) => linkAway(join(scene.runs, "store/blobs"), join(elsewhere, "blobs")),
    mayRefuse: false,
  },
  at("", "a file", file),
  at("", "a loop of links", loop),
  at("", "a dangling link", dangling),
  at("store", "a file", file),
  at("store", "a dangling link", dangling),
  at("store/blobs", "a file", file),
  at("store/actions", "a file", file),
  at("store/artifacts", "a file", file),
  at("store/locks", "a file", file),
  at("store/scratch", "a file", file),
  at("store/tmp", "a file", file),
  at("store/resume", "a file", file),
  at("store/downloads", "a file", file),
  at("store/index.db", "a folder", folder, false),
  at("store/index.db", "a loop of links", loop, false),
  at("latest", "a folder", folder),
  at("latest", "a file", file),
  at("latest", "a loop of links", loop, false),
  {
    name: "scratch holds a link to another folder",
    put: async ({ runs }, elsewhere) => {
      await Deno.mkdir(join(runs, "store/scratch"), { recursive: true });
      await Deno.symlink(elsewhere, join(runs, "store/scratch/gone"));
      const owner = { pid: 4_000_000, start: "ticks 1 of boot 00000000", host: "nowhere" };
      await Deno.writeTextFile(join(runs, "store/scratch/gone.json"), JSON.stringify(owner));
    },
    remove: async ({ runs }) => {
      for (const name of ["gone", "gone.json"]) {
        await Deno.remove(join(runs, "store/scratch", name)).catch(() => {});
      }
    },
    mayRefuse: false,
  },
  {
    name: "resume holds a link to another folder",
    put: async ({ runs }, elsewhere) => {
      await Deno.mkdir(join(runs, "store/resume"), { recursive: true });
      await Deno.symlink(elsewhere, join(runs, "store/resume", KEY));
    },
    remove: ({ runs }) => Deno.remove(join(runs, "store/resume", KEY)),
    mayRefuse: false,
  },
  {
    name: "names that nobody gives lie in every folder",
    put: async ({ runs }) => {
      const names = ["line\nbreak", "-rf", "nul", "é".repeat(100), "a b\tc", "%2e%2e", ".hidden"];
      for (const place of ["", "actions", "artifacts", "blobs", "locks", "tmp", "resume"]) {
        const path = place === "" ? runs : join(runs, "store", place);
        await Deno.mkdir(path, { recursive: true });
        for (const name of names) await Deno.writeTextFile(join(path, name), name);
      }
    },
    remove: async ({ runs }) => {
      const names = ["line\nbreak", "-rf", "nul", "é".repeat(100), "a b\tc", "%2e%2e", ".hidden"];
      for (const place of ["", "actions", "artifacts", "blobs", "locks", "tmp", "resume"]) {
        const path = place === "" ? runs : join(runs, "store", place);
        for (const name of names) await Deno.remove(join(path, name)).catch(() => {});
      }
    },
    mayRefuse: false,
  },
  {
    name: "a folder named like a run",
    put: ({ runs }) =>
      Deno.mkdir(join(runs, "99991231T235959Z-torture-zz0000"), { recursive: true }),
    mayRefuse: false,
  },
  insteadOfOne("blobs", "a folder", folder),
  insteadOfOne(
    "blobs",
    "a link",
    (path, elsewhere) => Deno.symlink(join(elsewhere, "precious.txt"), path),
  ),
  insteadOfOne("blobs", "a dangling link", dangling),
  insteadOfOne("artifacts", "a folder", folder),
  insteadOfOne(
    "artifacts",
    "a link",
    (path, elsewhere) => Deno.symlink(join(elsewhere, "precious.txt"), path),
  ),
  insteadOfOne("actions", "a folder", folder),
  insteadOfOne(
    "actions",
    "a link",
    (path, elsewhere) => Deno.symlink(join(elsewhere, "precious.txt"), path),
  ),
  insteadOfOne("actions", "a loop of links", loop),
];
