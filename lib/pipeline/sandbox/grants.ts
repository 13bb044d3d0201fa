/**
 * What a stage's process may do: derived from what the stage reads, where it writes and what it
 * declared, and nothing else.
 *
 * Reading code is not among them: Deno lets a process import what its module graph names literally. It
 * does not let a worker, so that a built-in stage may read Temper's own modules.
 *
 * @module
 */
import { resolve } from "node:path";
import { UserError } from "../../base/errors.ts";
import { isWithin } from "../../base/paths.ts";
import type { Grants } from "../code/process_config.ts";
import type { Sources } from "../stage.ts";
import type { StageNode } from "../types.ts";
import { declaration } from "./denial.ts";
import { placeOf, type Places } from "./places.ts";

/** What an engine's process needs to load it; `lib/runtime` knows it, and `main.ts` passes it in. */
export interface EngineNeeds {
  /** Absolute paths of files. */
  readonly read: readonly string[];
  /** Absolute paths of libraries. */
  readonly ffi: readonly string[];
  /** Variables to start the process with; it needs no permission to read them. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What {@linkcode grantsOf} derives the permissions of one process from. */
export interface GrantSources {
  /** Absolute folder of the pipeline file. */
  readonly baseDir: string;
  /** Folders of the inputs. */
  readonly inputs?: readonly string[];
  /** Folders to fill and to keep files in: the output, and those that outlive the run. */
  readonly own?: readonly string[];
  /** What `resolve` found; only a built-in stage gets more by it. */
  readonly sources?: Pick<Sources, "read" | "net" | "env"> | undefined;
  /** What the engine needs, for stages that compute. */
  readonly engine?: EngineNeeds | undefined;
  /** Where copies lie, which it may read in place of the files. */
  readonly places?: Places | undefined;
  /** Folder of Temper's modules as the stage is run from them; a worker of a built-in stage loads its own from there. */
  readonly temper?: string;
  /** Names of the modules of its code; those that are URLs are remote. */
  readonly modules: readonly string[];
}

/**
 * A host that cannot exist (RFC 2606). An empty list would stand for Deno's own: some public hosts,
 * to which a stage could tell what it read by the addresses of what it imports.
 */
const NO_HOST = "none.invalid";

/**
 * The permissions of a stage's process. A built-in stage that computes gets its engine's files and
 * library; an own one gets the files, and asks for `ffi` itself.
 */
export function grantsOf(node: StageNode, from: GrantSources): Grants {
  const { permissions, description: { builtin } } = node;
  const { engine } = from;
  const remote = from.modules.filter((name) => /^https?:/.test(name))
    .map((url) => new URL(url).host);
  const { inputs = [], own = [], places = {} } = from;
  const copyOf = (path: string): string => placeOf(path, places);
  return {
    read: unique([
      ...inputs,
      ...own,
      ...(permissions.read ?? []).map((path) => copyOf(resolve(from.baseDir, path))),
      // What was copied is read in the folder of the copies, which is among the inputs.
      ...(builtin ? from.sources?.read ?? [] : []).filter((path) => !Object.hasOwn(places, path)),
      ...(engine?.read ?? []).map(copyOf),
      ...(builtin && from.temper !== undefined ? [from.temper] : []),
    ]),
    write: own,
    net: unique([...(permissions.net ?? []), ...(builtin ? from.sources?.net ?? [] : [])]),
    env: unique([...(permissions.env ?? []), ...(builtin ? from.sources?.env ?? [] : [])]),
    import: remote.length > 0 ? unique(remote) : [NO_HOST],
    ffi: builtin ? engine?.ffi ?? [] : permissions.ffi === true ? true : [],
  };
}

/** Whether the pipeline grants reading an absolute path. */
function mayRead(node: StageNode, path: string, baseDir: string): boolean {
  return (node.permissions.read ?? []).some((granted) => isWithin(resolve(baseDir, granted), path));
}

/**
 * Refuses JSON and text that an own stage imports without a grant. Deno asks for no permission where
 * an import names its file literally, so any file of this machine would be a line of code away.
 *
 * @throws {UserError} Naming the permission and how to declare it.
 */
export function refuseUngrantedData(
  node: StageNode,
  data: readonly string[],
  baseDir: string,
): void {
  if (node.description.builtin) return;
  const path = data.find((each) => !mayRead(node, each, baseDir));
  if (path === undefined) return;
  throw new UserError({
    what: `stage "${node.id}" imports the data of "${path}": denied (permission: read)`,
    ...declaration(node, { kind: "read", wanted: path }, baseDir),
  });
}

/** What an own stage's sources name beyond its grants; its `resolve` cannot give it more. */
export function beyondGrants(
  node: StageNode,
  sources: Sources,
  baseDir: string,
): string | undefined {
  for (const path of sources.read ?? []) {
    if (!mayRead(node, path, baseDir)) return `reading "${path}"`;
  }
  for (const host of sources.net ?? []) {
    const granted = node.permissions.net ?? [];
    if (!granted.includes(host) && !granted.includes(host.replace(/:\d+$/, ""))) {
      return `connecting to "${host}"`;
    }
  }
  for (const name of sources.env ?? []) {
    if (!(node.permissions.env ?? []).includes(name)) return `the variable "${name}"`;
  }
  return undefined;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
