/**
 * `value.name` and `value[key]`, as Jinja's sandbox reads them: `.` looks for a method first and for a key
 * of that name then, `[]` the other way round; what is not there is undefined. What would change a value,
 * and what leads into Python, counts as not there.
 *
 * @module
 */
import { equal } from "../values/compare.ts";
import { itemAt, itemsOf } from "../values/sequences.ts";
import { spendItems } from "../values/steps.ts";
import { TemplateError } from "../values/template_error.ts";
import {
  Callable,
  Dict,
  Float,
  type Given,
  type Int,
  isList,
  Range,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from "../values/value.ts";
import { formatted } from "./format.ts";
import { bound, intArg, wrongType } from "./signature.ts";
import { type Method, method, TEXT_METHODS } from "./text_methods.ts";

/** `value.name`. */
export function attributeOf(value: Value, name: string): Value {
  if (value instanceof Undefined) throw new TemplateError(value.why);
  return firstOf(ownMember(value, name), () => keyed(value, name), () => absent(value, name));
}

/** `value[key]`. */
export function itemOf(value: Value, key: Value): Value {
  if (value instanceof Undefined) throw new TemplateError(value.why);
  return firstOf(
    keyed(value, key),
    () => typeof key === "string" ? ownMember(value, key) : undefined,
    () => absent(value, key),
  );
}

/** The first that is there. None is, so that `??` will not do. */
function firstOf(
  first: Value | undefined,
  second: () => Value | undefined,
  last: () => Value,
): Value {
  if (first !== undefined) return first;
  const other = second();
  return other === undefined ? last() : other;
}

/** Methods that change what they belong to. */
const CHANGING = "append clear extend insert pop popitem remove reverse setdefault sort update";

/** What a member is that is not there. */
export function absent(value: Value, key: Value): Undefined {
  if (typeof key === "string" && CHANGING.split(" ").includes(key) && typeof value === "object") {
    return new Undefined(`a template cannot change a ${typeName(value)}: there is no ${key}()`);
  }
  const shown = typeof key === "string" ? `"${key}"` : typeName(key);
  const number = typeof key === "number" || typeof key === "bigint" ? String(key) : shown;
  return new Undefined(`${typeName(value)} has no member ${number}`);
}

/** An item by its key or place; undefined where there is none. */
function keyed(value: Value, key: Value): Value | undefined {
  if (value instanceof Dict) return isList(key) || key instanceof Dict ? undefined : value.get(key);
  if (typeof key === "number") return itemAt(value, key);
  return typeof key === "boolean" ? itemAt(value, Number(key)) : undefined;
}

/** A method or another member that Python's type has. */
export function ownMember(value: Value, name: string): Value | undefined {
  if (name.startsWith("_")) return undefined;
  switch (typeof value) {
    case "string":
      return textMethod(value, name);
    case "number":
    case "bigint":
      return intMember(value, name);
    case "boolean":
      return intMember(Number(value), name);
  }
  if (value === null) return undefined;
  if (value instanceof Dict) return called(value, DICT_METHODS, name);
  if (isList(value)) return called(value, LIST_METHODS, name);
  if (value instanceof Thing) return value.member(name);
  if (value instanceof Tuple) {
    const place = value.names.indexOf(name);
    return place >= 0 ? value.items[place] : called(value.items, TUPLE_METHODS, name);
  }
  if (value instanceof Float) return floatMember(value, name);
  if (value instanceof Callable) return value.members.get(name);
  if (value instanceof Range) {
    if (name === "start" || name === "stop" || name === "step") return value[name];
    return called(listedRange(value), TUPLE_METHODS, name);
  }
  if (value instanceof View) return name === "mapping" ? value.dict : undefined;
  return undefined;
}

function listedRange(range: Range): readonly Value[] {
  return Array.from(itemsOf(range));
}

function called<Self>(
  self: Self,
  methods: ReadonlyMap<string, Method<Self>>,
  name: string,
): Value | undefined {
  const found = methods.get(name);
  if (found === undefined) return undefined;
  return new Callable(name, (given) => found.run(self, bound(given, found.signature, `${name}()`)));
}

function textMethod(text: string, name: string): Value | undefined {
  if (name === "format") {
    return new Callable(name, (given) => formatted(text, given, MEMBERS));
  }
  if (name !== "format_map") return called(text, TEXT_METHODS, name);
  return new Callable(name, ({ positional: [mapping] }) => {
    if (!(mapping instanceof Dict)) return wrongType(mapping ?? null, "a dict");
    const keywords = new Map<string, Value>();
    for (const [key, item] of mapping.entries()) {
      if (typeof key === "string") keywords.set(key, item);
    }
    return formatted(text, { positional: [], keywords }, MEMBERS);
  });
}

const MEMBERS = { attribute: attributeOf, item: itemOf };

function intMember(value: Int, name: string): Value | undefined {
  switch (name) {
    case "real":
    case "numerator":
      return value;
    case "imag":
      return 0;
    case "denominator":
      return 1;
    case "bit_length":
    case "bit_count": {
      const bits = value === 0 || value === 0n ? "" : (value < 0 ? -value : value).toString(2);
      const count = name === "bit_length" ? bits.length : bits.replaceAll("0", "").length;
      return constant(name, count);
    }
    case "conjugate":
      return constant(name, value);
    case "as_integer_ratio":
      return constant(name, new Tuple([value, 1]));
    case "to_bytes":
    case "from_bytes":
      return lacking(name);
  }
  return undefined;
}

function floatMember(float: Float, name: string): Value | undefined {
  switch (name) {
    case "real":
      return float;
    case "imag":
      return new Float(0);
    case "is_integer":
      return constant(name, Number.isInteger(float.value));
    case "conjugate":
      return constant(name, float);
    case "hex":
    case "fromhex":
    case "as_integer_ratio":
      return lacking(name);
  }
  return undefined;
}

function constant(name: string, result: Value): Callable {
  return new Callable(name, (given: Given) => {
    bound(given, { names: [], required: 0 }, `${name}()`);
    return result;
  });
}

function lacking(name: string): Callable {
  return new Callable(name, () => {
    throw new TemplateError(`templates have no ${name}() of numbers`);
  });
}

const DICT_METHODS: ReadonlyMap<string, Method<Dict>> = new Map(Object.entries({
  keys: method<Dict>("", (dict) => new View(dict, "keys")),
  values: method<Dict>("", (dict) => new View(dict, "values")),
  items: method<Dict>("", (dict) => new View(dict, "items")),
  get: method<Dict>("key default?", (dict, [key, otherwise = null]) => {
    const found = dict.get(key!);
    return found === undefined ? otherwise : found;
  }),
  copy: method<Dict>("", (dict) => new Dict(dict.entries())),
}));

const TUPLE_METHODS: ReadonlyMap<string, Method<readonly Value[]>> = new Map(Object.entries({
  index: method<readonly Value[]>("value start? stop?", (items, [wanted, start, stop]) => {
    spendItems(items.length);
    const place = (given: Value | undefined, otherwise: number): number => {
      const number = intArg(given, otherwise);
      return number < 0 ? Math.max(0, number + items.length) : number;
    };
    const from = place(start, 0);
    const to = Math.min(place(stop, items.length), items.length);
    for (let i = from; i < to; i++) if (equal(items[i]!, wanted!)) return i;
    throw new TemplateError("index() finds no such item");
  }),
  count: method<readonly Value[]>("value", (items, [wanted]) => {
    spendItems(items.length);
    return items.filter((item) => equal(item, wanted!)).length;
  }),
}));

const LIST_METHODS: ReadonlyMap<string, Method<readonly Value[]>> = new Map([
  ...TUPLE_METHODS,
  ["copy", method<readonly Value[]>("", (items) => [...items])],
]);
