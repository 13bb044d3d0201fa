/**
 * Learning rates over the steps of a run, as factors of the peak rate: the shapes of transformers'
 * `get_scheduler` (`optimization.py`). Left out: schedules that follow a metric (`reduce_lr_on_plateau`).
 *
 * @module
 */

import { nearest, UserError } from "../errors.ts";

/** The length of a run. */
export interface ScheduleSteps {
  /** Steps over which the rate rises linearly from 0. */
  readonly warmupSteps: number;
  /** All optimizer steps of the run, the warm-up included. */
  readonly maxSteps: number;
}

/** From the number of steps done, from 0, to the factor for the next one. */
export type Schedule = (step: number) => number;

/** (share of the time after warm-up, in 0..1; steps after it; the run) -> factor. */
type Decay = (progress: number, after: number, run: ScheduleSteps) => number;

const DECAYS: Readonly<Record<string, Decay>> = {
  linear: (progress) => Math.max(0, 1 - progress),
  // Half a period, from 1 to 0.
  cosine: (progress) => Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress))),
  // One cycle, as `num_cycles` is by default: the same as cosine but 0 from the end on.
  cosine_with_restarts: (progress) =>
    progress >= 1 ? 0 : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (progress % 1)))),
  constant: () => 1,
  constant_with_warmup: () => 1,
  inverse_sqrt: (_progress, after, { warmupSteps }) => {
    // transformers takes 10,000 as the time scale where there is no warm-up.
    const scale = warmupSteps === 0 ? 10_000 : warmupSteps;
    return 1 / Math.sqrt((after + scale) / scale);
  },
};

/** The names that {@linkcode schedule} accepts. */
export const SCHEDULES: readonly string[] = Object.keys(DECAYS);

/**
 * A learning rate schedule.
 *
 * @param name One of {@linkcode SCHEDULES}.
 * @param steps The length of the run; `constant` has no warm-up whatever it says.
 * @returns The factor of the peak learning rate for each step.
 * @throws UserError for an unknown name.
 *
 * @example
 * ```ts
 * import { schedule } from "./schedules.ts";
 * const factor = schedule("linear", { warmupSteps: 2, maxSteps: 6 });
 * if (factor(1) !== 0.5 || factor(2) !== 1 || factor(4) !== 0.5) throw new Error();
 * ```
 */
export function schedule(name: string, steps: ScheduleSteps): Schedule {
  const decay = Object.hasOwn(DECAYS, name) ? DECAYS[name] : undefined;
  if (decay === undefined) {
    throw new UserError({
      what: `unknown lr_scheduler_type "${name}"`,
      requirement: `it must be one of ${SCHEDULES.join(", ")}`,
      nearest: nearest(name, SCHEDULES),
    });
  }
  const { warmupSteps, maxSteps } = steps;
  return (step) => {
    if (step < warmupSteps && name !== "constant") return step / Math.max(1, warmupSteps);
    const after = step - warmupSteps;
    return decay(after / Math.max(1, maxSteps - warmupSteps), after, steps);
  };
}
