/**
 * The syntax tree that `@huggingface/jinja` makes of a template, and the one walk over it.
 *
 * The walk meets what stands for a value or is a statement. Names of another kind are left out: of
 * filters and tests ({@linkcode applied} gives those), attributes, keyword arguments and operators.
 *
 * @module
 */

/** A node of the tree. */
export interface JinjaNode {
  readonly type: string;
}

/** A node with the parts that its type has. */
type Parts = JinjaNode & { readonly [part: string]: unknown };

/** A node below another one, and the part of the other that it belongs to. */
export interface Child {
  readonly part: string;
  readonly node: JinjaNode;
}

/** A filter or test that a node applies: `x | join(", ")`, `x is defined`. */
export interface Applied {
  readonly kind: "filter" | "test";
  readonly name: string;
}

/** Which nodes apply something by name. `If` and `SelectExpression` have a `test` that is an expression. */
const APPLIES: Readonly<Record<string, Applied["kind"]>> = {
  FilterExpression: "filter",
  FilterStatement: "filter",
  TestExpression: "test",
};

/** What a node applies; undefined for all but filters and tests. */
export function applied(node: JinjaNode): Applied | undefined {
  const kind = APPLIES[node.type];
  if (kind === undefined) return undefined;
  const named = (node as Parts)[kind] as Parts;
  // `join(", ")` is a call of the filter's name.
  return { kind, name: nameOf((named.callee ?? named) as JinjaNode) };
}

/** The text of an identifier or of a text in quotes. */
export function nameOf(node: JinjaNode): string {
  return String((node as Parts).value);
}

/** The nodes directly below a node, in the order in which they stand. */
export function childrenOf(node: JinjaNode): Child[] {
  return Object.entries(node).flatMap(([part, value]) => {
    if (part === "operator") return []; // a token: `not` is spelt like a name
    if (part === "key" && node.type.startsWith("Keyword")) return [];
    if (part === "property" && (node as Parts).computed !== true) return [];
    const below = APPLIES[node.type] === part ? (value as Parts).args : value;
    return nodesIn(below).map((child) => ({ part, node: child }));
  });
}

/** The path of a name and its members as far as they are literal; undefined for other nodes. */
export function memberPath(
  node: JinjaNode,
): { readonly path: string[]; readonly computed: readonly JinjaNode[] } | undefined {
  if (node.type === "Identifier") return { path: [nameOf(node)], computed: [] };
  if (node.type !== "MemberExpression") return undefined;
  const { object, property, computed } = node as Parts & { object: JinjaNode; property: JinjaNode };
  const head = memberPath(object);
  if (head === undefined) return undefined;
  return computed !== true || property.type === "StringLiteral"
    ? { ...head, path: [...head.path, nameOf(property)] }
    : { ...head, computed: [...head.computed, property] };
}

/** The names that a loop, an assignment or the parameters of a macro define. */
export function definedNames(node: JinjaNode): string[] {
  if (node.type === "Identifier") return [nameOf(node)];
  const { key, value } = node as Parts;
  return nodesIn(node.type.startsWith("Keyword") ? key : value).flatMap(definedNames);
}

/** Lists and mappings hold nodes, too. */
function nodesIn(value: unknown): JinjaNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  if (value instanceof Map) return [...value].flatMap(nodesIn);
  return isNode(value) ? [value] : [];
}

function isNode(value: unknown): value is JinjaNode {
  return typeof value === "object" && value !== null && "type" in value;
}
