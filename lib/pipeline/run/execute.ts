/**
 * Runs a pipeline: every stage as soon as what it reads is there, side by side within bounds.
 *
 * A stage whose result is there costs a look into the store. A stage that fails blocks only what
 * depends on it. An input found damaged makes its stage run again, then the one that needs it.
 *
 * @module
 */
import { InternalError, UserError } from "../../base/errors.ts";
import {
  removeInTurn,
  type RunStart,
  type RunStatus,
  settleRemovals,
  type StageRecord,
} from "../../store/mod.ts";
import { failureOfError } from "../sandbox/failure.ts";
import type { StageNode } from "../types.ts";
import type { RunContext } from "./context.ts";
import { Decider } from "./decide.ts";
import { forgetEngine } from "./device.ts";
import { type DamagedInputs, executeStage } from "./execute_stage.ts";
import { Pool } from "./pool.ts";
import { threadBudgets } from "./pool_budget.ts";
import { RunLog } from "./run_log.ts";
import { readsOf } from "./selection.ts";
import { neverSteady, STEADY_ATTEMPTS } from "./steady.ts";
import { type Ended, recordEnd, type StageEnd } from "./stage_end.ts";

/** How a run ended. */
export type RunEnd = Exclude<RunStatus, "running">;

/** How often a stage starts over because an input was found damaged: a disk that loses what it is given is no place to go on. */
const ATTEMPTS = 4;

/** Milliseconds that a run waits at its end for what is still being removed; the next one goes on with the rest. */
const SETTLE_MS = 1000;

/** Runs a pipeline to its end. */
export async function execute(context: RunContext): Promise<RunEnd> {
  return await new Execution(context).run();
}

class Execution {
  readonly #context: RunContext;
  readonly #decider: Decider;
  readonly #pool: Pool;
  readonly #threads: ReadonlyMap<string, number>;
  readonly #nodes: readonly StageNode[];
  readonly #byId: ReadonlyMap<string, StageNode>;
  readonly #forced: Map<string, string>;
  /** Replaced where a stage has to run a second time. */
  readonly #ended = new Map<string, Promise<Ended>>();
  readonly #repairs = new Map<string, Promise<Ended>>();
  #begun: Promise<void> | undefined;
  #swept: Promise<void> | undefined;
  #log!: RunLog;

