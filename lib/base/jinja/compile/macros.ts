/**
 * Macros: `{% macro greet(name, mark="!") %}`, and the caller of a `{% call %}`.
 *
 * @module
 */
import { childrenOf, type JinjaNode, type Parameter, type Statement } from "../syntax/tree.ts";
import { spend } from "../values/steps.ts";
import { TemplateError } from "../values/template_error.ts";
import { Callable, Dict, type Given, Tuple, Undefined, type Value } from "../values/value.ts";
import { compileExpression } from "./expressions.ts";
import { Scope } from "./scope.ts";

/** What a macro is made of. */
export interface MacroParts {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
  readonly render: (scope: Scope) => string;
}

/** Names that a macro has when its body uses them: what was given beyond its parameters. */
const SPECIAL = ["varargs", "kwargs", "caller"] as const;

/** Makes a macro, which sees the scope that it stands in. */
export function macroOf(
  { name, parameters, body, render }: MacroParts,
): (scope: Scope) => Callable {
  const used = new Set(SPECIAL.filter((special) => usesName(body, special)));
  const defaults = parameters.map((one) => one.default && compileExpression(one.default));
  const names = parameters.map((one) => one.name);
  const hasOwnCaller = names.includes("caller");
  const members = new Map<string, Value>([
    ["name", name],
    ["arguments", new Tuple(names)],
    ["catch_kwargs", used.has("kwargs")],
    ["catch_varargs", used.has("varargs")],
    ["caller", used.has("caller")],
  ]);
  const bind = (scope: Scope, { positional, keywords }: Given): void => {
    const rest = new Map(keywords);
    for (const [i, parameter] of names.entries()) {
      // A name for what was given by place as well is left over.
      const given = i < positional.length ? positional[i] : rest.get(parameter);
      if (i >= positional.length) rest.delete(parameter);
      scope.set(parameter, valueFor(scope, { given, otherwise: defaults[i], parameter }));
    }
    if (used.has("caller") && !hasOwnCaller) {
      const caller = rest.get("caller");
      rest.delete("caller");
      scope.set("caller", caller === undefined ? new Undefined("no caller is defined") : caller);
    }
    const [extra] = rest.keys();
    if (used.has("kwargs")) scope.set("kwargs", new Dict(rest));
    else if (extra !== undefined) {
      throw new TemplateError(`the macro "${name}" has no parameter "${extra}"`);
    }
    const beyond = positional.slice(names.length);
    if (used.has("varargs")) scope.set("varargs", new Tuple(beyond));
    else if (beyond.length > 0) {
      throw new TemplateError(`the macro "${name}" takes at most ${names.length} values`);
    }
  };
  return (outer) => {
    const run = (given: Given): Value => {
      spend(1);
      const scope = new Scope(outer);
      bind(scope, given);
      return render(scope);
    };
    return new Callable(name, run, members);
  };
}

function valueFor(
  scope: Scope,
  { given, otherwise, parameter }: {
    given: Value | undefined;
    otherwise: ((scope: Scope) => Value) | undefined;
    parameter: string;
  },
): Value {
  if (given !== undefined) return given;
  if (otherwise !== undefined) return otherwise(scope);
  return new Undefined(`the parameter "${parameter}" was not given`);
}

function usesName(nodes: readonly JinjaNode[], name: string): boolean {
  return nodes.some((node) =>
    (node.type === "Name" && node.name === name) || usesName(childrenOf(node), name)
  );
}
