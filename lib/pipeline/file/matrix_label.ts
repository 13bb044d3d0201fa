/**
 * Values as they stand in the names of cells: `tuned@learning_rate=1e-5,seed=1`.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { formatLabel } from "../schema/value_words.ts";

const MAX_LABEL = 48;

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
