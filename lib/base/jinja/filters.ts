/**
 * The filters and tests of Jinja that `@huggingface/jinja` 0.5 knows: it parses any name and fails
 * only where a row comes by, which is hours too late.
 *
 * @module
 */
import { nearest } from "../errors.ts";
import { applied, childrenOf, type JinjaNode } from "./tree.ts";

/** Every filter, whatever it may be applied to. */
export const FILTERS: readonly string[] =
  ("abs bool capitalize default dictsort first float get indent int items join keys last length " +
    "list lower map rejectattr replace reverse safe selectattr sort string title tojson trim " +
    "unique upper values").split(" ");

/** Every test, as in `x is defined`; those that compare (`eq`) only go into `selectattr`. */
export const TESTS: readonly string[] =
  ("boolean callable defined even false integer iterable lower mapping none number odd sequence " +
    "string true undefined upper").split(" ");

const KNOWN = { filter: FILTERS, test: TESTS } as const;

/**
 * A filter or test of a template that does not exist.
 *
 * @param nodes What was parsed.
 * @returns Why the template cannot work; undefined where every name is known.
 */
export function unknownFilter(nodes: readonly JinjaNode[]): string | undefined {
  for (const node of nodes) {
    const use = applied(node);
    if (use !== undefined && !KNOWN[use.kind].includes(use.name)) {
      const near = nearest(use.name, KNOWN[use.kind]);
      const hint = near === undefined ? "" : `, but there is "${near}"`;
      return `there is no ${use.kind} "${use.name}"${hint}`;
    }
    const below = unknownFilter(childrenOf(node).map((child) => child.node));
    if (below !== undefined) return below;
  }
  return undefined;
}
