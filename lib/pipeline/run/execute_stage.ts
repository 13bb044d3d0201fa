/**
 * Runs one stage whose key is known: takes the key's lock, checks the inputs' bytes, confines the
 * stage in a process, and publishes what it wrote.
 *
 * The order is what makes a kill at any moment harmless: the artifact is complete on disk before the
 * action record names it, and only this process writes either.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../../base/errors.ts";
import { filePath } from "../../base/paths.ts";
import { after } from "../../base/timer.ts";
import {
  type Action,
  ensureFolder,
  keyLock,
  type Lock,
  safeName,
  snapshotPath,
  storeFailure,
} from "../../store/mod.ts";
import { type ChildOutcome, runChild } from "../sandbox/child.ts";
import { grantedVariables } from "../code/environment.ts";
import { TEMPER } from "../code/process_config.ts";
import { explainFullDisk } from "../sandbox/full_disk.ts";
import { failureOf, failureOfError } from "../sandbox/failure.ts";
import { grantsOf } from "../sandbox/grants.ts";
import { grantedPlaces } from "../key/granted.ts";
import { checkOutput } from "../sandbox/output_check.ts";
import type { RunRequest } from "../sandbox/protocol.ts";
import type { FoundSources } from "../key/sources.ts";
import type { InputArtifact, SummaryEntry } from "../stage.ts";
import type { StageNode } from "../types.ts";
import type { RunContext } from "./context.ts";
import type { Work } from "./decide.ts";
import type { DeviceChoice } from "./device.ts";
import type { Capture } from "./capture.ts";
import { changedInPlace, copySources, type LocalSources } from "./local_sources.ts";
import type { Pool } from "./pool.ts";
import { type RunLog, StageLog } from "./run_log.ts";
import type { StageEnd } from "./stage_end.ts";

/** What running one stage needs. */
export interface StageRun {
  readonly node: StageNode;
  readonly work: Work;
  /** True where an existing result is no reason to stop. */
  readonly forced: boolean;
  readonly sources: FoundSources | undefined;
  readonly capture: Capture;
  /** The snapshot that it is run from. */
  readonly root: string;
  /** Undefined for a stage that does not compute. */
  readonly device: DeviceChoice | undefined;
  readonly threads: number;
  readonly pool: Pool;
  readonly log: RunLog;
  /** Set to `performance.now()` when the process starts, which may be long after the call. */
  readonly clock: { began: number };
  readonly context: RunContext;
}

/** Inputs whose bytes changed: digests of the artifacts, to be made again. */
export interface DamagedInputs {
  readonly outcome: "damaged";
  readonly artifacts: readonly string[];
}

/** A source that is no longer what the key tells: the key has to be made again. */
export interface ChangedSources {
  readonly outcome: "changed";
}

/** Runs one stage to its end, unless what it reads is damaged or changed. What goes wrong is a value. */
export async function executeStage(
  run: StageRun,
): Promise<StageEnd | DamagedInputs | ChangedSources> {
  const { node, work: { key }, context: { store, signal } } = run;
  try {
    await using scratch = await store.scratch.create();
    // Before anything that may take long: from here on nobody's save matters.
    const sources = await copySources(run, join(scratch.path, "sources"));
    if (sources === undefined) return { outcome: "changed" };
    for (let attempt = 0;; attempt++) {
      const folder = join(scratch.path, String(attempt));
      await Deno.mkdir(folder);
      const end = await underLock(run, { folder, sources });
      if (end.outcome !== "lost") return end;
      note(
        run,
        "the lock on this work was removed, or taken over by another process because this one was " +
          "held up: what it made is thrown away",
      );
    }
  } catch (error) {
    if (signal.aborted) return { outcome: "interrupted", key };
    const attempt = { doing: `keep what stage "${node.id}" makes`, path: store.layout.store };
    return { outcome: "failed", key, failure: failureOfError(storeFailure(error, attempt), node) };
  }
}

/** The lock was taken over meanwhile: only its holder may publish. */
interface LostLock {
  readonly outcome: "lost";
}

/** Where an attempt works, and what it reads that is no artifact. */
interface Attempt {
  /** An empty folder. */
  readonly folder: string;
  readonly sources: LocalSources;
}

async function underLock(
  run: StageRun,
  attempt: Attempt,
): Promise<StageEnd | DamagedInputs | LostLock> {
  const { node, work: { key }, context: { store, signal } } = run;
  await using lock = await store.locks.acquire(keyLock(key), {
    signal,
    onWait: ({ words }) => note(run, `waiting for ${words}, which does the same work`),
  });
  const action = await store.actions.read(key);
  if (action !== undefined) {
    const found = await store.artifacts.check(action.artifact, signal);
    // Another process made the same result meanwhile.
    const isSound = found.ok && found.manifest.kind === node.output;
    if (isSound && !run.forced) return { outcome: "cached", action };
    if (found.manifest !== undefined && !found.ok) {
      await setDamageAside(run, action.artifact, "a result");
    }
  }
  return await run.pool.run(async () => {
    // In its place at last: between this look and the process lies nothing that waits.
    const damaged = await damagedInputs(run);
    if (damaged.length > 0) return { outcome: "damaged", artifacts: damaged };
    return await inProcess(run, { ...attempt, lock });
  }, { threads: run.threads });
}
function note({ log, node }: StageRun, text: string): void {
  log.emit({ type: "note", stage: node.id, text });
}

