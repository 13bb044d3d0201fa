/**
 * Whether tokens.json has the form that everything downstream counts on: training sizes an embedding by
 * `vocab_size` and pads with the ids, hours after the file was read.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";

/** What is accepted of a field, in words. */
interface Field {
  readonly accepts: string;
  readonly fits: (value: Json | undefined) => boolean;
}

const isCount = (value: Json | undefined): boolean =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const orNothing = { accepts: "a whole number from 0, or null" };
const id: Field = { ...orNothing, fits: (value) => value === null || isCount(value) };

const FIELDS: Readonly<Record<string, Field>> = {
  vocab_size: { accepts: "a whole number from 0", fits: isCount },
  max_length: id,
  packed: { accepts: "true or false", fits: (value) => typeof value === "boolean" },
  eos_token_id: id,
  bos_token_id: id,
  pad_token_id: id,
  labels: {
    accepts: "a list of names",
    fits: (value) =>
      value === undefined ||
      (Array.isArray(value) && value.every((name) => typeof name === "string")),
  },
  splits: {
    accepts: "a mapping from names to a file of the folder, its rows and its tokens",
    fits: (value) => isJsonObject(value) && Object.values(value).every(isSplit),
  },
  tokenizer: {
    accepts: 'a mapping with source, "input" or "trained", and type',
    fits: (value) =>
      isJsonObject(value) && typeof value.type === "string" &&
      (value.source === "input" || value.source === "trained"),
  },
};

function isSplit(value: Json): boolean {
  if (!isJsonObject(value)) return false;
  const { file, rows, tokens, dropped, truncated } = value;
  // A file of another folder would be read where that was never granted.
  return typeof file === "string" && /^[^/\\]+\.safetensors$/.test(file) &&
    isCount(rows) && isCount(tokens) &&
    [dropped, truncated].every((count) => count === undefined || isCount(count));
}

/** What is wrong with a parsed tokens.json beside its columns; undefined where nothing is. */
export function infoProblem(info: object): string | undefined {
  for (const [name, { accepts, fits }] of Object.entries(FIELDS)) {
    const value = (info as JsonObject)[name];
    if (!fits(value)) return `${name} is ${JSON.stringify(value)?.slice(0, 60)}, not ${accepts}`;
  }
  return undefined;
}
