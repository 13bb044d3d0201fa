/**
 * Finds what stages depend on outside the pipeline, before their keys are computed.
 *
 * A built-in stage's `resolve` runs in this process. An own one's runs confined in a process of its
 * own, with what the pipeline's author granted and nothing more: its code is not trusted here.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { InternalError, UserError } from "../../base/errors.ts";
import type { Store } from "../../store/mod.ts";
import { runChild } from "../sandbox/child.ts";
import { failureOf } from "../sandbox/failure.ts";
import { type GrantedFiles, grantedPlaces } from "./granted.ts";
import type { Lockfile } from "./lockfile.ts";
import { grantedVariables } from "../code/environment.ts";
import type { OwnCode } from "../sandbox/child.ts";
import { beyondGrants, grantsOf } from "../sandbox/grants.ts";
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
  /** What an own stage's `resolve` runs from. */
  readonly own?: {
    readonly code: OwnCode;
    /** Names of the modules of its own code. */
    readonly modules: readonly string[];
    /** The folder with copies of its code and of what it was granted. */
    readonly root: string;
    readonly granted: GrantedFiles;
  };
}

/** What was found: `key` decides the stage's key, `data` is what the stage gets. */
export interface FoundSources {
  readonly key: Json;
  readonly data: Json;
  readonly read: readonly string[];
  readonly net: readonly string[];
  readonly env: readonly string[];
  /** Files of this machine that the key tells of: absolute path -> SHA-256. */
  readonly files: Readonly<Record<string, string>>;
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
  if (!node.description.resolves) return undefined;
  const files: Record<string, string> = {};
  const sources = node.description.builtin
    ? await resolveBuiltin(node, { ...options, files })
    : await resolveOwn(node, options);
  const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null)) as Json;
  const key = plain(sources.key);
  return {
    key,
    data: sources.data === undefined ? key : plain(sources.data),
    read: sources.read ?? [],
    net: sources.net ?? [],
    env: sources.env ?? [],
    files,
  };
}

async function resolveBuiltin(
  node: StageNode,
  options: ResolveOptions & { readonly files: Record<string, string> },
): Promise<Sources> {
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
    digestFile: async (path) => {
      const digest = await store.index.digestFile(path, options.signal);
      options.files[path] = digest;
      return digest;
    },
    env: (name) => Deno.env.get(name),
    signal: options.signal,
  });
}

async function resolveOwn(node: StageNode, options: ResolveOptions): Promise<Sources> {
  const { baseDir, lockfile, project, signal, store, own } = options;
  if (own === undefined) throw new InternalError(`stage ${node.id} has no code to resolve with`);
  const { module } = node.description;
  const { env = [] } = node.permissions;
  const places = grantedPlaces(own.granted, own.root);
  await using scratch = await store.scratch.create();
  const request: ResolveRequest = {
    task: "resolve",
    options: node.options,
    baseDir,
    pins: lockfile.all(),
    update: options.update,
    offline: options.offline,
    env,
    places,
  };
  const outcome = await runChild(request, {
    module,
    project,
    root: own.root,
    code: own.code,
    environment: grantedVariables(env),
    grants: grantsOf(node, { baseDir, places, modules: own.modules }),
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
