/**
 * Values from and to JSON.
 *
 * JSON's numbers come in as JavaScript has read them: 1.0 in a file is 1 by then, an `int`, where Python
 * would have a `float`.
 *
 * @module
 */
import type { Json } from "../../json.ts";
import { floatRepr } from "./floats.ts";
import { spend, spendCharacters, spendItems } from "./steps.ts";
import { TemplateError } from "./template_error.ts";
import {
  Dict,
  Float,
  Generator,
  type Int,
  intOf,
  isList,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from "./value.ts";

/** What a cell or a value of a pipeline is in a template. Dates and the like are texts. */
export function valueOf(raw: unknown): Value {
  switch (typeof raw) {
    case "string":
    case "boolean":
      return raw;
    case "number":
      return Number.isSafeInteger(raw) ? raw + 0 : new Float(raw);
    case "bigint":
      return intOf(raw);
    case "undefined":
      return null;
  }
  if (raw === null) return null;
  if (Array.isArray(raw)) {
    spendItems(raw.length);
    return raw.map(valueOf);
  }
  spend(1);
  return new Dict(Object.entries(raw as object).map(([key, item]) => [key, valueOf(item)]));
}

/** What a list is whose numbers are floats, the whole ones too. */
export function floatsOf(items: readonly unknown[]): Value {
  spendItems(items.length);
  return items.map((item) => typeof item === "number" ? new Float(item) : valueOf(item));
}

/**
 * The JSON value that an expression of a pipeline has; undefined where it has none: an undefined value, nan
 * and infinity.
 *
 * @throws {TemplateError} For an int that no JSON number is exactly, and for functions.
 */
export function jsonOf(value: Value): Json | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return value;
  if (typeof value === "bigint") {
    if (BigInt(Number(value)) === value) return Number(value);
    throw new TemplateError(`the number ${value} is past 2^53 and would not be kept exactly`);
  }
  if (value instanceof Float) return Number.isFinite(value.value) ? value.value : undefined;
  if (value instanceof Undefined) return undefined;
  if (value instanceof Dict) {
    const entries = Array.from(
      value.entries(),
      ([key, item]) => [jsonKey(key), jsonOf(item) ?? null] as const,
    );
    return Object.fromEntries(entries);
  }
  if (isList(value)) return value.map((item) => jsonOf(item) ?? null);
  if (value instanceof Tuple || value instanceof View) return jsonOf(value.items);
  if (value instanceof Range) return Array.from({ length: value.length }, (_, i) => value.at(i));
  if (value instanceof Generator) {
    return Array.from({ [Symbol.iterator]: () => value.items }, (item) => jsonOf(item) ?? null);
  }
  throw new TemplateError(`a ${typeName(value)} is no value of a pipeline`);
}

/** How `json.dumps` writes. */
export interface JsonStyle {
  readonly ensureAscii: boolean;
  /** What a level is indented by; undefined for one line. */
  readonly indent: string | undefined;
  /** Between items, and between a key and its value. */
  readonly separators: readonly [string, string];
  readonly sortKeys: boolean;
}

/**
 * Python's `json.dumps`, which the filter `tojson` of `transformers` is.
 *
 * @throws {TemplateError} For what has no JSON.
 */
export function jsonText(value: Value, style: JsonStyle, line = "\n"): string {
  spend(1);
  if (value === null) return "null";
  if (typeof value === "string") return jsonString(value, style.ensureAscii);
  if (typeof value !== "object") return String(value);
  if (value instanceof Float) return jsonFloat(value.value);
  const deeper = line + (style.indent ?? "");
  const inner = (item: Value): string => jsonText(item, style, deeper);
  if (isList(value) || value instanceof Tuple) {
    const items = value instanceof Tuple ? value.items : value;
    return bracketed("[]", items.map(inner), { style, line });
  }
  if (value instanceof Dict) {
    const entries = Array.from(value.entries(), ([key, item]) => [jsonKey(key), item] as const);
    if (style.sortKeys) entries.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
    const items = entries.map(([key, item]) =>
      `${jsonString(key, style.ensureAscii)}${style.separators[1]}${inner(item)}`
    );
    return bracketed("{}", items, { style, line });
  }
  const hint = value instanceof Generator || value instanceof Range ? ': add "| list"' : "";
  throw new TemplateError(`tojson cannot write a ${typeName(value)}${hint}`);
}

function bracketed(
  brackets: string,
  items: readonly string[],
  { style, line }: { style: JsonStyle; line: string },
): string {
  const [open, close] = brackets;
  if (items.length === 0) return brackets;
  if (style.indent === undefined) return `${open}${items.join(style.separators[0])}${close}`;
  const deeper = line + style.indent;
  return `${open}${deeper}${items.join(style.separators[0] + deeper)}${line}${close}`;
}

function jsonKey(key: Value): string {
  if (typeof key === "string") return key;
  if (key === null) return "null";
  if (key instanceof Float) return jsonFloat(key.value);
  if (typeof key === "object") {
    throw new TemplateError(`a ${typeName(key)} cannot be a key in JSON`);
  }
  return String(key as Int | boolean);
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? floatRepr(value) : value > 0 ? "Infinity" : "-Infinity";
}

const SHORT: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\b": "\\b",
  "\\": "\\\\",
  '"': '\\"',
};

const CONTROL = "\\x00-\\x1f";
const SPECIAL = new RegExp(`[\\\\"${CONTROL}]`, "g");

function jsonString(text: string, ensureAscii: boolean): string {
  spendCharacters(text.length);
  const special = ensureAscii ? /[\\"]|[^ -~]/g : SPECIAL;
  const escaped = text.replaceAll(
    special,
    (unit) => SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped}"`;
}
