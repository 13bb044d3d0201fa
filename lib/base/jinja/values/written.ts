/**
 * Values as text: Python's `str` and `repr`.
 *
 * @module
 */
import { floatRepr } from "./floats.ts";
import { spend, spendCharacters } from "./steps.ts";
import { TemplateError } from "./template_error.ts";
import {
  Callable,
  Dict,
  Float,
  Generator,
  isList,
  Range,
  Tuple,
  Undefined,
  type Value,
  View,
} from "./value.ts";

/** More digits than these Python refuses to write, too: it takes long. */
const MOST_DIGITS = 4300;

/** `str(value)`: what `{{ value }}` prints. */
export function written(value: Value): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  return value instanceof Undefined ? "" : repr(value);
}

/** `repr(value)`: what stands in a list that is printed. */
export function repr(value: Value): string {
  spend(1);
  switch (typeof value) {
    case "string":
      return textRepr(value);
    case "number":
      return String(value);
    case "bigint": {
      const digits = String(value);
      if (digits.length <= MOST_DIGITS) return digits;
      throw new TemplateError(`an int has more than ${MOST_DIGITS} digits`);
    }
    case "boolean":
      return value ? "True" : "False";
  }
  if (value === null) return "None";
  if (isList(value)) return `[${value.map(repr).join(", ")}]`;
  if (value instanceof Float) return floatRepr(value.value);
  if (value instanceof Tuple) {
    return `(${value.items.map(repr).join(", ")}${value.items.length === 1 ? "," : ""})`;
  }
  if (value instanceof Dict) {
    const entries = Array.from(value.entries(), ([key, item]) => `${repr(key)}: ${repr(item)}`);
    return `{${entries.join(", ")}}`;
  }
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Range) {
    const step = value.step === 1 ? "" : `, ${value.step}`;
    return `range(${value.start}, ${value.stop}${step})`;
  }
  if (value instanceof View) return `dict_${value.kind}([${value.items.map(repr).join(", ")}])`;
  // Python writes the place in the memory here.
  if (value instanceof Generator) {
    throw new TemplateError(`what "${value.maker}" gives cannot be printed: add "| list"`);
  }
  if (value instanceof Callable) {
    if (value.members.size > 0) return `<Macro ${textRepr(value.name)}>`;
    throw new TemplateError(`"${value.name}" cannot be printed: it is called, ${value.name}()`);
  }
  return value.written();
}

function textRepr(text: string): string {
  spendCharacters(text.length);
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replaceAll(/[^ \x21-\x7e]|[\\'"]/gu, (character) => {
    switch (character) {
      case "\n":
        return "\\n";
      case "\r":
        return "\\r";
      case "\t":
        return "\\t";
      case "\\":
        return "\\\\";
      case "'":
      case '"':
        return character === quote ? `\\${character}` : character;
    }
    return /[\p{C}\p{Z}]/u.test(character) ? codeEscape(character.codePointAt(0)!) : character;
  });
  return `${quote}${escaped}${quote}`;
}

function codeEscape(code: number): string {
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}
