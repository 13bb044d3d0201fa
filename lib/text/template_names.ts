/**
 * Which names a row template uses: Jinja renders a name that nothing defines as nothing, so a slip would
 * train a model on empty texts; here it is found before the first row.
 *
 * @module
 */

/** Functions and constants that templates have besides the columns. */
const GLOBALS = "true false none True False None range namespace loop raise_exception".split(" ");

/**
 * A name that a template uses and nothing defines.
 *
 * @param parsed The syntax tree that @huggingface/jinja made of the template.
 * @param columns The names that rows define.
 * @returns The first such name; undefined where there is none, or where the template says itself what
 * happens with a missing one (`default`, `is defined`).
 */
export function unknownName(parsed: unknown, columns: readonly string[]): string | undefined {
  const names: string[] = [];
  const defined = new Set([...columns, ...GLOBALS]);
  let allowsMissing = false;
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (node instanceof Map) return node.forEach((value, key) => visit([key, value]));
    if (!isNode(node)) return;
    if (node.type === "Identifier") {
      names.push(String(node.value));
      return;
    }
    for (const [part, child] of Object.entries(node)) {
      // Operators, filters, tests, attributes and keywords are names of another kind.
      if (part === "operator" || (part === "key" && node.type.startsWith("Keyword"))) continue;
      if (part === "property" && node.computed !== true) continue;
      if (isBinding(node.type, part)) bind(child, defined);
      else if (
        (part === "filter" || part === "test") && isNode(child) &&
        namedParts(node.type).includes(part)
      ) {
        const callee = isNode(child.callee) ? child.callee : child;
        if (["default", "defined", "undefined"].includes(String(callee.value))) {
          allowsMissing = true;
        }
        visit(child.args);
      } else visit(child);
    }
  };
  visit(parsed);
  return allowsMissing ? undefined : names.find((name) => !defined.has(name));
}

interface Node {
  readonly type: string;
  readonly [part: string]: unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value &&
    typeof value.type === "string";
}

/** Parts that hold the name of a filter or a test; `If` has a `test` that is an expression. */
function namedParts(type: string): readonly string[] {
  if (type === "FilterExpression" || type === "FilterStatement") return ["filter"];
  return type === "TestExpression" ? ["test"] : [];
}

/** Whether a part of a statement names new variables. */
function isBinding(type: string, part: string): boolean {
  return (type === "For" && part === "loopvar") || (type === "Set" && part === "assignee") ||
    (type === "Macro" && (part === "name" || part === "args")) ||
    (type === "CallStatement" && part === "callerArgs");
}

function bind(node: unknown, defined: Set<string>): void {
  if (Array.isArray(node)) node.forEach((item) => bind(item, defined));
  else if (isNode(node)) {
    if (node.type === "Identifier") defined.add(String(node.value));
    else bind(node.type.startsWith("Keyword") ? node.key : node.value, defined);
  }
  defined.add("caller");
}
