/**
 * Jinja by `@huggingface/jinja`: the subset that chat templates use. Parses templates, renders them,
 * evaluates expressions, and says in words what cannot be read.
 *
 * Whoever loads a pipeline imports this file only where one holds an expression or a row template.
 *
 * @module
 */
import { Template } from "@huggingface/jinja";
import { type Json, parseJson } from "../json.ts";
import { unknownFilter } from "./filters.ts";
import { interpret } from "./interpreter.ts";
import type { EXPRESSION_NAMES } from "./names.ts";
import { childrenOf, type JinjaNode } from "./tree.ts";

/** A template that was parsed. */
export interface ParsedTemplate {
  readonly body: readonly JinjaNode[];
  /** Throws whatever the package throws. */
  readonly render: (values: Readonly<Record<string, unknown>>) => string;
}

/** Parses a template. Throws whatever the package throws; {@linkcode whyUnreadable} puts it into words. */
export function parseTemplate(source: string): ParsedTemplate {
  refuseLongSpaces(source);
  const template = new Template(source);
  // Every walk over the tree, the package's own too, calls itself once a level.
  if (isDeep(template.parsed.body)) throw new RangeError(TOO_DEEP);
  return {
    body: template.parsed.body,
    render: (values) => interpret(template.parsed, { ...ROW_VALUES, ...values }),
  };
}

/** More white space in a row no template has, and the package takes time by the square of it. */
const MAX_SPACES = 1000;

function refuseLongSpaces(source: string): void {
  if (!new RegExp(`\\s{${MAX_SPACES}}`).test(source)) return;
  throw new SyntaxError(`it has more than ${MAX_SPACES} characters of white space in a row`);
}

/** How many levels of a tree may lie in each other: brackets, operators in a row, blocks. */
const MAX_DEPTH = 500;
const TOO_DEEP = `it is nested more than ${MAX_DEPTH} levels deep`;

function isDeep(body: readonly JinjaNode[]): boolean {
  let level = [...body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((node) => childrenOf(node).map((child) => child.node));
  }
  return false;
}

const CONSTANTS = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
} as const;

/** More numbers than a pipeline file can need. */
const EXPRESSION_VALUES: Readonly<Record<(typeof EXPRESSION_NAMES)[number], unknown>> = {
  ...CONSTANTS,
  range: rangeUpTo(10_000),
};

/** As many numbers as Jinja's own sandbox makes. */
const ROW_VALUES: Readonly<Record<string, unknown>> = {
  ...CONSTANTS,
  range: rangeUpTo(100_000),
  raise_exception: (message: unknown): never => {
    throw new Error(String(message));
  },
};

/** Python's `range`, whose numbers the package makes at once: without a bound they fill the memory. */
function rangeUpTo(
  max: number,
): (first: unknown, second?: unknown, step?: unknown) => readonly number[] {
  return (first, second, by = 1) => {
    const [start, stop, step] = [second === undefined ? 0 : first, second ?? first, by].map(Number);
    const count = Math.ceil((stop! - start!) / step!);
    if (Number.isNaN(count) || step === 0) throw new Error("range() takes whole numbers");
    if (count > max) throw new Error(`range() makes at most ${max} numbers`);
    return Array.from({ length: Math.max(0, count) }, (_, i) => start! + i * step!);
  };
}

/**
 * The value of an expression; undefined where it has none.
 *
 * @param values What the expression may name.
 */
export function evaluateExpression(
  expression: string,
  values: Readonly<Record<string, Json>>,
): Json | undefined {
  const render = (template: string): string =>
    interpret(new Template(template).parsed, { ...EXPRESSION_VALUES, ...values });
  const value = parseJson(render(`{{ (${expression}) | tojson }}`)) as Json;
  // Undefined, NaN and infinity are written as null, too.
  if (value === null && render(`{{ (${expression}) is none }}`) !== "true") return undefined;
  return value;
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

/** Why the package could not parse a template, in words. */
export function whyUnreadable(error: unknown): string {
  if (error instanceof RangeError) return TOO_DEEP;
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
