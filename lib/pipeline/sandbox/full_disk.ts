/**
 * Puts a full disk, met by a stage's own code, into words: where it wrote, what is free there, what helps.
 *
 * The system says only "No space left on device", in the middle of a training as at its start. What the
 * runner itself writes is explained by the store.
 *
 * @module
 */
import { statfs } from "node:fs/promises";
import { UserError } from "../../base/errors.ts";
import { storeFailure } from "../../store/mod.ts";
import type { StageFailure } from "./failure.ts";
import type { ThrownError } from "./protocol.ts";
import type { StageNode } from "../types.ts";

/** No space, and no space for this user. */
const CODES: readonly (string | undefined)[] = ["ENOSPC", "EDQUOT"];

/**
 * What a person is told of a disk that a stage found full.
 *
 * @param error What the stage threw; a remedy of its own stays.
 * @param options `node`: the stage. `folder`: below it lies all that a stage may write.
 * @returns undefined where the disk wasn't full.
 */
export async function explainFullDisk(
  error: ThrownError,
  { node, folder }: { readonly node: StageNode; readonly folder: string },
): Promise<StageFailure | undefined> {
  if (!CODES.includes(error.code) || error.parts?.remedy !== undefined) return undefined;
  const cause = Object.assign(new Error(error.message), { code: error.code });
  const doing = `write what stage "${node.id}" makes`;
  const failure = storeFailure(cause, { doing, path: folder });
  if (!(failure instanceof UserError)) return undefined;
  const { what, remedy } = failure.parts;
  const free = await freeBytes(folder);
  return {
    // A stage's own sentence says which file it was.
    what: error.parts?.what ?? what,
    ...(free === undefined
      ? {}
      : { requirement: `${(free / 1e6).toFixed(1)} MB are free in ${folder}` }),
    remedy,
    stack: error.stack,
  };
}

/** What a person without special rights may still write into a folder; undefined where the system doesn't say. */
async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
