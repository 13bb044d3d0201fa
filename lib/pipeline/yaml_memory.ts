/**
 * Remembers the trees of files that were read before.
 *
 * A tree is a function of the text alone, and loading the `yaml` package takes a good part of a call that
 * finds every stage cached. Only files without a mistake are remembered: mistakes are worded anew.
 *
 * @module
 */
import { sha256Hex } from "../store/hash.ts";
import type { DescribeCache } from "./describe_own.ts";
import type { Problems } from "./problems.ts";
import type { Json } from "./types.ts";
import type { MappingEntry, Span, YamlNode } from "./yaml_node.ts";

const NAMESPACE = "yaml";

/** Where trees are remembered, and how it is known that the parser is still the same. */
export interface YamlMemory {
  readonly cache?: DescribeCache | undefined;
  /** Digest of a module (`file:` URL) and all that it imports. */
  readonly digestModule?: ((url: string) => Promise<string>) | undefined;
}

/**
 * Parses a file's text, or remembers what it parsed to.
 *
 * @param problems Holds the text, takes the mistakes.
 * @param memory Without one, the text is parsed.
 * @returns The root node, as `parseYaml` gives it.
 */
export async function readYaml(problems: Problems, memory: YamlMemory): Promise<YamlNode> {
  const { cache, digestModule } = memory;
  const { text } = problems.source;
  const key = cache && digestModule &&
    `${await digestModule(import.meta.resolve("./yaml_source.ts"))} ${sha256Hex(text)}`;
  const known = key === undefined ? undefined : await cache?.get(NAMESPACE, key);
  if (known !== undefined) return unpack(known as Packed);
  const { parseYaml } = await import("./yaml_source.ts");
  const root = parseYaml(problems);
  if (key !== undefined && !problems.any) await cache?.set(NAMESPACE, key, pack(root) as Json);
  return root;
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
