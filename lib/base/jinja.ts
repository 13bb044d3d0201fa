/**
 * What Temper asks of `@huggingface/jinja`: parse, evaluate one expression, list the names it uses.
 *
 * The package is imported only where a file holds an expression or a row template.
 *
 * @module
 */
import type { Json } from "./json.ts";
import { unknownFilter } from "./jinja_filters.ts";

/** A node of the package's syntax tree. Its parts are found by walking over its properties. */
export interface JinjaNode {
  readonly type: string;
}

/** The package behind an interface of plain values. */
export interface Jinja {
  /** Parses a template. Throws whatever the package throws. */
  readonly parse: (template: string) => { readonly body: readonly JinjaNode[] };
  /** The value of an expression; undefined where it has none. */
  readonly evaluate: (
    expression: string,
    values: Readonly<Record<string, Json>>,
  ) => Json | undefined;
}

/** More numbers than a pipeline file can need; the package's own `range` fills the memory. */
const MAX_RANGE = 10_000;

/** What every expression may use beside the pipeline's values. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  range: (first: unknown, second?: unknown, by: unknown = 1): number[] => {
    const [start, stop, step] = [second === undefined ? 0 : first, second ?? first, by].map(Number);
    const count = Math.ceil((stop! - start!) / step!);
    if (Number.isNaN(count) || step === 0) throw new Error("range() takes whole numbers");
    if (count > MAX_RANGE) throw new Error(`range() makes at most ${MAX_RANGE} numbers`);
    return Array.from({ length: Math.max(0, count) }, (_, i) => start! + i * step!);
  },
};

/** Imports the package at its first use. */
export async function loadJinja(): Promise<Jinja> {
  const { Environment, Interpreter, Template } = await import("@huggingface/jinja");
  return {
    parse: (template) => new Template(template).parsed,
    evaluate(expression, values): Json | undefined {
      const render = (template: string): string => {
        const environment = new Environment();
        for (const [name, value] of Object.entries({ ...GLOBALS, ...values })) {
          environment.set(name, value);
        }
        return String(new Interpreter(environment).run(new Template(template).parsed).value);
      };
      const json = render(`{{ (${expression}) | tojson }}`);
      const value = JSON.parse(json) as Json;
      // Undefined, NaN and infinity are written as null, too.
      if (value === null && render(`{{ (${expression}) is none }}`) !== "true") return undefined;
      return value;
    },
  };
}

/**
 * Checks the syntax of a row template (`{{ column }}`) or of an expression in one, and the names of
 * its filters and tests.
 *
 * @param jinja The package.
 * @param template The template.
 * @returns Why it cannot be read; undefined where it can.
 */
export function rowTemplateMistake(jinja: Jinja, template: string): string | undefined {
  try {
    return unknownFilter(jinja.parse(template).body);
  } catch (error) {
    return whyUnreadable(error);
  }
}

/** Why the package could not parse a template, in words. */
export function whyUnreadable(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes("Unexpected end of input")) return "it ends too early";
  const unexpected = /Unexpected token: (\w+)/.exec(message);
  if (unexpected) {
    const token = unexpected[1]!;
    if (token === "CloseExpression") return 'something is missing before "}}"';
    if (token === "CloseStatement") return 'something is missing before "%}"';
    return `unexpected ${token}`;
  }
  if (/Expected closing (expression|statement)/i.test(message)) {
    return "it does not end where it should";
  }
  const expected = /Expected ([^,.]+), got/.exec(message);
  if (expected) return `it lacks a ${expected[1]}`;
  // The package runs off the end of its tokens: a block such as {% for %} that is never closed.
  if (error instanceof TypeError) return "a block is not closed";
  return message.replace(/^Parser Error: /, "").replace(/^./, (letter) => letter.toLowerCase());
}

/** Names that an expression uses, with the members asked of them as far as they are literal. */
export interface MemberPaths {
  /** `params.a["b"][i]` is `["params", "a", "b"]`. */
  readonly paths: readonly (readonly string[])[];
  /** Whether `default` or `is defined` stands anywhere: then a missing value is expected. */
  readonly hasDefault: boolean;
}

/**
 * Lists the names in an expression. Loop variables of comprehensions do not exist in Jinja expressions.
 *
 * @param root The expression's node.
 * @returns Every use of a name.
 */
export function memberPaths(root: JinjaNode): MemberPaths {
  const paths: string[][] = [];
  let hasDefault = false;

  const pathOf = (node: JinjaNode): string[] | undefined => {
    if (node.type === "Identifier") return [valueOf(node)];
    if (node.type !== "MemberExpression") return undefined;
    const { object, property, computed } = node as JinjaNode & MemberParts;
    const head = pathOf(object);
    if (head === undefined) return undefined;
    if (!computed || property.type === "StringLiteral") return [...head, valueOf(property)];
    visit(property);
    return head;
  };
  const visit = (node: JinjaNode): void => {
    const path = pathOf(node);
    if (path !== undefined) {
      paths.push(path);
      return;
    }
    if (node.type === "MemberExpression") {
      visit((node as JinjaNode & MemberParts).object);
      return;
    }
    for (const [name, part] of Object.entries(node)) {
      // Names of filters, tests and keyword arguments are no variables.
      if (name === "filter" || name === "test") {
        const callee = (part as { callee?: JinjaNode }).callee;
        if (["default", "defined"].includes(valueOf(callee ?? part))) hasDefault = true;
        for (const argument of (part as { args?: JinjaNode[] }).args ?? []) visit(argument);
      } else if (name === "operator") continue; // `not` is spelt like a name
      else if (node.type === "KeywordArgumentExpression" && name === "key") continue;
      else visitPart(part);
    }
  };
  const visitPart = (part: unknown): void => {
    if (part instanceof Map) {
      for (const [key, value] of part) {
        visitPart(key);
        visitPart(value);
      }
    } else if (Array.isArray(part)) part.forEach(visitPart);
    else if (isJinjaNode(part)) visit(part);
  };

  visit(root);
  const constants = new Set(["true", "false", "none", "True", "False", "None", "range"]);
  return { paths: paths.filter(([head]) => !constants.has(head!)), hasDefault };
}

interface MemberParts {
  readonly object: JinjaNode;
  readonly property: JinjaNode;
  readonly computed: boolean;
}

function isJinjaNode(value: unknown): value is JinjaNode {
  // Operators are tokens with a type of their own; they hold no names.
  return typeof value === "object" && value !== null && "type" in value;
}

function valueOf(node: JinjaNode): string {
  return String((node as { value?: unknown }).value);
}
