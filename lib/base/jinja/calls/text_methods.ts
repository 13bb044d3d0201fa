/**
 * The methods of texts: Python's `str`.
 *
 * Left out: `encode`, `translate` and `maketrans`, whose bytes and tables templates have not.
 *
 * @module
 */
import { itemsOf } from "../values/sequences.ts";
import { spendCharacters, spendSearch } from "../values/steps.ts";
import { TemplateError } from "../values/template_error.ts";
import {
  capitalized,
  folded,
  isInCase,
  lengthOf,
  lines,
  part,
  pieces,
  placeOf,
  type Side,
  stripped,
  swapped,
  titleCase,
  words,
} from "../values/text.ts";
import { Tuple, type Value } from "../values/value.ts";
import { isTrue } from "../values/compare.ts";
import { type Args, intArg, type Signature, signature, textArg, wrongType } from "./signature.ts";

/** A method, and what it takes. */
export interface Method<Self> {
  readonly signature: Signature;
  readonly run: (self: Self, args: Args) => Value;
}

/** Describes a method. */
export function method<Self>(
  parameters: string,
  run: (self: Self, args: Args) => Value,
): Method<Self> {
  return { signature: signature(parameters), run };
}

const plain = (run: (text: string) => Value): Method<string> => method("", run);

/** Whether every character of a text that is not empty is of a kind. */
const every = (pattern: RegExp): Method<string> =>
  plain((text) => text !== "" && pattern.test(text));

const DIGIT = "\\p{Nd}\\xb2\\xb3\\xb9\\u1369-\\u1371\\u19da\\u2070\\u2074-\\u2079\\u2080-\\u2089" +
  "\\u2460-\\u2468\\u2474-\\u247c\\u2488-\\u2490\\u24ea\\u24f5-\\u24fd\\u24ff\\u2776-\\u277e" +
  "\\u2780-\\u2788\\u278a-\\u2792";
/** Numbers that count as letters otherwise. */
const NUMERAL = "〇一七万三九二五亿億兆八六十千四百零壹貳參肆伍陸柒捌玖拾";

const strip = (side: Side): Method<string> =>
  method("chars?", (text, [chars]) =>
    stripped(text, {
      side,
      characters: chars === undefined || chars === null ? undefined : textArg(chars),
    }));

const split = (fromRight: boolean): Method<string> =>
  method("sep? maxsplit?", (text, [sep, maxsplit]) => {
    spendCharacters(text.length);
    const most = intArg(maxsplit, -1);
    if (sep === undefined || sep === null) {
      return words(text, most < 0 ? Number.MAX_SAFE_INTEGER : most, fromRight);
    }
    const separator = separatorOf(sep);
    return pieces(text, { separator, most, fromRight });
  });

const partition = (fromRight: boolean): Method<string> =>
  method("sep", (text, [sep]) => {
    const separator = separatorOf(sep!);
    spendSearch(text, separator);
    const at = fromRight ? text.lastIndexOf(separator) : text.indexOf(separator);
    if (at < 0) return new Tuple(fromRight ? ["", "", text] : [text, "", ""]);
    return new Tuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
  });

function separatorOf(value: Value): string {
  const separator = textArg(value);
  if (separator === "") throw new TemplateError("a separator cannot be empty");
  return separator;
}

/** Places from `start` to `stop` as Python counts them, from the end where they are negative. */
function bounds(
  length: number,
  start: Value | undefined,
  stop: Value | undefined,
): [number, number] {
  const place = (value: Value | undefined, otherwise: number): number => {
    if (value === undefined || value === null) return otherwise;
    const given = intArg(value);
    return given < 0 ? Math.max(0, given + length) : given;
  };
  return [place(start, 0), Math.min(length, place(stop, length))];
}

const affix = (atEnd: boolean): Method<string> =>
  method("prefix start? end?", (text, [prefix, start, stop]) => {
    const [from, to] = bounds(lengthOf(text), start, stop);
    const within = part(text, from, Math.max(from, to));
    const options = prefix instanceof Tuple ? prefix.items : [prefix!];
    return options.some((option) => {
      const one = textArg(option);
      // The empty text is nowhere behind the end.
      if (from > to) return false;
      return from <= lengthOf(text) && (atEnd ? within.endsWith(one) : within.startsWith(one));
    });
  });

const find = (fromRight: boolean, isRequired: boolean): Method<string> =>
  method("sub start? end?", (text, [sub, start, stop]) => {
    const [from, to] = bounds(lengthOf(text), start, stop);
    const wanted = textArg(sub);
    const within = part(text, from, Math.max(from, to));
    spendSearch(within, wanted);
    const unit = from > to || from > lengthOf(text)
      ? -1
      : fromRight
      ? within.lastIndexOf(wanted)
      : within.indexOf(wanted);
    if (unit >= 0) return from + placeOf(within, unit);
    if (isRequired) throw new TemplateError(`there is no "${wanted}" in the text`);
    return -1;
  });

const pad = (place: (text: string, room: number, fill: string) => string): Method<string> =>
  method("width fillchar?", (text, [width, fill]) => {
    const filling = textArg(fill, " ");
    if (lengthOf(filling) !== 1) throw new TemplateError("a text is filled with one character");
    const room = intArg(width) - lengthOf(text);
    spendCharacters(Math.max(0, room));
    return room <= 0 ? text : place(text, room, filling);
  });

/** `str.center`, which puts what is left over on the left where the width is odd. */
export function centered(text: string, width: number, fill = " "): string {
  const room = width - lengthOf(text);
  spendCharacters(Math.max(0, room));
  if (room <= 0) return text;
  const left = Math.floor(room / 2) + (room & width & 1);
  return fill.repeat(left) + text + fill.repeat(room - left);
}

