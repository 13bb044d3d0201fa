/**
 * The syntax tree of a template, named as in Jinja, and the one walk over it.
 *
 * @module
 */

/** What a template's author wrote down. Integers past 2^53 are bigints. */
export type Expression =
  | { readonly type: "Text"; readonly value: string }
  | { readonly type: "Integer"; readonly value: number | bigint }
  | { readonly type: "Float"; readonly value: number }
  | { readonly type: "Constant"; readonly value: boolean | null }
  | Name
  | { readonly type: "List" | "Tuple"; readonly items: readonly Expression[] }
  | { readonly type: "Dict"; readonly entries: readonly (readonly [Expression, Expression])[] }
  | Attribute
  | Subscript
  | Slice
  | Call
  | Applied
  | { readonly type: "Unary"; readonly operator: "not" | "-" | "+"; readonly operand: Expression }
  | {
    readonly type: "Binary";
    readonly operator: Arithmetic;
    readonly left: Expression;
    readonly right: Expression;
  }
  | {
    readonly type: "Logic";
    readonly operator: "and" | "or";
    readonly left: Expression;
    readonly right: Expression;
  }
  | { readonly type: "Concat"; readonly items: readonly Expression[] }
  | Compare
  | Condition;

/** Operators of two numbers, `+`, `*` and `%` of other values as well. */
export type Arithmetic = "+" | "-" | "*" | "/" | "//" | "%" | "**";

/** Operators whose result is true or false; a chain of them holds where each does. */
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";

/** A name of a value. */
export interface Name {
  readonly type: "Name";
  readonly name: string;
}

/** `object.name`. */
export interface Attribute {
  readonly type: "Attribute";
  readonly object: Expression;
  readonly name: string;
}

/** `object[key]`. */
export interface Subscript {
  readonly type: "Subscript";
  readonly object: Expression;
  readonly key: Expression;
}

/** `start:stop:step`, the key of a subscript. */
export interface Slice {
  readonly type: "Slice";
  readonly parts: readonly (Expression | undefined)[];
}

/** What stands between the brackets of a call. */
export interface Arguments {
  readonly positional: readonly Expression[];
  readonly keywords: readonly { readonly name: string; readonly value: Expression }[];
  /** `*list`. */
  readonly spread?: Expression;
  /** `**dict`. */
  readonly keywordSpread?: Expression;
}

/** `callee(args)`. */
export interface Call {
  readonly type: "Call";
  readonly callee: Expression;
  readonly args: Arguments;
}

/** A filter or test: `x | join(", ")`, `x is defined`. */
export interface Applied {
  readonly type: "Filter" | "Test";
  /** Undefined where a filter stands before the text of a block. */
  readonly operand: Expression | undefined;
  readonly name: string;
  readonly args: Arguments;
}

/** `left < right <= another`. */
export interface Compare {
  readonly type: "Compare";
  readonly left: Expression;
  readonly rest: readonly { readonly operator: Comparison; readonly right: Expression }[];
}

/** `then if test else otherwise`. */
export interface Condition {
  readonly type: "Condition";
  readonly test: Expression;
  readonly then: Expression;
  readonly otherwise: Expression | undefined;
}

/** What may be assigned to: names, tuples of such, a member of a namespace. */
export type Target =
  | Name
  | { readonly type: "TargetTuple"; readonly items: readonly Target[] }
  | { readonly type: "Member"; readonly namespace: string; readonly name: string };

/** A parameter of a macro. */
export interface Parameter {
  readonly name: string;
  readonly default?: Expression;
}

/** What a template's text and its `{% %}` are. */
export type Statement =
  | { readonly type: "Data"; readonly text: string }
  | { readonly type: "Output"; readonly expression: Expression }
  | {
    readonly type: "For";
    readonly target: Target;
    readonly iterable: Expression;
    readonly test: Expression | undefined;
    readonly isRecursive: boolean;
    readonly body: readonly Statement[];
    readonly otherwise: readonly Statement[];
  }
  | {
    readonly type: "If";
    readonly branches: readonly {
      readonly test: Expression;
      readonly body: readonly Statement[];
    }[];
    readonly otherwise: readonly Statement[];
  }
  | { readonly type: "Set"; readonly target: Target; readonly value: Expression }
  | {
    readonly type: "SetBlock";
    readonly target: Target;
    readonly filter: Expression | undefined;
    readonly body: readonly Statement[];
  }
  | {
    readonly type: "With";
    readonly targets: readonly Target[];
    readonly values: readonly Expression[];
    readonly body: readonly Statement[];
  }
  | MacroStatement
  | {
    readonly type: "CallBlock";
    readonly call: Call;
    readonly parameters: readonly Parameter[];
    readonly body: readonly Statement[];
  }
  | {
    readonly type: "FilterBlock";
    readonly filter: Expression;
    readonly body: readonly Statement[];
  }
  | GenerationStatement
  | { readonly type: "Break" | "Continue" };

