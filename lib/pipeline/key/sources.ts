/**
 * Finds what stages depend on outside the pipeline, before their keys are computed.
 *
 * A built-in stage's `resolve` runs in this process. An own one's runs confined in a process of its
 * own, with what the pipeline's author granted and nothing more: its code is not trusted here.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { UserError } from "../../base/errors.ts";
import { isHost } from "../../base/hosts.ts";
import { secretInValue } from "../../base/secrets.ts";
import type { Store } from "../../store/mod.ts";
import { runChild } from "../sandbox/child.ts";
import { failureOf } from "../sandbox/failure.ts";
import type { Lockfile } from "./lockfile.ts";
import { moduleGraph } from "../code/module_graph.ts";
import { beyondGrants, grantsOf, refuseUngrantedData } from "../sandbox/grants.ts";
import type { ResolveRequest } from "../sandbox/protocol.ts";
import type { Sources } from "../stage.ts";
import type { StageNode, StageRegistry } from "../types.ts";

/** What resolving may use. */
export interface ResolveOptions {
  readonly registry: StageRegistry;
  readonly store: Store;
  /** Absolute folder with `deno.json`. */
  readonly project: string;
  readonly lockfile: Lockfile;
  /** Absolute folder of the pipeline file. */
  readonly baseDir: string;
  readonly update: boolean;
  readonly offline: boolean;
  readonly signal: AbortSignal;
}

/** What was found: `key` decides the stage's key, `data` is what the stage gets. */
export interface FoundSources {
  readonly key: Json;
  readonly data: Json;
  readonly read: readonly string[];
  readonly net: readonly string[];
  readonly env: readonly string[];
}

/**
 * What a stage's sources are right now.
 *
 * @returns undefined for a stage without a `resolve`.
 * @throws {UserError} What the stage's `resolve` throws: a failure of that stage, not of the pipeline.
 */
export async function resolveSources(
  node: StageNode,
  options: ResolveOptions,
): Promise<FoundSources | undefined> {
  refuseSecrets(node);
  if (!node.description.resolves) return undefined;
  const sources = node.description.builtin
    ? await resolveBuiltin(node, options)
    : await resolveOwn(node, options);
  const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null)) as Json;
  const key = plain(sources.key);
  checkHosts(sources.net ?? []);
  return {
    key,
    data: sources.data === undefined ? key : plain(sources.data),
    read: sources.read ?? [],
    net: sources.net ?? [],
    env: sources.env ?? [],
  };
}

/** Options are part of the key and of every record, where a password in an address would stay. */
function refuseSecrets(node: StageNode): void {
  const secret = secretInValue(node.options);
  if (secret === undefined) return;
  throw new UserError({
    what: `the options of stage "${node.id}" hold ${secret}`,
    requirement: "options are kept in the records of a run, for all to read who see its folder",
    remedy:
      "grant the secret as a variable to a stage of your own: permissions: { env: [NAME] }; " +
      "a hub's private files are read with HF_TOKEN",
  });
}

/** A process that is started with what is no host dies, and one that gets an empty one may ask anybody. */
function checkHosts(hosts: readonly string[]): void {
  const wrong = hosts.find((host) => !isHost(host));
  if (wrong === undefined) return;
  throw new UserError({
    what: `its sources are at ${JSON.stringify(wrong)}, which is no host`,
    requirement: "hosts are named as example.org, example.org:8443, *.example.org or 10.0.0.1",
  });
}

async function resolveBuiltin(node: StageNode, options: ResolveOptions): Promise<Sources> {
  const { store, lockfile } = options;
  const definition = await options.registry[node.description.uses]!.load();
  return await definition.resolve!({
    options: node.options,
    baseDir: options.baseDir,
    pins: {
      get: (source) => lockfile.get(source),
      set: (source, pin) => lockfile.set(source, pin as Json),
    },
    update: options.update,
    offline: options.offline,
    digestFile: (path) => store.index.digestFile(path, options.signal),
    env: (name) => Deno.env.get(name),
    signal: options.signal,
  });
}

async function resolveOwn(node: StageNode, options: ResolveOptions): Promise<Sources> {
  const { baseDir, lockfile, project, signal, store } = options;
  const graph = await moduleGraph(node.description.module, { project, index: store.index, signal });
  refuseUngrantedData(node, graph.data, baseDir);
  await using scratch = await store.scratch.create();
  const request: ResolveRequest = {
    task: "resolve",
    options: node.options,
    baseDir,
    pins: lockfile.all(),
    update: options.update,
    offline: options.offline,
    env: node.permissions.env ?? [],
  };
  const outcome = await runChild(request, {
    module: node.description.module,
    project,
    grants: grantsOf(node, { baseDir, modules: Object.keys(graph.files) }),
    folder: scratch.path,
    timeout: node.timeout,
    stop: signal,
    kill: signal,
  });
  if (outcome.type === "interrupted") signal.throwIfAborted();
  if (outcome.type !== "done") {
    const { what, ...rest } = failureOf(outcome, node, baseDir);
    throw new UserError({ what: `resolving its sources: ${what}`, ...definedOnly(rest) });
  }
  const { sources, pins } = outcome.value;
  const beyond = beyondGrants(node, sources, baseDir);
  if (beyond !== undefined) {
    throw new UserError({
      what: `the sources of stage "${node.id}" need ${beyond}, which it was not granted`,
      remedy: `declare it in the stage's permissions and grant it in the pipeline`,
    });
  }
  for (const [source, pin] of Object.entries(pins)) lockfile.set(source, pin);
  return sources;
}

/** Drops members that are undefined: `exactOptionalPropertyTypes` tells them from absent ones. */
function definedOnly(rest: {
  readonly requirement?: string | undefined;
  readonly remedy?: string | undefined;
}): { requirement?: string; remedy?: string } {
  return {
    ...(rest.requirement === undefined ? {} : { requirement: rest.requirement }),
    ...(rest.remedy === undefined ? {} : { remedy: rest.remedy }),
  };
}