/** `str.replace`; a negative count replaces all. */
export function replaced(text: string, old: string, by: { text: string; count: number }): string {
  const { text: replacement, count } = by;
  spendSearch(text, old);
  const all = Array.from(text);
  if (old === "") {
    const most = count < 0 ? all.length + 1 : Math.min(count, all.length + 1);
    spendCharacters(text.length + most * replacement.length);
    const filled = all.map((character, i) => (i < most ? replacement : "") + character).join("");
    return most > all.length ? filled + replacement : filled;
  }
  const parts = pieces(text, { separator: old, most: count });
  spendCharacters(text.length + parts.length * replacement.length);
  return parts.join(replacement);
}

/** Texts with one between. */
export function joinedTexts(separator: string, texts: readonly string[]): string {
  let length = separator.length * texts.length;
  for (const text of texts) length += text.length;
  spendCharacters(length);
  return texts.join(separator);
}

function expandedTabs(text: string, size: number): string {
  let column = 0;
  let result = "";
  for (const character of text) {
    if (character === "\t") {
      const room = size > 0 ? size - (column % size) : 0;
      spendCharacters(room);
      result += " ".repeat(room);
      column += room;
    } else {
      result += character;
      column = character === "\n" || character === "\r" ? 0 : column + 1;
    }
  }
  return result;
}

const missing = (name: string): Method<string> => ({
  signature: { names: ["a", "b", "c"], required: 0 },
  run: () => {
    throw new TemplateError(`templates have no ${name}() of texts`);
  },
});

/** Every method but `format` and `format_map`, which read members of values. */
export const TEXT_METHODS: ReadonlyMap<string, Method<string>> = new Map(Object.entries({
  upper: plain((text) => text.toUpperCase()),
  lower: plain((text) => text.toLowerCase()),
  capitalize: plain(capitalized),
  title: plain(titleCase),
  casefold: plain(folded),
  swapcase: plain(swapped),
  strip: strip("both"),
  lstrip: strip("left"),
  rstrip: strip("right"),
  split: split(false),
  rsplit: split(true),
  splitlines: method("keepends?", (text, [keep]) => lines(text, isTrue(keep ?? false))),
  partition: partition(false),
  rpartition: partition(true),
  join: method<string>("iterable", (text, [items]) => {
    const texts = Array.from(
      itemsOf(items!),
      (item) => typeof item === "string" ? item : wrongType(item, "texts alone"),
    );
    return joinedTexts(text, texts);
  }),
  replace: method<string>(
    "old new count?",
    (text, [old, by, count]) =>
      replaced(text, textArg(old), { text: textArg(by), count: intArg(count, -1) }),
  ),
  startswith: affix(false),
  endswith: affix(true),
  removeprefix: method<string>(
    "prefix",
    (text, [prefix]) =>
      text.startsWith(textArg(prefix)) ? text.slice(textArg(prefix).length) : text,
  ),
  removesuffix: method<string>(
    "suffix",
    (text, [suffix]) =>
      textArg(suffix) !== "" && text.endsWith(textArg(suffix))
        ? text.slice(0, -textArg(suffix).length)
        : text,
  ),
  find: find(false, false),
  rfind: find(true, false),
  index: find(false, true),
  rindex: find(true, true),
  count: method<string>("sub start? end?", (text, [sub, start, stop]) => {
    const [from, to] = bounds(lengthOf(text), start, stop);
    const wanted = textArg(sub);
    if (from > to) return 0;
    const within = part(text, from, to);
    spendSearch(within, wanted);
    return wanted === "" ? lengthOf(within) + 1 : within.split(wanted).length - 1;
  }),
  center: method<string>("width fillchar?", (text, [width, fill]) => {
    const filling = textArg(fill, " ");
    if (lengthOf(filling) !== 1) throw new TemplateError("a text is filled with one character");
    return centered(text, intArg(width), filling);
  }),
  ljust: pad((text, room, fill) => text + fill.repeat(room)),
  rjust: pad((text, room, fill) => fill.repeat(room) + text),
  zfill: method<string>("width", (text, [width]) => {
    const room = intArg(width) - lengthOf(text);
    spendCharacters(Math.max(0, room));
    if (room <= 0) return text;
    const sign = /^[+-]/.exec(text)?.[0] ?? "";
    return sign + "0".repeat(room) + text.slice(sign.length);
  }),
  expandtabs: method<string>("tabsize?", (text, [size]) => expandedTabs(text, intArg(size, 8))),
  isalpha: every(/^\p{L}+$/u),
  isdecimal: every(/^\p{Nd}+$/u),
  isdigit: every(new RegExp(`^[${DIGIT}]+$`, "u")),
  isnumeric: every(new RegExp(`^[\\p{N}${NUMERAL}]+$`, "u")),
  isalnum: every(/^[\p{L}\p{N}]+$/u),
  isascii: plain((text) => !/\P{ASCII}/u.test(text)),
  isspace: plain((text) => text !== "" && stripped(text) === ""),
  isprintable: plain((text) => !/[^\P{C}]|[^ \P{Z}]/u.test(text)),
  isidentifier: every(/^[\p{ID_Start}_]\p{ID_Continue}*$/u),
  islower: plain((text) => isInCase(text, "lower")),
  isupper: plain((text) => isInCase(text, "upper")),
  istitle: plain((text) =>
    /\p{Cased}/u.test(text) &&
    Array.from(text.matchAll(/\p{Cased}+/gu)).every(([word]) =>
      /^[\p{Uppercase}\p{Lt}](?:(?![\p{Uppercase}\p{Lt}])\p{Cased})*$/u.test(word)
    )
  ),
  encode: missing("encode"),
  translate: missing("translate"),
  maketrans: missing("maketrans"),
}));
