/**
 * Values as they stand in the names of cells: `tuned@learning_rate=1e-5,seed=1`.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";

const MAX_LABEL = 48;

/**
 * A number in its shortest form, as people write hyperparameters.
 *
 * @param value A finite number.
 * @returns `1e-5` for 0.00001, `0.1`, `2.5e-5`; whole numbers keep their digits up to 1e15.
 */
export function formatNumber(value: number): string {
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

/**
 * Labels of the values of one matrix key: safe in file names of every system, and different from each other.
 *
 * Everything but letters, digits, `.`, `_`, `+` and `-` becomes `-`; of two values that would get
 * the same label, also on a file system that ignores case, the later gets `~2`.
 *
 * @param values The values, no two equal.
 * @returns A label each, in the same order.
 */
export function matrixLabels(values: readonly Json[]): string[] {
  const taken = new Set<string>();
  return values.map((value) => {
    const text = formatLabel(value).replace(/[^\p{L}\p{N}._+-]+/gu, "-").replace(
      /^[-.]+|[-.]+$/g,
      "",
    );
    const sign = typeof value === "number" && value < 0 ? "-" : "";
    const base = `${sign}${text.slice(0, MAX_LABEL) || "empty"}`;
    let label = base;
    for (let n = 2; taken.has(label.toLowerCase()); n++) label = `${base}~${n}`;
    taken.add(label.toLowerCase());
    return label;
  });
}

/** Whether a text written after `=` in a reference (`tuned@learning_rate=0.00001`) means a value. */
export function meansValue(text: string, value: Json, label: string): boolean {
  if (text === label || text === formatLabel(value)) return true;
  return typeof value === "number" && text.trim() !== "" && Number(text) === value;
}
