/**
 * A Jinja template that turns a row of a dataset into a text: `{{ title }}: {{ text }}`.
 *
 * Templates run on `@huggingface/jinja`, with the row's columns as variables. A name that is no
 * column is an error here, where Jinja would write nothing: a slip would train a model on empty texts.
 *
 * @module
 */
import { Template } from "@huggingface/jinja";
import { nearest, UserError } from "../errors.ts";
import { type Cell, cellText, type Row } from "../data/dataset.ts";

/** Renders one row. */
export type RowTemplate = (row: Row) => string;

/** Functions and constants that templates have besides the columns. */
const GLOBALS = new Set([
  ..."true false none True False None range namespace loop".split(" "),
  ..."raise_exception strftime_now".split(" "),
]);

/**
 * Compiles a template.
 *
 * @param source The template.
 * @param columns The names it may use.
 * @throws {UserError} where its syntax is wrong or it names something that is no column.
 *
 * @example
 * ```ts
 * import { compileRowTemplate } from "./row_template.ts";
 * const render = compileRowTemplate("{{ title | upper }}: {{ text }}", ["title", "text"]);
 * if (render({ title: "Loomings", text: "Call me Ishmael." }) !== "LOOMINGS: Call me Ishmael.") {
 *   throw new Error();
 * }
 * ```
 */
export function compileRowTemplate(source: string, columns: readonly string[]): RowTemplate {
  let template: Template;
  try {
    template = new Template(source);
  } catch (cause) {
    throw new UserError({
      what: `cannot read the template ${JSON.stringify(source)}: ${reason(cause)}`,
      requirement: "a Jinja template such as {{ text }}",
      cause,
    });
  }
  const unknown = unknownName(template.parsed, columns);
  if (unknown !== undefined) {
    throw new UserError({
      what: `the template ${JSON.stringify(source)} uses "${unknown}", which is no column`,
      nearest: nearest(unknown, columns),
      requirement: `the columns are ${columns.join(", ")}`,
      remedy: `name a column, or allow it to be missing: {{ ${unknown} | default("") }}`,
    });
  }
  // The usual template is a column as it is; Jinja would only cost time.
  const only = /^\{\{\s*([A-Za-z_]\w*)\s*\}\}$/.exec(source)?.[1];
  if (only !== undefined && columns.includes(only)) {
    return (row) => typeof row[only] === "string" ? row[only] : render(template, row);
  }
  return (row) => render(template, row);
}

function render(template: Template, row: Row): string {
  const values: Record<string, Cell> = {};
  for (const [name, cell] of Object.entries(row)) {
    // Jinja has no 64-bit integers; past 2^53 the digits are kept as a text.
    if (typeof cell !== "bigint") values[name] = cell;
    else values[name] = Number.isSafeInteger(Number(cell)) ? Number(cell) : cellText(cell);
  }
  try {
    return template.render(values);
  } catch (cause) {
    throw new UserError({ what: `the template failed: ${reason(cause)}`, cause });
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A name that the template uses and nothing defines, or undefined. */
function unknownName(parsed: unknown, columns: readonly string[]): string | undefined {
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
