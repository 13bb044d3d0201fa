/**
 * `${{ expression }}`: Jinja expressions that are evaluated while the pipeline is loaded.
 *
 * A text that is one expression and nothing else takes the type of its value; otherwise the values
 * are written into the text. Names are checked before anything is evaluated, so that a typing error
 * is found in a branch that is not taken, too. `{{ }}` belongs to the rows and is left alone; a
 * literal `${{` is written `${{ '${{' }}`.
 *
 * Expressions are Jinja's (https://jinja.palletsprojects.com/en/stable/templates/#expressions), with Python's
 * values; statements (`{% %}`) are not evaluated here.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { nearest } from "../../base/errors.ts";
import { findExpressions, OPEN } from "./template_scan.ts";
import { EXPRESSION_NAMES, usedNames } from "../../base/jinja/names.ts";
import type { JinjaNode } from "../../base/jinja/syntax/tree.ts";
import { formatLabel } from "../schema/value_words.ts";
import type { Problem, Problems } from "../yaml/problems.ts";
import { jsonToNode, type MappingEntry, type Span, type YamlNode } from "../yaml/node.ts";

/** What expressions may name. */
export interface Scope {
  /** Name -> value: `params`, `env`, `seed`, `matrix`. */
  readonly values: Readonly<Record<string, Json>>;
  /** Says why a name that is not in `values` cannot be used here, where there is more to say than "unknown". */
  readonly absent?: Readonly<Record<string, Problem>>;
  /** Variables that may be named but are not set; reading one without `default` is a mistake. */
  readonly unsetEnv?: ReadonlySet<string>;
  /** Names whose value could not be found for a reason that was reported: what uses them is invalid in silence. */
  readonly silent?: (path: readonly string[]) => boolean;
  /** Told of every name that an expression uses: `["matrix", "learning_rate"]`. */
  readonly onUse?: (path: readonly string[]) => void;
}

/**
 * Evaluates every `${{ }}` in a tree. Values that cannot be evaluated become invalid nodes.
 *
 * @param node The tree; it is not changed.
 * @param options The names that may be used, and where mistakes go.
 * @returns The tree with values in place of expressions, each at the place of its expression.
 */
export async function evaluateTemplates(
  node: YamlNode,
  options: { scope: Scope; problems: Problems },
): Promise<YamlNode> {
  if (!containsTemplate(node)) return node;
  const jinja = await import("../../base/jinja/template.ts");
  return new Evaluator(jinja, options.scope, options.problems).visit(node);
}

/** Whether any text or key in the tree holds `${{`. */
function containsTemplate(node: YamlNode): boolean {
  switch (node.type) {
    case "scalar":
      return typeof node.value === "string" && node.value.includes(OPEN);
    case "list":
      return node.items.some(containsTemplate);
    case "mapping":
      for (const [key, { value }] of node.entries) {
        if (key.includes(OPEN) || containsTemplate(value)) return true;
      }
      return false;
    case "invalid":
      return false;
  }
}

/** So much of an expression stands in a message. */
const MAX_SHOWN = 200;

/** Loaded only where a file holds an expression. */
type Jinja = typeof import("../../base/jinja/template.ts");

class Evaluator {
  readonly #jinja: Jinja;
  readonly #scope: Scope;
  readonly #problems: Problems;

  constructor(jinja: Jinja, scope: Scope, problems: Problems) {
    this.#jinja = jinja;
    this.#scope = scope;
    this.#problems = problems;
  }

  visit(node: YamlNode): YamlNode {
    switch (node.type) {
      case "scalar":
        return typeof node.value === "string" && node.value.includes(OPEN)
          ? this.#text(node.value, node.span)
          : node;
      case "list":
        return { ...node, items: node.items.map((item) => this.visit(item)) };
      case "mapping": {
        const entries = new Map<string, MappingEntry>();
        for (const [key, entry] of node.entries) {
          if (key.includes(OPEN)) {
            this.#problems.add(entry.key, { what: "${{ }} is evaluated in values, not in keys" });
          }
          entries.set(key, { key: entry.key, value: this.visit(entry.value) });
        }
        return { ...node, entries };
      }
      case "invalid":
        return node;
    }
  }

