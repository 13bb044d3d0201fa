/**
 * Jinja templates over rows: `{{ text }}`, compiled once and rendered for every row.
 *
 * The language is that of @huggingface/jinja, the subset that chat templates use. A name that is no
 * column is an error when the template is compiled: Jinja itself would render it as nothing.
 *
 * @module
 */
import { Template } from "@huggingface/jinja";
import { nearest, UserError } from "../errors.ts";

/** Names that a template may use without their being columns. */
const GLOBALS = ["true", "false", "none", "True", "False", "None", "loop", "range", "namespace"];

/** Values by column. */
export type TemplateRow = Readonly<Record<string, unknown>>;

/** Renders a row. */
export type RowTemplate = (row: TemplateRow) => string;

/**
 * Compiles a template.
 *
 * @param source The template.
 * @param options `columns`: the names it may use; `option`: where it stands, for messages.
 * @throws {UserError} Where it is no Jinja or names what is no column.
 *
 * @example
 * ```ts
 * import { compileTemplate } from "./template.ts";
 * const render = compileTemplate("{{ text | upper }}!", { columns: ["text"], option: "template" });
 * if (render({ text: "ahoy" }) !== "AHOY!") throw new Error();
 * ```
 */
export function compileTemplate(
  source: string,
  options: { columns: readonly string[]; option: string },
): RowTemplate {
  const { columns, option } = options;
  let template: Template;
  try {
    template = new Template(source);
  } catch (error) {
    throw new UserError({
      what: `${option} is no Jinja template: ${(error as Error).message}: ${source}`,
      requirement: "columns stand in double braces: {{ text }}",
      cause: error,
    });
  }
  for (const name of freeNames(template.parsed)) {
    if (columns.includes(name) || GLOBALS.includes(name)) continue;
    throw new UserError({
      what: `${option} uses "${name}", which is no column: ${source}`,
      nearest: nearest(name, columns),
      requirement: `the columns are ${columns.join(", ")}`,
    });
  }
  return (row) => {
    try {
      return template.render(toContext(row, columns));
    } catch (error) {
      throw new UserError({
        what: `${option} fails: ${(error as Error).message}: ${source}`,
        remedy: `the row was ${describeRow(row)}`,
        cause: error,
      });
    }
  };
}

/**
 * Compiles a condition: a template that renders `true` or `false`.
 *
 * @throws {UserError} As {@linkcode compileTemplate}; the function it returns throws where a row
 * renders anything else (but 1, 0, True and False, which count as well).
 */
export function compileCondition(
  source: string,
  options: { columns: readonly string[]; option: string },
): (row: TemplateRow) => boolean {
  const render = compileTemplate(source, options);
  return (row) => {
    const rendered = render(row).trim();
    if (/^(?:true|1)$/i.test(rendered)) return true;
    if (/^(?:false|0)$/i.test(rendered)) return false;
    const shown = rendered.length > 60 ? `${rendered.slice(0, 60)}...` : rendered;
    throw new UserError({
      what: `${options.option} renders "${shown}": ${source}`,
      requirement: "a condition has to be true or false for every row",
      remedy: 'compare something: "{{ text | length > 40 }}"',
    });
  };
}

/** What Jinja sees: every column, an integer past 2^53 as its digits. */
function toContext(row: TemplateRow, columns: readonly string[]): Record<string, unknown> {
  const context: Record<string, unknown> = {};
  for (const name of columns) {
    const cell = row[name] ?? null;
    context[name] = typeof cell === "bigint" ? String(cell) : cell;
  }
  return context;
}

function describeRow(row: TemplateRow): string {
  const json = JSON.stringify(row, (_, value) => typeof value === "bigint" ? String(value) : value);
  return json.length > 200 ? `${json.slice(0, 200)}...` : json;
}

/** The names that a syntax tree reads and does not set itself, in order. */
function freeNames(program: unknown): Set<string> {
  const used = new Set<string>();
  const bound = new Set<string>();
  const bind = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(bind);
    else if (isNode(node) && node.type === "Identifier") bound.add(String(node.value));
    else if (isNode(node) && node.type === "TupleLiteral") bind(node.value);
    else if (isNode(node) && node.type === "KeywordArgumentExpression") bind(node.key);
  };
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (!isNode(node)) return;
    if (node.type === "Identifier") used.add(String(node.value));
    if (node.type === "Set") bind(node.assignee);
    if (node.type === "For") bind(node.loopvar);
    if (node.type === "Macro") bind([node.name, node.args]);
    if (node.type === "CallStatement") bind(node.callerArgs);
    for (const [key, child] of Object.entries(node)) {
      if (!isName(node, key)) visit(child);
      // A filter or test with arguments: its name is the callee, its arguments are expressions.
      else if (isNode(child) && child.type === "CallExpression") visit(child.args);
    }
  };
  visit(program);
  for (const name of bound) used.delete(name);
  return used;
}

/** Whether a child of a node is a name in itself and no variable. */
function isName(node: Record<string, unknown>, key: string): boolean {
  switch (node.type) {
    case "MemberExpression":
      return key === "property" && node.computed === false;
    case "FilterExpression":
    case "FilterStatement":
      return key === "filter";
    case "TestExpression":
      return key === "test";
    case "KeywordArgumentExpression":
      return key === "key";
    case "BinaryExpression":
    case "UnaryExpression":
      return key === "operator";
    default:
      return false;
  }
}

function isNode(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
