/**
 * Names of splits: each becomes the name of a file, and a key of objects in the code of stages.
 *
 * Definitions of stages import this file, so it imports nothing heavy.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { portabilityMistake } from "../../base/outside/portable_name.ts";

/** The letters of a split's name. */
export const SPLIT_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** What names of splits are made of, in words. */
export const SPLIT_NAME_WORDS =
  "letters, digits, _ . and -, and none that Windows or JavaScript keeps for itself (con, constructor)";

/**
 * What is wrong with the splits that the index of an artifact lists; undefined where nothing is.
 *
 * @param splits By name, with the `file` of each.
 * @param counts Members that have to be whole numbers from 0.
 */
export function splitsMistake(splits: JsonObject, counts: readonly string[]): string | undefined {
  for (const [name, split] of Object.entries(splits)) {
    const mistake = splitNameMistake(name);
    if (mistake !== undefined) return `no split may be called "${name}": ${mistake}`;
    const file = isJsonObject(split) ? split.file : undefined;
    if (!isJsonObject(split) || typeof file !== "string") {
      return `the split "${name}" names no file`;
    }
    if (file.includes("/") || portabilityMistake(file) !== undefined) {
      return `the split "${name}" names ${JSON.stringify(file)}, which is no file beside it`;
    }
    for (const count of counts) {
      const value = split[count];
      if (!Number.isSafeInteger(value) || Number(value) < 0) {
        return `the split "${name}" does not say how many ${count} it has`;
      }
    }
  }
  return undefined;
}

/** Why a name can't be that of a split; undefined where it can. It becomes a file's name and a key of objects. */
export function splitNameMistake(name: string): string | undefined {
  if (!SPLIT_NAME.test(name)) {
    return "it becomes a file's name: letters, digits, _ . and -";
  }
  if (name in Object.prototype) return "in JavaScript, every object has something by that name";
  const mistake = portabilityMistake(`${name}.safetensors`);
  return mistake === undefined ? undefined : `it becomes a file's name, and that ${mistake}`;
}

/** @throws {UserError} For a name that no split can have. */
export function refuseSplitName(name: string): void {
  const requirement = splitNameMistake(name);
  if (requirement === undefined) return;
  throw new UserError({
    what: `"${name}" cannot be the name of a split`,
    requirement,
    remedy: "call it otherwise, such as train, validation or test",
  });
}
