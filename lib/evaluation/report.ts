/**
 * What an evaluation is asked and what it answers, whichever task the model is for: the `metrics` artifact
 * (contract 2) before it is written.
 *
 * @module
 */
import { nearest, UserError } from "../base/errors.ts";
import type { TokenRows } from "../data/tokens/rows.ts";
import type { Tokens } from "../data/tokens/tokens.ts";
import type { MetricEntries, MetricEntry } from "../metrics/entry.ts";
import type { Device } from "../base/device.ts";

/** What is measured, on what, and whom to tell. */
export interface EvaluationRequest {
  /** Folder of the model. */
  readonly model: string;
  /** Folder of a model to do the same with. */
  readonly baseline: string | undefined;
  readonly tokens: Tokens;
  /** Name of the held-out split. */
  readonly split: string;
  /** Token ids to text, without special tokens. */
  readonly text: (ids: ArrayLike<number>) => string;
  /** The text of token ids that follow those of a prompt, likewise. */
  readonly continuation: (prompt: ArrayLike<number>, ids: ArrayLike<number>) => string;
  /** What to compute, all of it of the model's task. */
  readonly metrics: readonly string[];
  /** Rows computed side by side. */
  readonly batchSize: number;
  readonly seed: number;
  readonly device: Device;
  readonly threads: number;
  readonly log: (message: string) => void;
  readonly progress: (done: number, total: number, unit: string) => void;
  readonly signal: AbortSignal;
}

/** What came of it. */
export interface EvaluationReport {
  readonly metrics: MetricEntries;
  /** The same of the baseline, where there is one. */
  readonly baseline?: MetricEntries;
  /** Further fields of metrics.json that are no single number. */
  readonly tables?: Readonly<Record<string, unknown>>;
  /** Lines of predictions.jsonl. */
  readonly predictions: readonly object[];
  /** Lines of errors.jsonl, the worst first. */
  readonly errors: readonly object[];
  /** What is worth showing a person. */
  readonly summary: readonly (Figure | Note)[];
}

/** A named number with what to compare it to. */
export interface Figure {
  readonly type: "figure";
  readonly label: string;
  readonly value: number;
  readonly compare?: { readonly label: string; readonly value: number };
}

/** A sentence. */
export interface Note {
  readonly type: "note";
  readonly text: string;
}

/** How many of the worst rows errors.jsonl lists. */
export const ERRORS = 20;

/**
 * The rows to measure on.
 *
 * @throws {UserError} where there is no such split.
 */
export function heldOutRows(
  { tokens: { splits }, split }: Pick<EvaluationRequest, "tokens" | "split">,
): TokenRows {
  const rows = splits[split];
  if (rows !== undefined) return rows;
  throw new UserError({
    what: `there is no split "${split}" in the tokens`,
    nearest: nearest(split, Object.keys(splits)),
    requirement: `it has ${Object.keys(splits).join(", ")}`,
  });
}

/**
 * Figures of metrics, each beside what a model without any learning reaches and beside the baseline.
 *
 * @param metrics Those to show.
 * @param options `unlearned`: by the name of a metric; `baseline` likewise.
 */
export function figures(
  metrics: MetricEntries,
  { unlearned, baseline }: {
    readonly unlearned: Readonly<Record<string, { label: string; entry: MetricEntry } | undefined>>;
    readonly baseline: MetricEntries | undefined;
  },
): Figure[] {
  return Object.entries(metrics).flatMap(([label, { value }]): Figure[] => {
    const before = baseline?.[label];
    const floor = unlearned[label];
    const compared = [
      ...floor === undefined ? [] : [{ label: floor.label, value: floor.entry.value }],
      ...before === undefined ? [] : [{ label: "baseline", value: before.value }],
    ];
    return compared.length === 0
      ? [{ type: "figure", label, value }]
      : compared.map((compare) => ({ type: "figure", label, value, compare }));
  });
}
