/**
 * Writes down how a stage ended: into the run's record, its events, and the folder that a person opens.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import type { Action, Store } from "../../store/mod.ts";
import type { StageOutcome } from "./events.ts";
import { failureText, type StageFailure } from "../sandbox/failure.ts";
import { isSummaryEntry } from "../sandbox/protocol.ts";
import type { RunLog } from "./run_log.ts";
import type { StageNode } from "../types.ts";

/** How a stage ended, for those that depend on it. */
export type Ended =
  | { readonly outcome: "cached" | "done"; readonly artifact: string }
  | { readonly outcome: "failed" }
  | { readonly outcome: "interrupted" }
  | { readonly outcome: "blocked"; readonly by: readonly string[] };

/** How a stage ended, for the record. */
export interface StageEnd {
  readonly outcome: StageOutcome;
  /** Its result, where there is one. */
  readonly action?: Action;
  readonly key?: string;
  readonly failure?: StageFailure;
  readonly blockedBy?: readonly string[];
}

/** Records the end of a stage and opens its result in the run's folder. */
export async function recordEnd(
  node: StageNode,
  { end, began, log, store }: {
    readonly end: StageEnd;
    /** By `performance.now()`, from when its inputs and a place were there. */
    readonly began: number;
    readonly log: RunLog;
    readonly store: Store;
  },
): Promise<Ended> {
  const { outcome, action, failure, blockedBy } = end;
  const { folder } = log;
  const summary = Array.isArray(action?.summary) ? action.summary.filter(isSummaryEntry) : [];
  if (action !== undefined) {
    await store.artifacts.materialize(action.artifact, folder.artifactOf(node.id));
  }
  const key = action?.key ?? end.key;
  const duration = outcome === "done" && action !== undefined
    ? action.seconds * 1000
    : performance.now() - began;
  const ran = outcome === "done" || outcome === "failed" || outcome === "interrupted";
  log.set(node.id, {
    status: outcome,
    ...(key === undefined ? {} : { key }),
    ...(action === undefined
      ? {}
      : { artifact: action.artifact, summary, device: action.device, seconds: duration / 1000 }),
    ...(failure === undefined ? {} : { error: failureText(failure) }),
    ...(blockedBy === undefined ? {} : { reasons: [`it needs ${blockedBy.join(", ")}`] }),
  });
  log.emit({
    type: "stage_end",
    stage: node.id,
    outcome,
    duration,
    ...(key === undefined ? {} : { key }),
    ...(action === undefined ? {} : { artifact: action.artifact, kind: node.output, summary }),
    ...(failure === undefined ? {} : { failure }),
    ...(blockedBy === undefined ? {} : { blocked_by: blockedBy }),
    ...(ran && key !== undefined ? { log: folder.logOf(node.id) } : {}),
  });
  // Cached and blocked stages change nothing that a crash could lose; the end of the run writes them.
  if (ran) await log.save();
  if (outcome === "cached" || outcome === "done") {
    if (action === undefined) {
      throw new InternalError(`stage ${node.id} ended as ${outcome} without a result`);
    }
    return { outcome, artifact: action.artifact };
  }
  return outcome === "blocked" ? { outcome, by: blockedBy ?? [] } : { outcome };
}
