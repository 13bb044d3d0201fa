/**
 * Formats of files of rows, and how names tell them.
 *
 * Sources are resolved in the runner, which looks at names alone, so this file imports nothing heavy.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";

/** Formats of files. */
export const FORMATS = ["parquet", "jsonl", "json", "csv", "txt"] as const;

/** A format of files. */
export type Format = (typeof FORMATS)[number];

const EXTENSIONS: Readonly<Record<string, Format>> = {
  parquet: "parquet",
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "json",
  csv: "csv",
  tsv: "csv",
  txt: "txt",
  text: "txt",
  md: "txt",
};

/** The format that a name tells; undefined where it tells none. */
export function formatByName(name: string): Format | undefined {
  const extension = /\.([a-z0-9]+)(?:\.gz|\.zst)?$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
}

/**
 * The format of a file, by its name.
 *
 * @throws {UserError} Where the name does not tell.
 */
export function formatOf(name: string): Format {
  const format = formatByName(name);
  if (format !== undefined) return format;
  throw new UserError({
    what: `the name ${name} does not tell the format of the file`,
    requirement: `known are ${Object.keys(EXTENSIONS).map((known) => `.${known}`).join(", ")}`,
    remedy: `say it with \`format\`: ${FORMATS.join(", ")}`,
  });
}
