/** Names, paths and patterns: safe, one for each, and meaning what a plain reading says. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { compileGlob, expandGlob, naturalCompare } from "../../../lib/base/glob.ts";
import { filePath, fileUrl } from "../../../lib/base/paths.ts";
import { safeName } from "../../../lib/store/disk/layout.ts";
import { isPlainPath } from "../../../lib/store/manifest.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart } from "./fuzzing.ts";

const part = fc.oneof(
  fc.constantFrom(...[
    "a",
    "b",
    "ab",
    "a.b",
    ".",
    "..",
    ".a",
    "",
    "é",
    "𝄞",
    "a b",
    "#",
    "%",
    "%41",
  ]),
  fc.constantFrom(
    "[",
    "]",
    "{",
    "}",
    "!",
    "^",
    "$",
    "(",
    "|",
    "+",
    "\\",
    "\n",
    "\r",
    "\t",
    "~",
    "CON",
  ),
  fc.string({ maxLength: 4 }),
  fc.string({ unit: "binary", maxLength: 4 }),
).filter((text) => text.isWellFormed() && !text.includes("\0"));

const letters = fc.constantFrom("a", "b", "c", "-", ".");

/** A pattern as its pieces, and the plain text of each. */
type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "star" | "any" | "deep" | "folders" }
  | { readonly kind: "set"; readonly not: boolean; readonly members: string }
  | { readonly kind: "either"; readonly of: readonly string[] };

const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc.record({ kind: fc.constant("text" as const), text: fc.oneof(letters, fc.constant("/")) }),
  fc.record({ kind: fc.constantFrom("star" as const, "any" as const, "deep" as const) }),
  fc.constant({ kind: "folders" as const }),
  fc.record({
    kind: fc.constant("set" as const),
    not: fc.boolean(),
    members: fc.constantFrom("a", "ab", "a-c", "abc", "b-a", "ac-"),
  }),
  fc.record({
    kind: fc.constant("either" as const),
    of: fc.array(fc.array(letters, { maxLength: 2 }).map((all) => all.join("")), {
      minLength: 2,
      maxLength: 3,
    }),
  }),
);

function patternOf(pieces: readonly Piece[]): string {
  return pieces.map((one) => {
    switch (one.kind) {
      case "text":
        return one.text;
      case "star":
        return "*";
      case "any":
        return "?";
      case "deep":
        return "**";
      case "folders":
        return "**/";
      case "set":
        return `[${one.not ? "!" : ""}${one.members}]`;
      case "either":
        return `{${one.of.join(",")}}`;
    }
  }).join("");
}

/** Whether pieces match a text, by trying everything. */
function matches(pieces: readonly Piece[], text: string): boolean {
  const [first, ...rest] = pieces;
  if (first === undefined) return text === "";
  const after = (count: number): boolean => matches(rest, text.slice(count));
  switch (first.kind) {
    case "text":
      return text.startsWith(first.text) && after(first.text.length);
    case "any":
      return text !== "" && text[0] !== "/" && after(1);
    case "set": {
      const members = { "a-c": "abc", "b-a": "" }[first.members] ?? first.members;
      if (text === "" || text[0] === "/") return false;
      return members.includes(text[0]!) !== first.not && after(1);
    }
    case "either":
      return first.of.some((one) => text.startsWith(one) && after(one.length));
    case "star":
    case "deep":
      for (let n = 0; n <= text.length; n++) {
        if (after(n)) return true;
        if (first.kind === "star" && text[n] === "/") return false;
      }
      return false;
    case "folders":
      if (after(0)) return true;
      for (let n = text.indexOf("/"); n >= 0; n = text.indexOf("/", n + 1)) {
        if (after(n + 1)) return true;
      }
      return false;
  }
}

interface Input {
  readonly parts: readonly string[];
  readonly other: string;
  readonly pieces: readonly Piece[];
  readonly path: string;
  readonly noise: string;
}

export const fuzz: Fuzz<Input> = {
  name: "fuzz-names",
  promise:
    "names are safe and differ, paths come back, patterns match what a plain reading matches",
  perCase: 1000,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.record({
    parts: fc.array(part, { minLength: 1, maxLength: 4 }),
    other: fc.oneof(part, fc.string({ minLength: 100, maxLength: 300 })),
    // `***` is two patterns in one to a shell, and a `[` beside a set closes elsewhere.
    pieces: fc.array(piece, { maxLength: 6 }).filter((pieces) =>
      pieces.every(({ kind }, i) =>
        i === 0 || !["star", "deep", "folders"].includes(kind) ||
        !["star", "deep"].includes(pieces[i - 1]!.kind)
      ) && pieces.every((one, i) =>
        one.kind !== "text" || one.text !== "/" || pieces[i - 1]?.kind !== "deep"
      )
    ),
    path: fc.array(fc.oneof(letters, fc.constant("/")), { maxLength: 8 }).map((all) =>
      all.join("")
    ),
    noise: fc.array(
      fc.oneof(part, fc.constantFrom("*", "?", "**/", "**/**/**/", "[!", "{,", "}", "z-a]")),
      { maxLength: 6 },
    )
      .map((all) => all.join("")),
  }),
  async check({ parts, other, pieces, path, noise }, folder): Promise<void> {
    const name = parts.join("/");
    const safe = safeName(name);
    assert.match(safe, /^[A-Za-z0-9_@=,+~-][A-Za-z0-9._@=,+~-]*$/, "a safe name");
    assert.ok(safe.length <= 120 && safe !== "." && safe !== "..");
    assert.equal(safe === safeName(other), name === other, "different names, different files");
    if (isPlainPath(name)) {
      const inside = new URL(parts.map(encodeURIComponent).join("/"), "file:///root/");
      assert.ok(inside.href.startsWith("file:///root/"), "a plain path stays inside");
      assert.ok(parts.every((one) => one !== ".." && one !== "." && one !== ""));
    }
    const absolute = filePath(fileUrl(`/${name}`));
    assert.equal(filePath(fileUrl(absolute)), absolute, "a path comes back");
    assert.equal(new URL(fileUrl(absolute)).href, fileUrl(absolute), "a URL is spelt one way");
    assert.equal(new URL(fileUrl(absolute)).search + new URL(fileUrl(absolute)).hash, "");

    const pattern = patternOf(pieces);
    assert.equal(compileGlob(pattern).test(path), matches(pieces, path), `${pattern} on ${path}`);
    // Whatever a pattern is, it is one: what cannot be read as a pattern means itself.
    const expression = compileGlob(noise);
    assert.equal(typeof expression.test(name), "boolean");
    if (!/[*?[{]/.test(noise)) assert.ok(expression.test(noise), "text matches itself");
    assert.ok(Math.sign(naturalCompare(name, other)) === -Math.sign(naturalCompare(other, name)));
    if (!noise.includes("/")) assert.deepEqual(await expandGlob(folder, noise), []);
  },
};

/** Attacks names, paths and patterns. */
export const names: Part = fuzzPart(fuzz, import.meta.url);
