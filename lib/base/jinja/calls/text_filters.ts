/**
 * Filters of texts.
 *
 * Nothing is escaped for HTML by itself, and a text that was escaped is a text like any other: `e | e`
 * escapes twice, where Jinja remembers.
 *
 * @module
 */
import { decodeHTML } from "entities/decode";
import { spendCharacters } from "../values/steps.ts";
import { TemplateError } from "../values/template_error.ts";
import { capitalized, lengthOf, lines, part, SPACES, stripped, words } from "../values/text.ts";
import { Dict, Tuple, Undefined, type Value } from "../values/value.ts";
import { isIterable, itemsOf, listOf, requireCount } from "../values/sequences.ts";
import { jsonText } from "../values/json.ts";
import { written } from "../values/written.ts";
import { type Filter, filter, flag, named, textOf } from "./filter.ts";
import { printf } from "./printf.ts";
import { type Args, intArg, textArg, wrongType } from "./signature.ts";
import { centered, replaced } from "./text_methods.ts";
import { wrapped } from "./wrap.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&#39;",
  '"': "&#34;",
};

function escaped(value: Value): string {
  return textOf(value).replaceAll(/[&<>'"]/g, (character) => ENTITIES[character]!);
}

function withoutTags(text: string): string {
  let rest = text;
  // What is left around a comment may be one: "<!<!---->---->".
  for (let before = ""; before !== rest;) {
    before = rest;
    rest = without(rest, ["<!--", "-->"]);
  }
  return decodeHTML(words(without(rest, ["<", ">"]), Number.MAX_SAFE_INTEGER).join(" "));
}

/** A text without what stands between two marks. */
function without(text: string, [open, close]: readonly [string, string]): string {
  spendCharacters(text.length);
  let result = "";
  let at = 0;
  for (;;) {
    const start = text.indexOf(open, at);
    const end = start < 0 ? -1 : text.indexOf(close, start);
    if (end < 0) return result + text.slice(at);
    result += text.slice(at, start);
    at = end + close.length;
  }
}

const TITLED = new RegExp(`[^-${SPACES}({\\[<]+`, "gu");

function titled(text: string): string {
  return text.replaceAll(TITLED, (word) => {
    const [first = ""] = word;
    return first.toUpperCase() + word.slice(first.length).toLowerCase();
  });
}

function truncated(value: Value, [length, killwords, end, leeway]: Args): Value {
  const most = intArg(length, 255);
  const ending = textArg(end, "...");
  const spare = leeway === undefined || leeway === null ? 5 : intArg(leeway);
  if (most < lengthOf(ending) || spare < 0) {
    throw new TemplateError(`truncate cannot make a text of ${most} characters`);
  }
  if (requireCount(value) <= most + spare) return value;
  const text = textArg(value);
  const kept = part(text, 0, most - lengthOf(ending));
  const space = kept.lastIndexOf(" ");
  return (flag(killwords) || space < 0 ? kept : kept.slice(0, space)) + ending;
}

function indented(value: Value, [width, first, blank]: Args): string {
  const indention = typeof width === "string" ? width : " ".repeat(spaces(intArg(width, 4)));
  const all = lines(`${textArg(value)}\n`);
  spendCharacters(all.length * indention.length);
  const result = all.map((line, i) =>
    i > 0 && (flag(blank) || line !== "") ? indention + line : line
  ).join("\n");
  return flag(first) ? indention + result : result;
}

function spaces(count: number): number {
  spendCharacters(Math.max(0, count));
  return Math.max(0, count);
}

function quoted(value: Value, isQuery: boolean): string {
  const text = typeof value === "string" ? value : written(value);
  if (!text.isWellFormed()) throw new TemplateError("urlencode got half a character");
  const code = encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return isQuery ? code.replaceAll("%20", "+") : code.replaceAll("%2F", "/");
}

function urlEncoded(value: Value): string {
  if (typeof value === "string" || !isIterable(value)) return quoted(value, false);
  const pairs = value instanceof Dict ? Array.from(value.entries()) : listOf(value).map(listOf);
  return pairs.map((pair) => {
    if (pair.length !== 2) throw new TemplateError("urlencode takes pairs of a name and a value");
    return `${quoted(pair[0]!, true)}=${quoted(pair[1]!, true)}`;
  }).join("&");
}

function attributes(value: Value, [autospace]: Args): string {
  if (!(value instanceof Dict)) return wrongType(value, "a dict");
  const all = Array.from(value.entries()).flatMap(([key, item]) => {
    if (item === null || item instanceof Undefined) return [];
    if (/[\s/>=]/.test(textArg(key))) throw new TemplateError(`"${key}" is no attribute of HTML`);
    return [`${escaped(key)}="${escaped(item)}"`];
  }).join(" ");
  return (autospace === undefined || flag(autospace)) && all !== "" ? ` ${all}` : all;
}

function json(value: Value, [ensureAscii, indent, separators, sortKeys]: Args): string {
  const hasIndent = indent !== undefined && indent !== null;
  const pair = separators === undefined || separators === null
    ? [hasIndent ? "," : ", ", ": "]
    : Array.from(itemsOf(separators), (one) => textArg(one));
  if (pair.length !== 2) throw new TemplateError("tojson takes two separators");
  return jsonText(value, {
    ensureAscii: flag(ensureAscii),
    indent: !hasIndent
      ? undefined
      : typeof indent === "string"
      ? indent
      : " ".repeat(spaces(intArg(indent))),
    separators: [pair[0]!, pair[1]!],
    sortKeys: flag(sortKeys),
  });
}

const formatted: Filter = (value, { positional, keywords }) => {
  if (positional.length > 0 && keywords.size > 0) {
    throw new TemplateError("format takes values by place or by name, not both");
  }
  const values = keywords.size > 0 ? new Dict(keywords) : new Tuple(positional);
  return printf(textOf(value), values);
};

/** Filters whose value is read as a text. */
export const TEXT_FILTERS: readonly [string, Filter][] = [
  filter("upper", "", (value) => textOf(value).toUpperCase()),
  filter("lower", "", (value) => textOf(value).toLowerCase()),
  filter("capitalize", "", (value) => capitalized(textOf(value))),
  filter("title", "", (value) => titled(textOf(value))),
  filter("trim", "chars?", (value, [chars]) =>
    stripped(textOf(value), {
      characters: chars === undefined || chars === null ? undefined : textArg(chars),
    })),
  filter(
    "replace",
    "old new count?",
    (value, [old, by, count]) =>
      replaced(textOf(value), textOf(old!), {
        text: textOf(by!),
        count: count === null ? -1 : intArg(count, -1),
      }),
  ),
  filter("center", "width?", (value, [width]) => centered(textOf(value), intArg(width, 80))),
  filter("indent", "width? first? blank?", indented),
  filter("truncate", "length? killwords? end? leeway?", truncated),
  filter(
    "wordwrap",
    "width? break_long_words? wrapstring? break_on_hyphens?",
    (value, [width, breakWords = true, by, breakHyphens = true]) => {
      const between = by === undefined || by === null ? "\n" : textArg(by);
      const wrapping = {
        width: intArg(width, 79),
        breakWords: flag(breakWords),
        breakHyphens: flag(breakHyphens),
      };
      return lines(textArg(value)).map((line) => wrapped(line, wrapping).join(between))
        .join(between);
    },
  ),
  filter("wordcount", "", (value) => textOf(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  filter("striptags", "", (value) => withoutTags(textOf(value))),
  ...named("string safe", filter("string", "", textOf)),
  ...named("e escape forceescape", filter("escape", "", escaped)),
  filter("urlencode", "", urlEncoded),
  filter("xmlattr", "autospace?", attributes),
  filter("tojson", "ensure_ascii? indent? separators? sort_keys?", json),
  ["format", formatted],
];
