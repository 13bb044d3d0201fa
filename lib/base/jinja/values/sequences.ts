/**
 * What can be gone over, counted, indexed and cut.
 *
 * @module
 */
import { equal } from "./compare.ts";
import { numberOf, wholeOf } from "./numbers.ts";
import { spend, spendCharacters, spendItems, spendSearch } from "./steps.ts";
import { TemplateError } from "./template_error.ts";
import { characters, lengthOf } from "./text.ts";
import {
  Dict,
  Float,
  Generator,
  isList,
  Range,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from "./value.ts";

/**
 * The items of a value: of a text its characters, of a dict its keys.
 *
 * @throws {TemplateError} Where it has none.
 */
export function itemsOf(value: Value): Iterable<Value> {
  const list = listedOf(value);
  if (list !== undefined) {
    spendItems(list.length);
    return list;
  }
  // A generator goes on where it stands, and is not closed by a loop that is left.
  if (value instanceof Generator) {
    return { [Symbol.iterator]: () => ({ next: () => value.items.next() }) };
  }
  throw new TemplateError(`${aOrAn(typeName(value))} has no items`);
}

/** The items of a value as a list of its own. */
export function listOf(value: Value): Value[] {
  const list = Array.from(itemsOf(value));
  spendItems(list.length);
  return list;
}

/** The items of what holds them all at once. */
function listedOf(value: Value): readonly Value[] | undefined {
  if (typeof value === "string") {
    spendCharacters(value.length);
    return Array.from(value);
  }
  if (value === null || typeof value !== "object") return undefined;
  if (isList(value)) return value;
  if (value instanceof Tuple || value instanceof View) return value.items;
  if (value instanceof Dict) return Array.from(value.entries(), ([key]) => key);
  if (value instanceof Range) return Array.from({ length: value.length }, (_, i) => value.at(i));
  return value instanceof Undefined ? [] : undefined;
}

/** Whether a value has items. */
export function isIterable(value: Value): boolean {
  if (typeof value === "string") return true;
  if (value === null || typeof value !== "object") return false;
  return isList(value) || value instanceof Tuple || value instanceof Dict ||
    value instanceof Generator || value instanceof View || value instanceof Range ||
    value instanceof Undefined;
}

/** `len(value)`; undefined where it has none. */
export function countOf(value: Value): number | undefined {
  if (typeof value === "string") return lengthOf(value);
  if (value === null || typeof value !== "object") return undefined;
  if (isList(value) || value instanceof Range) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof View) return value.dict.size;
  if (value instanceof Undefined) return 0;
  return value instanceof Thing ? value.count() : undefined;
}

/** `len(value)`. */
export function requireCount(value: Value): number {
  const count = countOf(value);
  if (count !== undefined) return count;
  const hint = value instanceof Generator ? `: add "| list" behind "${value.maker}"` : "";
  throw new TemplateError(`${aOrAn(typeName(value))} has no length${hint}`);
}

/** `value[index]` of a text, list, tuple or range; undefined where it has no such item, or is none of those. */
export function itemAt(value: Value, index: number): Value | undefined {
  if (typeof value === "string") {
    const all = characters(value);
    return all[index < 0 ? index + all.length : index];
  }
  if (value instanceof Range) {
    const place = index < 0 ? index + value.length : index;
    return place >= 0 && place < value.length ? value.at(place) : undefined;
  }
  const list = value instanceof Tuple ? value.items : value;
  if (list === null || typeof list !== "object" || !isList(list)) return undefined;
  return list[index < 0 ? index + list.length : index];
}

/** `value[start:stop:step]`. */
export function sliceOf(value: Value, parts: readonly (Value | undefined)[]): Value {
  const bounds = parts.map((bound) => {
    if (bound === undefined || bound === null) return undefined;
    const whole = wholeOf(bound);
    if (whole !== undefined) return Number(whole);
    throw new TemplateError(`a slice goes from one int to another, not to ${typeName(bound)}`);
  });
  if (value instanceof Undefined) throw new TemplateError(value.why);
  if (typeof value === "string") {
    spendCharacters(value.length);
    const all = characters(value);
    const { start, stop, step } = slicePlaces(bounds, all.length);
    if (step === 1 && typeof all === "string") return all.slice(start, Math.max(start, stop));
    return picked(all, { start, stop, step }).join("");
  }
  if (value instanceof Range) {
    const { start, stop, step } = slicePlaces(bounds, value.length);
    return new Range(value.at(start), value.at(stop), value.step * step);
  }
  const list = value instanceof Tuple ? value.items : value;
  if (list === null || typeof list !== "object" || !isList(list)) {
    throw new TemplateError(`${aOrAn(typeName(value))} has no slices`);
  }
  spendItems(list.length);
  const items = picked(list, slicePlaces(bounds, list.length));
  return value instanceof Tuple ? new Tuple(items) : items;
}

interface Places {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

/** Python's `slice.indices`. */
function slicePlaces(bounds: readonly (number | undefined)[], length: number): Places {
  const [first, last, step = 1] = bounds;
  if (step === 0) throw new TemplateError("the step of a slice cannot be 0");
  const [lowest, highest] = step < 0 ? [-1, length - 1] : [0, length];
  const clamp = (place: number): number =>
    Math.min(highest, Math.max(lowest, place < 0 ? place + length : place));
  return {
    start: first === undefined ? (step < 0 ? highest : lowest) : clamp(first),
    stop: last === undefined ? (step < 0 ? lowest : highest) : clamp(last),
    step,
  };
}

function picked<T>(list: ArrayLike<T>, { start, stop, step }: Places): T[] {
  const items: T[] = [];
  for (let i = start; step > 0 ? i < stop : i > stop; i += step) items.push(list[i]!);
  return items;
}

/** `item in container`. */
export function contains(container: Value, item: Value): boolean {
  if (typeof container === "string") {
    if (typeof item === "string") {
      spendSearch(container, item);
      return container.includes(item);
    }
    throw new TemplateError(`only a text can be in a text, not ${aOrAn(typeName(item))}`);
  }
  if (container instanceof Dict) return container.has(item);
  if (container instanceof View && container.kind === "keys") return container.dict.has(item);
  if (container instanceof Range) {
    const number = numberOf(item);
    const value = number instanceof Float ? number.value : Number(number);
    const place = (value - container.start) / container.step;
    return number !== undefined && Number.isInteger(place) && place >= 0 &&
      place < container.length;
  }
  if (!isIterable(container)) {
    throw new TemplateError(`nothing can be in ${aOrAn(typeName(container))}`);
  }
  for (const other of itemsOf(container)) {
    spend(0.25);
    if (other === item || equal(other, item)) return true;
  }
  return false;
}

/** "an int", "a str". */
export function aOrAn(name: string): string {
  if (name === "None") return name;
  return `${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}`;
}