/** Digests of the inputs, each once. */
function inputsOf(run: StageRun): string[] {
  return [...new Set(Object.values(run.work.components.inputs).flat())];
}

/** Reads every byte of the inputs again; names what is damaged. */
async function damagedInputs(run: StageRun): Promise<string[]> {
  const damaged: string[] = [];
  for (const digest of inputsOf(run)) {
    if (!await setDamageAside(run, digest, "an input")) damaged.push(digest);
  }
  return damaged;
}

/** Inputs that are no longer what they were when the stage began: by their stamps, and by bytes where these moved. */
async function changedInputs(run: StageRun): Promise<string[]> {
  const { artifacts } = run.context.store;
  const changed: string[] = [];
  for (const digest of inputsOf(run)) {
    const isSame = (await artifacts.check(digest, run.context.signal)).ok &&
      await artifacts.isOpen(digest);
    if (!isSame && !await setDamageAside(run, digest, "an input")) changed.push(digest);
  }
  return changed;
}

/** Reads every byte of an artifact again, sets aside what is damaged, and says so; true where nothing is. */
async function setDamageAside(run: StageRun, digest: string, what: string): Promise<boolean> {
  const state = await run.context.store.artifacts.verify(digest, run.context.signal);
  if (state.ok) return true;
  for (const file of state.damaged) {
    note(
      run,
      `${what} is damaged: ${file.path} (blob ${file.digest.slice(0, 12)}) has other bytes ` +
        `than its name; it was set aside as ${file.setAside} and is made again`,
    );
  }
  for (const path of state.missing) note(run, `${what} is gone: ${path}; it is made again`);
  return false;
}

async function inProcess(
  run: StageRun,
  { folder, sources: local, lock }: Attempt & { readonly lock: Lock },
): Promise<StageEnd | DamagedInputs | LostLock> {
  const { node, work, context, device, root } = run;
  const { store, signal, baseDir } = context;
  if (signal.aborted) return { outcome: "interrupted", key: work.key };
  // Waiting for a place beside the others is no time of its own.
  run.clock.began = performance.now();
  await run.log.stageStart(node.id, { ...work, device, threads: run.threads });
  const started = new Date();
  const output = join(folder, "output");
  const generated = join(folder, "process");
  await Deno.mkdir(output);
  await Deno.mkdir(generated);
  const { inputs, lists, folders } = await openInputs(run);
  const granted = await run.capture.grantedTo(node);
  const places = { ...local.places, ...grantedPlaces(granted, root) };
  const threads = Object.fromEntries(context.threadModules.map((url) => {
    const path = filePath(url);
    return [path, snapshotPath(root, path)];
  }));
  const cache = node.description.cache ? await cacheFolder(run) : undefined;
  const resume = node.description.resumable
    ? await store.resume.open(work.key, { fresh: run.forced })
    : undefined;
  const engine = device === undefined ? undefined : await context.engines.needs(device.device);
  const allowed = grantsOf(node, {
    baseDir,
    inputs: [...folders, ...(local.folder === undefined ? [] : [local.folder])],
    own: [output, cache, resume].filter((folder) => folder !== undefined),
    sources: run.sources,
    engine,
    places: { ...places, ...threads },
    temper: snapshotPath(root, TEMPER),
    modules: Object.keys(work.components.code.files),
  });
  const grants = { ...allowed, read: await withRealPaths(allowed.read) };
  const request: RunRequest = {
    task: "run",
    inputs,
    lists,
    output,
    cache,
    resume,
    options: node.options,
    seed: context.pipeline.seed,
    sources: run.sources?.data ?? null,
    device: device?.device ?? "cpu",
    // How many threads an engine has can be seen in its sums. What a built-in stage does without one is the
    // same on any number, and brief beside training: it waits for nobody's cores.
    threads: node.description.builtin && !node.description.compute
      ? context.cores
      : Math.max(1, run.threads),
    offline: context.offline,
    env: grants.env,
    places,
  };
  // What was written is stored within the limit, too: a file of holes takes hours to read.
  using limit = deadline(node.timeout);
  const summary: SummaryEntry[] = [];
  using log = await StageLog.open(run.log.folder.logOf(node.id));
  const outcome = await runChild(request, {
    module: node.description.module,
    project: context.project,
    root,
    grants,
    environment: { ...engine?.environment, ...grantedVariables(grants.env) },
    engines: engine !== undefined,
    gpu: device?.device === "webgpu",
    downloads: node.description.builtin && node.description.resolves,
    folder: generated,
    code: node.description.builtin ? undefined : await run.capture.codeOf(node),
    timeout: node.timeout,
    onReport: (report) => {
      if (report.type === "summary") summary.push(report.entry);
      run.log.emit({ ...report, stage: node.id });
    },
    onLine: (line) => log.line(line),
    stop: signal,
    kill: AbortSignal.any([context.kill, lock.lost]),
  });
  // Before anything is published or said about the stage: both are the new holder's now.
  if (!context.kill.aborted && !await lock.isHeld()) return { outcome: "lost" };
  if (outcome.type !== "done") return await failed(outcome, run, log);
  await checkOutput(output, { kind: node.output, stage: node.id });
  const changed = await changedInputs(run);
  if (changed.length > 0) return { outcome: "damaged", artifacts: changed };
  const moved = await changedInPlace(run, local);
  if (moved !== undefined) {
    throw new UserError({
      what: `${moved} changed while stage "${node.id}" read it: its result is not kept`,
      requirement:
        "copies, and what is too much to copy, have to stay as they are while a stage reads them",
      remedy: "run again",
    });
  }
  const published = await store.artifacts.publish(output, {
    kind: node.output,
    signal: AbortSignal.any([signal, limit.signal]),
  }).catch((error) => {
    if (limit.signal.aborted && !signal.aborted) return undefined;
    throw error;
  });
  if (published === undefined) return await failed({ type: "timeout" }, run, log);
  const { digest } = published;
  const action: Action = {
    key: work.key,
    components: work.components,
    artifact: digest,
    stage: node.id,
    started: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
    summary,
    versions: context.versions,
    device: device?.device ?? null,
  };
  // Publishing a large result takes a while. The files are named by what they hold and harm nobody.
  if (!await lock.isHeld()) return { outcome: "lost" };
  await store.actions.write(action);
  if (resume !== undefined) await store.resume.remove(work.key);
  return { outcome: "done", action };
}

