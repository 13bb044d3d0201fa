/**
 * From a file's name to everything that planning and running need.
 *
 * @module
 */
import { dirname } from "node:path";
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
  { file, params, runs, device: asked, update, offline, verify, ...selected }: PlanOptions,
  { io, signal }: { readonly io: CommandContext; readonly signal: AbortSignal },
): Promise<Prepared> {
  const store = openStore(await realFolder(runsFolder(io, runs)), { verify });
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
    threadModules: engines.threadModules,
    update,
    offline,
    signal,
  };
  return { context, [Symbol.dispose]: () => store.close() };
}

/** A folder without symbolic links in its path: permissions are checked against real paths. */
async function realFolder(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const parent = dirname(path);
    return parent === path ? path : `${await realFolder(parent)}${path.slice(parent.length)}`;
  }
}