  constructor(context: RunContext) {
    const { pipeline, selection, jobs, cores } = context;
    this.#context = context;
    this.#decider = new Decider(context);
    this.#pool = new Pool({ jobs, cores });
    this.#threads = threadBudgets(
      pipeline.stages.map((node) => ({
        id: node.id,
        compute: node.description.compute,
        reads: readsOf(node),
      })),
      { cores, jobs },
    );
    this.#nodes = pipeline.stages.filter(({ id }) =>
      selection.run.has(id) || selection.required.has(id)
    );
    this.#byId = new Map(pipeline.stages.map((node) => [node.id, node]));
    this.#forced = new Map(selection.forced);
  }

  async run(): Promise<RunEnd> {
    const context = this.#context;
    const { store, pipeline, listen, signal } = context;
    const began = performance.now();
    const misplaced = await store.mend();
    this.#log = await RunLog.create(await this.#start(), { store, listen });
    const { folder } = this.#log;
    const run = folder.record.id;
    this.#log.emit({
      type: "run_start",
      run,
      folder: folder.path,
      pipeline: pipeline.name,
      file: pipeline.file,
      stages: this.#nodes.map(({ id }) => id),
      jobs: context.jobs,
    });
    for (const { path, setAside } of misplaced) {
      const text = `${path} was no folder; it was set aside as ${setAside}, and the folder is made`;
      this.#log.emit({ type: "note", text });
    }
    for (const node of this.#nodes) this.#setEnd(node.id, this.#stage(node));
    const outcomes = new Map<string, Ended>();
    for (const { id } of this.#nodes) outcomes.set(id, await this.#settled(id));
    store.blobs.settle();
    const all = [...outcomes.values()];
    const whole = all.length === pipeline.stages.length && all.every((end) => "artifact" in end);
    await this.#writeLockfile({ prune: context.update && whole });

    const status = signal.aborted && all.some((ended) => !("artifact" in ended)) ||
        all.some((ended) => ended.outcome === "interrupted")
      ? "interrupted"
      : all.some((ended) => ended.outcome === "failed")
      ? "failed"
      : "done";
    // Where every stage was cached, too: what a dead runner left lies there until somebody looks.
    await this.#sweep();
    if (!context.kill.aborted) await settleRemovals(SETTLE_MS);
    const duration = performance.now() - began;
    await this.#log.save({
      status,
      finished: new Date().toISOString(),
      seconds: duration / 1000,
    });
    const artifacts: Record<string, string> = {};
    for (const [id, ended] of outcomes) {
      if ("artifact" in ended) artifacts[id] = folder.artifactOf(id);
    }
    const latest = `${store.layout.runs}/latest`;
    this.#log.emit({
      type: "run_end",
      run,
      folder: folder.path,
      latest,
      status,
      duration,
      artifacts,
    });
    return status;
  }

  async #start(): Promise<RunStart> {
    const { pipeline, command, versions } = this.#context;
    const computes = this.#nodes.some((node) => node.description.compute);
    const stages: Record<string, StageRecord> = {};
    for (const { id, description } of pipeline.stages) {
      const status = this.#nodes.some((node) => node.id === id) ? "waiting" : "skipped";
      stages[id] = { status, uses: description.uses };
    }
    return {
      pipeline: pipeline.name,
      file: pipeline.file,
      seed: pipeline.seed,
      params: pipeline.params,
      command,
      versions,
      device: computes ? (await this.#context.device()).device : null,
      stages,
    };
  }

  /** The last end of a stage: a repair may have replaced the first. */
  async #settled(id: string): Promise<Ended> {
    for (;;) {
      const promise = this.#ended.get(id)!;
      const ended = await promise;
      if (this.#ended.get(id) === promise) return ended;
    }
  }

  /** One stage from waiting for its inputs to its end. What goes wrong is its end. */
  async #stage(node: StageNode): Promise<Ended> {
    const { store, signal } = this.#context;
    // Every stage is in the map before the first one looks for another.
    await Promise.resolve();
    const clock = { began: performance.now() };
    const record = (end: StageEnd): Promise<Ended> =>
      recordEnd(node, { end, began: clock.began, log: this.#log, store });
    try {
      return await record(await this.#attempts(node, clock));
    } catch (error) {
      return await record(
        signal.aborted
          ? { outcome: "interrupted" }
          : { outcome: "failed", failure: failureOfError(error, node) },
      );
    }
  }

  async #attempts(node: StageNode, clock: { began: number }): Promise<StageEnd> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const inputs = await this.#inputs(node);
      // Waiting for inputs is no time of its own.
      clock.began = performance.now();
      if (!(inputs instanceof Map)) return inputs;
      const end = await this.#once(node, { inputs, clock });
      if (end.outcome !== "damaged") return end;
      await this.#repair(end.artifacts, inputs);
    }
    throw new UserError({
      what: `the inputs of stage "${node.id}" are damaged again as soon as they are made`,
      remedy: "check the disk and the memory of this machine, then run again",
    });
  }

  /** Stage -> the artifact that a stage reads of it; or how a stage ends that lacks one. */
  async #inputs(node: StageNode): Promise<Map<string, string> | StageEnd> {
    const digests = new Map<string, string>();
    const blockedBy = new Set<string>();
    let interrupted = false;
    for (const id of readsOf(node)) {
      const ended = await this.#settled(id);
      if (ended.outcome === "interrupted") interrupted = true;
      else if (ended.outcome === "failed") blockedBy.add(id);
      else if (ended.outcome === "blocked") { for (const by of ended.by) blockedBy.add(by); }
      else digests.set(id, ended.artifact);
    }
    if (interrupted) return { outcome: "interrupted" };
    if (blockedBy.size > 0) return { outcome: "blocked", blockedBy: [...blockedBy] };
    return this.#context.signal.aborted ? { outcome: "interrupted" } : digests;
  }

  /** Takes a stage's result where it is there, else runs the stage. */
  async #once(
    node: StageNode,
    { inputs, clock }: {
      readonly inputs: ReadonlyMap<string, string>;
      readonly clock: { began: number };
    },
  ): Promise<StageEnd | DamagedInputs> {
    const context = this.#context;
    const { id, description: { compute, resolves } } = node;
    const digestOf = (read: string): string | null => inputs.get(read) ?? null;
    for (let attempt = 0; attempt < STEADY_ATTEMPTS; attempt++) {
      const work = await this.#decider.decide(node, { digestOf, forced: this.#forced.get(id) });
      if (work.status === "pending") {
        throw new InternalError(`stage ${id} was decided without its inputs`);
      }
      if (work.status === "cached") return { outcome: "cached", action: work.action };
      if (context.selection.required.has(id)) {
        throw new UserError({
          what: `the result of stage "${id}" is not there: ${work.reasons.join("; ")}`,
          requirement: "--only runs one stage on results that exist",
          remedy: "run without --only",
        });
      }
      await (this.#begun ??= this.#begin());
      const root = await this.#decider.capture.snapshotOf(node);
      if (root === undefined) continue;
      // What changed before it was copied, whoever asked for the copy, has another key than was decided.
      if (await this.#decider.keyOf(node, digestOf) !== work.key) continue;
      // Before the work, so that a run that is killed goes on with the same sources.
      if (resolves) await this.#writeLockfile({ prune: false });
      const end = await executeStage({
        node,
        work,
        forced: this.#forced.has(id),
        sources: await this.#decider.sourcesOf(node),
        capture: this.#decider.capture,
        root,
        device: compute ? await context.device() : undefined,
        threads: this.#threads.get(id) ?? 0,
        pool: this.#pool,
        log: this.#log,
        clock,
        context,
      });
      if (end.outcome === "changed") {
        this.#decider.forgetSources(node);
        continue;
      }
      if (end.outcome === "done" || end.outcome === "cached") this.#forced.delete(id);
      if (end.outcome === "failed" && compute) forgetEngine(context.store.index);
      return end;
    }
    throw neverSteady(id);
  }

  /** Has removed what dead runners left. That it cannot be, or not soon, spoils no result. */
  async #sweep(): Promise<void> {
    await (this.#swept ??= removeInTurn(this.#context.store.sweep().catch(() => {})));
  }

  /** Before the first stage that runs: from here on a run takes long, and nobody is to wait with their work. */
  async #begin(): Promise<void> {
    await this.#sweep();
    await Promise.all(this.#nodes.map(async (node) => {
      try {
        const isOwn = !node.description.builtin;
        for (let i = 0; i < STEADY_ATTEMPTS; i++) {
          await this.#decider.capture.graphOf(node);
          if (isOwn) await this.#decider.capture.grantedTo(node);
          if (await this.#decider.capture.snapshotOf(node) !== undefined) return;
        }
      } catch {
        // It is told when the stage's turn comes, as that stage's failure.
      }
    }));
  }

  /** Runs the stages again whose results were found damaged; several may find the same one. */
  async #repair(artifacts: readonly string[], digests: ReadonlyMap<string, string>): Promise<void> {
    for (const [id, digest] of digests) {
      if (!artifacts.includes(digest)) continue;
      let repair = this.#repairs.get(id);
      if (repair === undefined) {
        repair = this.#stage(this.#byId.get(id)!);
        this.#repairs.set(id, repair);
        this.#setEnd(id, repair);
      }
      await repair;
      this.#repairs.delete(id);
    }
  }

  #setEnd(id: string, end: Promise<Ended>): void {
    this.#ended.set(id, end);
    // It fails only where the record itself cannot be written. Whoever waits for it hears of it.
    end.catch(() => {});
  }

  /** That pins cannot be written spoils no result, but the next run may find other sources. */
  async #writeLockfile(how: { readonly prune: boolean }): Promise<void> {
    try {
      const { lockfile, signal } = this.#context;
      const changed = await lockfile.write({ ...how, signal });
      for (const text of changed) this.#log.emit({ type: "note", text });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#log.emit({ type: "note", text: error.message });
    }
  }
}