/** A signal that is aborted when a stage's time is up; never where it has no limit. */
function deadline(timeout: number | undefined): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = timeout === undefined ? undefined : after(timeout, () => controller.abort());
  return { signal: controller.signal, [Symbol.dispose]: () => timer?.clear() };
}

async function failed(
  outcome: Exclude<ChildOutcome<null>, { type: "done" }>,
  { node, work: { key }, context: { store, signal, baseDir } }: StageRun,
  log: StageLog,
): Promise<StageEnd> {
  // Ctrl-C reaches the whole terminal: a stage that was still starting dies of it before the runner
  // has heard of it.
  const ctrlC = outcome.type === "died" && outcome.signal === "SIGINT";
  if (outcome.type === "interrupted" || signal.aborted || ctrlC) {
    return { outcome: "interrupted", key };
  }
  const full = outcome.type === "threw"
    ? await explainFullDisk(outcome.error, { node, folder: store.layout.store })
    : undefined;
  const failure = full ?? failureOf(outcome, node, baseDir);
  if (failure.stack !== undefined) log.line(failure.stack);
  if (outcome.type === "threw") { for (const cause of outcome.error.causes) log.line(cause); }
  return { outcome: "failed", key, failure };
}

/** The inputs' folders, which the process may read and nothing else. */
async function openInputs(run: StageRun): Promise<{
  inputs: Record<string, InputArtifact>;
  lists: Record<string, readonly InputArtifact[]>;
  folders: string[];
}> {
  const inputs: Record<string, InputArtifact> = {};
  const lists: Record<string, readonly InputArtifact[]> = {};
  const folders: string[] = [];
  for (const [role, ids] of Object.entries(run.node.inputs)) {
    const artifacts: InputArtifact[] = [];
    for (const [i, stage] of ids.entries()) {
      const digest = run.work.components.inputs[role]?.[i];
      if (digest === undefined) {
        throw new UserError({ what: `input ${role} of stage "${run.node.id}" is not there` });
      }
      const path = await run.context.store.artifacts.open(digest);
      folders.push(path);
      artifacts.push({ stage, path, digest });
    }
    if (run.node.description.inputs[role]?.many) lists[role] = artifacts;
    else if (artifacts[0] !== undefined) inputs[role] = artifacts[0];
  }
  return { inputs, lists, folders };
}

/** Deno checks a path as it is written: where links lead to it, both names have to be granted. */
async function withRealPaths(paths: readonly string[]): Promise<string[]> {
  const real = await Promise.all(paths.map((path) => Deno.realPath(path).catch(() => path)));
  return [...new Set([...paths, ...real])];
}

/** Built-in stages share a folder; an own one has one to itself, as it is not trusted with theirs. */
async function cacheFolder({ context: { store }, node }: StageRun): Promise<string> {
  const downloads = join(store.layout.store, "downloads");
  const folder = node.description.builtin
    ? join(downloads, "shared")
    : join(downloads, "own", safeName(node.description.module));
  await ensureFolder(folder);
  return folder;
}
