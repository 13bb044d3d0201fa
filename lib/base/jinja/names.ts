/**
 * Which names a template uses. Jinja renders a name that nothing defines as nothing: a slip would train a
 * model on empty texts, or a pipeline would run with another value than the one that was meant.
 *
 * @module
 */
import { applied, childrenOf, definedNames, type JinjaNode, memberPath } from "./tree.ts";

/** The names that every `${{ }}` knows besides the pipeline's values. */
export const EXPRESSION_NAMES = [
  "true",
  "True",
  "false",
  "False",
  "none",
  "None",
  "range",
] as const;

/** The names that every row template knows besides the columns. */
export const TEMPLATE_NAMES: readonly string[] = [
  ...EXPRESSION_NAMES,
  "namespace",
  "loop",
  "raise_exception",
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

/** Parts of statements that define names. */
const BINDINGS: ReadonlySet<string> = new Set([
  "For.loopvar",
  "Set.assignee",
  "Macro.name",
  "Macro.args",
  "CallStatement.callerArgs",
]);

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
    if (node.type === "Macro") defined.add("caller");
    if (["default", "defined", "undefined"].includes(applied(node)?.name ?? "")) {
      allowsMissing = true;
    }
    for (const { part, node: child } of childrenOf(node)) {
      if (BINDINGS.has(`${node.type}.${part}`)) {
        for (const name of definedNames(child)) defined.add(name);
      } else visit(child);
    }
  };
  nodes.forEach(visit);
  return { paths, defined, allowsMissing };
}
