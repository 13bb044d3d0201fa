/**
 * What a run's events add up to: each stage's state, progress and rate. Pure.
 *
 * @module
 */
import type {
  Measure,
  RunEvent,
  StageFailure,
  StageOutcome,
  SummaryEntry,
} from "../../pipeline/run/events.ts";
import { Pace } from "./pace.ts";

/** One stage as far as the events have told. */
export interface StageState {
  readonly id: string;
  state: "waiting" | "running" | StageOutcome;
  /** Milliseconds since the epoch. */
  started: number | undefined;
  duration: number | undefined;
  reasons: readonly string[];
  device: string | undefined;
  deviceWhy: string | undefined;
  threads: number | undefined;
  progress: { done: number; total: number; unit: string; also?: Measure } | undefined;
  /** Of the work that is told of now. */
  pace: Pace | undefined;
  summary: readonly SummaryEntry[];
  failure: StageFailure | undefined;
  blockedBy: readonly string[];
  kind: string | undefined;
  log: string | undefined;
}

/** A run as far as its events have told. */
export interface RunState {
  readonly stages: Map<string, StageState>;
  start: (RunEvent & { type: "run_start" }) | undefined;
  end: (RunEvent & { type: "run_end" }) | undefined;
}

/** A run of which nothing has happened. */
export function newRunState(): RunState {
  return { stages: new Map(), start: undefined, end: undefined };
}

/** Takes one event into account. */
export function update(run: RunState, event: RunEvent): void {
  switch (event.type) {
    case "run_start":
      run.start = event;
      for (const id of event.stages) stageOf(run, id);
      return;
    case "run_end":
      run.end = event;
      return;
    case "stage_start": {
      const stage = stageOf(run, event.stage);
      // A stage can start again in one run: where its result was found damaged.
      Object.assign(stage, blank(), {
        state: "running",
        started: Date.parse(event.time),
        reasons: event.reasons,
        device: event.device,
        deviceWhy: event.device_why,
        threads: event.threads,
      });
      return;
    }
    case "progress": {
      const stage = stageOf(run, event.stage);
      const { done, total, unit, also } = event;
      stage.progress = { done, total, unit, ...(also === undefined ? {} : { also }) };
      if (stage.pace?.isOf(stage.progress) !== true) stage.pace = new Pace(stage.progress);
      stage.pace.add(Date.parse(event.time), stage.progress);
      return;
    }
    case "summary": {
      const stage = stageOf(run, event.stage);
      stage.summary = [...stage.summary, event.entry];
      return;
    }
    case "stage_end": {
      const stage = stageOf(run, event.stage);
      stage.state = event.outcome;
      stage.duration = event.duration;
      stage.summary = event.summary ?? stage.summary;
      stage.failure = event.failure;
      stage.blockedBy = event.blocked_by ?? [];
      stage.kind = event.kind;
      stage.log = event.log;
      return;
    }
    case "log":
    case "note":
      return;
  }
}

/** Units in a second over the last seconds; undefined before there is anything to measure. */
export function rateOf(stage: StageState): number | undefined {
  return stage.pace?.rates.main;
}

function stageOf(run: RunState, id: string): StageState {
  let stage = run.stages.get(id);
  if (stage === undefined) {
    stage = { id, ...blank() };
    run.stages.set(id, stage);
  }
  return stage;
}

function blank(): Omit<StageState, "id"> {
  return {
    state: "waiting",
    started: undefined,
    duration: undefined,
    reasons: [],
    device: undefined,
    deviceWhy: undefined,
    threads: undefined,
    progress: undefined,
    pace: undefined,
    summary: [],
    failure: undefined,
    blockedBy: [],
    kind: undefined,
    log: undefined,
  };
}
