/**
 * The least that an output folder must hold to be an artifact of its kind (ARCHITECTURE.md).
 *
 * Only the names that every reader starts from are looked at; whether the bytes in them are right is
 * the reader's to say.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import type { Kind } from "../stage.ts";

/** Kind -> the file that names the others, and the key under which it lists its splits. */
const INDEX: Readonly<Record<Kind, { readonly file: string; readonly splits: boolean }>> = {
  rows: { file: "dataset.json", splits: true },
  tokens: { file: "tokens.json", splits: true },
  model: { file: "config.json", splits: false },
  metrics: { file: "metrics.json", splits: false },
  texts: { file: "generations.jsonl", splits: false },
};

/**
 * Checks what a stage left behind.
 *
 * @param folder Its output folder.
 * @param options `kind`: what it promised; `stage`: its name.
 * @throws {UserError} Where the folder is empty or lacks what the kind starts from.
 */
export async function checkOutput(
  folder: string,
  { kind, stage }: { readonly kind: Kind; readonly stage: string },
): Promise<void> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) names.push(entry.name);
  const { file, splits } = INDEX[kind];
  if (names.length === 0) {
    throw new UserError({
      what: `stage "${stage}" ended well and wrote nothing`,
      requirement: `an artifact of kind ${kind} holds at least ${file}`,
      remedy: "write the result into output.path",
    });
  }
  if (!names.includes(file)) {
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
  for (const missing of await missingSplits(`${folder}/${file}`, names, stage)) {
    throw new UserError({
      what: `stage "${stage}" wrote a ${file} that names ${missing}, and no such file`,
      requirement: "every split's file lies in the output folder",
    });
  }
}

async function missingSplits(
  path: string,
  names: readonly string[],
  stage: string,
): Promise<string[]> {
  let index: { splits?: Record<string, { file?: unknown } | null> } | null;
  try {
    index = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    throw new UserError({
      what: `stage "${stage}" wrote ${path.slice(path.lastIndexOf("/") + 1)}, which is not JSON`,
      requirement: "the file that describes an artifact is JSON",
      cause: error,
    });
  }
  const files = Object.values(index?.splits ?? {}).map((split) => split?.file);
  return files.filter((file): file is string => typeof file === "string" && !names.includes(file));
}
