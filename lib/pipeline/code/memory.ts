/**
 * What is remembered between calls because it follows from code and an input alone, such as what an own
 * stage says of itself.
 *
 * @module
 */
import { existsSync } from "node:fs";
import type { Json } from "../../base/json.ts";
import { canonicalDigest, type Store, type StoreIndex } from "../../store/mod.ts";
import type { Confinement } from "./confinement.ts";
import { type ModuleGraph, moduleGraph } from "./module_graph.ts";

/** Remembers JSON by namespace and key, and knows which code it was made by. */
export interface Memory {
  readonly get: (namespace: string, key: string) => Json | undefined;
  readonly set: (namespace: string, key: string, value: Json) => void;
  /** Whether nothing can be in it yet, told without making it. */
  readonly isEmpty?: () => boolean;
  /** Digest of a module (`file:` URL) and all that it imports. */
  readonly digestModule: (url: string, confinement?: Confinement) => Promise<string>;
  /** Remembers module graphs; where absent nothing is remembered of them. */
  readonly index?: StoreIndex;
}

/** Digest of all code of a module graph. */
export function codeDigest({ files, imports, packages }: ModuleGraph): string {
  return canonicalDigest({ files, imports, packages });
}

/** The memory that a store keeps in its index. */
export function memoryOf(
  { index, layout }: Store,
  { project, signal }: { readonly project: string; readonly signal: AbortSignal },
): Memory {
  return {
    get: (namespace, key) => index.get(namespace, key) as Json | undefined,
    set: (namespace, key, value) => index.set(namespace, key, value),
    isEmpty: () => !existsSync(layout.index),
    index,
    digestModule: async (url, confinement) =>
      codeDigest(await moduleGraph(url, { project, index, signal, confinement })),
  };
}