  #text(text: string, span: Span): YamlNode {
    const invalid: YamlNode = { type: "invalid", span };
    const found = findExpressions(text);
    if ("unclosed" in found) {
      this.#problems.add(this.#place(span, { index: countBefore(text, found.unclosed) }), {
        what: "the expression after ${{ is not closed",
        requirement: 'an expression ends with "}}"',
      });
      return invalid;
    }
    const { pieces } = found;
    const values: Json[] = [];
    for (const [index, { expression }] of pieces.entries()) {
      const value = this.#evaluate(expression, span, index);
      if (value !== undefined) values.push(value);
    }
    if (values.length < pieces.length) return invalid;
    const only = pieces[0]!;
    if (pieces.length === 1 && text.trim() === text.slice(only.start, only.end)) {
      return jsonToNode(values[0]!, span);
    }
    let result = "";
    let from = 0;
    for (const [index, piece] of pieces.entries()) {
      result += text.slice(from, piece.start) + formatLabel(values[index]!);
      from = piece.end;
    }
    return { type: "scalar", value: result + text.slice(from), span };
  }

  #evaluate(expression: string, span: Span, index: number): Json | undefined {
    const place = this.#place(span, { index });
    const shown = `\${{${
      expression.length > MAX_SHOWN ? `${expression.slice(0, MAX_SHOWN)}…` : expression
    }}}`;
    let root: JinjaNode;
    try {
      root = this.#jinja.parseExpression(expression);
    } catch (error) {
      this.#problems.add(place, {
        what: `cannot read the expression ${shown}: ${this.#jinja.whyUnreadable(error)}`,
        remedy: "it takes Jinja expressions, such as ${{ params.epochs * 2 }}",
      });
      return undefined;
    }
    if (!this.#checkNames(root, { span, index })) return undefined;
    try {
      const value = this.#jinja.evaluateExpression(expression, this.#scope.values);
      if (value !== undefined) return value;
      this.#problems.add(place, { what: `the expression ${shown} has no value` });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#problems.add(place, { what: `cannot evaluate ${shown}: ${why}` });
    }
    return undefined;
  }

  /** Reports names that do not exist; true where all do. */
  #checkNames(root: JinjaNode, where: { span: Span; index: number }): boolean {
    const { values, absent = {}, unsetEnv, silent, onUse } = this.#scope;
    const { paths, allowsMissing } = usedNames([root]);
    let correct = true;
    const report = (name: string, problem: Problem): void => {
      correct = false;
      this.#problems.add(this.#place(where.span, { index: where.index, name }), problem);
    };
    for (const path of paths) {
      const [head, ...rest] = path as [string, ...string[]];
      if (EXPRESSION_NAMES.some((name) => name === head)) continue;
      onUse?.(path);
      if (silent?.(path)) {
        correct = false;
        continue;
      }
      if (Object.hasOwn(absent, head)) {
        report(head, absent[head]!);
        continue;
      }
      if (!Object.hasOwn(values, head)) {
        report(head, {
          what: `unknown name "${head}" in \${{ }}`,
          requirement: `known here: ${Object.keys(values).join(", ")}`,
          nearest: nearest(head, Object.keys(values)),
        });
        continue;
      }
      if (head === "env" && rest[0] !== undefined && unsetEnv?.has(rest[0])) {
        if (allowsMissing) continue;
        report(path.slice(0, 2).join("."), {
          what: `the environment variable "${rest[0]}" is not set`,
          remedy: `set it, or give a value: \${{ env.${rest[0]} | default("…") }}`,
        });
        continue;
      }
      let value: Json = values[head]!;
      for (const [depth, key] of rest.entries()) {
        // Members of texts and lists are Jinja's business (`.strip()`, `[0]`).
        if (typeof value !== "object" || value === null || Array.isArray(value)) break;
        const mapping = value as Readonly<Record<string, Json>>;
        if (!Object.hasOwn(mapping, key)) {
          // Jinja's mappings have these methods.
          if (depth > 0 && ["get", "items", "keys", "values"].includes(key)) break;
          if (allowsMissing && head !== "env" && head !== "params") break;
          report(path.slice(0, depth + 2).join("."), this.#unknownMember(path, depth, mapping));
          break;
        }
        value = mapping[key]!;
      }
    }
    return correct;
  }

  #unknownMember(
    path: readonly string[],
    depth: number,
    mapping: Readonly<Record<string, Json>>,
  ): Problem {
    const name = path[depth + 1]!;
    const names = Object.keys(mapping);
    if (depth === 0 && path[0] === "env") names.push(...this.#scope.unsetEnv ?? []);
    const known = names.length === 0 ? "there are none" : `known: ${names.join(", ")}`;
    if (depth > 0) {
      const owner = path.slice(0, depth + 1).join(".");
      return {
        what: `unknown key "${name}" of ${owner}`,
        requirement: known,
        nearest: nearest(name, names),
      };
    }
    switch (path[0]) {
      case "params":
        return {
          what: `unknown parameter "${name}"`,
          requirement: `parameters stand under "params:"; ${known}`,
          nearest: nearest(name, names),
        };
      case "env":
        return {
          what: `the environment variable "${name}" is not allowed`,
          requirement: `variables that a pipeline reads are listed under "env:"; ${known}`,
          remedy: `add it: env: [${[...names, name].join(", ")}]`,
          nearest: nearest(name, names),
        };
      default:
        return {
          what: `unknown key "${name}" of ${path[0]}`,
          requirement: known,
          nearest: nearest(name, names),
        };
    }
  }

  /** Place of the `index`-th expression of a text in the file, or of a name in it. */
  #place(span: Span, options: { index: number; name?: string }): Span {
    const { text } = this.#problems.source;
    let start = span.start - 1;
    for (let i = 0; i <= options.index; i++) {
      start = text.indexOf(OPEN, start + 1);
      // An escape such as "\x24{{" hides the expression; the whole text is near enough.
      if (start < 0 || start >= span.end) return span;
    }
    const close = text.indexOf("}}", start);
    const end = close < 0 || close >= span.end ? span.end : close + 2;
    if (options.name !== undefined) {
      const name = options.name.replaceAll(/[^\w]/g, "\\$&");
      // Not in the middle of another name: `params.m` is not in `params.map`.
      const found = new RegExp(`(?<![\\w.])${name}(?!\\w)`).exec(text.slice(start, end));
      if (found !== null) {
        return { start: start + found.index, end: start + found.index + options.name.length };
      }
    }
    return { start, end };
  }
}

/** How many expressions begin before an offset. */
function countBefore(text: string, offset: number): number {
  return text.slice(0, offset).split(OPEN).length - 1;
}
