/**
 * Whether a template marks what a model writes, by `{% generation %}`.
 *
 * @module
 */
import { childrenOf, type JinjaNode } from "./syntax/tree.ts";

/** Whether there is a mark anywhere in these nodes. */
export function hasMarks(nodes: readonly JinjaNode[]): boolean {
  return nodes.some((node) => node.type === "Generation" || hasMarks(childrenOf(node)));
}

/**
 * A mark whose place in the text nobody can know: what is around it is a text of its own, which may be
 * changed or used elsewhere.
 *
 * @returns What is around it, in Jinja; undefined where every mark is in the text itself.
 */
export function lostMark(nodes: readonly JinjaNode[]): string | undefined {
  for (const node of nodes) {
    const children = childrenOf(node);
    const around = textOfItsOwn(node);
    if (around !== undefined && hasMarks(children)) return around;
    const below = lostMark(children);
    if (below !== undefined) return below;
  }
  return undefined;
}

function textOfItsOwn(node: JinjaNode): string | undefined {
  switch (node.type) {
    case "Macro":
      return "{% macro %}";
    case "SetBlock":
      return "{% set %}";
    case "CallBlock":
      return "{% call %}";
    case "FilterBlock":
      return "{% filter %}";
    case "For":
      return node.isRecursive ? "a recursive {% for %}" : undefined;
    case "Generation":
      return "another {% generation %}";
    default:
      return undefined;
  }
}
