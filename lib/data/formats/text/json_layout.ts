/**
 * What of a file of JSON are rows.
 *
 * @module
 */
import { nearest, UserError } from "../../../base/errors.ts";
import { parseJsonObject } from "../../../base/json.ts";
import { errorPosition } from "./json_row.ts";
import type { JsonSource } from "./json_rows.ts";
import { type JsonPiece, JsonScanner } from "./json_scanner.ts";
import { lineBatches, textChunks, wholeText } from "./text_file.ts";

/** Its lines, the items of an array, or the whole of it as one row. */
export type Layout =
  | { readonly kind: "lines" | "row" }
  /** `ordinal` says which member of the outermost object, from 0; -1 where the document is the array. */
  | { readonly kind: "items"; readonly ordinal: number };

/** Characters of a first line that may be the beginning of an object over several. */
const MAX_BEGINNING = 1 << 20;

/** An array that is a member of the outermost object. */
interface Member {
  readonly name: string;
  readonly ordinal: number;
  /** What its first item is. */
  holds: "nothing" | "objects" | "others";
}

/**
 * What of a file called `.jsonl` are rows: lines; the items, where it begins with `[`; all of it, where it is
 * one object over several lines.
 */
export async function layoutOfLines(source: JsonSource): Promise<Layout> {
  const { file, encoding, reading } = source;
  const options = { encoding, signal: reading.signal };
  for await (const chunk of textChunks(file, options)) {
    const start = chunk.trimStart();
    if (start.startsWith("[")) return { kind: "items", ordinal: -1 };
    if (start !== "") break;
  }
  for await (const lines of lineBatches(file, options)) {
    const first = lines.find(({ text }) => text.trim() !== "");
    if (first === undefined) continue;
    if (parseJsonObject(first.text) !== undefined) return { kind: "lines" };
    // Else the mistake is in the first line, where it has a place.
    const { length } = first.text;
    const isBeginning = length < MAX_BEGINNING && errorPosition(first.text) === length;
    if (isBeginning && parseJsonObject(await wholeText(file, options)) !== undefined) {
      return { kind: "row" };
    }
    break;
  }
  return { kind: "lines" };
}

/**
 * What of a file called `.json` are rows: the items, where it is an array or an object with one array of
 * objects in it; all of it, where it is another object; lines, where more than one value is in it.
 */
export async function layoutOfDocument(source: JsonSource): Promise<Layout> {
  const layout = await findLayout(source);
  const { file, field } = source;
  if (field === undefined || (layout.kind === "items" && layout.ordinal >= 0)) return layout;
  throw new UserError({
    what: `\`field\` names "${field}", and ${file.name} is ${
      layout.kind === "lines" ? "an object a line" : "an array"
    }`,
    requirement: "it is for a file that is one object with an array of rows in it",
    remedy: "leave it out",
  });
}

async function findLayout(source: JsonSource): Promise<Layout> {
  const { file, encoding, reading } = source;
  const scanner = new JsonScanner(file);
  const members = new Map<number, Member>();
  const others = new Set<string>();
  try {
    for await (const chunk of textChunks(file, { encoding, signal: reading.signal })) {
      for (const piece of scanner.push(chunk)) {
        if (scanner.isArray) return { kind: "items", ordinal: -1 };
        if (piece.kind === "more") return { kind: "lines" };
        see(piece, members, others);
      }
      if (scanner.isArray) return { kind: "items", ordinal: -1 };
    }
    scanner.finish();
  } catch (error) {
    if (!(error instanceof UserError) || scanner.isArray) throw error;
    // A line that is broken is the matter of whoever reads lines.
    if (await isLines(source, error)) return { kind: "lines" };
    throw error;
  }
  return layoutOf([...members.values()], others, source);
}

function see(piece: JsonPiece, members: Map<number, Member>, others: Set<string>): void {
  const { ordinal, member: name } = piece;
  if (piece.kind === "array") members.set(ordinal, { name, ordinal, holds: "nothing" });
  else if (piece.kind === "value") others.add(name);
  else {
    const member = members.get(ordinal)!;
    if (member.holds === "nothing") member.holds = piece.text[0] === "{" ? "objects" : "others";
  }
}

function layoutOf(
  arrays: readonly Member[],
  others: ReadonlySet<string>,
  { file, reading, field }: JsonSource,
): Layout {
  if (field !== undefined) {
    const named = arrays.find(({ name }) => name === field);
    if (named !== undefined) return { kind: "items", ordinal: named.ordinal };
    const names = arrays.map(({ name }) => name);
    throw new UserError({
      what: `${file.name} has no array "${field}"`,
      nearest: nearest(field, names),
      requirement: names.length === 0
        ? "its outermost object has no arrays"
        : `its arrays are ${names.slice(0, 20).join(", ")}`,
    });
  }
  const quoted = (names: Iterable<string>): string =>
    [...names].slice(0, 10).map((name) => `"${name}"`).join(", ");
  const tables = arrays.filter(({ holds }) => holds === "objects");
  const only = arrays.length === 1 && others.size === 0 && arrays[0]!.holds === "nothing";
  const table = tables.length === 1 ? tables[0] : only ? arrays[0] : undefined;
  if (table !== undefined) {
    const left = [...others, ...arrays.filter((array) => array !== table).map(({ name }) => name)];
    const rest = left.length === 0 ? "" : `; ${quoted(left)} beside it is not read`;
    reading.notice?.(`${file.name}: its rows are the items of "${table.name}"${rest}`);
    return { kind: "items", ordinal: table.ordinal };
  }
  if (tables.length > 1) {
    const names = quoted(tables.map(({ name }) => name));
    const why = "for it has several arrays, and no `field` says which";
    reading.notice?.(`${file.name}: all of it is one row, ${why}: ${names}`);
  }
  return { kind: "row" };
}

/** Whether a file whose first object is broken is one of lines: that is the only one in its line. */
async function isLines(
  { file, encoding, reading }: JsonSource,
  error: UserError,
): Promise<boolean> {
  const seen: string[] = [];
  try {
    for await (const lines of lineBatches(file, { encoding, signal: reading.signal })) {
      for (const { text, number } of lines) {
        if (text.trim() === "") continue;
        seen.push(text);
        if (seen.length === 1 && error.parts.at?.line === number) return true;
        if (seen.length === 2) return seen.every((line) => line.startsWith("{") && line.length > 1);
      }
    }
  } catch {
    return false; // the first mistake is told
  }
  return seen.length === 0;
}
