/**
 * `"{} costs {:.2f}".format(name, price)`: Python's `str.format` and its format specifications.
 *
 * Left out: the type `n`, which follows the language of the machine.
 *
 * @module
 */
import { floatRepr, general } from "../values/floats.ts";
import { doubleOf, numberOf } from "../values/numbers.ts";
import { spendCharacters } from "../values/steps.ts";
import { TemplateError } from "../values/template_error.ts";
import { lengthOf, part } from "../values/text.ts";
import { Float, type Given, type Int, typeName, type Value } from "../values/value.ts";
import { repr, written } from "../values/written.ts";
import { ascii, finite } from "./printf.ts";

/** How a field reads members of a value: as Jinja does, in the sandbox. */
export interface Members {
  readonly attribute: (value: Value, name: string) => Value;
  readonly item: (value: Value, key: Value) => Value;
}

/** Fills the fields of a text. */
export function formatted(text: string, given: Given, members: Members): string {
  return new Filling(given, members).fill(text, 2);
}

class Filling {
  readonly #given: Given;
  readonly #members: Members;
  /** The number of the next `{}`; undefined where fields have numbers. */
  #next: number | undefined = 0;
  #isNumbered = false;

  constructor(given: Given, members: Members) {
    this.#given = given;
    this.#members = members;
  }

  fill(text: string, depth: number): string {
    if (depth < 0) throw new TemplateError("a format is nested too deeply");
    let result = "";
    let at = 0;
    while (at < text.length) {
      const brace = text.slice(at).search(/[{}]/);
      if (brace < 0) return result + text.slice(at);
      result += text.slice(at, at + brace);
      at += brace;
      if (text[at] === text[at + 1]) {
        result += text[at];
        at += 2;
        continue;
      }
      if (text[at] === "}") throw new TemplateError('a format holds a single "}"');
      const end = closing(text, at);
      result += this.#field(text.slice(at + 1, end), depth);
      at = end + 1;
    }
    return result;
  }

