/**
 * The configuration of a Deno process that the runner starts: a `deno.json` and a copy of `deno.lock` in a
 * folder of their own.
 *
 * A copy, because Deno writes packages that are new to it into the lock file it finds, and what an own
 * stage imports is none of the project's. Permissions stand in the file rather than in flags, because a
 * flag's list is cut at commas and data files have commas in their names.
 *
 * @module
 */
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileUrl } from "../../base/paths.ts";
import { guarded } from "../../store/mod.ts";

/** A permission set as `deno.json` spells it. Lists, never `true`, except for `ffi` of an own stage that may load any library. */
export interface Grants {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly net: readonly string[];
  readonly env: readonly string[];
  readonly ffi: true | readonly string[];
  /** Hosts whose modules it may import, beside npm's. */
  readonly import: readonly string[];
}

/** Name of the permission set: `deno run -P=stage`. */
export const PERMISSION_SET = "stage";

/**
 * Writes the configuration.
 *
 * @param folder Where to; it exists.
 * @param options `project`: folder with the `deno.json` whose import map counts; `grants`: what
 *   `-P=stage` allows, nothing where absent.
 * @returns Path of the `deno.json`.
 */
export async function writeConfig(
  folder: string,
  { project, grants = {} }: { readonly project: string; readonly grants?: Partial<Grants> },
): Promise<string> {
  const path = join(folder, "deno.json");
  const source = join(project, "deno.json");
  const { imports = {}, allowScripts } = JSON.parse(await Deno.readTextFile(source)) as {
    readonly imports?: Readonly<Record<string, string>>;
    readonly allowScripts?: unknown;
  };
  const base = fileUrl(source);
  const absolute = Object.entries(imports).map(([name, target]) => [
    name,
    /^\.{0,2}\//.test(target) ? new URL(target, base).href : target,
  ]);
  const config = {
    imports: Object.fromEntries(absolute),
    nodeModulesDir: "none",
    allowScripts,
    permissions: { [PERMISSION_SET]: grants },
  };
  await guarded({ doing: "write what a process is started with", path: folder }, () =>
    Promise.all([
      Deno.writeTextFile(path, JSON.stringify(config, undefined, 2)),
      Deno.copyFile(join(project, "deno.lock"), join(folder, "deno.lock")).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }),
    ]));
  return path;
}

const PREFIX = "temper-process-";

/** No process that is asked for a graph or a description takes this long. */
const FORGOTTEN_AFTER_MS = 24 * 3600 * 1000;

/**
 * Calls `use` with a temporary folder for the configuration of processes that belong to no run.
 *
 * The folder goes when `use` is done. What a kill left of earlier ones goes with it, since a killed
 * process cannot do it.
 */
export async function withProcessFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await guarded(
    { doing: "make a temporary folder", path: tmpdir() },
    () => Deno.makeTempDir({ prefix: PREFIX }),
  );
  // By the clock of the disk: this process's may have been set since others made their folders.
  const now = await changeOf(folder);
  try {
    return await use(folder);
  } finally {
    await removeQuietly(folder);
    await removeForgotten(dirname(folder), now);
  }
}

async function removeForgotten(folder: string, now: number): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(folder, name);
    if (now - await changeOf(path) > FORGOTTEN_AFTER_MS) await removeQuietly(path);
  }
}

/** When a folder last changed, in milliseconds since 1970; never, where nobody can say. */
async function changeOf(path: string): Promise<number> {
  return (await Deno.lstat(path).catch(() => undefined))?.mtime?.getTime() ?? Infinity;
}

/** Another process may have been faster, or it is another user's: neither is a reason to stop. */
async function removeQuietly(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(() => {});
}
