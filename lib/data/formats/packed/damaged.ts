/**
 * The error for packed files that are damaged.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import type { InputFile } from "../row_file.ts";

/** The error for a packed file that is not what its name says, or not whole. */
export function damaged(file: InputFile, what: string, cause?: unknown): UserError {
  return new UserError({
    what: `${file.name} cannot be unpacked: ${what}`,
    remedy: "fetch or pack it again; a file that is not packed should not be called so",
    cause,
  });
}
