/**
 * Dynamic loss scaling (Micikevicius et al., arXiv 1710.03740, section 3.2) with the arithmetic and the
 * defaults of `torch.amp.GradScaler`: small gradients would be 0 in float16, so the loss is multiplied by a
 * scale that is as large as overflow allows. A step whose gradient overflows is skipped and halves the scale;
 * 2000 steps in a row without one double it.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import type { CallbackState, TrainerCallback } from "./callbacks.ts";

/** What the scale is multiplied by after {@linkcode GROWTH_INTERVAL} steps without overflow. */
const GROWTH = 2;
/** What it is multiplied by when a gradient overflows. */
const BACKOFF = 0.5;
const GROWTH_INTERVAL = 2000;

/**
 * torch would go on halving for ever. A gradient that overflows at this scale (by fairseq's default, too) is no
 * matter of the scale.
 */
const LEAST_SCALE = 1e-4;

/** The loss scale of a run. As a callback it keeps itself in checkpoints. */
export interface GradScaler extends TrainerCallback {
  /** What the loss of the next step is multiplied by, and its gradient divided by. */
  readonly scale: number;
  /** Steps that were skipped so far; the schedule of learning rates does not count them. */
  readonly skipped: number;
  /**
   * Takes note of a step.
   *
   * @param gradNorm Norm of its gradient; where it is no finite number, nothing was updated.
   * @param options `step`: its number, for the log.
   * @returns Whether it is one to skip. False also where no smaller scale would help.
   */
  skips(gradNorm: number, options: { readonly step: number }): boolean;
}

/**
 * Opens the scale of a run.
 *
 * @param options `initScale`: default 65536. `log`: is told of skipped steps.
 */
export function gradScaler(
  options: { readonly initScale?: number; readonly log?: (message: string) => void } = {},
): GradScaler {
  let scale = options.initScale ?? 2 ** 16;
  let tracker = 0;
  let skipped = 0;
  return {
    name: "grad_scaler",
    get scale(): number {
      return scale;
    },
    get skipped(): number {
      return skipped;
    },
    skips(gradNorm: number, { step }: { readonly step: number }): boolean {
      if (Number.isFinite(gradNorm)) {
        tracker++;
        if (tracker < GROWTH_INTERVAL) return false;
        tracker = 0;
        // The scale is a float32 in the graph.
        if (Number.isFinite(Math.fround(scale * GROWTH))) scale *= GROWTH;
        return false;
      }
      if (scale < LEAST_SCALE) return false;
      const before = scale;
      scale *= BACKOFF;
      tracker = 0;
      skipped++;
      options.log?.(
        `step ${step} is skipped: its gradient overflows float16 at a loss scale of ${before}; ` +
          `the next one has ${scale}`,
      );
      return true;
    },
    stateOf: (): CallbackState => ({ values: { scale, tracker, skipped } }),
    restore({ values }: CallbackState): void {
      [scale, tracker, skipped] = ["scale", "tracker", "skipped"].map((name) => {
        const value = values[name];
        if (typeof value !== "number") throw new InternalError(`a grad_scaler without ${name}`);
        return value;
      }) as [number, number, number];
    },
  };
}
