/**
 * Decides for one stage whether its result is there already and, if not, why it runs.
 *
 * A key needs the digests of the inputs, so it is known only when everything upstream is. Whoever
 * walks the graph (`plan` and `execute`) asks stage by stage.
 *
 * @module
 */
import type { Action, Store } from "../../store/mod.ts";
import type { PlanContext } from "./context.ts";
import {
  type Components,
  componentsOf,
  fingerprint,
  isComplete,
  type PendingComponents,
} from "../key/fingerprint.ts";
import { explain, isComponents } from "../key/explain.ts";
import { Capture } from "./capture.ts";
import { refuseUngrantedData } from "../sandbox/grants.ts";
import { type FoundSources, resolveSources } from "../key/sources.ts";
import type { StageNode } from "../types.ts";
import { neverSteady, STEADY_ATTEMPTS } from "./steady.ts";

/** A stage that is to run. */
export interface Work {
  readonly status: "run";
  readonly key: string;
  readonly components: Components;
  readonly reasons: readonly string[];
}

/** What was decided. */
export type Decision =
  | { readonly status: "cached"; readonly key: string; readonly action: Action }
  | Work
  | {
    /** An input is not made yet. */
    readonly status: "pending";
    /** Why it will run whatever the inputs come to; empty where only they decide. */
    readonly reasons: readonly string[];
  };

/** How many runs are searched for the last time that a stage ran. */
const RUNS_SEARCHED = 20;

/** Decides stage by stage, remembering sources and the past. */
export class Decider {
  readonly #context: PlanContext;
  /** What the stages are made of, as it was when the run began. */
  readonly capture: Capture;
  readonly #sources = new Map<string, Promise<FoundSources | undefined>>();
  #past: Promise<Awaited<ReturnType<Store["runs"]["list"]>>> | undefined;

  constructor(context: PlanContext) {
    this.#context = context;
    this.capture = new Capture(context);
  }

  /** What a stage's sources are; found once a run. */
  sourcesOf(node: StageNode): Promise<FoundSources | undefined> {
    let found = this.#sources.get(node.id);
    if (found === undefined) {
      found = this.#resolve(node);
      this.#sources.set(node.id, found);
    }
    return found;
  }

  /** Looks for the sources of a stage again at the next question: a file changed since. */
  forgetSources(node: StageNode): void {
    this.#sources.delete(node.id);
  }

