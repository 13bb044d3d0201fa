/**
 * Jinja templates over rows: `{{ text }}`, compiled once and rendered for every row.
 *
 * The language is that of @huggingface/jinja, the subset that chat templates use. A name that is no
 * column is an error when the template is compiled: Jinja itself would render it as nothing.
 *
 * @module
 */
import { nearest, UserError } from "../base/errors.ts";
import { TEMPLATE_NAMES, usedNames } from "../base/jinja/names.ts";
import { type ParsedTemplate, parseTemplate } from "../base/jinja/template.ts";

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
  let template: ParsedTemplate;
  try {
    template = parseTemplate(source);
  } catch (error) {
    throw new UserError({
      what: `${option} is no Jinja template: ${(error as Error).message}: ${source}`,
      requirement: "columns stand in double braces: {{ text }}",
      cause: error,
    });
  }
  const unknown = unknownName(template, columns);
  if (unknown !== undefined) {
    throw new UserError({
      what: `${option} ${source} uses "${unknown}", which is no column`,
      nearest: nearest(unknown, columns),
      requirement: `the columns are ${columns.join(", ")}`,
      remedy: `name a column, or allow it to be missing: {{ ${unknown} | default("") }}`,
    });
  }
  const render = (row: TemplateRow): string => {
    try {
      return template.render(toContext(row));
    } catch (error) {
      throw new UserError({
        what: `${option} fails: ${(error as Error).message}: ${source}`,
        remedy: `the row was ${describeRow(row)}`,
        cause: error,
      });
    }
  };
  // The usual template is a column as it is; Jinja would only cost time.
  const only = /^\{\{\s*([A-Za-z_]\w*)\s*\}\}$/.exec(source)?.[1];
  if (only === undefined || !columns.includes(only)) return render;
  return (row) => {
    const cell = row[only];
    return typeof cell === "string" ? cell : render(row);
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

/** The first name that a template uses and nothing defines, where it does not say itself what happens then. */
function unknownName({ body }: ParsedTemplate, columns: readonly string[]): string | undefined {
  const { paths, defined, allowsMissing } = usedNames(body);
  if (allowsMissing) return undefined;
  const known = new Set([...columns, ...TEMPLATE_NAMES, ...defined]);
  return paths.map(([head]) => head!).find((name) => !known.has(name));
}

/** What Jinja sees: every column, an integer past 2^53, which it has not, as its digits. */
function toContext(row: TemplateRow): Record<string, unknown> {
  const context: Record<string, unknown> = {};
  for (const [name, cell] of Object.entries(row)) {
    if (typeof cell !== "bigint") context[name] = cell;
    else context[name] = Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell);
  }
  return context;
}

function describeRow(row: TemplateRow): string {
  const json = JSON.stringify(row, (_, value) => typeof value === "bigint" ? String(value) : value);
  return json.length > 200 ? `${json.slice(0, 200)}...` : json;
}
