/**
 * The code of an own stage's process: what its module graph names, and what that of the other side of
 * the process does.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import type { StoreIndex } from "../../store/mod.ts";
import type { Confinement } from "../code/confinement.ts";
import { processEnvironment } from "../code/environment.ts";
import { followedGraph, moduleGraph } from "../code/module_graph.ts";
import { runProcess } from "../code/process.ts";
import { withProcessFolder, writeConfig } from "../code/process_config.ts";
import type { StageIdentity } from "../definition/describe.ts";
import { HOST, type OwnCode } from "./child.ts";

/** What {@linkcode ownCode} needs. */
export interface OwnCodeOptions {
  /** Folder with `deno.json`, whose import map says what "temper" is. */
  readonly project: string;
  readonly index: StoreIndex;
  readonly confinement: Confinement;
  readonly signal?: AbortSignal | undefined;
}

/** Downloads of the packages that a module imports for the first time. */
const INSTALL_TIMEOUT_MS = 300_000;
const MAX_OUTPUT = 16 << 20;

/**
 * What an own stage's process may load.
 *
 * @param stage `module`: its `file:` URL; `uses`: as the pipeline names it.
 * @throws {UserError} Where a module lies where it may not. An import that leads nowhere is no
 *   error here: the process that meets it tells of it.
 */
export async function ownCode(
  stage: Pick<StageIdentity, "module" | "uses">,
  options: OwnCodeOptions,
): Promise<OwnCode> {
  const { module } = stage;
  const { project, index, signal } = options;
  const [{ graph }, host] = await Promise.all([
    followedGraph(module, options),
    moduleGraph(HOST, { project, index, signal }),
  ]);
  return { graphs: [graph, host], install: () => installCode(stage, options), index };
}

/** Downloads what a module imports; nothing of it runs. */
export async function installCode(
  { module, uses }: Pick<StageIdentity, "module" | "uses">,
  { project, confinement, signal }: Omit<OwnCodeOptions, "index">,
): Promise<void> {
  const lines: string[] = [];
  const end = await withProcessFolder(async (folder) => {
    const config = await writeConfig(folder, { project, confinement });
    return await runProcess({
      args: ["cache", "--quiet", ...config, module, HOST],
      cwd: folder,
      environment: processEnvironment({ network: true, registries: true }),
      onStdout: () => {},
      onStderr: (line) => void lines.push(line),
      timeout: INSTALL_TIMEOUT_MS,
      maxOutput: MAX_OUTPUT,
      patience: 0,
      kill: signal,
    });
  });
  signal?.throwIfAborted();
  if (end.type === "ended" && end.code === 0) return;
  const why = lines[0]?.replace(/^error: /, "") ?? "";
  throw new UserError({
    what: end.type === "ended"
      ? `the imports of the stage "${uses}" cannot be downloaded: ${why}`
      : `the imports of the stage "${uses}" were not downloaded within ${
        INSTALL_TIMEOUT_MS / 1000
      } s`,
    remedy: "check the network, and the addresses that the module imports",
  });
}
