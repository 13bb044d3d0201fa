/**
 * A learning rate that falls when a metric has stopped improving, with the rules and defaults of torch's
 * `ReduceLROnPlateau`.
 *
 * @module
 */

/** Settings, by torch's names; each has torch's default. */
export interface PlateauSettings {
  /** Whether the metric is to become small or large; default min. */
  readonly mode?: "min" | "max" | undefined;
  /** What the rate is multiplied by; default 0.1. */
  readonly factor?: number | undefined;
  /** Evaluations without improvement that are let pass; default 10. */
  readonly patience?: number | undefined;
  /** By how much a value has to be better to be one; default 1e-4. */
  readonly threshold?: number | undefined;
  /** Whether `threshold` is a share of the best value or a difference; default rel. */
  readonly threshold_mode?: "rel" | "abs" | undefined;
  /** Evaluations after a reduction that do not count; default 0. */
  readonly cooldown?: number | undefined;
  /** The rate never falls below; default 0. */
  readonly min_lr?: number | undefined;
  /** Reductions by less than this are left out; default 1e-8. */
  readonly eps?: number | undefined;
}

/** A rate and what it depends on. */
export interface Plateau {
  /** The rate as it is now. */
  readonly learningRate: number;
  /** Takes note of an evaluation. */
  step(metric: number): void;
}

/**
 * A rate that falls on plateaus.
 *
 * @param learningRate The rate to begin with.
 * @param settings When and how it falls.
 *
 * @example
 * ```ts
 * import { reduceOnPlateau } from "./plateau.ts";
 * const plateau = reduceOnPlateau(1, { factor: 0.5, patience: 1 });
 * for (const loss of [3, 2, 2, 2]) plateau.step(loss);
 * if (plateau.learningRate !== 0.5) throw new Error();
 * ```
 */
export function reduceOnPlateau(learningRate: number, settings: PlateauSettings = {}): Plateau {
  const { mode = "min", factor = 0.1, patience = 10, threshold = 1e-4 } = settings;
  const { threshold_mode = "rel", cooldown = 0, min_lr: lowest = 0, eps = 1e-8 } = settings;
  const sign = mode === "min" ? -1 : 1;
  let rate = learningRate;
  let best = -sign * Infinity;
  let bad = 0;
  let resting = 0;
  const isBetter = (value: number): boolean => {
    const bar = threshold_mode === "rel" ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === "min" ? value < bar : value > bar;
  };
  return {
    get learningRate(): number {
      return rate;
    },
    step(metric: number): void {
      if (isBetter(metric)) {
        best = metric;
        bad = 0;
      } else bad++;
      if (resting > 0) {
        resting--;
        bad = 0;
      }
      if (bad <= patience) return;
      const lower = Math.max(rate * factor, lowest);
      if (rate - lower > eps) rate = lower;
      resting = cooldown;
      bad = 0;
    },
  };
}
