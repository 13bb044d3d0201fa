/**
 * Filters of what has items.
 *
 * @module
 */
import { add } from "../values/operators.ts";
import { equal, isTrue, ordered, sortOrder } from "../values/compare.ts";
import { itemsOf, listOf, requireCount } from "../values/sequences.ts";
import { spend, spendItems } from "../values/steps.ts";
import { TemplateError } from "../values/template_error.ts";
import {
  Dict,
  Generator,
  type Given,
  keyOf,
  Tuple,
  Undefined,
  type Value,
} from "../values/value.ts";
import { type Filter, filter, flag, type Library, named, nothing, textOf } from "./filter.ts";
import { absent, itemOf, ownMember } from "./members.ts";
import { type Args, intArg, textArg, wrongType } from "./signature.ts";
import { joinedTexts } from "./text_methods.ts";

type Getter = (item: Value) => Value;

/** Reads `"a.0.b"` of an item; the item itself without an attribute. */
function getterOf(attribute: Value | undefined, otherwise?: Value): Getter {
  const path = pathOf(attribute);
  return (item) => {
    spend(1);
    let value = item;
    for (const key of path) {
      value = itemOf(value, key);
      if (otherwise !== undefined && otherwise !== null && value instanceof Undefined) {
        value = otherwise;
      }
    }
    return value;
  };
}

function pathOf(attribute: Value | undefined): readonly Value[] {
  if (attribute === undefined || attribute === null) return [];
  if (typeof attribute !== "string") return [attribute];
  return attribute.split(".").map((key) => /^\d+$/.test(key) ? Number(key) : key);
}

/** Texts that differ in case alone count as equal. */
function caseless(value: Value): Value {
  return typeof value === "string" ? value.toLowerCase() : value;
}

function keyGetter(attribute: Value | undefined, sensitive: Value | undefined): Getter {
  const getter = getterOf(attribute);
  return flag(sensitive) ? getter : (item) => caseless(getter(item));
}

function sorted(
  items: readonly Value[],
  { key, reverse }: { key: Getter; reverse: boolean },
): Value[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  // Items that are equal stay in their order in either direction.
  keyed.sort((a, b) => reverse ? sortOrder(b.key, a.key) : sortOrder(a.key, b.key));
  return keyed.map(({ item }) => item);
}

function sort(value: Value, [reverse, sensitive, attribute]: Args): Value {
  const attributes = typeof attribute === "string" ? attribute.split(",") : [attribute];
  const getters = attributes.map((one) => keyGetter(one, sensitive));
  const key: Getter = (item) => getters.map((getter) => getter(item));
  return sorted(listOf(value), { key, reverse: flag(reverse) });
}

function grouped(value: Value, [attribute, otherwise, sensitive]: Args): Value {
  const output = getterOf(attribute, otherwise);
  const key: Getter = flag(sensitive) ? output : (item) => caseless(output(item));
  const groups: { key: Value; items: Value[] }[] = [];
  for (const item of sorted(listOf(value), { key, reverse: false })) {
    const own = key(item);
    const last = groups.at(-1);
    if (last !== undefined && equal(last.key, own)) last.items.push(item);
    else groups.push({ key: own, items: [item] });
  }
  return groups.map(({ items }) => new Tuple([output(items[0]!), items], ["grouper", "list"]));
}

const extreme =
  (operator: "<" | ">"): (value: Value, args: Args) => Value => (value, [sensitive, attribute]) => {
    const items = listOf(value);
    if (items.length === 0) return nothing("there is no least or greatest of no items");
    const key = keyGetter(attribute, sensitive);
    let best: Value = items[0]!;
    let bestKey: Value = key(best);
    for (const item of items.slice(1)) {
      const own = key(item);
      if (ordered(own, operator, bestKey)) [best, bestKey] = [item, own];
    }
    return best;
  };

function* unique(value: Value, [sensitive, attribute]: Args): Items {
  const key = keyGetter(attribute, sensitive);
  const seen = new Set<unknown>();
  for (const item of itemsOf(value)) {
    const own = keyOf(key(item));
    if (!seen.has(own)) yield item;
    seen.add(own);
  }
}

type Items = globalThis.Generator<Value, void>;

function* batches(value: Value, [count, fill]: Args): Items {
  const size = intArg(count);
  let batch: Value[] = [];
  for (const item of itemsOf(value)) {
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
    batch.push(item);
  }
  if (batch.length > 0) yield filled(batch, fill, size - batch.length);
}

function filled(items: Value[], fill: Value | undefined, count: number): Value[] {
  if (fill === undefined || fill === null || count <= 0) return items;
  spendItems(count);
  return [...items, ...Array.from({ length: count }, () => fill)];
}

function* slices(value: Value, [count, fill]: Args): Items {
  const items = listOf(value);
  const wanted = intArg(count);
  if (wanted === 0) throw new TemplateError("it divides by zero");
  const each = Math.floor(items.length / wanted);
  const longer = items.length - each * wanted;
  let offset = 0;
  for (let i = 0; i < wanted; i++) {
    spend(1);
    const start = offset + i * each;
    if (i < longer) offset++;
    const slice = items.slice(start, offset + (i + 1) * each);
    yield i >= longer ? filled(slice, fill, 1) : slice;
  }
}

function total(value: Value, [attribute, start = 0]: Args): Value {
  if (typeof start === "string") throw new TemplateError('texts are joined: "| join"');
  const getter = getterOf(attribute);
  let sum: Value = start;
  for (const item of itemsOf(value)) sum = add(sum, getter(item));
  return sum;
}

