/**
 * Python's values in JavaScript, as far as templates meet them.
 *
 * A text is a string, though its length and places count code points. An `int` is a number, or a bigint
 * past 2^53, never both for one value; a `float` is boxed, since 1.0 is not 1 where it is written. A list
 * is an array: nothing changes one after it was made.
 *
 * @module
 */
import { TemplateError } from "./template_error.ts";

/** Any value. */
export type Value =
  | string
  | Int
  | boolean
  | null
  | readonly Value[]
  | Float
  | Tuple
  | Dict
  | Undefined
  | Range
  | Generator
  | View
  | Callable
  | Thing;

/** A number where it is safe, else a bigint. */
export type Int = number | bigint;

/** An `int` in the one form that it has. */
export function intOf(exact: bigint): Int {
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

/** A `float`. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A tuple. */
export class Tuple {
  readonly items: readonly Value[];
  /** Names of items, as `groupby` gives them: `grouper` and `list`. */
  readonly names: readonly string[];
  constructor(items: readonly Value[], names: readonly string[] = []) {
    this.items = items;
    this.names = names;
  }
}

/** A dict: 1, 1.0 and true are one key. */
export class Dict {
  readonly #entries = new Map<unknown, readonly [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(keyOf(key))?.[1];
  }

  has(key: Value): boolean {
    return this.#entries.has(keyOf(key));
  }

  /** While it is made. A key that is there keeps its place and its form. */
  set(key: Value, value: Value): void {
    const hash = keyOf(key);
    const [known = key] = this.#entries.get(hash) ?? [];
    this.#entries.set(hash, [known, value]);
  }

  entries(): Iterable<readonly [Value, Value]> {
    return this.#entries.values();
  }
}

/**
 * What values that are one key of a dict have in common.
 *
 * @throws {TemplateError} For what Python cannot hash.
 */
export function keyOf(value: Value): unknown {
  if (typeof value === "string") return value.startsWith("\0") ? `\0s${value}` : value;
  if (typeof value === "boolean") return Number(value);
  if (value === null || typeof value === "number") return value;
  // A bigint is a number that no double equals, or is compared as the double that does.
  if (typeof value === "bigint") return BigInt(Number(value)) === value ? Number(value) : value;
  if (value instanceof Float) return value.value;
  if (value instanceof Tuple) {
    const keys = value.items.map(keyOf).map((key) =>
      typeof key === "string" ? JSON.stringify(key) : `${typeof key}:${String(key)}`
    );
    return `\0t${keys.join(",")}`;
  }
  if (value instanceof Undefined) return Undefined;
  if (Array.isArray(value) || value instanceof Dict) {
    throw new TemplateError(`a ${typeName(value)} cannot be a key or be looked for among keys`);
  }
  return value;
}

/** What a name, a member or an item is that is not there: nothing where it is written, an error elsewhere. */
export class Undefined {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

/** `range(start, stop, step)`. */
export class Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  readonly length: number;
  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.length = Math.max(0, Math.ceil((stop - start) / step));
  }

  at(index: number): number {
    return this.start + index * this.step;
  }
}

/** What `map` and `select` give: items that can be gone over once. */
export class Generator {
  readonly items: Iterator<Value>;
  /** The filter that made it, for messages. */
  readonly maker: string;
  constructor(items: Iterator<Value>, maker: string) {
    this.items = items;
    this.maker = maker;
  }
}

/** `dict.keys()`, `dict.values()`, `dict.items()`. */
export class View {
  readonly dict: Dict;
  readonly kind: "keys" | "values" | "items";
  constructor(dict: Dict, kind: View["kind"]) {
    this.dict = dict;
    this.kind = kind;
  }

  get items(): Value[] {
    return Array.from(this.dict.entries(), ([key, value]) => {
      if (this.kind === "items") return new Tuple([key, value]);
      return this.kind === "keys" ? key : value;
    });
  }
}

/** What is given to something that is called. */
export interface Given {
  readonly positional: readonly Value[];
  readonly keywords: ReadonlyMap<string, Value>;
}

/** A function, method or macro. */
export class Callable {
  readonly name: string;
  readonly call: (given: Given) => Value;
  /** Members of a macro. */
  readonly members: ReadonlyMap<string, Value>;
  constructor(
    name: string,
    call: (given: Given) => Value,
    members: ReadonlyMap<string, Value> = new Map(),
  ) {
    this.name = name;
    this.call = call;
    this.members = members;
  }
}

/** An object of Jinja's own: a namespace, a loop, a cycler. */
export abstract class Thing {
  /** What Python calls its type. */
  abstract readonly type: string;
  /** A member; undefined where it has none of that name. */
  abstract member(name: string): Value | undefined;
  /** How it is written. */
  abstract written(): string;
  /** What `if` makes of it. */
  isTrue(): boolean {
    return true;
  }
  /** Its length; undefined where it has none. */
  count(): number | undefined {
    return undefined;
  }
  /** What a call of it does; undefined where it cannot be called. */
  readonly call?: (given: Given) => Value;
}

/** The name of a value's type in Python, for messages. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case "string":
      return "str";
    case "boolean":
      return "bool";
    case "number":
    case "bigint":
      return "int";
  }
  if (value === null) return "None";
  if (value instanceof Float) return "float";
  if (value instanceof Tuple) return "tuple";
  if (value instanceof Dict) return "dict";
  if (value instanceof Undefined) return "undefined value";
  if (value instanceof Range) return "range";
  if (value instanceof Generator) return "generator";
  if (value instanceof View) return `dict_${value.kind}`;
  if (value instanceof Callable) return "function";
  return value instanceof Thing ? value.type : "list";
}

/** Whether a value counts as a list: its type guard for readonly arrays. */
export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
