/**
 * Whether a download fits on the disk, and what is said where it does not.
 *
 * @module
 */
import { statfs } from "node:fs/promises";
import { UserError } from "../../../base/errors.ts";

/** What is to be stored. */
interface Announced {
  readonly url: string;
  /** What the user calls it. */
  readonly written: string;
  readonly size?: number;
}

/**
 * Refuses a file that is announced to be longer than the disk has room for.
 *
 * @param at `folder`: where it goes, `have`: bytes of it that are there.
 * @throws {UserError} Naming both sizes.
 */
export async function checkRoom(
  file: Announced,
  { folder, have }: { folder: string; have: number },
): Promise<void> {
  if (file.size === undefined) return;
  let free: number;
  try {
    const { bavail, bsize } = await statfs(folder);
    free = bavail * bsize;
  } catch {
    return; // Not every system tells, nor every sandbox: then the disk says it when it is full.
  }
  if (file.size - have <= free) return;
  throw new UserError({
    what:
      `${file.written} (${file.url}) has ${file.size} bytes, and ${folder} has room for ${free}`,
    remedy:
      "make room, or set --runs to a folder of another disk; the same command goes on from here",
  });
}

/** A failure to write what was downloaded, in words. */
export function diskFailure(
  error: unknown,
  { file, folder }: { file: Announced; folder: string },
): unknown {
  const { code } = (error ?? {}) as { code?: unknown };
  const full = code === "ENOSPC" || code === "EDQUOT" ||
    /os error (?:28|122)\b/.test(String(error));
  if (!full) return error instanceof Error ? storageFailure(error, { file, folder }) : error;
  return new UserError({
    what: `the disk is full: ${file.written}${
      file.size === undefined ? "" : `, ${file.size} bytes,`
    } does not fit into ${folder}`,
    requirement: "the part that arrived is kept",
    remedy:
      "make room, or set --runs to a folder of another disk; the same command goes on from here",
    cause: error,
  });
}

function storageFailure(
  error: Error,
  { file, folder }: { file: Announced; folder: string },
): UserError {
  return new UserError({
    what: `cannot write ${file.written} into ${folder}: ${error.message}`,
    cause: error,
  });
}