/** `{% generation %}`, by which chat templates mark what a model writes. */
export interface GenerationStatement {
  readonly type: "Generation";
  readonly body: readonly Statement[];
}

/** `{% macro name(parameters) %}`. */
export interface MacroStatement {
  readonly type: "Macro";
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
}

/** A node of the tree. */
export type JinjaNode = Expression | Statement | Target;

/** The nodes directly below a node, in the order in which they stand; those that are assigned to are left out. */
export function childrenOf(node: JinjaNode): readonly JinjaNode[] {
  switch (node.type) {
    case "List":
    case "Tuple":
    case "Concat":
    case "TargetTuple":
      return node.items;
    case "Dict":
      return node.entries.flat();
    case "Attribute":
      return [node.object];
    case "Subscript":
      return [node.object, node.key];
    case "Slice":
      return given(...node.parts);
    case "Call":
      return [node.callee, ...ofArguments(node.args)];
    case "Filter":
    case "Test":
      return [...given(node.operand), ...ofArguments(node.args)];
    case "Unary":
      return [node.operand];
    case "Binary":
    case "Logic":
      return [node.left, node.right];
    case "Compare":
      return [node.left, ...node.rest.map(({ right }) => right)];
    case "Condition":
      return [node.test, node.then, ...given(node.otherwise)];
    case "Output":
      return [node.expression];
    case "For":
      return [node.iterable, ...given(node.test), ...node.body, ...node.otherwise];
    case "If":
      return [
        ...node.branches.flatMap(({ test, body }) => [test, ...body]),
        ...node.otherwise,
      ];
    case "Set":
      // `ns.x = 1` reads `ns`.
      return node.target.type === "Member"
        ? [{ type: "Name", name: node.target.namespace }, node.value]
        : [node.value];
    case "SetBlock":
      return [...given(node.filter), ...node.body];
    case "With":
      return [...node.values, ...node.body];
    case "Macro":
      return [...given(...node.parameters.map((one) => one.default)), ...node.body];
    case "CallBlock":
      return [node.call, ...given(...node.parameters.map((one) => one.default)), ...node.body];
    case "FilterBlock":
      return [node.filter, ...node.body];
    case "Generation":
      return node.body;
    default:
      return [];
  }
}

function ofArguments({ positional, keywords, spread, keywordSpread }: Arguments): Expression[] {
  return [...positional, ...keywords.map(({ value }) => value), ...given(spread, keywordSpread)];
}

function given(...nodes: readonly (Expression | undefined)[]): Expression[] {
  return nodes.filter((node) => node !== undefined);
}

/** The names that a node defines for others. */
export function definedNames(node: JinjaNode): string[] {
  switch (node.type) {
    case "For":
    case "Set":
    case "SetBlock":
      return namesOf(node.target);
    case "With":
      return node.targets.flatMap(namesOf);
    case "Macro":
      return [
        node.name,
        ...node.parameters.map(({ name }) => name),
        ...["caller", "varargs", "kwargs"],
      ];
    case "CallBlock":
      return node.parameters.map(({ name }) => name);
    default:
      return [];
  }
}

function namesOf(target: Target): string[] {
  if (target.type === "Name") return [target.name];
  return target.type === "TargetTuple" ? target.items.flatMap(namesOf) : [];
}

/** The path of a name and its members as far as they are literal; undefined for other nodes. */
export function memberPath(
  node: JinjaNode,
): { readonly path: string[]; readonly computed: readonly Expression[] } | undefined {
  if (node.type === "Name") return { path: [node.name], computed: [] };
  if (node.type !== "Attribute" && node.type !== "Subscript") return undefined;
  const head = memberPath(node.object);
  if (head === undefined) return undefined;
  const literal = node.type === "Attribute"
    ? node.name
    : node.key.type === "Text"
    ? node.key.value
    : undefined;
  return literal !== undefined
    ? { ...head, path: [...head.path, literal] }
    : { ...head, computed: [...head.computed, (node as Subscript).key] };
}
