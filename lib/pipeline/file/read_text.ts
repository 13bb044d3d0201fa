/**
 * Reads the text of a pipeline file.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { nearest, UserError, UserErrors } from "../../base/errors.ts";
import { SourceText } from "../yaml/node.ts";

/**
 * Reads a file as UTF-8.
 *
 * @param file Path as the user wrote it.
 * @returns Its text.
 * @throws {UserErrors} If it is not there, is no file, or is not UTF-8.
 */
export async function readSource(file: string): Promise<SourceText> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(file);
  } catch (error) {
    throw new UserErrors([await unreadable(file, error)]);
  }
  try {
    return new SourceText(file, new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const readable = new SourceText(file, new TextDecoder().decode(bytes));
    const start = Math.max(0, readable.text.indexOf("\uFFFD"));
    throw new UserErrors([
      new UserError({
        what: "the file is not UTF-8 text",
        remedy: "save it with the encoding UTF-8",
        at: readable.locate({ start, end: start + 1 }),
      }),
    ]);
  }
}

async function unreadable(file: string, error: unknown): Promise<UserError> {
  if (error instanceof Deno.errors.NotFound) {
    const names = await namesIn(dirname(file));
    if (names === undefined) {
      return new UserError({
        what: `cannot read "${file}": there is no folder "${dirname(file)}"`,
        cause: error,
      });
    }
    const close = nearest(basename(file), names.filter((name) => /\.ya?ml$/.test(name)));
    return new UserError({
      what: `cannot read "${file}": there is no such file`,
      nearest: close === undefined ? undefined : join(dirname(file), close),
      cause: error,
    });
  }
  // Reading a folder is an error without a class of its own.
  const isFolder = await Deno.stat(file).then((info) => info.isDirectory, () => false);
  if (isFolder) {
    return new UserError({
      what: `cannot read "${file}": it is a folder`,
      requirement: "a pipeline is one YAML file",
      cause: error,
    });
  }
  const why = error instanceof Error ? error.message : String(error);
  return new UserError({ what: `cannot read "${file}": ${why}`, cause: error });
}

/** Names of the files in a folder, sorted; undefined where there is no such folder. */
export async function namesIn(folder: string): Promise<string[] | undefined> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) if (!entry.isDirectory) names.push(entry.name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
  return names.sort();
}
