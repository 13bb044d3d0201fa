/**
 * What a stage's process may do: derived from what the stage reads, where it writes and what it
 * declared, and nothing else. And the other way round: a denial of Deno put into words.
 *
 * Reading code is not among them: Deno lets a process import what its module graph names literally.
 *
 * @module
 */
import { basename, dirname, isAbsolute, relative, resolve } from "node:path";
import { UserError } from "../../base/errors.ts";
import type { StageFailure, ThrownError } from "./events.ts";
import type { Sources } from "../stage.ts";
import type { StageNode } from "../types.ts";

/** A permission set as `deno.json` spells it. Lists, never `true`, except for `ffi` of an own stage that may load any library. */
export interface Grants {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly net: readonly string[];
  readonly env: readonly string[];
  readonly ffi: true | readonly string[];
  /** Hosts whose modules it may import, beside npm's. */
  readonly import: readonly string[];
}

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
  readonly inputs: readonly string[];
  /** The folder to fill; undefined for a process that only resolves. */
  readonly output: string | undefined;
  /** The folder that outlives the run, for stages that declare one. */
  readonly cache: string | undefined;
  /** The folder of its key, for stages that go on after a kill. */
  readonly resume?: string | undefined;
  /** What `resolve` found; only a built-in stage gets more by it. */
  readonly sources: Pick<Sources, "read" | "net" | "env"> | undefined;
  /** What the engine needs; undefined for stages that do not compute. */
  readonly engine: EngineNeeds | undefined;
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
  const { permissions, description } = node;
  const builtin = description.builtin;
  const engine = description.compute ? from.engine : undefined;
  const remote = from.modules.filter((name) => /^https?:/.test(name))
    .map((url) => new URL(url).host);
  const own = [from.output, from.cache, from.resume].filter((folder) => folder !== undefined);
  return {
    read: unique([
      ...from.inputs,
      ...own,
      ...(permissions.read ?? []).map((path) => resolve(from.baseDir, path)),
      ...(builtin ? from.sources?.read ?? [] : []),
      ...(engine?.read ?? []),
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
  return (node.permissions.read ?? []).some((granted) => {
    const below = relative(resolve(baseDir, granted), path);
    return below === "" || (!below.startsWith("..") && !isAbsolute(below));
  });
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
    ...remedy(node, "read", pathFrom(baseDir, path)),
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

const DENIAL =
  /Requires (read|write|net|env|run|sys|ffi|import) access(?: to (?:"([^"]*)"|([^\s,]+)))?/;

const OUTPUT_ALONE = {
  requirement: "no stage can be granted this: a stage writes into its output folder alone",
  remedy: "write below output.path",
};

/**
 * Puts a denial into words: the permission, what was tried, and how to declare it.
 *
 * @param error What the stage threw.
 * @param node The stage.
 * @param baseDir Folder of the pipeline file, from which a path in the remedy counts.
 * @returns undefined where nothing was denied.
 */
export function explainDenial(
  error: ThrownError,
  node: StageNode,
  baseDir: string,
): StageFailure | undefined {
  const text = [error.message, ...error.causes].join("\n");
  if (/Deno\.symlink(Sync)?\(\) requires/.test(text)) {
    return {
      what: `stage "${node.id}" tried to make a symbolic link: denied (permission: write)`,
      requirement: "no stage can be granted this; an artifact holds plain files",
      remedy: "copy the bytes instead",
    };
  }
  const storage = /\b(localStorage|caches) is not defined/.exec(text);
  if (storage !== null) {
    return {
      what: `stage "${node.id}" tried to keep data in ${storage[1]}: denied (permission: write)`,
      ...OUTPUT_ALONE,
    };
  }
  const match = DENIAL.exec(text);
  if (match === null) return undefined;
  // node:child_process reads the environment before it starts anything: what is denied first is not what was wanted.
  const spawns = `${error.stack}\n${text}`.includes("child_process.ts");
  const kind = spawns ? "run" : match[1]!;
  const wanted = spawns ? undefined : match[2] ?? match[3];
  const tried = describeAttempt(kind, wanted);
  const what = `stage "${node.id}" tried to ${tried}: denied (permission: ${kind})`;
  switch (kind) {
    case "read":
      return { what, ...remedy(node, "read", pathFrom(baseDir, wanted)) };
    case "net":
      return { what, ...remedy(node, "net", wanted ?? "HOST") };
    case "env":
      return { what, ...remedy(node, "env", wanted ?? "NAME") };
    case "ffi":
      return { what, ...remedy(node, "ffi", undefined) };
    case "write":
      return { what, ...OUTPUT_ALONE };
    case "run":
      return {
        what,
        requirement: "no stage can be granted this: a process it starts would not be confined",
        remedy: "do the work in TypeScript, or prepare its result before the pipeline runs",
      };
    case "sys":
      return {
        what,
        requirement: "no stage can be granted this: its result would depend on the machine",
        remedy: "take what it needs as an option",
      };
    default:
      return {
        what,
        requirement: "a stage's code is what its imports name literally",
        remedy: "write the import with a literal path",
      };
  }
}

function describeAttempt(kind: string, wanted: string | undefined): string {
  const target = wanted === undefined ? "" : ` "${wanted}"`;
  switch (kind) {
    case "read":
      return wanted === undefined ? "read files" : `read${target}`;
    case "write":
      return wanted === undefined ? "write files" : `write${target}`;
    case "net":
      return `use the network${wanted === undefined ? "" : `: "${wanted}"`}`;
    case "env":
      return wanted === undefined
        ? "read all environment variables"
        : `read the environment variable${target}`;
    case "run":
      return wanted === undefined ? "start a process" : `start the process${target}`;
    case "sys":
      return `ask for system information${wanted === undefined ? "" : `: "${wanted}"`}`;
    case "ffi":
      return wanted === undefined ? "load a native library" : `load the native library${target}`;
    default:
      return `import${target}`;
  }
}

/** How an author declares a permission: in the stage's file and in the pipeline. */
function remedy(
  node: StageNode,
  kind: "read" | "net" | "env" | "ffi",
  value: string | undefined,
): { requirement: string; remedy: string } {
  const setting = kind === "ffi" ? "ffi: true" : `${kind}: [${JSON.stringify(value)}]`;
  const requirement =
    "a stage reads its inputs, fills its output folder, and does what it declares";
  if (node.description.builtin) {
    return {
      requirement,
      remedy:
        `the built-in stage "${node.description.uses}" does not declare ${setting}: a fault of Temper, please report it`,
    };
  }
  const file = basename(node.description.uses);
  return {
    requirement,
    remedy:
      `declare permissions: { ${setting} } in ${file} and grant it in the pipeline: stage "${node.name}", permissions: { ${setting} }`,
  };
}

function pathFrom(baseDir: string, path: string | undefined): string {
  if (path === undefined) return "PATH";
  const below = relative(baseDir, path);
  return below !== "" && !below.startsWith("..") && !isAbsolute(below) ? `./${below}` : path;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

/** Folder of the pipeline file: the place from which relative paths count. */
export function baseDirOf(pipeline: { readonly file: string }): string {
  return dirname(pipeline.file);
}
