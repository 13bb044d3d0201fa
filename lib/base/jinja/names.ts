/**
 * Which names a template uses. Jinja renders a name that nothing defines as nothing: a slip would train a
 * model on empty texts, or a pipeline would run with another value than the one that was meant.
 *
 * @module
 */
import { childrenOf, definedNames, type JinjaNode, memberPath } from "./syntax/tree.ts";

/** The names that every `${{ }}` knows besides the pipeline's values. */
export const EXPRESSION_NAMES = ["range"] as const;

/** The names that every row template knows besides the columns. */
export const TEMPLATE_NAMES: readonly string[] = [
  ...EXPRESSION_NAMES,
  ...["namespace", "dict", "cycler", "joiner", "loop", "raise_exception"],
];

/** The names in a template. */
export interface NameUses {
  /** Every use, in order, with its literal members: `params.a["b"][i]` is `["params", "a", "b"]`. */
  readonly paths: readonly (readonly string[])[];
  /** Names that loops, assignments and macros define. */
  readonly defined: ReadonlySet<string>;
  /** Whether `default`, `is defined` or `is undefined` stands anywhere: a missing value is expected. */
  readonly allowsMissing: boolean;
}

/** Filters and tests that expect a value to be missing. */
const FOR_MISSING: ReadonlySet<string> = new Set(["default", "d", "defined", "undefined"]);

/**
 * Lists the names in a template or an expression.
 *
 * @param nodes What was parsed.
 */
export function usedNames(nodes: readonly JinjaNode[]): NameUses {
  const paths: string[][] = [];
  const defined = new Set<string>();
  let allowsMissing = false;
  const visit = (node: JinjaNode): void => {
    const member = memberPath(node);
    if (member !== undefined) {
      paths.push(member.path);
      member.computed.forEach(visit);
      return;
    }
    const isApplied = node.type === "Filter" || node.type === "Test";
    if (isApplied && FOR_MISSING.has(node.name)) allowsMissing = true;
    for (const name of definedNames(node)) defined.add(name);
    childrenOf(node).forEach(visit);
  };
  nodes.forEach(visit);
  return { paths, defined, allowsMissing };
}
