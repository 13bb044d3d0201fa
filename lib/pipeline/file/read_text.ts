/**
 * Reads the text of a pipeline file.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { nearest, UserError, UserErrors } from "../../base/errors.ts";
import { pathMistake } from "../../base/paths.ts";
import { SourceText } from "../yaml/node.ts";

/** Pipelines have some kilobytes. */
const MAX_BYTES = 4 << 20;

/**
 * Reads a file as UTF-8.
 *
 * @param file Path as the user wrote it.
 * @returns Its text.
 * @throws {UserErrors} If it is not there, is no file, or is not UTF-8.
 */
export async function readSource(file: string): Promise<SourceText> {
  let bytes: Uint8Array | undefined;
  try {
    // To open a pipe waits for whoever writes into it, and nothing can stop that.
    const { isFile, isDirectory } = await Deno.stat(file);
    if (!isFile && !isDirectory) throw new UserErrors([noFile(file)]);
    bytes = await readBounded(file);
  } catch (error) {
    if (error instanceof UserErrors) throw error;
    throw new UserErrors([await unreadable(file, error)]);
  }
  if (bytes === undefined) {
    throw new UserErrors([
      new UserError({
        what: `"${file}" is larger than ${MAX_BYTES >> 20} MiB`,
        requirement: "a pipeline is one YAML file that a person can read",
        remedy: "put data into files of its own, and name them in the pipeline",
      }),
    ]);
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

/** The bytes of a file; undefined where there are too many: a device may have no end. */
async function readBounded(path: string): Promise<Uint8Array | undefined> {
  using file = await Deno.open(path);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = new Uint8Array(1 << 16);
    const count = await file.read(chunk);
    if (count === null) break;
    chunks.push(chunk.subarray(0, count));
    size += count;
    if (size > MAX_BYTES) return undefined;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function noFile(file: string): UserError {
  return new UserError({
    what: `"${file}" is a pipe or a device`,
    requirement: "a pipeline is one YAML file that a person can read",
    remedy: "write it into a file",
  });
}

async function unreadable(file: string, error: unknown): Promise<UserError> {
  if (pathMistake(file) !== undefined) {
    return new UserError({ what: `cannot read "${file}": ${pathMistake(file)}`, cause: error });
  }
  if (error instanceof Deno.errors.NotFound) {
    const names = await namesIn(dirname(file));
    if (
      names === undefined &&
      !await Deno.stat(dirname(file)).then((info) => info.isDirectory, () => false)
    ) {
      return new UserError({
        what: `cannot read "${file}": there is no folder "${dirname(file)}"`,
        cause: error,
      });
    }
    const close = nearest(basename(file), (names ?? []).filter((name) => /\.ya?ml$/.test(name)));
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

/** Names of the files in a folder, sorted; undefined where there is none that may be looked into. */
export async function namesIn(folder: string): Promise<string[] | undefined> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) if (!entry.isDirectory) names.push(entry.name);
  } catch (error) {
    // Whatever is wrong with the folder: what is in it is only for a suggestion.
    if (error instanceof Error) return undefined;
    throw error;
  }
  return names.sort();
}