  #field(field: string, depth: number): string {
    const [, path = "", conversion, spec = ""] =
      /^((?:[^![:]|\[[^\]]*\])*)(?:!([^:]*))?(?::([^]*))?$/.exec(field) ?? [];
    let value = this.#read(path);
    if (conversion === "s") value = written(value);
    else if (conversion === "r") value = repr(value);
    else if (conversion === "a") value = ascii(repr(value));
    else if (conversion !== undefined) throw new TemplateError(`there is no "!${conversion}"`);
    return bySpecification(value, this.fill(spec, depth - 1));
  }

  #read(path: string): Value {
    const [, head = "", tail = ""] = /^([^.[]*)([^]*)$/.exec(path)!;
    let value = this.#argument(head);
    // Behind the last bracket none is closed, and would be looked for from each that is opened.
    const end = tail.lastIndexOf("]") + 1;
    const steps = [
      ...tail.slice(0, end).matchAll(/\.([^.[]+)|\[([^\]]+)\]/g),
      ...tail.slice(end).matchAll(/\.([^.[]+)/g),
    ];
    for (const [, name, key] of steps) {
      value = name !== undefined
        ? this.#members.attribute(value, name)
        : this.#members.item(value, /^\d+$/.test(key!) ? Number(key) : key!);
    }
    return value;
  }

  #argument(name: string): Value {
    let value: Value | undefined;
    if (name === "") {
      if (this.#isNumbered || this.#next === undefined) throw new TemplateError(MIXED);
      value = this.#given.positional[this.#next++];
    } else if (/^\d+$/.test(name)) {
      if (this.#next !== 0) throw new TemplateError(MIXED);
      this.#isNumbered = true;
      value = this.#given.positional[Number(name)];
    } else value = this.#given.keywords.get(name);
    if (value === undefined) throw new TemplateError(`a format has no value for "{${name}}"`);
    return value;
  }
}

const MIXED = "a format has fields with numbers and fields without";

/** Where the brace that opens at a place is closed. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  throw new TemplateError('a format holds a "{" that is not closed');
}

interface Specification {
  readonly fill: string;
  readonly align: string | undefined;
  readonly sign: string;
  readonly alternate: boolean;
  readonly width: number;
  readonly grouping: string;
  readonly digits: number | undefined;
  readonly type: string;
}

const SPECIFICATION =
  /^(?:([^])?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([bcdeEfFgGosxX%])?$/u;

function parsed(spec: string): Specification {
  const found = SPECIFICATION.exec(spec);
  if (found === null) throw new TemplateError(`there is no format "${spec}"`);
  const [, fill, align, sign = "-", , hash, zero, width, grouping = "", digits, type = ""] = found;
  return {
    fill: fill ?? (zero === undefined ? " " : "0"),
    align: align ?? (zero === undefined ? undefined : "="),
    sign,
    alternate: hash !== undefined,
    width: Number(width ?? 0),
    grouping,
    digits: digits === undefined ? undefined : Number(digits),
    type,
  };
}

function bySpecification(value: Value, spec: string): string {
  if (spec === "") return written(value);
  const parts = parsed(spec);
  if (typeof value === "string") return textFormat(value, parts);
  const number = numberOf(value);
  if (number === undefined) {
    throw new TemplateError(`a ${typeName(value)} takes no format, such as "${spec}"`);
  }
  if (number instanceof Float || /[eEfFgG%]/.test(parts.type)) return floatFormat(number, parts);
  return intFormat(number, parts);
}

function textFormat(value: string, parts: Specification): string {
  if (!/^s?$/.test(parts.type) || parts.align === "=" && parts.fill !== "0") return refuse(parts);
  if (parts.sign !== "-" || parts.grouping !== "" || parts.alternate) return refuse(parts);
  const body = parts.digits === undefined ? value : part(value, 0, parts.digits);
  const align = parts.align === "=" ? "<" : parts.align ?? "<";
  return aligned({ head: "", body }, { ...parts, align });
}

function refuse({ type }: Specification): never {
  throw new TemplateError(`the format${type === "" ? "" : ` "${type}"`} does not fit the value`);
}

function intFormat(value: Int, parts: Specification): string {
  const { type, digits } = parts;
  if (digits !== undefined || type === "s") return refuse(parts);
  if (type === "c") {
    const character = String.fromCodePoint(Number(value));
    return aligned({ head: "", body: character }, { ...parts, align: parts.align ?? "<" });
  }
  const base = { b: 2, o: 8, x: 16, X: 16 }[type] ?? 10;
  const text = (value < 0 ? -value : value).toString(base);
  const prefix = parts.alternate && base !== 10 ? `0${type}` : "";
  const shown = type === "X" ? text.toUpperCase() : text;
  const every = base === 10 ? 3 : 4;
  if (parts.grouping === "," && base !== 10) return refuse(parts);
  return numberFormat({ isNegative: value < 0, prefix, whole: shown, rest: "" }, parts, every);
}

function floatFormat(number: Int | Float, parts: Specification): string {
  const { type, digits } = parts;
  if (/[bcdosxX]/.test(type)) return refuse(parts);
  const value = doubleOf(number) * (type === "%" ? 100 : 1);
  const isNegative = value < 0 || Object.is(value, -0);
  spendCharacters(digits ?? 0);
  let text = floatDigits(Math.abs(value), parts);
  if (type === "E" || type === "F" || type === "G") text = text.toUpperCase();
  if (type === "%") text += "%";
  const [, whole = "", rest = ""] = /^(\d*)([^]*)$/.exec(text)!;
  return numberFormat({ isNegative, prefix: "", whole, rest }, parts, 3);
}

function floatDigits(value: number, { type, digits, alternate }: Specification): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : "inf";
  const kind = type === "%" ? "f" : type.toLowerCase();
  if (kind === "") {
    return digits === undefined ? floatRepr(value) : general(value, digits, { withPoint: true });
  }
  return finite(kind, value, { digits: digits ?? 6, keepZeros: alternate });
}

function numberFormat(
  number: { isNegative: boolean; prefix: string; whole: string; rest: string },
  parts: Specification,
  every: number,
): string {
  const { isNegative, prefix, rest } = number;
  const head = (isNegative ? "-" : parts.sign === "-" ? "" : parts.sign) + prefix;
  let { whole } = number;
  const align = parts.align ?? ">";
  if (parts.grouping !== "" && whole !== "") {
    // Zeros in front are grouped with the digits.
    const least = align === "=" && parts.fill === "0" ? parts.width - head.length - rest.length : 0;
    spendCharacters(Math.max(0, least));
    whole = grouped(whole, { mark: parts.grouping, every, least });
  }
  return aligned({ head, body: whole + rest }, { ...parts, align });
}

function grouped(
  digits: string,
  { mark, every, least }: { mark: string; every: number; least: number },
): string {
  let text = digits;
  const withMarks = (): string =>
    text.replaceAll(new RegExp(`\\B(?=(?:\\w{${every}})+$)`, "g"), mark);
  const marks = (length: number): number => Math.floor((length - 1) / every);
  while (text.length + marks(text.length) < least) text = `0${text}`;
  return withMarks();
}

function aligned(
  { head, body }: { head: string; body: string },
  { fill, align, width }: Specification,
): string {
  const room = width - lengthOf(head) - lengthOf(body);
  if (room <= 0) return head + body;
  spendCharacters(room);
  switch (align) {
    case "<":
      return head + body + fill.repeat(room);
    case "^":
      return fill.repeat(Math.floor(room / 2)) + head + body + fill.repeat(Math.ceil(room / 2));
    case "=":
      return head + fill.repeat(room) + body;
  }
  return fill.repeat(room) + head + body;
}
