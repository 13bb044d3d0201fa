/**
 * What stands after a role: `tuned`, `tuned@*`, `tuned@learning_rate=1e-5`.
 *
 * @module
 */
import { STAGE_NAME } from "../schema/pipeline_file.ts";
import type { Span } from "../yaml/node.ts";

/** A reference to a stage's output. */
export interface Reference {
  /** Name of the stage. */
  readonly name: string;
  /**
   * Which cells of it: the one that fits the reader's own cell (`fitting`), all (`all`), or those
   * with certain values.
   */
  readonly cells: "fitting" | "all" | readonly { readonly key: string; readonly value: string }[];
  /** As written. */
  readonly text: string;
  readonly span: Span;
}

/**
 * Parses a reference.
 *
 * @param text As written.
 * @param span Its place.
 * @returns The reference; undefined where the text has not the form of one.
 */
export function parseReference(text: string, span: Span): Reference | undefined {
  const at = text.indexOf("@");
  const name = at < 0 ? text : text.slice(0, at);
  if (!STAGE_NAME.test(name)) return undefined;
  if (at < 0) return { name, cells: "fitting", text, span };
  const selection = text.slice(at + 1);
  if (selection === "*") return { name, cells: "all", text, span };
  const cells = selection.split(",").map((part) => {
    const equals = part.indexOf("=");
    return { key: part.slice(0, equals).trim(), value: part.slice(equals + 1).trim(), equals };
  });
  if (cells.some(({ key, equals }) => equals < 0 || key === "")) return undefined;
  return { name, cells: cells.map(({ key, value }) => ({ key, value })), text, span };
}
