/**
 * Numbers through JSON and back, all of them: JSON has no infinite ones and no NaN, and a perplexity or a
 * lowest loss may be one.
 *
 * @module
 */

const TAG = "$number";

/**
 * A copy of plain data in which every number that JSON cannot hold is an object of its name.
 *
 * @example
 * ```ts
 * import { packNumbers, unpackNumbers } from "./pack_numbers.ts";
 * const through = unpackNumbers(JSON.parse(JSON.stringify(packNumbers([1, -Infinity]))));
 * if ((through as number[])[1] !== -Infinity) throw new Error();
 * ```
 */
export function packNumbers(value: unknown): unknown {
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { [TAG]: Object.is(value, -0) ? "-0" : String(value) };
  }
  return eachMember(value, packNumbers);
}

/** The data that {@linkcode packNumbers} made a copy of. */
export function unpackNumbers(value: unknown): unknown {
  if (typeof value === "object" && value !== null && TAG in value) return Number(value[TAG]);
  return eachMember(value, unpackNumbers);
}

function eachMember(value: unknown, change: (member: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, change(member)]),
  );
}
