/**
 * What is wrong with a parquet file, in words that name the file.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";

/** Characters of a message: names of columns, and what a damaged file says, have any length. */
const SHOWN = 600;

/** hyparquet's plain errors as ours, with the file's name. */
export async function explain<T>(where: string, read: () => Promise<T> | T): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const place = shown(where);
    if (error instanceof UserError) {
      throw new UserError({ ...error.parts, what: `cannot read ${place}: ${error.parts.what}` });
    }
    throw new UserError({
      what: `cannot read ${place} as parquet: ${shown((error as Error).message)}`,
      remedy: "the file may be cut short or of another format; see the option `format`",
      cause: error,
    });
  }
}

function shown(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN).toWellFormed()}…` : text;
}
