/**
 * Jinja: parses templates, renders them, evaluates expressions, and says in words what cannot be read.
 * What comes out is what Jinja 3.1 in Python gives, in the immutable sandbox and with the settings that
 * `transformers` renders chat templates with (`trim_blocks`, `lstrip_blocks`, `loopcontrols`).
 *
 * Departures: a null cell that is printed as it is, is nothing (`compile/statements.ts`); there is no
 * `Markup` (`calls/text_filters.ts`); JSON's 1.0 is 1 (`values/json.ts`); what would print a place in the
 * memory is an error. Powers of floats may differ in the last digit, which C's `pow` rounds otherwise.
 *
 * Whoever loads a pipeline imports this file only where one holds an expression or a row template.
 *
 * @module
 */
import type { Json } from "../json.ts";
import { compileExpression } from "./compile/expressions.ts";
import { EXPRESSION_GLOBALS, TEMPLATE_GLOBALS } from "./compile/globals.ts";
import { type ReadName, Scope } from "./compile/scope.ts";
import { compileMarkedBody } from "./compile/statements.ts";
import { unknownFilter } from "./filters.ts";
import { parse } from "./syntax/parser.ts";
import { MAX_DEPTH, TOO_DEEP } from "./syntax/token_stream.ts";
import { childrenOf, type JinjaNode, type Statement } from "./syntax/tree.ts";
import { floatsOf, jsonOf, valueOf } from "./values/json.ts";
import { startSteps } from "./values/steps.ts";
import { TemplateError } from "./values/template_error.ts";
import { Float, type Value } from "./values/value.ts";

/** Values by name, as a row has them. */
export type Named = Readonly<Record<string, unknown>>;

/** Column -> its type; of one of lists, that of the items. Where it is not known, a whole number is an int. */
export type ColumnTypes = ReadonlyMap<string, string | undefined>;

/** A template that was parsed. */
export interface ParsedTemplate {
  readonly body: readonly Statement[];
  /**
   * Renders a row; a cell that it lacks of one of the columns is null.
   *
   * @throws {TemplateError} Where it cannot, or takes too long.
   */
  readonly render: (row: Named) => string;
  /** The same, with the places of what `{% generation %}` marks: begin, end, begin, end, … in units of the text. */
  readonly renderMarked: (
    row: Named,
  ) => { readonly text: string; readonly generated: readonly number[] };
}

/**
 * Parses a template.
 *
 * @throws {Error} Where it is none; {@linkcode whyUnreadable} puts it into words.
 */
export function parseTemplate(
  source: string,
  { columns = new Map() }: { columns?: ColumnTypes } = {},
): ParsedTemplate {
  const body = parse(source);
  // Every walk over the tree calls itself once a level, and so does what it is compiled to.
  if (isDeep(body)) throw new RangeError(TOO_DEEP);
  const render = compileMarkedBody(body);
  const renderMarked: ParsedTemplate["renderMarked"] = (row) =>
    bounded(() => {
      const cells = cellsOf(row, columns);
      return render(
        new Scope((name) => {
          const cell = cells(name);
          return cell === undefined ? TEMPLATE_GLOBALS.get(name) : cell;
        }),
      );
    });
  return { body, render: (row) => renderMarked(row).text, renderMarked };
}

function isDeep(body: readonly JinjaNode[]): boolean {
  let level: readonly JinjaNode[] = body;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap(childrenOf);
  }
  return false;
}

/** Reads cells as a template names them. Nested ones are read once a row. */
function cellsOf(row: Named, columns: ColumnTypes): ReadName {
  let nested: Map<string, Value> | undefined;
  return (name) => {
    const raw = Object.hasOwn(row, name) ? row[name] : columns.has(name) ? null : undefined;
    if (typeof raw === "string" || raw === undefined) return raw;
    if (typeof raw === "number" && columns.get(name) === "float") return new Float(raw);
    if (typeof raw !== "object" || raw === null) return valueOf(raw);
    const known = nested?.get(name);
    if (known !== undefined) return known;
    const isOfFloats = columns.get(name) === "float" && Array.isArray(raw);
    const value = isOfFloats ? floatsOf(raw) : valueOf(raw);
    (nested ??= new Map()).set(name, value);
    return value;
  };
}

/** Computes with a bound on steps; what JavaScript itself refuses is put into words. */
function bounded<T>(compute: () => T): T {
  startSteps();
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new TemplateError(
      /call stack/i.test(error.message)
        ? "it has no end in sight: what it calls calls itself"
        : "it has no end in sight: it makes something too large",
    );
  }
}

/**
 * Parses the expression of a `${{ }}`.
 *
 * @throws {Error} As {@linkcode parseTemplate}.
 */
export function parseExpression(expression: string): Statement & { readonly type: "Output" } {
  // With spaces: `{{-` would take the sign of a number for a mark of Jinja's.
  const { body } = parseTemplate(`{{ ${expression} }}`);
  const [only] = body;
  if (body.length === 1 && only?.type === "Output") return only;
  throw new SyntaxError("it is not one expression");
}

/**
 * The value of an expression; undefined where it has none.
 *
 * @param values What the expression may name.
 * @throws {Error} Where it cannot be parsed or computed.
 */
export function evaluateExpression(
  expression: string,
  values: Readonly<Record<string, Json>>,
): Json | undefined {
  const only = parseExpression(expression);
  const mistake = unknownFilter([only]);
  if (mistake !== undefined) throw new TemplateError(mistake);
  const evaluate = compileExpression(only.expression);
  const cells = cellsOf(values, new Map());
  return bounded(() =>
    jsonOf(evaluate(
      new Scope((name) => {
        const value = cells(name);
        return value === undefined ? EXPRESSION_GLOBALS.get(name) : value;
      }),
    ))
  );
}

/**
 * Checks the syntax of a row template (`{{ column }}`) or of an expression in one, and the names of
 * its filters and tests.
 *
 * @returns Why it cannot be read; undefined where it can.
 */
export function templateMistake(template: string): string | undefined {
  try {
    return unknownFilter(parseTemplate(template).body);
  } catch (error) {
    return whyUnreadable(error);
  }
}

/** Why a template could not be parsed, in words. */
export function whyUnreadable(error: unknown): string {
  // The stack may end before the limit is reached.
  if (error instanceof RangeError) return TOO_DEEP;
  return error instanceof Error ? error.message : String(error);
}
