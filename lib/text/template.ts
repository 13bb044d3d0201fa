/**
 * Jinja templates over rows: `{{ text }}`, compiled once and rendered for every row.
 *
 * What comes out is what Jinja in Python gives (`lib/base/jinja/template.ts` lists the departures): `None`,
 * `True` and `1.0` are written so, texts are counted in code points, an empty text is not 0. But a null cell
 * that is printed as it is, `{{ title }}`, is nothing. A name that is no column is an error when the template
 * is compiled: Jinja itself would render it as nothing.
 *
 * @module
 */
import { nearest, UserError } from "../base/errors.ts";
import { unknownFilter } from "../base/jinja/filters.ts";
import { hasMarks, lostMark } from "../base/jinja/marks.ts";
import { TEMPLATE_NAMES, usedNames } from "../base/jinja/names.ts";
import { type ParsedTemplate, parseTemplate, whyUnreadable } from "../base/jinja/template.ts";

/** Values by column. */
export type TemplateRow = Readonly<Record<string, unknown>>;

/** Renders a row. */
export type RowTemplate = (row: TemplateRow) => string;

/** A column: its name, or with its type or that of its items, which tells a float that is 1.0 from an int. */
export type TemplateColumn = string | {
  readonly name: string;
  readonly type?: string;
  readonly items?: { readonly type: string };
};

/** What templates may name, and where they stand. */
export interface TemplateOptions {
  /** The columns; a cell of one that a row lacks is null. */
  readonly columns: readonly TemplateColumn[];
  /** Where the template stands, for messages. */
  readonly option: string;
}

/**
 * Compiles a template.
 *
 * @param source The template.
 * @throws {UserError} Where it is no Jinja, or names what is no column, filter or test.
 *
 * @example
 * ```ts
 * import { compileTemplate } from "./template.ts";
 * const render = compileTemplate("{{ text | upper }}!", { columns: ["text"], option: "template" });
 * if (render({ text: "ahoy" }) !== "AHOY!") throw new Error();
 * const columns = [{ name: "grade", type: "float" }];
 * const grade = compileTemplate("{{ grade }}", { columns, option: "template" });
 * if (grade({ grade: 1 }) !== "1.0") throw new Error();
 * ```
 */
export function compileTemplate(source: string, options: TemplateOptions): RowTemplate {
  const { template, types, told } = readTemplate(source, options);
  const render = (row: TemplateRow): string => told(row, () => template.render(row));
  // The usual template is a column as it is; Jinja would only cost time.
  const only = /^\{\{\s*([A-Za-z_]\w*)\s*\}\}$/.exec(source)?.[1];
  if (only === undefined || !types.has(only) || /^(?:true|false|none)$/i.test(only)) return render;
  return (row) => {
    const cell = row[only];
    return typeof cell === "string" ? cell : render(row);
  };
}

/** A text, and which parts of it are to be learned. */
export interface MarkedText {
  readonly text: string;
  /** Where they begin and end: begin, end, begin, end, …, in UTF-16 units. */
  readonly learned: readonly number[];
}

/**
 * Compiles a template whose `{% generation %}…{% endgeneration %}` marks what is to be learned.
 *
 * @returns What renders a row; undefined where the template has no marks.
 * @throws {UserError} As {@linkcode compileTemplate}; where a mark stands in what is a text of its own.
 *
 * @example
 * ```ts
 * import { compileMarkedTemplate } from "./template.ts";
 * const source = "Q: {{ q }} A:{% generation %} {{ a }}{% endgeneration %}";
 * const render = compileMarkedTemplate(source, { columns: ["q", "a"], option: "template" })!;
 * const { text, learned } = render({ q: "2+2?", a: "4" });
 * if (text.slice(learned[0], learned[1]) !== " 4") throw new Error(text);
 * ```
 */
export function compileMarkedTemplate(
  source: string,
  options: TemplateOptions,
): ((row: TemplateRow) => MarkedText) | undefined {
  const { template, told } = readTemplate(source, options);
  if (!hasMarks(template.body)) return undefined;
  const around = lostMark(template.body);
  if (around !== undefined) {
    throw new UserError({
      what: `${options.option} has {% generation %} within ${around}: ${source}`,
      requirement: "what is to be learned is marked where it is printed",
      remedy: `put {% generation %} around the place where ${
        around === "another {% generation %}" ? "both are" : "that is"
      } printed`,
    });
  }
  return (row) =>
    told(row, () => {
      const { text, generated } = template.renderMarked(row);
      return { text, learned: generated };
    });
}

/** Parses a template and checks its names. */
function readTemplate(source: string, options: TemplateOptions): {
  readonly template: ParsedTemplate;
  readonly types: ReadonlyMap<string, string | undefined>;
  /** Puts what rendering a row fails with into words. */
  readonly told: <T>(row: TemplateRow, render: () => T) => T;
} {
  const { option } = options;
  const types = new Map(
    options.columns.map((column) =>
      typeof column === "string"
        ? [column, undefined] as const
        : [column.name, column.items?.type ?? column.type] as const
    ),
  );
  const columns = [...types.keys()];
  let template: ParsedTemplate;
  try {
    template = parseTemplate(source, { columns: types });
  } catch (error) {
    throw new UserError({
      what: `${option} is no Jinja template: ${whyUnreadable(error)}: ${source}`,
      requirement: "columns stand in double braces: {{ text }}",
      cause: error,
    });
  }
  const mistake = unknownFilter(template.body);
  if (mistake !== undefined) throw new UserError({ what: `in ${option} ${mistake}: ${source}` });
  const unknown = unknownName(template, columns);
  if (unknown !== undefined) {
    throw new UserError({
      what: `${option} ${source} uses "${unknown}", which is no column`,
      nearest: nearest(unknown, columns),
      requirement: `the columns are ${columns.join(", ")}`,
      remedy: `name a column, or allow it to be missing: {{ ${unknown} | default("") }}`,
    });
  }
  return {
    template,
    types,
    told: (row, render) => {
      try {
        return render();
      } catch (error) {
        throw new UserError({
          what: `${option} fails: ${(error as Error).message}: ${source}`,
          remedy: `the row was ${describeRow(row)}`,
          cause: error,
        });
      }
    },
  };
}

/**
 * Compiles a condition: a template that renders `True` or `False`.
 *
 * @throws {UserError} As {@linkcode compileTemplate}; the function it returns throws where a row
 * renders anything else (but 1, 0, 1.0, 0.0, true and false, which count as well).
 */
export function compileCondition(
  source: string,
  options: TemplateOptions,
): (row: TemplateRow) => boolean {
  const render = compileTemplate(source, options);
  return (row) => {
    const rendered = render(row).trim();
    if (/^(?:true|1(?:\.0)?)$/i.test(rendered)) return true;
    if (/^(?:false|0(?:\.0)?)$/i.test(rendered)) return false;
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

function describeRow(row: TemplateRow): string {
  const json = JSON.stringify(row, (_, value) => typeof value === "bigint" ? String(value) : value);
  return json.length > 200 ? `${json.slice(0, 200)}...` : json;
}
