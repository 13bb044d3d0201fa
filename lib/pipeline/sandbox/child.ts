/**
 * One process for one request about a stage: starts it confined, hands it the request, and listens.
 *
 * The entry file imports the stage by a literal path, so its code needs no read permission. An own
 * stage is started with the code that its module graph names, and can load nothing else: the import
 * map leads to no other file, the lock has no other package, Deno's folder has none either.
 *
 * @module
 */
import { basename, join } from "node:path";
import { fileUrl } from "../../base/paths.ts";
import { valueWithoutSecrets, withoutSecrets } from "../../base/outside/secrets.ts";
import { guarded, type StoreIndex } from "../../store/mod.ts";
import { withoutDetour } from "../code/confinement.ts";
import { processEnvironment } from "../code/environment.ts";
import type { ModuleGraph } from "../code/module_graph.ts";
import { type PackageFolder, packageFolder } from "../code/package_folder.ts";
import { runProcess } from "../code/process.ts";
import {
  type Grants,
  PERMISSION_SET,
  snapshotUrl,
  writeConfig,
  writeLockedConfig,
} from "../code/process_config.ts";
import { cutError, cutLine, ReportBounds } from "./bounds.ts";
import {
  type Answers,
  type Confining,
  MARK,
  type Message,
  MESSAGE_BOUNDS,
  parseAnswer,
  parseLine,
  type Report,
  type Request,
  type ThrownError,
} from "./protocol.ts";

/** How a stage's process ended. */
export type ChildOutcome<A> =
  | { readonly type: "done"; readonly value: A }
  | { readonly type: "threw"; readonly error: ThrownError }
  | {
    /** Its time was up, it printed more than it may, it was told to stop. */
    readonly type: "timeout" | "flood" | "interrupted";
  }
  | {
    readonly type: "died";
    readonly code: number;
    readonly signal: string | undefined;
    readonly lastLines: readonly string[];
  };

/** Everything one process needs. */
export interface ChildOptions {
  /** `file:` URL of the stage's module. */
  readonly module: string;
  /** Absolute folder with `deno.json`, whose import map says what "temper" is. */
  readonly project: string;
  readonly grants: Grants;
  /** The snapshot that its code is run from; its own place where absent. */
  readonly root?: string | undefined;
  /** Variables to start the process with: those that were granted, and what its engine needs. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it loads a native library or a GPU's. */
  readonly engines?: boolean;
  /** Whether it computes on a GPU; no other process finds one. */
  readonly gpu?: boolean;
  /** Whether it fetches for a built-in stage, packages too: with proxies, certificates and registries of the user's. */
  readonly downloads?: boolean;
  /** An existing folder of the runner for the generated files; the process cannot read it. */
  readonly folder: string;
  /** For an own stage, the code that it may load: its own and that of {@linkcode HOST}. */
  readonly code?: OwnCode | undefined;
  readonly timeout?: number | undefined;
  readonly maxOutput?: number;
  /** Progress, summary entries and log messages as they come. */
  readonly onReport?: (report: Report) => void;
  /** A line for the stage's log: what it printed. */
  readonly onLine?: (line: string) => void;
  /** How long a stage that was told to stop may take, in milliseconds. */
  readonly patience?: number;
  /** Stop: politely, then when the patience is at its end for good. */
  readonly stop?: AbortSignal | undefined;
  /** Stop for good, now. */
  readonly kill?: AbortSignal | undefined;
}

/** All the code of an own stage's process. */
export interface OwnCode {
  readonly graphs: readonly ModuleGraph[];
  /** Downloads the packages that are not on this machine. */
  readonly install: () => Promise<void>;
  /** Remembers digests of the packages' files. */
  readonly index: StoreIndex;
}

/** The module that answers on the other side. */
export const HOST: string = import.meta.resolve("./host.ts");

/** The file that a process is started with. */
const ENTRY = "entry.ts";

/** How long a stage that was told to stop may take. */
const STOP_PATIENCE_MS = 5000;

/** How many of the last lines are worth showing where a process died without a word. */
const LAST_LINES = 10;

/**
 * Asks a stage in a process of its own.
 *
 * @returns How it ended; a stage's failure is a value, only a bug throws.
 */
