/** Canonical JSON against RFC 8785 as one would write it down. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalDigest, canonicalJson } from "../../../lib/base/canonical_json.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, isUsableName } from "./fuzzing.ts";

const name = fc.oneof(
  fc.constantFrom("", "\0", "\x1f", "\x7f", "\u0080", "\u2028", "\ufeff", "€", "𝄞", '"/\b\f\n\r\t'),
  fc.string(),
  fc.string({ unit: "binary" }),
).filter((value) => isUsableName(value));

const text = fc.oneof(name, fc.string({ unit: fc.constantFrom("\\", "n", "u", "0", '"') }));

/** The numbers of the RFC's appendix B, and any. */
const number = fc.oneof(
  fc.constantFrom(0, -0, 5e-324, -5e-324, 1.7976931348623157e308, 2 ** 53, -(2 ** 53), 2 ** 68),
  fc.constantFrom(
    9007199254740994,
    1e21,
    1e23,
    9.999999999999997e22,
    1e-7,
    1e-6,
    333333333.3333333,
  ),
  fc.constantFrom(1424953923781206.2, 0.1, 1, -1, 1e20, 123456789012345680000, NaN, Infinity),
  fc.double(),
  fc.integer(),
);

const odd = fc.constantFrom<unknown>(
  undefined,
  1n,
  new Date(0),
  new Map(),
  () => 1,
  Symbol("a"),
  /a/,
);

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    number,
    text,
    { weight: 2, arbitrary: fc.array(tie("value"), { maxLength: 4 }) },
    {
      weight: 3,
      arbitrary: fc.array(fc.tuple(name, tie("value")), { maxLength: 5 })
        .map((entries) => Object.fromEntries(entries)),
    },
    { weight: 1, arbitrary: odd },
  ),
}));

/** Written after the RFC's sections 3.2.2 and 3.2.3; undefined for what is not JSON. */
function reference(json: unknown): string | undefined {
  if (json === null || typeof json === "boolean") return String(json);
  if (typeof json === "number") {
    return Number.isFinite(json) ? `${json === 0 ? 0 : json}` : undefined;
  }
  if (typeof json === "string") return string(json);
  if (Array.isArray(json)) {
    const items = json.map(reference);
    return items.includes(undefined) ? undefined : `[${items.join(",")}]`;
  }
  if (typeof json !== "object" || Object.getPrototypeOf(json) !== Object.prototype) {
    return undefined;
  }
  const names = Object.keys(json).filter((key) =>
    (json as Record<string, unknown>)[key] !== undefined
  );
  const units = (name: string): number[] =>
    Array.from({ length: name.length }, (_, i) => name.charCodeAt(i));
  names.sort((a, b) => {
    const [x, y] = [units(a), units(b)];
    const at = x.findIndex((unit, i) => unit !== y[i]);
    return at < 0 ? x.length - y.length : x[at]! - (y[at] ?? -1);
  });
  const members = names.map((key) => {
    const [name, member] = [string(key), reference((json as Record<string, unknown>)[key])];
    return name === undefined || member === undefined ? undefined : `${name}:${member}`;
  });
  return members.includes(undefined) ? undefined : `{${members.join(",")}}`;
}

function string(value: string): string | undefined {
  const short: Record<string, string> = {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
  };
  let out = "";
  for (const char of value) {
    const point = char.codePointAt(0)!;
    if (point >= 0xd800 && point <= 0xdfff) return undefined;
    out += short[char] ?? (point < 0x20 ? `\\u${point.toString(16).padStart(4, "0")}` : char);
  }
  return `"${out}"`;
}

export const fuzz: Fuzz<unknown> = {
  name: "fuzz-canonical-json",
  promise: "canonical JSON is that of RFC 8785, and nothing else is written",
  perCase: 1000,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: value,
  check(input): void {
    const expected = reference(input);
    if (expected === undefined) {
      assert.throws(() => canonicalJson(input), { name: "TypeError", message: /^Cannot write / });
      return;
    }
    assert.equal(canonicalJson(input), expected);
    assert.equal(canonicalJson(JSON.parse(expected)), expected, "through JSON and back");
    assert.equal(canonicalDigest(JSON.parse(expected)), canonicalDigest(input));
  },
};

/** Attacks canonical JSON. */
export const canonical: Part = fuzzPart(fuzz, import.meta.url);
