/**
 * The tree of a YAML file with the place of every value, after anchors and merge keys.
 *
 * Only what JSON can hold survives parsing, so that a node and a JSON value convert into each other.
 * A node whose mistake was reported already is `invalid`: later checks pass over it in silence.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import type { Location } from "../../base/errors.ts";

/** Offsets into the text of the file, end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A value of the file and where it stands; the place of an alias is that of its anchor. */
export type YamlNode = ScalarNode | ListNode | MappingNode | InvalidNode;

/** Text, a number, true, false or null. */
export interface ScalarNode {
  readonly type: "scalar";
  readonly value: string | number | boolean | null;
  readonly span: Span;
}

/** `[a, b]` or lines with `- `. */
export interface ListNode {
  readonly type: "list";
  readonly items: readonly YamlNode[];
  readonly span: Span;
}

/** `{a: b}` or lines with `a: b`, in the order of the file. */
export interface MappingNode {
  readonly type: "mapping";
  readonly entries: ReadonlyMap<string, MappingEntry>;
  readonly span: Span;
}

/** A value with the place of its key. */
export interface MappingEntry {
  readonly key: Span;
  readonly value: YamlNode;
}

/** Something that could not be read and was reported. */
export interface InvalidNode {
  readonly type: "invalid";
  readonly span: Span;
}

/** A path into a tree: keys of mappings and indices of lists. */
export type NodePath = readonly (string | number)[];

/** The text of a file, able to tell places in it. */
export class SourceText {
  readonly #lineStarts: number[] = [0];

  /**
   * @param file Path as messages shall show it.
   * @param text The whole text.
   */
  constructor(readonly file: string, readonly text: string) {
    for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) {
      this.#lineStarts.push(i + 1);
    }
  }

  /** Line and column of a span, with the text of its line; what is longer than the line is cut. */
  locate(span: Span): Location {
    const start = Math.min(Math.max(span.start, 0), this.text.length);
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lineStarts[middle]! <= start) low = middle;
      else high = middle - 1;
    }
    const lineStart = this.#lineStarts[low]!;
    const lineEnd = this.#lineStarts[low + 1] ?? this.text.length + 1;
    const text = this.text.slice(lineStart, lineEnd - 1).replace(/\r$/, "");
    const column = start - lineStart + 1;
    const covered = text.slice(column - 1, Math.max(span.end, start) - lineStart).trimEnd();
    return { file: this.file, line: low + 1, column, length: Math.max(1, covered.length), text };
  }
}

/**
 * The JSON value of a node. Invalid entries of mappings are left out; invalid items of lists are null.
 *
 * @param node Any node.
 * @returns A new value that shares nothing with the tree.
 */
export function nodeToJson(node: YamlNode): Json {
  switch (node.type) {
    case "scalar":
      return node.value;
    case "list":
      return node.items.map(nodeToJson);
    case "mapping": {
      const entries: [string, Json][] = [];
      for (const [key, { value }] of node.entries) {
        if (value.type !== "invalid") entries.push([key, nodeToJson(value)]);
      }
      // fromEntries defines properties, so that a key "__proto__" stays a key.
      return Object.fromEntries(entries);
    }
    case "invalid":
      return null;
  }
}

/** The node of a JSON value; every part of it stands at `span`, where the value came from. */
export function jsonToNode(value: Json, span: Span): YamlNode {
  if (Array.isArray(value)) {
    return { type: "list", items: value.map((item: Json) => jsonToNode(item, span)), span };
  }
  if (typeof value === "object" && value !== null) {
    const entries = new Map<string, MappingEntry>();
    for (const [key, item] of Object.entries(value)) {
      entries.set(key, { key: span, value: jsonToNode(item, span) });
    }
    return { type: "mapping", entries, span };
  }
  return { type: "scalar", value: value as string | number | boolean | null, span };
}

/** Where a path leads: the node and the place of the key that names it. */
export interface FoundNode {
  /** The node at the path, or the deepest one on the way. */
  readonly node: YamlNode;
  /** Place of the key of `node`; undefined for list items and the root. */
  readonly key: Span | undefined;
  /** Whether the whole path exists. */
  readonly complete: boolean;
}

/**
 * Follows a path as far as it goes.
 *
 * @param root Where to start.
 * @param path Keys and indices.
 * @returns The node at the path, or the last one that exists.
 */
export function findNode(root: YamlNode, path: NodePath): FoundNode {
  let found: FoundNode = { node: root, key: undefined, complete: true };
  for (const step of path) {
    const { node } = found;
    if (node.type === "mapping") {
      const entry = node.entries.get(String(step));
      if (entry === undefined) return { ...found, complete: false };
      found = { node: entry.value, key: entry.key, complete: true };
    } else if (node.type === "list") {
      const item = node.items[Number(step)];
      if (item === undefined) return { ...found, complete: false };
      found = { node: item, key: undefined, complete: true };
    } else {
      return { ...found, complete: false };
    }
  }
  return found;
}
