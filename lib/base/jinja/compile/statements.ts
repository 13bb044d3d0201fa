/**
 * Statements as functions.
 *
 * One departure from Jinja: a cell that is null and printed as it is, `{{ title }}`, is nothing, where
 * Jinja prints `None`. A model must not learn that word from a gap in a table. Everywhere else it is
 * `None` as in Jinja.
 *
 * @module
 */
import type { Applied, Expression, Statement, Target } from "../syntax/tree.ts";
import { childrenOf, type JinjaNode } from "../syntax/tree.ts";
import { isTrue } from "../values/compare.ts";
import { listOf } from "../values/sequences.ts";
import { spend, spendCharacters } from "../values/steps.ts";
import { TemplateError } from "../values/template_error.ts";
import type { Value } from "../values/value.ts";
import { written } from "../values/written.ts";
import { compileCallWith, compileExpression, compileFilter, type Evaluate } from "./expressions.ts";
import { macroOf } from "./macros.ts";
import { Scope } from "./scope.ts";
import { Loop, Namespace } from "./things.ts";

/** How a statement ended: whether a loop around it goes on. */
type Flow = "on" | "break" | "continue";

/** Where text goes. */
export interface Output {
  text: string;
  /** Where what `{% generation %}` marks begins and ends, in units of the text: begin, end, begin, end, … */
  readonly generated: number[];
}

type Run = (scope: Scope, output: Output) => Flow;

/** Renders statements. */
export type Render = (scope: Scope) => string;

/** Compiles statements. */
export function compileBody(body: readonly Statement[]): Render {
  const render = compileMarkedBody(body);
  return (scope) => render(scope).text;
}

/** Compiles statements to what also says which parts of the text are marked as generated. */
export function compileMarkedBody(body: readonly Statement[]): (scope: Scope) => Output {
  const run = compileStatements(body);
  return (scope) => {
    const output = { text: "", generated: [] };
    run(scope, output);
    return output;
  };
}

function compileStatements(body: readonly Statement[]): Run {
  const runs = body.map(compileStatement);
  if (runs.length === 1) return runs[0]!;
  return (scope, output) => {
    for (const run of runs) {
      const flow = run(scope, output);
      if (flow !== "on") return flow;
    }
    return "on";
  };
}

function compileStatement(node: Statement): Run {
  switch (node.type) {
    case "Data":
      return data(node.text);
    case "Output":
      return print(node.expression);
    case "For":
      return forLoop(node);
    case "If":
      return choice(node);
    case "Set":
      return set(node.target, weighed(node.value));
    case "SetBlock": {
      const body = compileBody(node.body);
      const filter = node.filter && compileFilter(node.filter as Applied);
      return set(node.target, (scope) => {
        const text = body(new Scope(scope));
        return filter ? filter(scope, text) : text;
      });
    }
    case "With":
      return within(node);
    case "Macro": {
      const make = macroOf({ ...node, render: compileBody(node.body) });
      return (scope) => {
        scope.set(node.name, make(scope));
        return "on";
      };
    }
    case "CallBlock": {
      const make = macroOf({ ...node, name: "caller", render: compileBody(node.body) });
      const call = compileCallWith(node.call, "caller");
      return (scope, output) => write(output, written(call(scope, make(scope))));
    }
    case "FilterBlock": {
      const body = compileBody(node.body);
      const filter = compileFilter(node.filter as Applied);
      return (scope, output) => {
        const inner = new Scope(scope);
        return write(output, written(filter(inner, body(inner))));
      };
    }
    case "Generation": {
      const body = compileStatements(node.body);
      return (scope, output) => {
        const begin = output.text.length;
        const flow = body(new Scope(scope), output);
        if (output.text.length > begin) output.generated.push(begin, output.text.length);
        return flow;
      };
    }
    case "Break":
      return () => "break";
    case "Continue":
      return () => "continue";
  }
}

function write(output: Output, text: string): Flow {
  spendCharacters(text.length);
  output.text += text;
  return "on";
}

function data(text: string): Run {
  return (_, output) => {
    spend(1);
    return write(output, text);
  };
}

