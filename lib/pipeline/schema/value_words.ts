/**
 * JSON values in the words of messages: as people write them, and what they are.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";

/**
 * A number in its shortest form, as people write hyperparameters.
 *
 * @param value A finite number.
 * @returns `1e-5` for 0.00001, `0.1`, `2.5e-5`; whole numbers keep their digits up to 1e15.
 */
function formatNumber(value: number): string {
  const plain = String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return plain;
  const exponential = value.toExponential().replace("e+", "e");
  return exponential.length < plain.length ? exponential : plain.replace("e+", "e");
}

/** A value as text, for messages and for `${{ }}` inside of a text; lists and mappings as JSON. */
export function formatLabel(value: Json): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return formatNumber(value);
  return JSON.stringify(value);
}

/** What a value is, in the words of messages. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "string":
      return "text";
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    default:
      return "a mapping";
  }
}
