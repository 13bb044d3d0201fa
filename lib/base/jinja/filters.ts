/**
 * Filters and tests of a template that do not exist: told when the template is read, and not where a row
 * comes by, which is hours too late.
 *
 * @module
 */
import { nearest } from "../errors.ts";
import { FILTER_NAMES, TEST_NAMES } from "./calls/library.ts";
import { type Applied, childrenOf, type Expression, type JinjaNode } from "./syntax/tree.ts";

const KNOWN = { filter: FILTER_NAMES, test: TEST_NAMES } as const;

/** Filters whose value in brackets is the name of another: `map("upper")`, `selectattr("a", "odd")`. */
const NAMING: ReadonlyMap<string, readonly [keyof typeof KNOWN, place: number]> = new Map([
  ["map", ["filter", 0]],
  ["select", ["test", 0]],
  ["reject", ["test", 0]],
  ["selectattr", ["test", 1]],
  ["rejectattr", ["test", 1]],
]);

/**
 * A filter or test of a template that does not exist.
 *
 * @param nodes What was parsed.
 * @returns Why the template cannot work; undefined where every name is known.
 */
export function unknownFilter(nodes: readonly JinjaNode[]): string | undefined {
  for (const node of nodes) {
    const mistake = node.type === "Filter" || node.type === "Test" ? unknownName(node) : undefined;
    const below = mistake ?? unknownFilter(childrenOf(node));
    if (below !== undefined) return below;
  }
  return undefined;
}

function unknownName(node: Applied): string | undefined {
  const kind = node.type === "Filter" ? "filter" : "test";
  const naming = kind === "filter" ? NAMING.get(node.name) : undefined;
  const literal: Expression | undefined = naming && node.args.positional[naming[1]];
  return mistakeIn(kind, node.name) ??
    (literal?.type === "Text" ? mistakeIn(naming![0], literal.value) : undefined);
}

function mistakeIn(kind: keyof typeof KNOWN, name: string): string | undefined {
  if (KNOWN[kind].includes(name)) return undefined;
  const near = nearest(name, KNOWN[kind]);
  const hint = near === undefined ? "" : `, but there is "${near}"`;
  return `there is no ${kind} "${name}"${hint}`;
}