/** An expression that says how large it is before it is computed. */
function weighed(node: Expression): Evaluate {
  const weight = weightOf(node);
  const evaluate = compileExpression(node);
  return (scope) => {
    spend(weight);
    return evaluate(scope);
  };
}

function weightOf(node: JinjaNode): number {
  return 1 + childrenOf(node).reduce((sum, child) => sum + weightOf(child), 0);
}

function print(node: Expression): Run {
  const evaluate = weighed(node);
  if (node.type !== "Name") {
    return (scope, output) => write(output, written(evaluate(scope)));
  }
  const { name } = node;
  return (scope, output) => {
    const value = evaluate(scope);
    const isCell = value === null && scope.local(name) === undefined;
    return write(output, isCell ? "" : written(value));
  };
}

function choice(node: Statement & { readonly type: "If" }): Run {
  const branches = node.branches.map(({ test, body }) =>
    [weighed(test), compileStatements(body)] as const
  );
  const otherwise = compileStatements(node.otherwise);
  return (scope, output) => {
    for (const [test, body] of branches) if (isTrue(test(scope))) return body(scope, output);
    return otherwise(scope, output);
  };
}

function set(target: Target, value: Evaluate): Run {
  const assign = compileTarget(target);
  return (scope) => {
    assign(scope, value(scope), scope);
    return "on";
  };
}

type Assign = (scope: Scope, value: Value, readFrom: Scope) => void;

function compileTarget(target: Target): Assign {
  switch (target.type) {
    case "Name":
      return (scope, value) => scope.set(target.name, value);
    case "Member":
      return (_, value, scope) => {
        const own = scope.local(target.namespace);
        if (!(own instanceof Namespace)) {
          throw new TemplateError(
            `"${target.namespace}" is no namespace: only the members of one can be set`,
          );
        }
        own.set(target.name, value);
      };
    case "TargetTuple": {
      const parts = target.items.map(compileTarget);
      return (scope, value, readFrom) => {
        const values = listOf(value);
        if (values.length !== parts.length) {
          throw new TemplateError(
            `${values.length} items cannot be put into ${parts.length} names`,
          );
        }
        parts.forEach((part, i) => part(scope, values[i]!, readFrom));
      };
    }
  }
}

function within(node: Statement & { readonly type: "With" }): Run {
  const values = node.values.map(weighed);
  const targets = node.targets.map(compileTarget);
  const body = compileStatements(node.body);
  return (scope, output) => {
    const inner = new Scope(scope);
    targets.forEach((assign, i) => assign(inner, values[i]!(scope), scope));
    return body(inner, output);
  };
}

/** What a turn of a loop costs beside its body. */
const STEPS_A_TURN = 5;

function forLoop(node: Statement & { readonly type: "For" }): Run {
  const iterable = weighed(node.iterable);
  const assign = compileTarget(node.target);
  const test = node.test && weighed(node.test);
  const body = compileStatements(node.body);
  const otherwise = compileStatements(node.otherwise);

  const chosen = (scope: Scope, items: readonly Value[]): readonly Value[] =>
    test === undefined ? items : items.filter((item) => {
      spend(STEPS_A_TURN);
      const inner = new Scope(scope);
      assign(inner, item, inner);
      return isTrue(test(inner));
    });

  const over = (
    scope: Scope,
    output: Output,
    { of, depth }: { of: Value; depth: number },
  ): Flow => {
    const items = chosen(scope, listOf(of));
    if (items.length === 0) return otherwise(new Scope(scope), output);
    const recurse = !node.isRecursive ? undefined : (value: Value): string => {
      const inner = { text: "", generated: [] };
      over(scope, inner, { of: value, depth: depth + 1 });
      return inner.text;
    };
    const loop = new Loop(items, { depth, recurse });
    for (const [i, item] of items.entries()) {
      spend(STEPS_A_TURN);
      loop.index0 = i;
      const inner = new Scope(scope);
      inner.set("loop", loop);
      assign(inner, item, inner);
      if (body(inner, output) === "break") break;
    }
    return "on";
  };
  return (scope, output) => over(scope, output, { of: iterable(scope), depth: 0 });
}
