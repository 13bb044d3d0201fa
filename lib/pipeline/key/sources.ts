/**
 * Finds what stages depend on outside the pipeline, before their keys are computed.
 *
 * A built-in stage's `resolve` runs in this process. An own one's runs confined in a process of its
 * own, with what the pipeline's author granted and nothing more: its code is not trusted here. It
 * sees and sets the pins of its own stage alone.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { InternalError, UserError } from "../../base/errors.ts";
import { isHost } from "../../base/outside/hosts.ts";
import { secretInValue } from "../../base/outside/secrets.ts";
import { type Store, systemRefusal } from "../../store/mod.ts";
import { runChild } from "../sandbox/child.ts";
import { failureOf } from "../sandbox/failure.ts";
import { type GrantedFiles, grantedPlaces } from "./granted.ts";
import type { Lockfile, StagePins } from "./lockfile.ts";
import { grantedVariables } from "../code/environment.ts";
import type { OwnCode } from "../sandbox/child.ts";
import { beyondGrants, grantsOf } from "../sandbox/grants.ts";
import { checkPinCount, receivedPins } from "../sandbox/pins.ts";
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
 *   Where its options, or the key of its sources, hold a secret.
 */
export async function resolveSources(
  node: StageNode,
  options: ResolveOptions,
): Promise<FoundSources | undefined> {
  refuseSecrets(node);
  if (!node.description.resolves) return undefined;
  const { sources, files } = await withOnePin(node, options);
  const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null)) as Json;
  const key = plain(sources.key);
  refuseSecretKey(node, key);
  refuseLongKey(node, key);
  checkHosts(sources.net ?? []);
  return {
    key,
    data: sources.data === undefined ? key : plain(sources.data),
    read: sources.read ?? [],
    net: sources.net ?? [],
    env: sources.env ?? [],
    files,
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

/** The key of an own stage's sources is its author's to choose, and is kept with the options. */
function refuseSecretKey(node: StageNode, key: Json): void {
  const secret = secretInValue(key);
  if (secret === undefined) return;
  throw new UserError({
    what: `the key of the sources of stage "${node.id}" holds ${secret}`,
    requirement: "keys are kept in the records of a run, for all to read who see its folder",
    remedy:
      "have resolve() return a version, an ETag or a digest as `key`, and no address with a secret",
  });
}

/** Most characters of the key that a stage's sources have: it is kept in each of its records. */
const LONGEST_KEY = 1 << 20;

function refuseLongKey(node: StageNode, key: Json): void {
  const { length } = JSON.stringify(key);
  // A built-in stage has a digest for each of the files that somebody named.
  if (node.description.builtin || length <= LONGEST_KEY) return;
  throw new UserError({
    what: `the sources of stage "${node.id}" have a key of ${length} characters`,
    requirement: `at most ${LONGEST_KEY}: the key is kept in every record of the stage`,
    remedy: "return a digest of it as the key, and the rest as data",
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

/**
 * Stages that resolve one source at the same time may find two things, if it moves in between: the
 * pin of the first stays, and the other looks once more, at that pin.
 */
async function withOnePin(node: StageNode, options: ResolveOptions): Promise<Found> {
  const pins = options.lockfile.of(node.description.builtin ? undefined : node.name);
  const resolve = node.description.builtin ? resolveBuiltin : resolveOwn;
  const first = await resolve(node, { ...options, pins });
  if (pins.set(first.pins).length === 0) return first;
  const again = await resolve(node, { ...options, pins, update: false });
  const [clash] = pins.set(again.pins);
  if (clash === undefined) return again;
  throw new UserError({
    what: `stage "${node.id}" pins ${clash} to something else than another stage of this run did`,
    requirement: "a source has one pin, which the stages and the cells of a matrix share",
    remedy: "take the pin that `pins.get` gives, or give each pin a name of its own",
  });
}

/** What resolving a stage's sources comes to. */
interface Found {
  readonly sources: Sources;
  /** What it would pin. */
  readonly pins: ReadonlyMap<string, Json>;
  /** Files of this machine that it asked the digests of. */
  readonly files: Readonly<Record<string, string>>;
}

interface PinnedOptions extends ResolveOptions {
  /** The pins that the stage sees. */
  readonly pins: StagePins;
}

/** What the system refuses of a person's own file; anything else as it is. */
function unreadableSource(path: string, error: unknown): unknown {
  const refusal = systemRefusal(error);
  return refusal === undefined ? error : new UserError({
    what: `cannot read ${path}: ${refusal.parts.what}`,
    remedy: "make it a file that you may read",
    cause: error,
  });
}

async function resolveBuiltin(node: StageNode, options: PinnedOptions): Promise<Found> {
  const { store, pins } = options;
  const definition = await options.registry[node.description.uses]!.load();
  const found = new Map<string, Json>();
  const files: Record<string, string> = {};
  const sources = await definition.resolve!({
    options: node.options,
    baseDir: options.baseDir,
    pins: {
      get: (source) => found.get(source) ?? pins.get(source),
      set: (source, pin) => void found.set(source, pin as Json),
    },
    update: options.update,
    offline: options.offline,
    digestFile: async (path) => {
      const digest = await store.index.digestFile(path, options.signal)
        .catch((error) => {
          throw unreadableSource(path, error);
        });
      files[path] = digest;
      return digest;
    },
    env: (name) => Deno.env.get(name),
    signal: options.signal,
  });
  return { sources, pins: found, files };
}

async function resolveOwn(node: StageNode, options: PinnedOptions): Promise<Found> {
  const { baseDir, pins, project, signal, store, own } = options;
  if (own === undefined) throw new InternalError(`stage ${node.id} has no code to resolve with`);
  const { module } = node.description;
  const { env = [] } = node.permissions;
  const places = grantedPlaces(own.granted, own.root);
  await using scratch = await store.scratch.create();
  const request: ResolveRequest = {
    task: "resolve",
    options: node.options,
    baseDir,
    pins: pins.entries(),
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
  const { sources, asked } = outcome.value;
  const beyond = beyondGrants(node, sources, baseDir);
  if (beyond !== undefined) {
    throw new UserError({
      what: `the sources of stage "${node.id}" need ${beyond}, which it was not granted`,
      remedy: `declare it in the stage's permissions and grant it in the pipeline`,
    });
  }
  const found = receivedPins(outcome.value.pins);
  checkPinCount(new Set([...pins.entries().map(([source]) => source), ...found.keys()]).size);
  // Asking is what keeps a pin from being dropped by --update.
  for (const source of asked) pins.get(source);
  return { sources, pins: found, files: {} };
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