export async function runChild<R extends Request>(
  request: R,
  options: ChildOptions,
): Promise<ChildOutcome<Answers[R["task"]]>> {
  const { grants, folder, root } = options;
  const module = snapshotUrl(options.module, root);
  const original = (text: string): string =>
    withoutDetour(root === undefined ? text : inPlace(text, root));
  await using loading = options.code === undefined
    ? undefined
    : await packagesOf(options.code, folder);
  const { args, variables } = options.code === undefined || loading === undefined
    ? { args: await writeConfig(folder, options), variables: {} }
    : await locked(options, { code: options.code, deno: loading });
  const confining: R & Confining = options.code === undefined
    ? request
    : { ...request, confined: true, readable: grants.read };
  const entry = join(folder, ENTRY);
  await guarded(
    { doing: "write what a process is started with", path: folder },
    () =>
      Deno.writeTextFile(
        entry,
        `import { host } from ${JSON.stringify(snapshotUrl(HOST, root))};\n` +
          `await host(() => import(${JSON.stringify(module)}));\n`,
      ),
  );
  const bounds = MESSAGE_BOUNDS[request.task];
  const lastLines: string[] = [];
  const print = (printed: string): void => {
    const line = withoutSecrets(printed);
    lastLines.push(cutLine(line));
    if (lastLines.length > LAST_LINES) lastLines.shift();
    options.onLine?.(line);
  };
  const reports = new ReportBounds((report) => options.onReport?.(report));
  let last: Exclude<Message, Report> | undefined;
  const end = await runProcess({
    args: [
      ..."run --no-prompt --quiet --no-check".split(" "),
      // V8 lets garbage grow to several times what is in use before it looks at all of it: a stream of
      // rows through 100 MB of memory took 2 GB, and more time.
      "--v8-flags=--heap-growing-percent=30",
      ...[...args, `-P=${PERMISSION_SET}`, fileUrl(entry)],
    ],
    cwd: folder,
    environment: processEnvironment({
      network: options.downloads === true || grants.net.length > 0,
      registries: options.downloads === true,
      engines: options.engines === true || grants.ffi === true,
      gpu: options.gpu === true,
      // What an own stage loads is where its packages are, and nowhere else.
      variables: { ...options.environment, ...variables },
    }),
    input: JSON.stringify(confining) + "\n",
    onStdout: (line) => {
      const { text, message: told } = parseLine(original(line), bounds.values);
      if (text !== undefined) print(text);
      if (told === undefined) return;
      // What a stage says is shown and kept; its answer is checked where it is used.
      const message = told.type === "result" ? told : valueWithoutSecrets(told);
      if (message.type === "result" || message.type === "error") {
        last = message;
        return;
      }
      if (message.type === "log") print(message.message);
      reports.take(message);
    },
    mark: MARK,
    // While its module is loaded it watches for its runner with pauses, and code may stop its own process.
    guarded: request.task === "describe" || options.code !== undefined,
    maxMessage: bounds.length,
    onStderr: (line) => print(original(line)),
    timeout: options.timeout,
    ...(options.maxOutput === undefined ? {} : { maxOutput: options.maxOutput }),
    patience: options.patience ?? STOP_PATIENCE_MS,
    stop: options.stop,
    kill: options.kill,
  });
  reports.end();
  if (end.type !== "ended") return { type: end.type };
  if (last?.type === "error") return { type: "threw", error: cutError(last.error) };
  if (last === undefined || end.code !== 0) {
    return { type: "died", code: end.code, signal: end.signal, lastLines };
  }
  const value = parseAnswer<R["task"]>(request.task, last.value);
  return value === undefined
    ? { type: "threw", error: noAnswer(request.task) }
    : { type: "done", value };
}

/** A text with the places that people know instead of their copies: in stacks, messages and logs. */
function inPlace(text: string, root: string): string {
  return text.includes(basename(root))
    ? text.replaceAll(fileUrl(root).slice("file://".length), "").replaceAll(root, "")
    : text;
}

/** The folder with the packages of some code. */
async function packagesOf(
  { graphs, install, index }: OwnCode,
  spare: string,
): Promise<PackageFolder> {
  const packages = graphs.flatMap(({ loading }) => loading.packages);
  return await packageFolder(packages, { install, spare, index });
}

/** What confines a process to some code, beside its permissions. */
async function locked(
  { project, grants, folder, module, root }: ChildOptions,
  { code: { graphs }, deno }: { readonly code: OwnCode; readonly deno: PackageFolder },
): Promise<{ readonly args: string[]; readonly variables: Readonly<Record<string, string>> }> {
  const loading = graphs.map(({ loading }) => loading);
  const read = [...new Set([...grants.read, ...grants.read.map(deno.pathOf)])];
  const args = await writeLockedConfig(folder, {
    project,
    root,
    grants: { ...grants, read },
    code: {
      entry: fileUrl(join(folder, ENTRY)),
      urls: [module, ...loading.flatMap(({ urls }) => urls)],
      locks: loading.map(({ lock }) => lock),
      registries: Object.assign({}, ...loading.map(({ registries }) => registries)),
    },
  });
  return { args, variables: { DENO_DIR: deno.path } };
}

/** The error for an answer of another form than its task has. */
function noAnswer(task: Request["task"]): ThrownError {
  const parts = {
    what: `the stage's answer to "${task}" is none`,
    requirement: task === "resolve"
      ? "resolve() returns { key, data?, read?, net?, env? }: a key in JSON, lists of texts"
      : "a stage's module leaves JSON and standard output as they are",
  };
  return { name: "UserError", message: parts.what, parts, causes: [] };
}
