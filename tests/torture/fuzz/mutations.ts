/**
 * Damage to valid files, which gets further into a reader than noise: flipped bits, cut, doubled and
 * swapped ranges, other lengths, and other values at any place of a JSON document.
 *
 * @module
 */
import fc from "fast-check";

/** Bytes at the edges of what integers, lengths and UTF-8 can be. */
const ODD_BYTES: readonly (readonly number[])[] = [
  [0],
  [0xff],
  [0x7f],
  [0x80],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xef, 0xbb, 0xbf],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0xfe, 0xff, 0xff, 0xff, 0x0f],
  [0x0d, 0x0a],
];

/** A change of a sequence; positions count modulo its length, so that every number is one. */
interface Edit<Piece> {
  readonly kind: "replace" | "insert" | "cut" | "delete" | "double" | "swap";
  readonly at: number;
  readonly to: number;
  readonly length: number;
  readonly piece: Piece;
}

function edits<Piece>(piece: fc.Arbitrary<Piece>): fc.Arbitrary<Edit<Piece>[]> {
  const edit = fc.record({
    kind: fc.constantFrom(
      ...["replace", "replace", "replace", "insert", "cut", "delete", "double", "swap"] as const,
    ),
    at: fc.nat(),
    to: fc.nat(),
    length: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 16 }) }, fc.nat(4096)),
    piece,
  });
  return fc.array(edit, { minLength: 1, maxLength: 4 });
}

/** What a list of pieces is joined from, and how long it is. */
interface Sequence<S> {
  readonly slice: (all: S, from: number, to?: number) => S;
  readonly join: (...parts: S[]) => S;
  readonly length: (all: S) => number;
}

function applied<S>(all: S, changes: readonly Edit<S>[], { slice, join, length }: Sequence<S>): S {
  for (const { kind, at: anywhere, to, length: count, piece } of changes) {
    const size = length(all);
    const at = anywhere % (size + 1);
    const end = Math.min(size, at + count);
    switch (kind) {
      case "replace":
        all = join(slice(all, 0, at), piece, slice(all, Math.min(size, at + length(piece))));
        break;
      case "insert":
        all = join(slice(all, 0, at), piece, slice(all, at));
        break;
      case "cut":
        all = slice(all, 0, at);
        break;
      case "delete":
        all = join(slice(all, 0, at), slice(all, end));
        break;
      case "double":
        all = join(slice(all, 0, end), slice(all, at));
        break;
      case "swap": {
        const other = Math.min(to % (size + 1), at);
        const middle = slice(all, other, at);
        all = join(slice(all, 0, other), slice(all, at, end), middle, slice(all, end));
      }
    }
  }
  return all;
}

const BYTES: Sequence<Uint8Array<ArrayBuffer>> = {
  slice: (all, from, to) => all.slice(from, to),
  join: (...parts) => {
    const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  },
  length: (all) => all.length,
};

const TEXT: Sequence<string> = {
  slice: (all, from, to) => all.slice(from, to),
  join: (...parts) => parts.join(""),
  length: (all) => all.length,
};

/** Valid bytes with some damage. A flipped bit is the most frequent. */
export function damagedBytes(
  whole: fc.Arbitrary<Uint8Array<ArrayBuffer>>,
): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const piece = fc.oneof(
    fc.constantFrom(...ODD_BYTES).map((bytes) => Uint8Array.from(bytes)),
    fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => Uint8Array.from(bytes)),
  );
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 3 });
  return fc.oneof(
    fc.tuple(whole, flips).map(([bytes, places]) => {
      const flipped = bytes.slice();
      for (const [at, bit] of places) {
        if (flipped.length > 0) flipped[at % flipped.length]! ^= 1 << bit;
      }
      return flipped;
    }),
    fc.tuple(whole, edits(piece)).map(([bytes, changes]) => applied(bytes, changes, BYTES)),
  );
}

/** Valid text with some damage, `fragments` of its language put in at odd places. */
export function damagedText(
  whole: fc.Arbitrary<string>,
  fragments: readonly string[],
): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(...fragments),
    fc.string({ maxLength: 4, unit: "binary" }),
  );
  return fc.tuple(whole, edits(piece)).map(([text, changes]) => applied(text, changes, TEXT));
}

/** Any JSON value, odd numbers and texts among them. */
export function anyJson(maxDepth = 3): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.constantFrom<unknown>(
      ...[null, true, false, 0, -1, 1, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, 0.1, 1e-320],
      ...["", "a", "\0", "\ud800", "\ufeff", "1", "null", "../x", "constructor", "𝄞".repeat(50)],
      ...[[], {}, [[]], [null], { "": null }, { length: 3 }, { constructor: 1, toString: 2 }],
    ),
    fc.jsonValue({ maxDepth }),
    fc.double(),
  );
}

/** A JSON document with other values, without some, and with names that it should not have. */
export function damagedJson(whole: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.record({
    steps: fc.array(fc.nat(), { minLength: 0, maxLength: 6 }),
    kind: fc.constantFrom(...["put", "put", "remove", "rename", "double", "move"] as const),
    value: anyJson(2),
    name: fc.constantFrom("", "x", "toString", "length", "type", "content", "id", "a.b", "\0"),
  });
  return fc.tuple(whole, fc.array(change, { minLength: 1, maxLength: 3 })).map(
    ([value, changes]) => {
      let document: unknown = structuredClone(value);
      for (const { steps, kind, value: drawn, name } of changes) {
        // Constants are drawn as one object: put into itself it would be a circle.
        const put = structuredClone(drawn);
        let parent: Record<string, unknown> | undefined;
        let key = "";
        let node = document;
        for (const step of steps) {
          if (typeof node !== "object" || node === null) break;
          const names = Object.keys(node);
          if (names.length === 0) break;
          parent = node as Record<string, unknown>;
          key = names[step % names.length]!;
          node = parent[key];
        }
        if (parent === undefined) {
          if (kind === "put" && steps.length === 0) document = put;
          continue;
        }
        if (kind === "put") parent[key] = put;
        else if (kind === "double") {
          parent[Array.isArray(parent) ? `${parent.length}` : name] = node;
        } else if (kind === "move") parent[key] = structuredClone(document);
        else {
          if (Array.isArray(parent)) parent.splice(Number(key), 1);
          else delete parent[key];
          if (kind === "rename" && !Array.isArray(parent)) parent[name] = node;
        }
      }
      return document;
    },
  );
}
