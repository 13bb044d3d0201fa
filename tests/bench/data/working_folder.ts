/**
 * A temporary folder for much data: there is room for it before it is begun, and it is gone at the end.
 *
 * @module
 */
import { statfs } from "node:fs/promises";
import { UserError } from "../../../lib/base/errors.ts";

/** A folder that removes itself. */
export interface WorkingFolder extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes a folder.
 *
 * @param bytes What will be in it at most.
 * @throws {UserError} Where its disk has not so much room.
 */
export async function workingFolder(
  bytes: number,
  { in: parent }: { readonly in?: string | undefined } = {},
): Promise<WorkingFolder> {
  const path = await Deno.makeTempDir({
    prefix: "temper-bench-",
    ...(parent === undefined ? {} : { dir: parent }),
  });
  // Interrupted by a person, it would be left with all that is in it.
  const interrupted = (): void => {
    Deno.removeSync(path, { recursive: true });
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupted);
  const folder: WorkingFolder = {
    path,
    [Symbol.asyncDispose]: async () => {
      Deno.removeSignalListener("SIGINT", interrupted);
      await Deno.remove(path, { recursive: true });
    },
  };
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize >= bytes) return folder;
  await folder[Symbol.asyncDispose]();
  throw new UserError({
    what: `${path} has room for ${gigabytes(bavail * bsize)}, and ${gigabytes(bytes)} are needed`,
    remedy: "choose less data, or another disk with --folder",
  });
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
