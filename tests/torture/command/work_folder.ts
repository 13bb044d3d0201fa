/**
 * The folder in which cases run: outside of the project, so that the names of a case's files, which are
 * a part of keys, don't depend on the case.
 *
 * @module
 */
import { dirname, join } from "node:path";
import process from "node:process";

const PREFIX = "temper-torture-";

/** A folder that is gone when it is disposed of. */
export interface WorkFolder extends AsyncDisposable {
  readonly path: string;
}

/** Makes a folder, and removes those of processes that were killed. */
export async function workFolder(): Promise<WorkFolder> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: `${PREFIX}${Deno.pid}-` }));
  for await (const { name } of Deno.readDir(dirname(path))) {
    const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? [];
    if (pid === undefined || lives(Number(pid))) continue;
    await Deno.remove(join(dirname(path), name), { recursive: true }).catch(() => {});
  }
  return {
    path,
    [Symbol.asyncDispose]: async () => await Deno.remove(path, { recursive: true }),
  };
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process may not be asked.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
