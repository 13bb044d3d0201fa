/**
 * Canonical JSON: one text for one value, so that a digest of it names the value.
 *
 * Source: RFC 8785 (JSON Canonicalization Scheme). Numbers print as ECMAScript prints them, members
 * are sorted by the UTF-16 code units of their names, no white space. Left out: values that JSON
 * cannot hold (NaN, bigint, Date, Map, lone surrogates) are refused instead of being coerced.
 *
 * @module
 */
import { sha256Hex } from "./hash.ts";
import { MAX_JSON_DEPTH } from "./json.ts";

/** Twice what may come from outside (`json.ts`), as documents hold such values some levels down. */
const MAX_DEPTH = 2 * MAX_JSON_DEPTH;

/**
 * The canonical text of a JSON value. Members whose value is `undefined` are left out, as
 * `JSON.stringify` does.
 *
 * @throws {TypeError} Where the value holds something that is not JSON; the message says where.
 *
 * @example
 * ```ts
 * import { canonicalJson } from "./canonical_json.ts";
 * if (canonicalJson({ b: 1e21, a: [-0, "€"] }) !== '{"a":[0,"€"],"b":1e+21}') throw new Error();
 * ```
 */
export function canonicalJson(value: unknown): string {
  return write(value, []);
}

/** SHA-256 of {@linkcode canonicalJson}, hexadecimal. */
export function canonicalDigest(value: unknown): string {
  return sha256Hex(canonicalJson(value));
}

function write(value: unknown, path: readonly (string | number)[]): string {
  switch (typeof value) {
    case "boolean":
      return value ? "true" : "false";
    case "string":
      return text(value, path);
    case "number":
      if (!Number.isFinite(value)) throw refused(String(value), path);
      // JSON.stringify prints -0 as 0 and every other double by the shortest digits, as the RFC asks.
      return JSON.stringify(value);
    case "object":
      break;
    default:
      throw refused(`a ${typeof value}`, path);
  }
  if (value === null) return "null";
  if (path.length >= MAX_DEPTH) {
    throw new TypeError(`Cannot write as JSON what is nested more than ${MAX_DEPTH} levels deep`);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, i) => write(item, [...path, i])).join(",")}]`;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw refused(`a ${prototype.constructor?.name ?? "object"}`, path);
  }
  const members: string[] = [];
  for (const [name, member] of Object.entries(value).sort(byName)) {
    if (member === undefined) continue;
    members.push(`${text(name, path)}:${write(member, [...path, name])}`);
  }
  return `{${members.join(",")}}`;
}

/** By UTF-16 code units, which is what `<` compares; `localeCompare` would depend on the machine. */
function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

function text(value: string, path: readonly (string | number)[]): string {
  if (!value.isWellFormed()) throw refused("a string with a lone surrogate", path);
  return JSON.stringify(value);
}

function refused(what: string, path: readonly (string | number)[]): TypeError {
  const place = path.map((step) => typeof step === "number" ? `[${step}]` : `.${step}`).join("");
  return new TypeError(`Cannot write ${what} as JSON at $${place}`);
}
