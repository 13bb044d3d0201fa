/**
 * Expressions as functions: a template is compiled once and rendered for every row, and a walk over its
 * tree would take most of the time.
 *
 * @module
 */
import { filterOf, LIBRARY } from "../calls/library.ts";
import { attributeOf, itemOf } from "../calls/members.ts";
import { printf } from "../calls/printf.ts";
import type {
  Applied,
  Arguments,
  Call,
  Compare,
  Condition,
  Expression,
  Subscript,
} from "../syntax/tree.ts";
import { equal, isTrue, ordered } from "../values/compare.ts";
import { add, ARITHMETIC, multiply, signed } from "../values/operators.ts";
import { aOrAn, contains, itemsOf, sliceOf } from "../values/sequences.ts";
import { spend, spendCharacters } from "../values/steps.ts";
import { TemplateError } from "../values/template_error.ts";
import {
  Callable,
  Dict,
  Float,
  type Given,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "../values/value.ts";
import { written } from "../values/written.ts";
import type { Scope } from "./scope.ts";

/** Computes an expression. */
export type Evaluate = (scope: Scope) => Value;

/** Compiles an expression. */
export function compileExpression(node: Expression): Evaluate {
  switch (node.type) {
    case "Text":
    case "Integer":
    case "Constant": {
      const { value } = node;
      return () => value;
    }
    case "Float": {
      const value = new Float(node.value);
      return () => value;
    }
    case "Name":
      return name(node.name);
    case "List":
    case "Tuple":
      return list(node.items, node.type === "Tuple");
    case "Dict":
      return dict(node.entries);
    case "Attribute": {
      const object = compileExpression(node.object);
      return (scope) => attributeOf(object(scope), node.name);
    }
    case "Subscript":
      return subscript(node);
    case "Call":
      return call(node);
    case "Filter":
      return filter(node);
    case "Test":
      return test(node);
    case "Unary":
      return unary(node.operator, compileExpression(node.operand));
    case "Binary":
      return binary(
        node.operator,
        compileExpression(node.left),
        { right: compileExpression(node.right) },
      );
    case "Logic": {
      const [left, right] = [compileExpression(node.left), compileExpression(node.right)];
      const goesOn = node.operator === "and";
      return (scope) => {
        const value = left(scope);
        return isTrue(value) === goesOn ? right(scope) : value;
      };
    }
    case "Concat":
      return concat(node.items.map(compileExpression));
    case "Compare":
      return compare(node);
    case "Condition":
      return condition(node);
    case "Slice":
      // Among several keys, where no value of a template has such.
      return () => {
        throw new TemplateError("a slice stands alone between its brackets");
      };
  }
}

function name(own: string): Evaluate {
  const missing = new Undefined(`"${own}" is not defined`);
  return (scope) => {
    const local = scope.local(own);
    if (local !== undefined) return local;
    const given = scope.given(own);
    return given === undefined ? missing : given;
  };
}

function list(nodes: readonly Expression[], isTuple: boolean): Evaluate {
  const items = nodes.map(compileExpression);
  return (scope) => {
    const values = items.map((item) => item(scope));
    return isTuple ? new Tuple(values) : values;
  };
}

function dict(nodes: readonly (readonly [Expression, Expression])[]): Evaluate {
  const entries = nodes.map(([key, value]) =>
    [compileExpression(key), compileExpression(value)] as const
  );
  return (scope) => new Dict(entries.map(([key, value]) => [key(scope), value(scope)] as const));
}

function subscript(node: Subscript): Evaluate {
  const object = compileExpression(node.object);
  if (node.key.type === "Slice") {
    const parts = node.key.parts.map((part) => part && compileExpression(part));
    return (scope) => sliceOf(object(scope), parts.map((part) => part?.(scope)));
  }
  const key = compileExpression(node.key);
  return (scope) => itemOf(object(scope), key(scope));
}

/** Compiles what stands between the brackets of a call. */
function compileArguments(args: Arguments): (scope: Scope) => Given {
  const positional = args.positional.map(compileExpression);
  const keywords = args.keywords.map((one) => [one.name, compileExpression(one.value)] as const);
  const spread = args.spread && compileExpression(args.spread);
  const keywordSpread = args.keywordSpread && compileExpression(args.keywordSpread);
  const isEmpty = positional.length + keywords.length === 0 && !spread && !keywordSpread;
  if (isEmpty) return () => NOTHING;
  return (scope) => {
    const values = positional.map((one) => one(scope));
    const named = new Map<string, Value>();
    for (const [key, value] of keywords) named.set(key, value(scope));
    if (spread) values.push(...itemsOf(spread(scope)));
    if (keywordSpread) addKeywords(named, keywordSpread(scope));
    return { positional: values, keywords: named };
  };
}

const NOTHING: Given = { positional: [], keywords: new Map() };

function addKeywords(named: Map<string, Value>, from: Value): void {
  if (!(from instanceof Dict)) {
    throw new TemplateError(`"**" takes a dict, not ${aOrAn(typeName(from))}`);
  }
  for (const [key, value] of from.entries()) {
    if (typeof key !== "string") throw new TemplateError('"**" takes a dict whose keys are texts');
    if (named.has(key)) throw new TemplateError(`a call gives "${key}" twice`);
    named.set(key, value);
  }
}

function call(node: Call): Evaluate {
  const callee = compileExpression(node.callee);
  const args = compileArguments(node.args);
  return (scope) => invoke(callee(scope), args(scope));
}

/** Compiles a call that gets one more value by name. */
export function compileCallWith(
  node: Call,
  keyword: string,
): (scope: Scope, value: Value) => Value {
  const callee = compileExpression(node.callee);
  const args = compileArguments(node.args);
  return (scope, value) => {
    const { positional, keywords } = args(scope);
    return invoke(callee(scope), {
      positional,
      keywords: new Map([...keywords, [keyword, value]]),
    });
  };
}

function invoke(callee: Value, given: Given): Value {
  spend(1);
  const isCallable = callee instanceof Callable || callee instanceof Thing;
  if (isCallable && callee.call !== undefined) return callee.call(given);
  if (callee instanceof Undefined) throw new TemplateError(callee.why);
  throw new TemplateError(`${aOrAn(typeName(callee))} cannot be called`);
}

function filter(node: Applied): Evaluate {
  const apply = compileFilter(node);
  const operand = compileExpression(node.operand!);
  return (scope) => apply(scope, operand(scope));
}

/** Compiles a filter without what it is applied to; filters before it in a row are within its operand. */
export function compileFilter(node: Applied): (scope: Scope, value: Value) => Value {
  const { operand, name } = node;
  const inner = operand?.type === "Filter" && isOpen(operand) ? compileFilter(operand) : undefined;
  const args = compileArguments(node.args);
  const apply = filterOf(name);
  if (apply === undefined) {
    return () => {
      throw new TemplateError(`there is no filter "${name}"`);
    };
  }
  return (scope, value) => {
    spend(1);
    return apply(inner ? inner(scope, value) : value, args(scope), LIBRARY);
  };
}

/** Whether the innermost of these filters has nothing before it: the text of a block. */
function isOpen(node: Applied): boolean {
  if (node.operand === undefined) return true;
  return node.operand.type === "Filter" && isOpen(node.operand);
}

function test(node: Applied): Evaluate {
  const operand = compileExpression(node.operand!);
  const args = compileArguments(node.args);
  return (scope) => LIBRARY.test(node.name, operand(scope), args(scope));
}

function unary(operator: "not" | "-" | "+", operand: Evaluate): Evaluate {
  if (operator === "not") return (scope) => !isTrue(operand(scope));
  return (scope) => signed(operator, operand(scope));
}

function binary(
  operator: (Expression & { readonly type: "Binary" })["operator"],
  left: Evaluate,
  { right }: { right: Evaluate },
): Evaluate {
  switch (operator) {
    case "+":
      return (scope) => add(left(scope), right(scope));
    case "*":
      return (scope) => multiply(left(scope), right(scope));
    case "%":
      return (scope) => {
        const value = left(scope);
        const other = right(scope);
        return typeof value === "string" ? printf(value, other) : ARITHMETIC["%"](value, other);
      };
    default: {
      const compute = ARITHMETIC[operator];
      return (scope) => compute(left(scope), right(scope));
    }
  }
}

function concat(items: readonly Evaluate[]): Evaluate {
  return (scope) => {
    let text = "";
    for (const item of items) text += written(item(scope));
    spendCharacters(text.length);
    return text;
  };
}

type Holds = (left: Value, right: Value) => boolean;

const COMPARISONS: Readonly<Record<Compare["rest"][number]["operator"], Holds>> = {
  "==": equal,
  "!=": (left, right) => !equal(left, right),
  "<": (left, right) => ordered(left, "<", right),
  "<=": (left, right) => ordered(left, "<=", right),
  ">": (left, right) => ordered(left, ">", right),
  ">=": (left, right) => ordered(left, ">=", right),
  in: (left, right) => contains(right, left),
  "not in": (left, right) => !contains(right, left),
};

function compare(node: Compare): Evaluate {
  const first = compileExpression(node.left);
  const rest = node.rest.map(({ operator, right }) =>
    [COMPARISONS[operator], compileExpression(right)] as const
  );
  return (scope) => {
    let left = first(scope);
    for (const [holds, right] of rest) {
      const value = right(scope);
      if (!holds(left, value)) return false;
      left = value;
    }
    return true;
  };
}

function condition(node: Condition): Evaluate {
  const test = compileExpression(node.test);
  const then = compileExpression(node.then);
  const otherwise = node.otherwise && compileExpression(node.otherwise);
  const missing = new Undefined('an "if" without "else" did not hold');
  return (scope) => {
    if (isTrue(test(scope))) return then(scope);
    return otherwise === undefined ? missing : otherwise(scope);
  };
}
