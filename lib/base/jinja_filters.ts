/**
 * The filters and tests of Jinja that `@huggingface/jinja` 0.5 knows: it parses any name and fails
 * only where a row comes by, which is hours too late.
 *
 * @module
 */
import { nearest } from "./errors.ts";
import type { JinjaNode } from "./jinja.ts";

/** Every filter, whatever it may be applied to. */
export const FILTERS: readonly string[] = [
  ..."abs bool capitalize default dictsort first float get indent int items join keys last".split(
    " ",
  ),
  ..."length list lower map rejectattr replace reverse safe selectattr sort string title".split(
    " ",
  ),
  ..."tojson trim unique upper values".split(" "),
];

/** Every test, as in `x is defined`; those that compare (`eq`) only go into `selectattr`. */
export const TESTS: readonly string[] = [
  ..."boolean callable defined even false integer iterable lower mapping none".split(
    " ",
  ),
  ..."number odd sequence string true undefined upper".split(" "),
];

/**
 * A filter or test of a template that does not exist.
 *
 * @param root The template's node.
 * @returns Why the template cannot work; undefined where every name is known.
 */
export function unknownFilter(root: unknown): string | undefined {
  if (Array.isArray(root) || root instanceof Map) {
    for (const item of root) {
      const mistake = unknownFilter(item);
      if (mistake !== undefined) return mistake;
    }
    return undefined;
  }
  if (!isNode(root)) return undefined;
  for (const [part, child] of Object.entries(root)) {
    const known = KNOWN[`${root.type}.${part}`];
    const mistake = known === undefined ? undefined : misnamed(child, known);
    if (mistake !== undefined) return mistake;
    const below = unknownFilter(child);
    if (below !== undefined) return below;
  }
  return undefined;
}

interface Known {
  readonly kind: "filter" | "test";
  readonly names: readonly string[];
}

const FILTER: Known = { kind: "filter", names: FILTERS };
const KNOWN: Readonly<Record<string, Known>> = {
  "FilterExpression.filter": FILTER,
  "FilterStatement.filter": FILTER,
  "TestExpression.test": { kind: "test", names: TESTS },
};

function misnamed(child: unknown, { kind, names }: Known): string | undefined {
  // `join(", ")` is a call of the filter's name.
  const { value, callee } = child as { value?: unknown; callee?: { value?: unknown } };
  const name = String(callee?.value ?? value);
  if (names.includes(name)) return undefined;
  const near = nearest(name, names);
  return `there is no ${kind} "${name}"${near === undefined ? "" : `, but there is "${near}"`}`;
}

function isNode(value: unknown): value is JinjaNode {
  return typeof value === "object" && value !== null && "type" in value;
}
