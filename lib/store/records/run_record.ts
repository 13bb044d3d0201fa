/**
 * What `run.json` holds.
 *
 * @module
 */
import { isJsonObject } from "../../base/json.ts";
import { type Owner, parseOwner } from "../locks/owner.ts";
import { unsealed } from "./sealed.ts";

/** `interrupted` is also what a reader makes of a "running" whose process is dead. */
export type RunStatus = "running" | "done" | "failed" | "interrupted";

const STATUSES: readonly RunStatus[] = ["running", "done", "failed", "interrupted"];

/** What became of a stage in a run. */
export interface StageRecord {
  readonly status:
    | "waiting"
    | "running"
    | "cached"
    | "done"
    | "failed"
    | "blocked"
    | "skipped"
    | "interrupted";
  /** The stage's name after `uses:`. */
  readonly uses?: string;
  /** SHA-256 of its key document, where that could be computed. */
  readonly key?: string;
  /** Digest of its artifact, where there is one. */
  readonly artifact?: string;
  /** Why it ran, or why it did not, in plain words. */
  readonly reasons?: readonly string[];
  /** ISO 8601 UTC. */
  readonly started?: string;
  readonly seconds?: number;
  readonly device?: string | null;
  readonly summary?: unknown;
  /** What went wrong, readable. */
  readonly error?: string;
}

/** What a run knows when it begins. */
export interface RunStart {
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** Absolute path of its file. */
  readonly file: string;
  readonly seed: number;
  readonly params: Readonly<Record<string, unknown>>;
  /** The words after `deno task`. */
  readonly command: readonly string[];
  /** Versions of Temper, Deno, V8, ONNX Runtime. */
  readonly versions: Readonly<Record<string, string>>;
  readonly device: string | null;
  /** By stage id, in the order of the pipeline. */
  readonly stages: Readonly<Record<string, StageRecord>>;
}

/** The content of `run.json`. */
export interface RunRecord extends RunStart {
  /** Name of the run's folder. */
  readonly id: string;
  readonly status: RunStatus;
  /** ISO 8601 UTC. */
  readonly started: string;
  /** ISO 8601 UTC, once it has ended. */
  readonly finished?: string;
  readonly seconds?: number;
  /** The process that ran it. */
  readonly owner: Owner;
  /** What went wrong, readable, where the run itself failed. */
  readonly error?: string;
}

/** Reads the text of a `run.json`; undefined where it is none, or not as it was written. */
export function parseRunRecord(text: string): RunRecord | undefined {
  const value = unsealed(text);
  if (value === undefined) return undefined;
  const owner = parseOwner(value.owner);
  const status = STATUSES.find((known) => known === value.status);
  if (owner === undefined || status === undefined || !isJsonObject(value.stages)) return undefined;
  for (const name of ["id", "pipeline", "file", "started"]) {
    if (typeof value[name] !== "string") return undefined;
  }
  if (!Object.values(value.stages).every((s) => isJsonObject(s) && typeof s.status === "string")) {
    return undefined;
  }
  return { ...value, owner, status } as unknown as RunRecord;
}