function reversed(value: Value): Value {
  if (typeof value === "string") return Array.from(value).reverse().join("");
  if (value instanceof Generator) return listOf(value).reverse();
  return new Generator(listOf(value).reverse().values(), "reverse");
}

const mapped: Filter = (value, given, library) => {
  function* items(): Items {
    if (!isTrue(value)) return;
    const apply = mapper(given, library);
    for (const item of itemsOf(value)) yield apply(item);
  }
  return new Generator(items(), "map");
};

function mapper({ positional, keywords }: Given, library: Library): Getter {
  const [name, ...args] = positional;
  if (name !== undefined) {
    return (item) => {
      spend(1);
      return library.filter(textArg(name), item, { positional: args, keywords });
    };
  }
  const other = [...keywords.keys()].find((key) => key !== "attribute" && key !== "default");
  const attribute = keywords.get("attribute");
  if (attribute === undefined || other !== undefined) {
    throw new TemplateError('map takes the name of a filter, or an attribute: map(attribute="a")');
  }
  return getterOf(attribute, keywords.get("default"));
}

/** `select` and its like. */
function selecting(name: string, options: { wanted: boolean; byAttribute: boolean }): Filter {
  return (value, given, library) => {
    function* items(): Items {
      if (!isTrue(value)) return;
      const holds = selector(given, { library, ...options, name });
      for (const item of itemsOf(value)) if (holds(item) === options.wanted) yield item;
    }
    return new Generator(items(), name);
  };
}

function selector(
  { positional, keywords }: Given,
  { library, byAttribute, name }: { library: Library; byAttribute: boolean; name: string },
): (item: Value) => boolean {
  const [attribute, ...others] = byAttribute ? positional : [undefined, ...positional];
  if (byAttribute && attribute === undefined) {
    throw new TemplateError(`${name} lacks the name of an attribute`);
  }
  const getter = getterOf(attribute);
  const [test, ...args] = others;
  if (test === undefined) return (item) => isTrue(getter(item));
  const given = { positional: args as Value[], keywords };
  return (item) => library.test(textArg(test), getter(item), given);
}

function sortedDict(value: Value, [sensitive, by = "key", reverse]: Args): Value {
  if (by !== "key" && by !== "value") {
    throw new TemplateError('dictsort sorts by "key" or by "value"');
  }
  if (!(value instanceof Dict)) return wrongType(value, "a dict");
  const pairs = Array.from(value.entries(), ([key, item]) => new Tuple([key, item]));
  return sorted(pairs, { key: keyGetter(by === "key" ? 0 : 1, sensitive), reverse: flag(reverse) });
}

const lazily = (
  name: string,
  parameters: string,
  run: (value: Value, args: Args) => Items,
): [string, Filter] =>
  filter(name, parameters, (value, args) => new Generator(run(value, args), name));

/** Filters whose value has items, `default` and `attr`. */
export const SEQUENCE_FILTERS: readonly [string, Filter][] = [
  ...named("length count", filter("length", "", requireCount)),
  filter("list", "", listOf),
  filter("first", "", (value) => {
    const next = itemsOf(value)[Symbol.iterator]().next();
    return next.done ? nothing("there is no first of no items") : next.value;
  }),
  filter("last", "", (value) => {
    if (value instanceof Generator) return wrongType(value, 'a list: add "| list"');
    const items = listOf(value);
    return items.length === 0 ? nothing("there is no last of no items") : items.at(-1)!;
  }),
  filter("join", "d? attribute?", (value, [d, attribute]) => {
    const getter = getterOf(attribute);
    const texts = Array.from(itemsOf(value), (item) => textOf(getter(item)));
    return joinedTexts(d === undefined ? "" : textOf(d), texts);
  }),
  filter("reverse", "", reversed),
  filter("sort", "reverse? case_sensitive? attribute?", sort),
  filter("groupby", "attribute default? case_sensitive?", grouped),
  filter("min", "case_sensitive? attribute?", extreme("<")),
  filter("max", "case_sensitive? attribute?", extreme(">")),
  filter("sum", "attribute? start?", total),
  filter("dictsort", "case_sensitive? by? reverse?", sortedDict),
  lazily("unique", "case_sensitive? attribute?", unique),
  lazily("batch", "linecount fill_with?", batches),
  lazily("slice", "slices fill_with?", slices),
  lazily("items", "", function* (value): Items {
    if (value instanceof Undefined) return;
    if (!(value instanceof Dict)) return wrongType(value, "a dict");
    for (const [key, item] of value.entries()) yield new Tuple([key, item]);
  }),
  ["map", mapped],
  ["select", selecting("select", { wanted: true, byAttribute: false })],
  ["reject", selecting("reject", { wanted: false, byAttribute: false })],
  ["selectattr", selecting("selectattr", { wanted: true, byAttribute: true })],
  ["rejectattr", selecting("rejectattr", { wanted: false, byAttribute: true })],
  ...named(
    "default d",
    filter("default", "default_value? boolean?", (value, [otherwise = "", boolean]) => {
      const isMissing = value instanceof Undefined || (flag(boolean) && !isTrue(value));
      return isMissing ? otherwise : value;
    }),
  ),
  filter("attr", "name", (value, [name]) => {
    if (value instanceof Undefined) throw new TemplateError(value.why);
    const found = ownMember(value, textArg(name));
    return found === undefined ? absent(value, name!) : found;
  }),
];
