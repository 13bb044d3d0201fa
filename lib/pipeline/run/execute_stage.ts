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
import {
  type Action,
  describeOwner,
  keyLock,
  safeName,
  type Store,
  storeFailure,
} from "../../store/mod.ts";
import { type ChildOutcome, runChild } from "../sandbox/child.ts";
import type { DeviceChoice, Engines } from "./device.ts";
import { editedFiles } from "./edited.ts";
import { failureOf, failureOfError, type StageFailure } from "../sandbox/failure.ts";
import type { Report, RunRequest } from "../sandbox/protocol.ts";
import type { Components } from "../key/fingerprint.ts";
import { explainFullDisk } from "../sandbox/full_disk.ts";
import { checkOutput } from "../sandbox/output_check.ts";
import { grantsOf } from "../sandbox/grants.ts";
import type { Pool } from "./pool.ts";
import type { FoundSources } from "../key/sources.ts";
import type { InputArtifact, SummaryEntry } from "../stage.ts";
import { StageLog } from "./run_log.ts";
import type { StageNode } from "../types.ts";

/** What running one stage needs. */
export interface StageRun {
  readonly node: StageNode;
  readonly key: string;
  readonly components: Components;
  /** True where an existing result is no reason to stop. */
  readonly forced: boolean;
  readonly seed: number;
  readonly sources: FoundSources | undefined;
  /** Undefined for a stage that does not compute. */
  readonly device: DeviceChoice | undefined;
  readonly threads: number;
  readonly offline: boolean;
  /** Absolute folder with `deno.json`. */
  readonly project: string;
  /** Absolute folder of the pipeline file. */
  readonly baseDir: string;
  readonly store: Store;
  readonly engines: Engines;
  readonly pool: Pool;
  readonly versions: Readonly<Record<string, string>>;
  /** Whether it keeps files across runs. */
  readonly cache: boolean;
  /** Path of its log. */
  readonly logPath: string;
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
  /** Told when the process starts, which may be long after the call. */
  readonly onStart: () => Promise<void>;
  readonly onReport: (report: Report) => void;
  readonly onNote: (text: string) => void;
}

/** How it went. */
export type StageRunResult =
  | { readonly type: "done"; readonly action: Action }
  /** Another process made the same result meanwhile. */
  | { readonly type: "taken"; readonly action: Action }
  /** Inputs whose bytes changed: digests of the artifacts, to be made again. */
  | { readonly type: "damaged"; readonly artifacts: readonly string[] }
  | { readonly type: "failed"; readonly failure: StageFailure }
  | { readonly type: "interrupted" };

/** Runs one stage to its end. What goes wrong is a value. */
export async function executeStage(run: StageRun): Promise<StageRunResult> {
  const { store, node, stop } = run;
  try {
    await using _lock = await store.locks.acquire(keyLock(run.key), {
      signal: stop,
      onWait: (owner) =>
        run.onNote(`waiting for ${describeOwner(owner)}, which does the same work`),
    });
    const action = await store.actions.read(run.key);
    if (action !== undefined && await store.artifacts.has(action.artifact)) {
      const isSound = (await editedFiles(action, { store, signal: stop })).length === 0;
      if (isSound && !run.forced) return { type: "taken", action };
      if (!isSound) await setDamageAside(run, action.artifact, "a result");
    }
    const damaged = await damagedInputs(run);
    if (damaged.length > 0) return { type: "damaged", artifacts: damaged };
    return await run.pool.run(() => inProcess(run), { threads: run.threads });
  } catch (error) {
    if (stop.aborted) return { type: "interrupted" };
    const attempt = { doing: `keep what stage "${node.id}" makes`, path: store.layout.store };
    return { type: "failed", failure: failureOfError(storeFailure(error, attempt), node) };
  }
}

/** Reads every byte of the inputs again; names what is damaged. */
async function damagedInputs(run: StageRun): Promise<string[]> {
  const damaged: string[] = [];
  for (const digest of new Set(Object.values(run.components.inputs).flat())) {
    if (!await setDamageAside(run, digest, "an input")) damaged.push(digest);
  }
  return damaged;
}

/** Reads every byte of an artifact again, sets aside what is damaged, and says so; true where nothing is. */
async function setDamageAside(run: StageRun, digest: string, what: string): Promise<boolean> {
  const state = await run.store.artifacts.verify(digest, run.stop);
  if (state.ok) return true;
  for (const file of state.damaged) {
    run.onNote(
      `${what} is damaged: ${file.path} (blob ${file.digest.slice(0, 12)}) has other bytes ` +
        `than its name; it was set aside as ${file.setAside} and is made again`,
    );
  }
  for (const path of state.missing) run.onNote(`${what} is gone: ${path}; it is made again`);
  return false;
}

