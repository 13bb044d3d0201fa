/**
 * `"%s costs %.2f" % (name, price)`: Python's formatting of the old kind, and the filter `format`.
 *
 * @module
 */
import { doubleOf, numberOf, truncated } from "../values/numbers.ts";
import { fixed, general, scientific } from "../values/floats.ts";
import { spendCharacters } from "../values/steps.ts";
import { TemplateError } from "../values/template_error.ts";
import { lengthOf, part } from "../values/text.ts";
import {
  Dict,
  Float,
  type Int,
  isList,
  Range,
  Tuple,
  Undefined,
  type Value,
} from "../values/value.ts";
import { repr, written } from "../values/written.ts";
import { intArg, wrongType } from "./signature.ts";

const DIRECTIVE = /%(?:\(([^()]*)\))?([#0\- +]*)(\*|\d+)?(\.(?:\*|\d+)?)?[hlL]?([^])?/gu;

/**
 * A text with values in place of its directives.
 *
 * @param values A tuple of them, a dict for directives with names, or the only one.
 */
export function printf(text: string, values: Value): string {
  const list = values instanceof Tuple ? values.items : [values];
  let used = 0;
  const next = (): Value => {
    const value = list[used++];
    if (value === undefined) throw new TemplateError('"%" has fewer values than places for them');
    return value;
  };
  let hasNames = false;
  const result = text.replaceAll(
    DIRECTIVE,
    (_, name?: string, flags = "", width?: string, digits?: string, kind?: string) => {
      if (kind === undefined) throw new TemplateError(`"${text}" ends within a "%"`);
      const options: Options = {
        flags,
        width: width === undefined ? 0 : width === "*" ? intArg(next()) : Number(width),
        digits: digits === undefined
          ? undefined
          : digits === ".*"
          ? intArg(next())
          : Number(digits.slice(1)),
      };
      if (kind === "%") return "%";
      if (name === undefined) return directive(kind, next(), options);
      hasNames = true;
      if (!(values instanceof Dict)) return wrongType(values, "a dict for names in brackets");
      const value = values.get(name);
      if (value === undefined) throw new TemplateError(`"%" has no value called "${name}"`);
      return directive(kind, value, options);
    },
  );
  // What has items by key may be left over as a whole: it could have been for names.
  const isMapping = values instanceof Dict || isList(values) || values instanceof Range ||
    values instanceof Undefined;
  if (!hasNames && used < list.length && !isMapping) {
    throw new TemplateError('"%" has more values than places for them');
  }
  return result;
}

interface Options {
  readonly flags: string;
  readonly width: number;
  readonly digits: number | undefined;
}

function directive(kind: string, value: Value, options: Options): string {
  switch (kind) {
    case "s":
      return text(written(value), options);
    case "r":
    case "a":
      return text(kind === "r" ? repr(value) : ascii(repr(value)), options);
    case "c":
      return text(character(value), options);
    case "d":
    case "i":
    case "u":
      return padded(wholeText(value, options), options);
    case "x":
    case "X":
    case "o":
      return padded(inBase(kind, value, options), options);
    case "e":
    case "E":
    case "f":
    case "F":
    case "g":
    case "G":
      return padded(floatText(kind, value, options), options);
  }
  throw new TemplateError(`there is no "%${kind}"`);
}

function text(value: string, { digits, ...rest }: Options): string {
  const cut = digits === undefined ? value : part(value, 0, digits);
  return padded({ sign: "", body: cut, isNumber: false }, { ...rest, digits });
}

/** Python's `ascii`, of what `repr` gave. */
export function ascii(value: string): string {
  return value.replaceAll(/\P{ASCII}/gu, (one) => {
    const code = one.codePointAt(0)!;
    const hex = code.toString(16);
    if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
    return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
}

function character(value: Value): string {
  if (typeof value === "string") {
    if (lengthOf(value) === 1) return value;
    throw new TemplateError('"%c" takes one character');
  }
  const code = intArg(value);
  if (code < 0 || code > 0x10ffff) throw new TemplateError(`there is no character ${code}`);
  return String.fromCodePoint(code);
}

interface Piece {
  readonly sign: string;
  readonly body: string;
  readonly isNumber: boolean;
}

function wholeText(value: Value, { digits = 0 }: Options): Piece {
  const number = numberOf(value);
  if (number === undefined) return wrongType(value, "a number");
  const whole: Int = number instanceof Float ? truncated(number.value) : number;
  spendCharacters(digits);
  const body = String(whole).replace("-", "").padStart(digits, "0");
  return { sign: whole < 0 ? "-" : "", body, isNumber: true };
}

function inBase(kind: string, value: Value, { flags, digits: least = 0 }: Options): Piece {
  const number = numberOf(value);
  if (number === undefined || number instanceof Float) return wrongType(value, "an int");
  const base = kind === "o" ? 8 : 16;
  const digits = (number < 0 ? -number : number).toString(base);
  const prefix = flags.includes("#") ? `0${kind}` : "";
  spendCharacters(least);
  const shown = (kind === "X" ? digits.toUpperCase() : digits).padStart(least, "0");
  return { sign: (number < 0 ? "-" : "") + prefix, body: shown, isNumber: true };
}

function floatText(kind: string, value: Value, { flags, digits = 6 }: Options): Piece {
  const number = numberOf(value);
  if (number === undefined) return wrongType(value, "a number");
  const double = doubleOf(number);
  const sign = double < 0 || Object.is(double, -0) ? "-" : "";
  spendCharacters(digits);
  const isUpper = kind !== kind.toLowerCase();
  const body = Number.isFinite(double)
    ? finite(kind.toLowerCase(), double, { digits, keepZeros: flags.includes("#") })
    : Number.isNaN(double)
    ? "nan"
    : "inf";
  return { sign, body: isUpper ? body.toUpperCase() : body, isNumber: true };
}

/** A finite float by `e`, `f` or `g`, without its sign. */
export function finite(
  kind: string,
  value: number,
  { digits, keepZeros = false }: { digits: number; keepZeros?: boolean },
): string {
  if (kind === "f") return fixed(value, digits) + (keepZeros && digits === 0 ? "." : "");
  return kind === "e" ? scientific(value, digits) : general(value, digits, { keepZeros });
}

function padded({ sign, body, isNumber }: Piece, { flags, width }: Options): string {
  const plus = isNumber && !sign.startsWith("-")
    ? flags.includes("+") ? "+" : flags.includes(" ") ? " " : ""
    : "";
  const head = plus + sign;
  const room = Math.abs(width) - lengthOf(head) - lengthOf(body);
  if (room <= 0) return head + body;
  spendCharacters(room);
  if (flags.includes("-") || width < 0) return head + body + " ".repeat(room);
  if (flags.includes("0") && isNumber && !/^[in]/i.test(body)) {
    return head + "0".repeat(room) + body;
  }
  return " ".repeat(room) + head + body;
}
