/**
 * Files that do not hold still: what is said where a copy never is what a key tells.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";

/** How often a stage is decided anew because what it is made of changed that very moment. */
export const STEADY_ATTEMPTS = 10;

/** The error for files that were changed again each time that they were copied. */
export function neverSteady(stage: string): UserError {
  return new UserError({
    what: `the files that stage "${stage}" reads change faster than they can be copied`,
    remedy: "wait until whatever writes them is done, then run again",
  });
}

/** The error for a file of which another digest is remembered than it has, so that no copy can ever have it. */
export function otherThanRemembered(path: string): UserError {
  return new UserError({
    what: `${path} has other bytes than are remembered of it, with every time as it was`,
    requirement: "inode, ctime, mtime and size tell whether a file has changed",
    remedy: "run with --verify, which reads every file again",
  });
}
