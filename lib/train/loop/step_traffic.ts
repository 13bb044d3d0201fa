/**
 * What the steps of a run cost on a GPU: launches, and bytes up and down, counted by the engine and averaged
 * here over all steps but the first, which prepares things. For people: in the log alone, since the peak of
 * memory differs from run to run, and an artifact must not.
 *
 * @module
 */
import type { GpuTraffic, TrafficCounter } from "../../runtime/session/traffic.ts";
import type { HostTensor } from "../../runtime/session/session.ts";
import type { TrainingProgram } from "../program/program.ts";
import type { StepFigures, TrainingState } from "../state/state.ts";

/** What is summed up over steps. */
const SUMMED = [
  "launches",
  "submits",
  "uploadedBytes",
  "uniformBytes",
  "readbacks",
  "downloadedBytes",
  "bufferBytes",
] as const;

/** Of one step, on average. */
export type StepTraffic = Readonly<Record<typeof SUMMED[number], number>> & {
  /** Steps that were averaged over. */
  readonly steps: number;
  /** The most GPU memory that buffers took at any time so far, in bytes. */
  readonly peakBytes: number;
};

/** A state whose steps are counted. Evaluations, checkpoints and programs in between don't count. */
export interface CountedState {
  readonly state: TrainingState;
  /** Undefined before the second step. */
  traffic(): StepTraffic | undefined;
}

/**
 * Counts the steps of a state.
 *
 * @param state Used through the returned one from here on.
 * @param counter Of the state's engine.
 */
export function countSteps(state: TrainingState, counter: TrafficCounter): CountedState {
  const sums = new Map<typeof SUMMED[number], number>();
  let updates = 0;
  const counting = async <T>(body: () => Promise<T>): Promise<T> => {
    const before = counter.read();
    const result = await body();
    if (updates > 0) {
      const after = counter.read();
      for (const name of SUMMED) {
        sums.set(name, (sums.get(name) ?? 0) + after[name] - before[name]);
      }
    }
    return result;
  };
  const counted: Pick<TrainingState, "accumulate" | "update"> = {
    accumulate: (
      program: TrainingProgram,
      inputs: Readonly<Record<string, HostTensor>>,
    ): Promise<void> => counting(() => state.accumulate(program, inputs)),
    async update(step: Parameters<TrainingState["update"]>[0]): Promise<StepFigures> {
      const figures = await counting(() => state.update(step));
      updates++;
      return figures;
    },
  };
  return {
    // Not a copy: some members are read when they are asked for.
    state: Object.assign(Object.create(state) as TrainingState, counted),
    traffic(): StepTraffic | undefined {
      const steps = updates - 1;
      if (steps < 1) return undefined;
      const means = Object.fromEntries(
        SUMMED.map((name) => [name, (sums.get(name) ?? 0) / steps]),
      ) as Pick<GpuTraffic, typeof SUMMED[number]>;
      return { ...means, steps, peakBytes: counter.read().peakBytes };
    },
  };
}

/** A line for people. */
export function describeTraffic(traffic: StepTraffic): string {
  const count = (value: number): string => Math.round(value).toLocaleString("en");
  const { readbacks } = traffic;
  return `a step on the GPU: ${count(traffic.launches)} launches in ${
    count(traffic.submits)
  } submits, ` +
    `${kilobytes(traffic.uploadedBytes)} up (and ${
      kilobytes(traffic.uniformBytes)
    } of launches' sizes), ` +
    `${kilobytes(traffic.downloadedBytes)} down in ${+readbacks.toFixed(1)} ` +
    `${readbacks === 1 ? "readback" : "readbacks"}; ` +
    `at most ${(traffic.peakBytes / 1e6).toFixed(0)} MB of GPU memory`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(bytes < 1000 ? 2 : 1)} kB`;
}
