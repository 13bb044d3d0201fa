/**
 * Says what a run would do and why, without doing it.
 *
 * Nothing is executed; sources are looked up, as their commits and digests are part of the keys.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { systemRefusal } from "../../store/mod.ts";
import type { PlanContext } from "./context.ts";
import { Decider } from "./decide.ts";
import { readsOf, type Selection } from "./selection.ts";
import type { StageNode } from "../types.ts";

/** What a run would do with one stage. */
export interface StagePlan {
  readonly stage: string;
  /** As written after `uses:`. */
  readonly uses: string;
  /**
   * `cached`: its result is there. `run`: it runs. `waits`: it runs if what it reads comes out
   * differently. `unknown`: its sources cannot be looked up now. `skipped`: not selected.
   */
  readonly status: "cached" | "run" | "waits" | "unknown" | "skipped";
  /** Why it runs, every reason; what hinders for `unknown`. */
  readonly reasons: readonly string[];
  /** Stages that run first. */
  readonly waits_for: readonly string[];
  readonly key?: string;
  readonly artifact?: string;
}

/**
 * Plans a run.
 *
 * @param context What deciding needs.
 * @returns A plan per stage, in the order of the pipeline.
 */
export async function plan(context: PlanContext): Promise<StagePlan[]> {
  const { selection } = context;
  const decider = new Decider(context);
  const digests = new Map<string, string | null>();
  const plans: StagePlan[] = [];
  for (const node of context.pipeline.stages) {
    const taking = selection.run.has(node.id) || selection.required.has(node.id);
    const planned = taking
      ? await planStage(node, { decider, digests, selection })
      : stagePlan(node, { status: "skipped" });
    digests.set(node.id, planned.artifact ?? null);
    plans.push(planned);
  }
  return plans;
}

/**
 * Makes sure that what `--only` reads is there.
 *
 * @throws {UserError} Naming what is not.
 */
export function checkRequired(
  plans: readonly StagePlan[],
  { pipeline, selection }: Pick<PlanContext, "pipeline" | "selection">,
): void {
  const missing = new Set(
    plans.filter((each) => selection.required.has(each.stage) && each.status !== "cached")
      .map((each) => each.stage),
  );
  for (const node of pipeline.stages) {
    if (!selection.run.has(node.id)) continue;
    const lacking = readsOf(node).filter((id) => missing.has(id));
    if (lacking.length === 0) continue;
    throw new UserError({
      what: `--only ${node.name}: its input ${lacking.join(", ")} is not there as it would be now`,
      requirement: "--only runs one stage on results that exist",
      remedy: "run without --only: what is missing is made, what is there is kept",
    });
  }
}

async function planStage(
  node: StageNode,
  { decider, digests, selection }: {
    readonly decider: Decider;
    readonly digests: ReadonlyMap<string, string | null>;
    readonly selection: Selection;
  },
): Promise<StagePlan> {
  const waits = readsOf(node).filter((id) => (digests.get(id) ?? null) === null);
  try {
    const decision = await decider.decide(node, {
      digestOf: (id) => digests.get(id) ?? null,
      forced: selection.forced.get(node.id),
    });
    switch (decision.status) {
      case "cached": {
        const { key, action } = decision;
        return { ...stagePlan(node, { status: "cached" }), key, artifact: action.artifact };
      }
      case "run":
        return {
          ...stagePlan(node, { status: "run", reasons: decision.reasons }),
          key: decision.key,
        };
      case "pending": {
        const status = decision.reasons.length > 0 ? "run" : "waits";
        return stagePlan(node, { status, reasons: decision.reasons, waits_for: waits });
      }
    }
  } catch (thrown) {
    const error = systemRefusal(thrown) ?? thrown;
    if (!(error instanceof UserError)) throw error;
    return stagePlan(node, { status: "unknown", reasons: [told(error)], waits_for: waits });
  }
}

/** A mistake in one line, with its place. */
function told({ message, parts: { at } }: UserError): string {
  return at === undefined ? message : `${at.file}:${at.line}:${at.column}: ${message}`;
}

function stagePlan(
  node: StageNode,
  parts: Partial<StagePlan> & Pick<StagePlan, "status">,
): StagePlan {
  return { stage: node.id, uses: node.description.uses, reasons: [], waits_for: [], ...parts };
}
