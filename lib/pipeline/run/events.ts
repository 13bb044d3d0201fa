/**
 * What a run tells while it goes on: lines of `events.ndjson` and of `--json`, and what the terminal draws.
 *
 * @module
 */
import type { StageFailure } from "../sandbox/failure.ts";
import type { Kind, Measure, SummaryEntry } from "../stage.ts";

// What events hold, for those who show them.
export type { Measure, StageFailure, SummaryEntry };

/** How a stage of a run ended. */
export type StageOutcome = "cached" | "done" | "failed" | "blocked" | "interrupted";

/** One thing that happened. `time` is ISO 8601 in UTC; durations are milliseconds. */
export type RunEvent =
  | {
    readonly type: "run_start";
    readonly time: string;
    readonly run: string;
    readonly folder: string;
    readonly pipeline: string;
    readonly file: string;
    readonly stages: readonly string[];
    readonly jobs: number;
  }
  | {
    readonly type: "stage_start";
    readonly time: string;
    readonly stage: string;
    readonly key: string;
    readonly reasons: readonly string[];
    /** Only stages that compute have a device and threads. */
    readonly device?: string;
    readonly device_why?: string;
    readonly threads?: number;
  }
  | {
    readonly type: "progress";
    readonly time: string;
    readonly stage: string;
    readonly done: number;
    /** 0 where it is not known. */
    readonly total: number;
    readonly unit: string;
    /** A second measure of the same work. */
    readonly also?: Measure;
  }
  | {
    readonly type: "log";
    readonly time: string;
    readonly stage: string;
    readonly message: string;
  }
  | {
    readonly type: "summary";
    readonly time: string;
    readonly stage: string;
    readonly entry: SummaryEntry;
  }
  | {
    readonly type: "note";
    readonly time: string;
    readonly stage?: string;
    readonly text: string;
  }
  | {
    readonly type: "stage_end";
    readonly time: string;
    readonly stage: string;
    readonly outcome: StageOutcome;
    /** How long this run worked on it. */
    readonly duration: number;
    readonly key?: string;
    readonly artifact?: string;
    readonly kind?: Kind;
    /** What it had to say when it was computed: now, or in the run it was taken from. */
    readonly summary?: readonly SummaryEntry[];
    readonly failure?: StageFailure;
    /** Stages that failed and so kept it from running. */
    readonly blocked_by?: readonly string[];
    readonly log?: string;
  }
  | {
    readonly type: "run_end";
    readonly time: string;
    readonly run: string;
    readonly folder: string;
    readonly latest: string;
    readonly status: "done" | "failed" | "interrupted";
    readonly duration: number;
    /** Stage -> the folder a person opens. */
    readonly artifacts: Readonly<Record<string, string>>;
  };
