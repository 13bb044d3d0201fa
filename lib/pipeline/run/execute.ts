/**
 * Runs a pipeline: every stage as soon as what it reads is there, side by side within bounds.
 *
 * A stage whose result is there costs a look into the store. A stage that fails blocks only what
 * depends on it. An input found damaged makes its stage run again, then the one that needs it.
 *
 * @module
 */
import { InternalError, UserError } from "../../base/errors.ts";
import type { RunStart, RunStatus, StageRecord } from "../../store/mod.ts";
import { type DecideContext, Decider } from "./decide.ts";
import { type DeviceChoice, type Engines, forgetEngine } from "./device.ts";
import type { RunEvent, StageOutcome } from "./events.ts";
import { executeStage, type StageRun, type StageRunResult } from "./execute_stage.ts";
import { failureOfError } from "../sandbox/failure.ts";
import { Pool } from "./pool.ts";
import { threadBudgets } from "./pool_budget.ts";
import { RunLog } from "./run_log.ts";
import { readsOf, type Selection } from "./selection.ts";
import { type Ended, recordEnd, type StageEnd } from "./stage_end.ts";
import type { StageNode } from "../types.ts";

/** What a run needs beyond deciding. */
export interface ExecuteOptions extends DecideContext {
  readonly selection: Selection;
  readonly engines: Engines;
  /** Stages at once. */
  readonly jobs: number;
  /** Cores of the machine. */
  readonly cores: number;
  /** The words of the command line, for the record. */
  readonly command: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  /** Aborted by the first Ctrl-C: stop politely. The same as `signal`. */
  readonly stop: AbortSignal;
  /** Aborted by the second: stop at once. */
  readonly kill: AbortSignal;
  readonly listen: (event: RunEvent) => void;
}

/** How a run ended. */
export interface RunResult {
  readonly status: Exclude<RunStatus, "running">;
  /** The run's folder. */
  readonly folder: string;
}

/** How often a stage starts over because an input was found damaged: a disk that loses what it is given is no place to go on. */
const ATTEMPTS = 4;

/** Runs a pipeline to its end. */
export async function execute(options: ExecuteOptions): Promise<RunResult> {
  return await new Execution(options).run();
}

class Execution {
  readonly #options: ExecuteOptions;
  readonly #decider: Decider;
  readonly #pool: Pool;
  readonly #threads: ReadonlyMap<string, number>;
  readonly #nodes: readonly StageNode[];
  readonly #byId: ReadonlyMap<string, StageNode>;
  readonly #forced: Map<string, string>;
  /** Replaced where a stage has to run a second time. */
  readonly #ended = new Map<string, Promise<Ended>>();
  readonly #repairs = new Map<string, Promise<Ended>>();
  #swept: Promise<void> | undefined;
  #log!: RunLog;

