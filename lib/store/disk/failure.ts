/**
 * Turns what the file system says into what a person can do: disk full, read-only, no permission.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";

/** What each error number of the system means for a store, and what helps. */
const MEANINGS: Readonly<Record<string, { why: string; remedy: string }>> = {
  ENOSPC: {
    why: "the disk is full",
    remedy: "free some space and run again: finished stages are kept " +
      "(the folder `runs` holds nothing that cannot be made again)",
  },
  EDQUOT: {
    why: "the disk quota is used up",
    remedy: "free some space or raise the quota, then run again; finished stages are kept",
  },
  EROFS: {
    why: "the file system is read-only",
    remedy: "remount it writable, or work in a copy of the project on a writable disk",
  },
  EACCES: {
    why: "permission denied",
    remedy: "check who owns the folder `runs` (`ls -ld runs runs/store`) and its mode; " +
      "files made by another user or by root need `chown`",
  },
  EMFILE: {
    why: "too many open files",
    remedy: "raise the limit (`ulimit -n 4096`) or use fewer jobs (`--jobs 1`)",
  },
  ENAMETOOLONG: { why: "the name is too long", remedy: "use a shorter path or stage name" },
  ENOTDIR: {
    why: "a file stands where a folder is needed",
    remedy: "move that file away and run again",
  },
  ELOOP: {
    why: "a link leads back to itself",
    remedy: "remove that link and run again",
  },
  EIO: {
    why: "the disk reports an input/output error",
    remedy: "check the disk; what it damaged is found and made again",
  },
};
const ALIASES: Readonly<Record<string, string>> = { EPERM: "EACCES", ENFILE: "EMFILE" };

/** What was being done to which file, for the message. */
export interface Attempt {
  /** As in "cannot …": `store the artifact`, `write the run record`. */
  readonly doing: string;
  readonly path: string;
}

/**
 * A `UserError` where the failure is the machine's and can be mended; anything else unchanged.
 *
 * @param error What was thrown.
 * @returns An error to throw.
 */
export function storeFailure(error: unknown, attempt: Attempt): unknown {
  if (error instanceof UserError || !(error instanceof Error)) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return new UserError({
      what: `cannot ${attempt.doing} (${attempt.path}): this process has no permission for it`,
      remedy: "start Temper through `deno task`, which grants what the runner needs",
      cause: error,
    });
  }
  const code = systemCode(error);
  const meaning = code === undefined ? undefined : MEANINGS[ALIASES[code] ?? code];
  if (meaning === undefined) return error;
  return new UserError({
    what: `cannot ${attempt.doing} (${attempt.path}): ${meaning.why}`,
    remedy: meaning.remedy,
    cause: error,
  });
}

/**
 * What the system refused wherever it was, in words; undefined where an error is none of that.
 *
 * For those who catch what nobody below has told better: a loop of links or a folder that may not be
 * read is no fault of the program.
 */
export function systemRefusal(error: unknown): UserError | undefined {
  const code = systemCode(error);
  const meaning = code === undefined ? undefined : MEANINGS[ALIASES[code] ?? code];
  if (meaning === undefined || !(error instanceof Error)) return undefined;
  return new UserError({
    what: `${meaning.why}: ${error.message}`,
    remedy: meaning.remedy,
    cause: error,
  });
}

/** Runs `work`; what it throws passes through {@linkcode storeFailure}. */
export async function guarded<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeFailure(error, attempt);
  }
}

/** The symbolic code of a system error (`ENOENT`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
