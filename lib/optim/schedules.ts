/**
 * Learning rates over the steps of a run, as factors of the peak rate: the shapes of transformers'
 * `get_scheduler` (`optimization.py`) and the settings of `lr_scheduler_kwargs`. The schedule that follows
 * a metric is in `plateau.ts`.
 *
 * @module
 */

import { nearest, UserError } from "../base/errors.ts";

/** The length of a run and the settings of its schedule. */
export interface ScheduleSteps {
  /** Steps over which the rate rises linearly from 0. */
  readonly warmupSteps: number;
  /** All optimizer steps of the run, the warm-up included. */
  readonly maxSteps: number;
  /** The peak rate, which `polynomial` falls from; default 1. */
  readonly learningRate?: number | undefined;
  /** Settings by the names of `lr_scheduler_kwargs`; each has transformers' default. */
  readonly kwargs?: ScheduleKwargs | undefined;
}

/** What shapes a schedule; those that it has no use for are not looked at. */
export interface ScheduleKwargs {
  /** Waves of `cosine`, default 0.5; restarts of `cosine_with_restarts`, default 1. */
  readonly num_cycles?: number | undefined;
  /** Exponent of `polynomial`; default 1. */
  readonly power?: number | undefined;
  /** Rate at which `polynomial` ends; default {@linkcode LR_END}. */
  readonly lr_end?: number | undefined;
  /** Steps after which `inverse_sqrt` has fallen by the root of 2; default the warm-up, or 10,000. */
  readonly timescale?: number | undefined;
}

/** From the number of steps done, from 0, to the factor for the next one. */
export type Schedule = (step: number) => number;

/** (share of the time after warm-up, in 0..1; steps after it; the run) -> factor. */
type Decay = (progress: number, after: number, run: ScheduleSteps) => number;

/** The names that {@linkcode schedule} accepts. */
export const SCHEDULES = [
  "linear",
  "cosine",
  "cosine_with_restarts",
  "polynomial",
  "constant",
  "constant_with_warmup",
  "inverse_sqrt",
] as const;

/** The rate at which `polynomial` ends where `lr_end` is left out. */
export const LR_END = 1e-7;

const DECAYS: Readonly<Record<typeof SCHEDULES[number], Decay>> = {
  linear: (progress) => Math.max(0, 1 - progress),
  // By default half a wave, from 1 to 0.
  cosine: (progress, _after, { kwargs }) =>
    Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (kwargs?.num_cycles ?? 0.5) * 2 * progress))),
  cosine_with_restarts: (progress, _after, { kwargs }) =>
    progress >= 1
      ? 0
      : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (((kwargs?.num_cycles ?? 1) * progress) % 1)))),
  polynomial: (progress, _after, { kwargs, learningRate = 1 }) => {
    const { lr_end: end = LR_END, power = 1 } = kwargs ?? {};
    if (progress > 1) return end / learningRate;
    return ((learningRate - end) * (1 - progress) ** power + end) / learningRate;
  },
  constant: () => 1,
  constant_with_warmup: () => 1,
  inverse_sqrt: (_progress, after, { warmupSteps, kwargs }) => {
    const scale = kwargs?.timescale ?? (warmupSteps === 0 ? 10_000 : warmupSteps);
    return 1 / Math.sqrt((after + scale) / scale);
  },
};

/**
 * A learning rate schedule.
 *
 * @param name One of {@linkcode SCHEDULES}.
 * @param steps The length of the run, and settings; `constant` has no warm-up whatever it says.
 * @returns The factor of the peak learning rate for each step.
 * @throws {UserError} for an unknown name, or where `lr_end` is not below the peak.
 *
 * @example
 * ```ts
 * import { schedule } from "./schedules.ts";
 * const factor = schedule("linear", { warmupSteps: 2, maxSteps: 6 });
 * if (factor(1) !== 0.5 || factor(2) !== 1 || factor(4) !== 0.5) throw new Error();
 * ```
 */
export function schedule(name: string, steps: ScheduleSteps): Schedule {
  const known = SCHEDULES.find((each) => each === name);
  if (known === undefined) {
    throw new UserError({
      what: `unknown lr_scheduler_type "${name}"`,
      requirement: `it must be one of ${SCHEDULES.join(", ")}`,
      nearest: nearest(name, SCHEDULES),
    });
  }
  const decay = DECAYS[known];
  const { warmupSteps, maxSteps, learningRate = 1, kwargs } = steps;
  const { lr_end: end = LR_END } = kwargs ?? {};
  if (name === "polynomial" && end >= learningRate) {
    throw new UserError({
      what: `lr_end is ${end} and learning_rate ${learningRate}`,
      requirement: "polynomial falls from learning_rate to a smaller lr_end",
      remedy: "set lr_scheduler_kwargs: { lr_end: … } to less",
    });
  }
  return (step) => {
    if (step < warmupSteps && name !== "constant") return step / Math.max(1, warmupSteps);
    const after = step - warmupSteps;
    return decay(after / Math.max(1, maxSteps - warmupSteps), after, steps);
  };
}
