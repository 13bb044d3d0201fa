/**
 * Asks Deno what a module imports: `deno info --json`, in a process with bounds.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../../base/errors.ts";
import { fileUrl } from "../../base/paths.ts";
import { type Confinement, withoutDetour } from "./confinement.ts";
import type { DenoInfo } from "./deno_info.ts";
import { processEnvironment } from "./environment.ts";
import { refuseOtherThanFiles } from "./plain_modules.ts";
import { runProcess } from "./process.ts";
import { withProcessFolder, writeConfig } from "./process_config.ts";

/** It may have to ask a registry for the versions of packages. */
const INFO_TIMEOUT_MS = 120_000;
const MAX_OUTPUT = 256 << 20;

/** What Deno says of a module, and the lock that it left. */
export interface Resolved {
  readonly info: DenoInfo;
  readonly lock: string;
}

/**
 * Asks.
 *
 * @param path Absolute path of the module.
 * @param options `project`: folder with `deno.json`; `confinement`: where modules may lie.
 * @throws {UserError} Where an own stage imports what is no file. Where Deno finds no answer, or not in time.
 */
export async function denoInfo(
  path: string,
  { project, confinement, signal }: {
    readonly project: string;
    readonly confinement?: Confinement | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Resolved> {
  if (confinement !== undefined) await refuseOtherThanFiles(path);
  const [out, errors]: [string[], string[]] = [[], []];
  const { end, lock } = await withProcessFolder(async (folder) => {
    const config = await writeConfig(folder, { project, confinement });
    const end = await runProcess({
      args: ["info", "--json", ...config, fileUrl(path)],
      cwd: project,
      environment: processEnvironment({ network: true, registries: true }),
      onStdout: (line) => void out.push(line),
      onStderr: (line) => void errors.push(line),
      timeout: INFO_TIMEOUT_MS,
      maxOutput: MAX_OUTPUT,
      patience: 0,
      kill: signal,
    });
    const lock = await Deno.readTextFile(join(folder, "deno.lock")).catch(() => "{}");
    return { end, lock };
  });
  signal?.throwIfAborted();
  if (end.type !== "ended" || end.code !== 0) {
    const why = end.type === "ended"
      ? withoutDetour(errors.join("\n").trim())
      : `it was not read to its end within ${INFO_TIMEOUT_MS / 1000} s`;
    throw new UserError({ what: `cannot find out what ${path} imports: ${why}` });
  }
  // A warm run never comes here and need not load the schema library for it.
  const { parseDenoInfo } = await import("./deno_info.ts");
  return { info: parseDenoInfo(out.join("\n")), lock };
}
