/**
 * Remembers the trees of files that were read before.
 *
 * A tree is a function of the text alone, and loading the `yaml` package takes a good part of a call that
 * finds every stage cached. Only files without a mistake are remembered: mistakes are worded anew.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { sha256Hex } from "../../base/hash.ts";
import type { Memory } from "../code/memory.ts";
import type { MappingEntry, Span, YamlNode } from "./node.ts";

const NAMESPACE = "yaml";

/**
 * The tree of a text that was remembered.
 *
 * @param text The whole text of the file.
 * @returns The root node as `parseYaml` gives it; undefined where it has to be parsed.
 */
export async function recallYaml(text: string, memory: Memory): Promise<YamlNode | undefined> {
  // Asking would make the store's folder, and a file with mistakes must leave nothing behind.
  if (memory.isEmpty?.() === true) return undefined;
  const known = memory.get(NAMESPACE, await keyOf(text, memory));
  return known === undefined ? undefined : unpack(known as Packed);
}

/** Remembers the tree of a text. Only for a pipeline without a mistake: mistakes are worded anew. */
export async function rememberYaml(
  text: string,
  { root, memory }: { readonly root: YamlNode; readonly memory: Memory },
): Promise<void> {
  memory.set(NAMESPACE, await keyOf(text, memory), pack(root) as Json);
}

/** Digest of the parser and the text. */
async function keyOf(text: string, { digestModule }: Memory): Promise<string> {
  return `${await digestModule(import.meta.resolve("./source.ts"))} ${sha256Hex(text)}`;
}

/** A node as JSON: start, end, then a scalar's value, or what kind of parts follow and the parts. */
type Packed =
  | readonly [start: number, end: number, value: string | number | boolean | null]
  | readonly [start: number, end: number, kind: "list", items: readonly Packed[]]
  | readonly [start: number, end: number, kind: "mapping", entries: readonly PackedEntry[]];
type PackedEntry = readonly [key: string, start: number, end: number, value: Packed];

function pack(node: YamlNode): Packed {
  const { start, end } = node.span;
  switch (node.type) {
    case "scalar":
      return [start, end, node.value];
    case "list":
      return [start, end, "list", node.items.map(pack)];
    case "mapping":
      return [
        start,
        end,
        "mapping",
        [...node.entries].map(([name, { key, value }]) => [name, key.start, key.end, pack(value)]),
      ];
    case "invalid":
      // Whoever makes such a node reports why, and files with a mistake are not remembered.
      return [start, end, null];
  }
}

function unpack(packed: Packed): YamlNode {
  const span: Span = { start: packed[0], end: packed[1] };
  if (packed.length === 3) return { type: "scalar", value: packed[2], span };
  if (packed[2] === "list") return { type: "list", items: packed[3].map(unpack), span };
  const entries = packed[3].map(([name, start, end, value]): [string, MappingEntry] => [
    name,
    { key: { start, end }, value: unpack(value) },
  ]);
  return { type: "mapping", entries: new Map(entries), span };
}
