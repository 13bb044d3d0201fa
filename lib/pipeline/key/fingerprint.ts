/**
 * The key of a stage: the SHA-256 of everything that decides its output.
 *
 * The key document keeps file -> digest, package -> version and so on instead of one digest of all,
 * so that two documents can be compared and every difference named. Canonical JSON (RFC 8785) makes
 * one text of it. Left out on purpose: the stage's name in the pipeline, times, paths of the machine.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { UserError } from "../../base/errors.ts";
import { canonicalDigest, canonicalJson } from "../../base/canonical_json.ts";
import type { ModuleGraph } from "../code/module_graph.ts";

/** Everything that decides what a stage puts out: the key document. Plain JSON. */
export interface Components {
  /** Name after `uses:` of a built-in stage; label of the module file of an own one. */
  readonly stage: string;
  /** The definition's `version`. */
  readonly version: number;
  /** The local files of its module graph, and where names of the import map lead. */
  readonly code: {
    readonly files: Readonly<Record<string, string>>;
    readonly imports: Readonly<Record<string, string>>;
  };
  /** `name@version` of every package of its module graph, sorted. */
  readonly packages: readonly string[];
  /** Validated options with defaults. */
  readonly options: Readonly<Record<string, Json>>;
  /** Role -> digests of its artifacts, in the order of the pipeline. */
  readonly inputs: Readonly<Record<string, readonly string[]>>;
  readonly seed: number;
  /** What `resolve` found; null without one. */
  readonly sources: Json;
  /** What an own stage was granted to read; absent where that is nothing. */
  readonly granted?: Granted;
  /** The engine, for stages that compute on one. */
  readonly device?: string;
}

/** What a stage may read beside its inputs: name -> digest, null for what is not there. */
export interface Granted {
  /** By path as it was declared. */
  readonly read: Readonly<Record<string, string | null>>;
  /** By name of the variable. */
  readonly env: Readonly<Record<string, string | null>>;
}

/**
 * Components of a stage whose inputs are not all made yet: null stands for an artifact to come.
 * Such a stage has no key, but what else changed can be told already.
 */
export interface PendingComponents extends Omit<Components, "inputs"> {
  readonly inputs: Readonly<Record<string, readonly (string | null)[]>>;
}

/** What {@linkcode componentsOf} is made from. */
export interface StageFacts<D extends string | null> {
  /** Of the stage: `uses`, `builtin` and `version` of its description. */
  readonly uses: string;
  readonly builtin: boolean;
  readonly version: number;
  readonly graph: ModuleGraph;
  readonly options: Readonly<Record<string, Json>>;
  /** Role -> digests; null for what is not made yet. Roles without artifacts may be left out. */
  readonly inputs: Readonly<Record<string, readonly D[]>>;
  readonly seed: number;
  /** `Sources.key`, or null. */
  readonly sources: unknown;
  /** Absent for stages that were granted nothing to read. */
  readonly granted?: Granted | undefined;
  /** Absent for stages that compute on no engine. */
  readonly device?: string | undefined;
}

/**
 * The key document of a stage.
 *
 * @throws {UserError} Where the sources or options hold what JSON cannot.
 */
export function componentsOf(facts: StageFacts<string>): Components;
/** The key document of a stage that waits for inputs. */
export function componentsOf(facts: StageFacts<string | null>): PendingComponents;
export function componentsOf(facts: StageFacts<string | null>): PendingComponents {
  const { uses, builtin, version, graph, inputs, seed, granted, device } = facts;
  return {
    stage: builtin ? uses : graph.root,
    version,
    code: { files: graph.files, imports: graph.imports },
    packages: graph.packages,
    options: plainJson(facts.options, "options", uses) as Readonly<Record<string, Json>>,
    inputs: Object.fromEntries(Object.entries(inputs).filter(([, list]) => list.length > 0)),
    seed,
    sources: plainJson(facts.sources ?? null, "resolved sources", uses),
    ...(granted === undefined ? {} : { granted }),
    ...(device === undefined ? {} : { device }),
  };
}

/** SHA-256 of the key document in canonical JSON. */
export function fingerprint(components: Components): string {
  return canonicalDigest(components);
}

/** Whether every input is made, so that {@linkcode fingerprint} can be computed. */
export function isComplete(components: PendingComponents): components is Components {
  return Object.values(components.inputs).every((list) => !list.includes(null));
}

/** What went through canonical JSON and back holds nothing that the key would not show. */
function plainJson(value: unknown, what: string, uses: string): Json {
  try {
    return JSON.parse(canonicalJson(value));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UserError({
      what: `the ${what} of stage "${uses}" are not plain JSON: ${error.message}`,
      requirement: "they are part of the stage's key and must be JSON values",
      cause: error,
    });
  }
}
