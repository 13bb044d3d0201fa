/**
 * A metric in the form that metrics.json holds it: value, signature, confidence interval.
 *
 * @module
 */
import type { ConfidenceInterval } from "./bootstrap.ts";

/** One metric of metrics.json. */
export interface MetricEntry {
  readonly value: number;
  /** How it was computed. */
  readonly signature: string;
  readonly confidence_interval?: ConfidenceInterval;
  /** Parts of the value, by name. */
  readonly [part: string]: unknown;
}

/** Metrics by name. */
export type MetricEntries = Readonly<Record<string, MetricEntry>>;