  constructor(options: ExecuteOptions) {
    const { pipeline, selection, jobs, cores } = options;
    this.#options = options;
    this.#decider = new Decider(options);
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

  async run(): Promise<RunResult> {
    const options = this.#options;
    const { store, pipeline, listen, stop } = options;
    const began = performance.now();
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
      jobs: options.jobs,
    });
    for (const node of this.#nodes) this.#setEnd(node.id, this.#stage(node));
    const outcomes = new Map<string, Ended>();
    for (const { id } of this.#nodes) outcomes.set(id, await this.#settled(id));
    const all = [...outcomes.values()];
    const whole = all.length === pipeline.stages.length && all.every((end) => "artifact" in end);
    await this.#writeLockfile({ prune: options.update && whole });

    const status = stop.aborted && all.some((ended) => !("artifact" in ended)) ||
        all.some((ended) => ended.outcome === "interrupted")
      ? "interrupted"
      : all.some((ended) => ended.outcome === "failed")
      ? "failed"
      : "done";
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
    return { status, folder: folder.path };
  }

  async #start(): Promise<RunStart> {
    const { pipeline, command, versions } = this.#options;
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
      device: computes ? (await this.#options.device()).device : null,
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

  /** One stage from waiting for its inputs to its end. Never throws. */
  async #stage(node: StageNode): Promise<Ended> {
    // Every stage is in the map before the first one looks for another.
    await Promise.resolve();
    let began = performance.now();
    try {
      // Waiting for inputs is no time of its own.
      await Promise.all(readsOf(node).map((id) => this.#settled(id)));
      began = performance.now();
      return await this.#attempts(node);
    } catch (error) {
      if (this.#options.stop.aborted) return await this.#end(node, "interrupted", { began });
      const failure = failureOfError(error, node);
      return await this.#end(node, "failed", { began, failure });
    }
  }

  async #attempts(node: StageNode): Promise<Ended> {
    let began = performance.now();
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const digests = new Map<string, string>();
      const blockedBy = new Set<string>();
      for (const id of readsOf(node)) {
        const ended = await this.#settled(id);
        if (ended.outcome === "interrupted") return await this.#end(node, "interrupted", { began });
        if (ended.outcome === "failed") blockedBy.add(id);
        else if (ended.outcome === "blocked") { for (const by of ended.by) blockedBy.add(by); }
        else digests.set(id, ended.artifact);
      }
      if (blockedBy.size > 0) {
        return await this.#end(node, "blocked", { began, blockedBy: [...blockedBy] });
      }
      if (this.#options.stop.aborted) return await this.#end(node, "interrupted", { began });

      const decision = await this.#decider.decide(node, {
        digestOf: (id) => digests.get(id) ?? null,
        forced: this.#forced.get(node.id),
      });
      if (decision.status === "pending") {
        throw new InternalError(`stage ${node.id} was decided without its inputs`);
      }
      if (decision.status === "cached") {
        return await this.#end(node, "cached", { began, action: decision.action });
      }
      if (this.#options.selection.required.has(node.id)) {
        throw new UserError({
          what: `the result of stage "${node.id}" is not there: ${decision.reasons.join("; ")}`,
          requirement: "--only runs one stage on results that exist",
          remedy: "run without --only",
        });
      }
      const result = await this.#execute(node, decision, () => {
        // Nor is waiting for a place beside the others.
        began = performance.now();
      });
      switch (result.type) {
        case "done":
        case "taken": {
          this.#forced.delete(node.id);
          const outcome = result.type === "done" ? "done" : "cached";
          return await this.#end(node, outcome, { began, action: result.action });
        }
        case "interrupted":
          return await this.#end(node, "interrupted", { began, key: decision.key });
        case "failed":
          if (node.description.compute) forgetEngine(this.#options.store.index);
          return await this.#end(node, "failed", {
            began,
            key: decision.key,
            failure: result.failure,
          });
        case "damaged":
          await this.#repair(result.artifacts, digests);
      }
    }
    throw new UserError({
      what: `the inputs of stage "${node.id}" are damaged again as soon as they are made`,
      remedy: "check the disk and the memory of this machine, then run again",
    });
  }

  async #execute(
    node: StageNode,
    decision: Pick<StageRun, "key" | "components"> & { readonly reasons: readonly string[] },
    started: () => void,
  ): Promise<StageRunResult> {
    const options = this.#options;
    const { store, pipeline } = options;
    const { compute } = node.description;
    const device: DeviceChoice | undefined = compute ? await options.device() : undefined;
    const threads = this.#threads.get(node.id) ?? 0;
    await (this.#swept ??= store.sweep());
    // Before the work, so that a run that is killed goes on with the same sources.
    if (node.description.resolves) await this.#writeLockfile({ prune: false });
    const stage = node.id;
    return await executeStage({
      node,
      key: decision.key,
      components: decision.components,
      forced: this.#forced.has(stage),
      seed: pipeline.seed,
      sources: await this.#decider.sourcesOf(node),
      device,
      threads,
      offline: options.offline,
      project: options.project,
      baseDir: options.baseDir,
      store,
      engines: options.engines,
      pool: this.#pool,
      versions: options.versions,
      cache: node.description.cache,
      logPath: this.#log.folder.logOf(stage),
      stop: options.stop,
      kill: options.kill,
      onStart: async () => {
        started();
        this.#log.set(stage, {
          status: "running",
          key: decision.key,
          reasons: decision.reasons,
          started: new Date().toISOString(),
          device: device?.device ?? null,
        });
        this.#log.emit({
          type: "stage_start",
          stage,
          key: decision.key,
          reasons: decision.reasons,
          ...(device === undefined
            ? {}
            : { device: device.device, device_why: device.why, threads }),
        });
        await this.#log.save();
      },
      onReport: (report) => this.#log.emit({ ...report, stage }),
      onNote: (text) => this.#log.emit({ type: "note", stage, text }),
    });
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

  async #end(
    node: StageNode,
    outcome: StageOutcome,
    what: Omit<StageEnd, "outcome">,
  ): Promise<Ended> {
    const { store } = this.#options;
    return await recordEnd(node, { end: { outcome, ...what }, log: this.#log, store });
  }

  /** That pins cannot be written spoils no result, but the next run may find other sources. */
  async #writeLockfile(how: { readonly prune: boolean }): Promise<void> {
    try {
      await this.#options.lockfile.write(how);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#log.emit({ type: "note", text: error.message });
    }
  }
}
