/**
 * The least that an output folder must hold to be an artifact of its kind (ARCHITECTURE.md).
 *
 * Only the names that every reader starts from are looked at; whether the bytes in them are right is
 * the reader's to say.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../../base/errors.ts";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { readJsonObject } from "../../base/json_file.ts";
import { VOCABULARY_FILES } from "../../base/vocabulary_files.ts";
import { refuseMany } from "../../store/mod.ts";
import type { Kind } from "../stage.ts";

/** What a kind starts from. */
interface Index {
  /** The file that names the others. */
  readonly file: string;
  /** Files of which one is enough in its stead: a tokenizer alone stands for a model. */
  readonly or?: readonly string[];
  /** Whether it lists splits. */
  readonly splits: boolean;
}

const INDEX: Readonly<Record<Kind, Index>> = {
  rows: { file: "dataset.json", splits: true },
  tokens: { file: "tokens.json", splits: true },
  model: { file: "config.json", or: VOCABULARY_FILES, splits: false },
  metrics: { file: "metrics.json", splits: false },
  texts: { file: "generations.jsonl", splits: false },
};

/** Bytes of a list of splits: a stage must not fill the memory of the runner, nor hold it up. */
const MAX_INDEX = 16 << 20;

/**
 * Checks what a stage left behind.
 *
 * @param folder Its output folder.
 * @param options `kind`: what it promised; `stage`: its name.
 * @throws {UserError} Where the folder is gone, is empty or lacks what the kind starts from.
 */
export async function checkOutput(
  folder: string,
  { kind, stage }: { readonly kind: Kind; readonly stage: string },
): Promise<void> {
  await refuseOther(folder, stage);
  const files = new Set<string>();
  const others = new Set<string>();
  for await (const { name, isFile } of Deno.readDir(folder)) {
    (isFile ? files : others).add(name);
    refuseMany(files.size + others.size);
  }
  const names = [...files, ...others];
  const { file, or, splits } = INDEX[kind];
  if (names.length === 0) {
    throw new UserError({
      what: `stage "${stage}" ended well and wrote nothing`,
      requirement: `an artifact of kind ${kind} holds at least ${file}`,
      remedy: "write the result into output.path",
    });
  }
  if (others.has(file)) {
    throw new UserError({
      what: `stage "${stage}" made ${file}, and that is no file`,
      requirement: `an artifact of kind ${kind} holds at least the file ${file}`,
      remedy: "write that file, or put out another kind",
    });
  }
  if (!files.has(file) && !or?.some((other) => files.has(other))) {
    throw new UserError({
      what: `stage "${stage}" wrote no ${file}`,
      requirement: `an artifact of kind ${kind} holds at least ${file}; the folder has ${
        names.slice(0, 5).sort().join(", ")
      }${names.length > 5 ? ", …" : ""}`,
      remedy: kind === "rows" || kind === "tokens"
        ? `write the folder with the functions of temper/data, or put out another kind`
        : "write that file, or put out another kind",
    });
  }
  if (!splits) return;
  const path = join(folder, file);
  const mistake = (await Deno.stat(path)).size > MAX_INDEX
    ? `of more than ${MAX_INDEX >> 20} MiB`
    : indexMistake(await readIndex(path), { files, others });
  if (mistake === undefined) return;
  throw new UserError({
    what: `stage "${stage}" wrote a ${file} ${mistake}`,
    requirement: "it lists the splits, each with its file in the output folder",
    remedy: `write the folder with the functions of temper/data, or put out another kind`,
  });
}

/** A stage may remove what it may write, and that is its folder, too. */
async function refuseOther(folder: string, stage: string): Promise<void> {
  const info = await Deno.lstat(folder).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (info?.isDirectory) return;
  const what = info === undefined
    ? "removed its output folder"
    : `put ${
      info.isFile ? "a file" : info.isSymlink ? "a link" : "something else"
    } in the place of its output folder`;
  throw new UserError({
    what: `stage "${stage}" ${what}`,
    requirement: "output.path is a folder from the beginning of a stage to its end",
    remedy: "write the result into it; to begin anew, remove what is in the folder alone",
  });
}

/** The object that a file holds; undefined where it is none. Where it lies is the runner's matter, and no help. */
async function readIndex(path: string): Promise<JsonObject | undefined> {
  try {
    return await readJsonObject(path);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** What is wrong with the list of splits, as the end of the sentence "it wrote a dataset.json …". */
function indexMistake(
  index: JsonObject | undefined,
  { files, others }: { readonly files: ReadonlySet<string>; readonly others: ReadonlySet<string> },
): string | undefined {
  if (index === undefined) return "that is no JSON object";
  const { splits } = index;
  if (!isJsonObject(splits)) return "that lists no splits";
  for (const [name, split] of Object.entries(splits)) {
    const file = isJsonObject(split) ? split.file : undefined;
    if (typeof file !== "string") return `that names no file of the split "${name}"`;
    if (others.has(file)) return `that names ${file}, and that is no file`;
    if (!files.has(file)) return `that names ${file}, and no such file`;
  }
  return undefined;
}