  async #resolve(node: StageNode): Promise<FoundSources | undefined> {
    const { builtin, resolves } = node.description;
    // Without a `resolve`, too: options are looked through for secrets there.
    if (builtin || !resolves) return await resolveSources(node, this.#context);
    // An own stage's `resolve` is its code: it runs from the copy, on the copies of what it was granted.
    for (let attempt = 0; attempt < STEADY_ATTEMPTS; attempt++) {
      const graph = await this.capture.graphOf(node);
      refuseUngrantedData(node, graph.data, this.#context.baseDir);
      const root = await this.capture.snapshotOf(node);
      if (root === undefined) continue;
      const [code, granted] = await Promise.all([
        this.capture.codeOf(node),
        this.capture.grantedTo(node),
      ]);
      const own = { code, modules: Object.keys(graph.files), root, granted };
      return await resolveSources(node, { ...this.#context, own });
    }
    throw neverSteady(node.id);
  }

  /**
   * Decides for one stage.
   *
   * @param node The stage.
   * @param options `digestOf`: the artifact of a stage upstream, null where it is not made yet;
   *   `forced`: why it runs in any case.
   * @throws {UserError} Where its sources cannot be resolved or its code cannot be read.
   */
  async decide(
    node: StageNode,
    options: {
      readonly digestOf: (id: string) => string | null;
      readonly forced: string | undefined;
    },
  ): Promise<Decision> {
    const { store } = this.#context;
    const components = await this.#components(node, options.digestOf);
    const force = options.forced === undefined ? [] : [options.forced];
    if (!isComplete(components)) {
      const reasons = await this.#reasons(node, components);
      return { status: "pending", reasons: [...force, ...reasons] };
    }
    const key = fingerprint(components);
    const action = await store.actions.read(key);
    const lost = action === undefined
      ? await store.actions.isDamaged(key) ? "the record of its result is damaged" : undefined
      : await this.#lost(action, node);
    if (force.length === 0 && action !== undefined && lost === undefined) {
      return { status: "cached", key, action };
    }
    const why = lost !== undefined
      ? [lost]
      : action !== undefined
      ? []
      : await this.#reasons(node, components);
    const reasons = [...force, ...why];
    return { status: "run", key, components, reasons: reasons.length > 0 ? reasons : [GONE] };
  }

  /**
   * The key of a stage as it is captured by now; undefined where an input is not made yet.
   *
   * @throws {UserError} As {@linkcode Decider.decide}.
   */
  async keyOf(
    node: StageNode,
    digestOf: (id: string) => string | null,
  ): Promise<string | undefined> {
    const components = await this.#components(node, digestOf);
    return isComplete(components) ? fingerprint(components) : undefined;
  }

  async #components(
    node: StageNode,
    digestOf: (id: string) => string | null,
  ): Promise<PendingComponents> {
    const { pipeline } = this.#context;
    const { uses, builtin, version, compute } = node.description;
    const [graph, sources, granted, choice] = await allDone([
      this.capture.graphOf(node),
      this.sourcesOf(node),
      this.capture.grantedTo(node),
      compute ? this.#context.device() : undefined,
    ]);
    refuseUngrantedData(node, graph.data, this.#context.baseDir);
    const inputs = Object.fromEntries(
      Object.entries(node.inputs).map(([role, ids]) => [role, ids.map(digestOf)]),
    );
    return componentsOf({
      uses,
      builtin,
      version,
      graph,
      options: node.options,
      inputs,
      seed: pipeline.seed,
      sources: sources?.key ?? null,
      granted: granted.key,
      device: choice?.device,
    });
  }

  /** What is wrong with the artifact of an action; undefined where it is whole. */
  async #lost({ artifact }: Action, node: StageNode): Promise<string | undefined> {
    const { store: { artifacts }, signal } = this.#context;
    const found = await artifacts.check(artifact, signal);
    if (found.manifest === undefined) {
      return `its result is gone (artifact ${artifact.slice(0, 12)})`;
    }
    const { kind } = found.manifest;
    if (kind !== node.output) return `its result is of kind ${kind}, not ${node.output}`;
    if (found.ok) return undefined;
    const [first] = found.problems ?? [];
    if (first === undefined) return GONE;
    const blob = `${first.file.path}, blob ${first.file.digest.slice(0, 12)}`;
    return first.state === "missing"
      ? `its result is gone (${blob})`
      : `its result was edited (${blob})`;
  }

  /** Every reason against the last time that this stage ran in this pipeline. */
  async #reasons(node: StageNode, now: PendingComponents): Promise<string[]> {
    const { previous, ended } = await this.#lastTime(node.id);
    const reasons: string[] = [];
    if (ended === "failed") reasons.push("it failed last time");
    else if (ended === "interrupted" || ended === "running") {
      reasons.push("it was interrupted last time");
    }
    if (previous === undefined) {
      if (reasons.length > 0) return reasons;
      return [ended === undefined ? "never ran before" : GONE];
    }
    // An input still to be made is no reason by itself: it may come out as it was.
    const inputs = Object.fromEntries(
      Object.entries(now.inputs).map(([role, digests]) => [
        role,
        digests.map((digest, i) => digest ?? previous.inputs[role]?.[i] ?? null),
      ]),
    );
    reasons.push(...explain(previous, { ...now, inputs }, { producers: node.inputs }));
    return reasons;
  }

  /** The components with which a stage last came to a result, and how its last attempt ended. */
  async #lastTime(id: string): Promise<{ previous?: Components; ended?: string }> {
    const { store, pipeline } = this.#context;
    this.#past ??= store.runs.list({ pipeline: pipeline.name, limit: RUNS_SEARCHED });
    let ended: string | undefined;
    for (const { record } of await this.#past) {
      const stage = record.stages[id];
      if (stage?.key === undefined) continue;
      ended ??= stage.status;
      const action = await store.actions.read(stage.key);
      if (action !== undefined && isComponents(action.components)) {
        return { previous: action.components, ended };
      }
    }
    return ended === undefined ? {} : { ended };
  }
}

/** As `Promise.all`, and nothing goes on, or writes, behind the back of whoever gets the first error. */
async function allDone<T extends readonly unknown[] | []>(
  work: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}

const GONE = "the record of its result is gone";
