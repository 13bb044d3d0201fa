/**
 * From a file's name to everything that planning and running need.
 *
 * @module
 */
import { dirname } from "node:path";
import { UserError } from "../base/errors.ts";
import { memoryOf } from "../pipeline/code/memory.ts";
import type { PlanContext } from "../pipeline/run/context.ts";
import { chooseEngine, type DeviceChoice } from "../pipeline/run/device.ts";
import { loadPipeline } from "../pipeline/file/load.ts";
import { Lockfile } from "../pipeline/key/lockfile.ts";
import { select } from "../pipeline/run/selection.ts";
import { openStore } from "../store/mod.ts";
import { type CommandContext, runsFolder } from "./context.ts";
import type { PlanOptions } from "./run_options.ts";

/** A pipeline that was found correct, with its store open. */
export interface Prepared extends Disposable {
  readonly context: PlanContext;
}

/**
 * Loads the pipeline, opens the store and works out the selection. Nothing is written.
 *
 * @throws {UserError} For every mistake in the file or on the command line.
 */
export async function prepare(
  { file, params, runs, device: asked, update, offline, ...selected }: PlanOptions,
  { io, signal }: { readonly io: CommandContext; readonly signal: AbortSignal },
): Promise<Prepared> {
  const store = openStore(await realFolder(runsFolder(io, runs)));
  const { stages: registry, root: project, engines } = io;
  let remember = (): Promise<void> => Promise.resolve();
  const pipeline = await loadPipeline(file, {
    registry,
    params,
    project,
    env: io.env,
    memory: memoryOf(store, { project, signal }),
    defer: (later) => remember = later,
    signal,
  });
  const selection = select(pipeline, selected);
  await remember();
  let device: Promise<DeviceChoice> | undefined;
  const context: PlanContext = {
    pipeline,
    selection,
    registry,
    store,
    project,
    baseDir: dirname(pipeline.file),
    lockfile: await Lockfile.open(pipeline.file),
    device: () => device ??= chooseEngine(asked, { engines, index: store.index }),
    update,
    offline,
    signal,
  };
  return { context, [Symbol.dispose]: () => store.close() };
}

/**
 * A folder without symbolic links in its path: permissions are checked against real paths.
 *
 * @throws {UserError} Where no folder can be there.
 */
async function realFolder(path: string): Promise<string> {
  const real = await realPath(path, path);
  const info = await Deno.stat(real).catch(() => undefined);
  if (info !== undefined && !info.isDirectory) throw noFolder(path, `${real} is no folder`);
  return real;
}

async function realPath(path: string, asked: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      const isBelowFile = error instanceof Deno.errors.NotADirectory;
      const why = error instanceof Error ? error.message : String(error);
      throw noFolder(asked, isBelowFile ? "a file stands on the way to it" : why, error);
    }
    // A link that leads nowhere is there, and a folder in its place cannot be made.
    const isLink = await Deno.lstat(path).then((info) => info.isSymlink, () => false);
    if (isLink) throw noFolder(asked, `the link ${path} leads nowhere`, error);
    const parent = dirname(path);
    return parent === path
      ? path
      : `${await realPath(parent, asked)}${
        path.slice(parent.endsWith("/") ? parent.length - 1 : parent.length)
      }`;
  }
}

function noFolder(path: string, why: string, cause?: unknown): UserError {
  return new UserError({
    what: `cannot keep runs in "${path}": ${why}`,
    requirement: "runs and results are kept in a folder that can be written to",
    remedy: "name another with --runs or TEMPER_RUNS",
    cause,
  });
}
