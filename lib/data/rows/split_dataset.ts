/**
 * Divides a dataset that may be split already.
 *
 * @module
 */
import { nearest, UserError } from "../../base/errors.ts";
import type { Row } from "../formats/columns.ts";
import type { Dataset } from "./dataset.ts";
import { type SplitOptions, splitRows, textIdentity } from "./split.ts";

/** Shares where none are given. */
const DEFAULT_PARTS = { train: 0.8, validation: 0.1, test: 0.1 };

/**
 * The parts that options name.
 *
 * @param usual Shares by the usual names; those that are undefined are not meant.
 * @param other Shares by other names, instead of the usual ones.
 * @throws {UserError} Where both are given.
 */
export function chooseParts(
  usual: Readonly<Record<string, number | undefined>>,
  other: Readonly<Record<string, number>> | undefined,
): Record<string, number> {
  const given: Record<string, number> = {};
  for (const [name, share] of Object.entries(usual)) if (share !== undefined) given[name] = share;
  if (other === undefined) return Object.keys(given).length === 0 ? DEFAULT_PARTS : given;
  if (Object.keys(given).length > 0) {
    throw new UserError({
      what: `both \`parts\` and ${Object.keys(given).join(", ")} are given`,
      remedy: "name every part in `parts`, or none",
    });
  }
  return { ...other };
}

/**
 * Divides a dataset.
 *
 * @param options `source`: the splits to divide; the others are carried over. Without it all are
 * put together, in their order.
 * @returns The parts in the order of the options, then what was carried over, and sentences about
 * what was put together or dropped.
 * @throws {UserError} Where a split is missing, a name is taken or shares do not fit.
 */
export function splitDataset(
  dataset: Dataset,
  options: SplitOptions & { source?: readonly string[] },
): { dataset: Dataset; notes: string[] } {
  const names = Object.keys(dataset.splits);
  const source = options.source ?? names;
  for (const name of source) {
    if (names.includes(name)) continue;
    throw new UserError({
      what: `there is no split "${name}" to divide`,
      nearest: nearest(name, names),
      requirement: `the input has ${names.join(", ")}`,
    });
  }
  const notes: string[] = [];
  if (options.source === undefined && names.length > 1) {
    notes.push(`the splits ${names.join(", ")} of the input were put together`);
  }
  const carried: Record<string, readonly Row[]> = {};
  const carriedTexts = new Set<string>();
  for (const name of names) {
    if (source.includes(name)) continue;
    if (Object.hasOwn(options.parts, name)) {
      throw new UserError({
        what: `the split "${name}" is carried over and a part of that name is asked for`,
        remedy: `add it to \`source\`, or call the part otherwise`,
      });
    }
    carried[name] = dataset.splits[name]!;
    for (const row of carried[name]) carriedTexts.add(textIdentity(row, options.column));
  }
  carriedTexts.delete("");
  const all = source.flatMap((name) => dataset.splits[name]!);
  const rows = all.filter((row) => !carriedTexts.has(textIdentity(row, options.column)));
  if (rows.length < all.length) {
    notes.push(`${all.length - rows.length} rows dropped whose text is in a split that was kept`);
  }
  const divided = splitRows(rows, options);
  const splits: Record<string, readonly Row[]> = {};
  let used = 0;
  for (const [name, indices] of Object.entries(divided)) {
    splits[name] = indices.map((i) => rows[i]!);
    used += indices.length;
  }
  if (used < rows.length) notes.push(`${rows.length - used} rows left over`);
  return { dataset: { columns: dataset.columns, splits: { ...splits, ...carried } }, notes };
}