async function inProcess(run: StageRun): Promise<StageRunResult> {
  const { store, node, baseDir } = run;
  if (run.stop.aborted) return { type: "interrupted" };
  await run.onStart();
  const started = new Date();
  await using scratch = await store.scratch.create();
  const output = join(scratch.path, "output");
  const generated = join(scratch.path, "process");
  await Deno.mkdir(output);
  await Deno.mkdir(generated);
  const { inputs, lists, folders } = await openInputs(run, scratch.path);
  const cache = run.cache ? await cacheFolder(run) : undefined;
  const resume = node.description.resumable
    ? await store.resume.open(run.key, { fresh: run.forced })
    : undefined;
  const engine = run.device === undefined ? undefined : await run.engines.needs(run.device.device);
  const granted = grantsOf(node, {
    baseDir,
    inputs: folders,
    own: [output, cache, resume].filter((folder) => folder !== undefined),
    sources: run.sources,
    engine,
    modules: Object.keys(run.components.code.files),
  });
  const grants = { ...granted, read: await withRealPaths(granted.read) };
  const request: RunRequest = {
    task: "run",
    inputs,
    lists,
    output,
    cache,
    resume,
    options: node.options,
    seed: run.seed,
    sources: run.sources?.data ?? null,
    device: run.device?.device ?? "cpu",
    threads: Math.max(1, run.threads),
    offline: run.offline,
    env: grants.env,
  };
  const summary: SummaryEntry[] = [];
  using log = await StageLog.open(run.logPath);
  const outcome = await runChild(request, {
    module: node.description.module,
    project: run.project,
    grants,
    environment: engine?.environment ?? {},
    folder: generated,
    timeout: node.timeout,
    onReport: (report) => {
      if (report.type === "summary") summary.push(report.entry);
      run.onReport(report);
    },
    onLine: (line) => log.line(line),
    stop: run.stop,
    kill: run.kill,
  });
  if (outcome.type !== "done") return await failed(outcome, run, log);
  await checkOutput(output, { kind: node.output, stage: node.id });
  const { digest } = await store.artifacts.publish(output, { kind: node.output, signal: run.stop });
  const action: Action = {
    key: run.key,
    components: run.components,
    artifact: digest,
    stage: node.id,
    started: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
    summary,
    versions: run.versions,
    device: run.device?.device ?? null,
  };
  await store.actions.write(action);
  if (resume !== undefined) await store.resume.remove(run.key);
  return { type: "done", action };
}

async function failed(
  outcome: Exclude<ChildOutcome<null>, { type: "done" }>,
  run: StageRun,
  log: StageLog,
): Promise<StageRunResult> {
  // Ctrl-C reaches the whole terminal: a stage that was still starting dies of it before the runner
  // has heard of it.
  const ctrlC = outcome.type === "died" && outcome.signal === "SIGINT";
  if (outcome.type === "interrupted" || run.stop.aborted || ctrlC) return { type: "interrupted" };
  const { node, store } = run;
  const full = outcome.type === "threw"
    ? await explainFullDisk(outcome.error, { node, folder: store.layout.store })
    : undefined;
  const failure = full ?? failureOf(outcome, node, run.baseDir);
  if (failure.stack !== undefined) log.line(failure.stack);
  if (outcome.type === "threw") { for (const cause of outcome.error.causes) log.line(cause); }
  return { type: "failed", failure };
}

/** Makes the inputs' folders: hard links of the blobs, which the process may read and nothing else. */
async function openInputs(run: StageRun, scratch: string): Promise<{
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
      const digest = run.components.inputs[role]?.[i];
      if (digest === undefined) {
        throw new UserError({ what: `input ${role} of stage "${run.node.id}" is not there` });
      }
      const path = join(scratch, "inputs", safeName(role), String(i));
      await run.store.artifacts.materialize(digest, path);
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
async function cacheFolder({ store, node }: StageRun): Promise<string> {
  const downloads = join(store.layout.store, "downloads");
  const folder = node.description.builtin
    ? join(downloads, "shared")
    : join(downloads, "own", safeName(node.description.module));
  await Deno.mkdir(folder, { recursive: true });
  return folder;
}
