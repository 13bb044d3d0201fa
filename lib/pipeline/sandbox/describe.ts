/**
 * Describes a user's own stage without running its code in the runner's process.
 *
 * A definition is code, and loading a pipeline must not give code anything. So a process of its own,
 * without any permission, imports the module and answers with plain data; a process per module, so
 * that none can touch what another says, and so that a mistake has one owner.
 *
 * The answer is remembered by everything that it follows from: the module's graph, the code of the
 * other side, and the options that were asked about.
 *
 * @module
 */
import { basename } from "node:path";
import type { Json } from "../../base/json.ts";
import { StoreIndex } from "../../store/mod.ts";
import { InternalError, nearest, unreachable, UserError } from "../../base/errors.ts";
import { sha256Hex } from "../../base/hash.ts";
import { withoutSecrets } from "../../base/outside/secrets.ts";
import { filePath, isWithin } from "../../base/paths.ts";
import type { Memory } from "../code/memory.ts";
import { type Confinement, confinementOf, NAMES } from "../code/confinement.ts";
import { type Grants, withProcessFolder } from "../code/process_config.ts";
import type { DescribedStage, StageIdentity } from "../definition/describe.ts";
import type { OptionsRequest } from "../definition/options.ts";
import { formMistake } from "../schema/permission_forms.ts";
import { type ChildOutcome, HOST, type OwnCode, runChild } from "./child.ts";
import { loadDenial, pathFrom } from "./denial.ts";
import type { Permissions } from "../stage.ts";
import { ownCode } from "./own_code.ts";
import { parseAnswer, type ThrownError } from "./protocol.ts";

/** What {@linkcode describeOwn} needs. */
export interface DescribeOptions {
  /** Folder with `deno.json`, whose import map says what "temper" is. */
  readonly project: string;
  /** Absolute folder of the pipeline file; the module's own where there is no pipeline. */
  readonly baseDir: string;
  /** What the pipeline lets the stage read, as it is written there. */
  readonly granted?: readonly string[] | undefined;
  readonly memory?: Memory | undefined;
  /** Milliseconds that a module may take to load and answer; default 30 s. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const NAMESPACE = "describe";
/** A machine that is busy with training takes many times as long as an idle one. */
const DEFAULT_TIMEOUT_MS = 30_000;
/** What a module may print while it is loaded. */
const MAX_OUTPUT = 16 << 20;

const NOTHING: Grants = { read: [], write: [], net: [], env: [], ffi: [], import: [] };

/**
 * Describes one own stage and checks options against it.
 *
 * @param identity The stage; its module is a `file:` URL of a file that exists.
 * @param requests Options to check, one entry for each cell.
 * @param options Where the project is, and what to remember answers in.
 * @returns The description, with a result for each request.
 * @throws {UserError} If the module or what it imports lies where it may not, cannot be loaded without
 *   permissions, is not a stage, or does not come to an end.
 */
export async function describeOwn(
  identity: StageIdentity,
  requests: readonly OptionsRequest[],
  options: DescribeOptions,
): Promise<DescribedStage> {
  const { memory, baseDir, granted } = options;
  const confinement = await confinementOf(baseDir, granted);
  const digests = async (): ReturnType<typeof digestsOf> =>
    memory === undefined ? undefined : await digestsOf(identity, { memory, confinement });
  const code = await digests();
  const key = code === undefined
    ? undefined
    : sha256Hex(JSON.stringify([code.module, code.host, identity, requests, confinement]));
  const known = key === undefined ? undefined : memory?.get(NAMESPACE, key);
  const recalled = known === undefined ? undefined : parseAnswer("describe", known);
  const answer = recalled ?? await ask(identity, requests, { ...options, confinement });
  // Saved while it was being asked: the answer may be the old module's or the new one's.
  if (recalled === undefined && code !== undefined && (await digests())?.module !== code.module) {
    return await describeOwn(identity, requests, options);
  }
  if (answer.results.length !== requests.length) {
    throw new UserError({ what: `the stage "${identity.uses}" does not say what it was asked` });
  }
  // The module answers for itself, and may forge what a definition is checked for.
  const mistake = formMistake(answer.description.permissions);
  if (mistake !== undefined) {
    throw new UserError({ what: `the stage "${identity.uses}" ${mistake}` });
  }
  refuseHiddenAsking(identity.uses, answer.description.permissions);
  if (key !== undefined && recalled === undefined) {
    memory?.set(NAMESPACE, key, JSON.parse(JSON.stringify(answer)) as Json);
  }
  // Who it speaks for is not the module's to say.
  return { ...answer, description: { ...answer.description, ...identity, code: code?.module } };
}

/** What has the form of a secret is cut out wherever it is shown, and a person has to see what is asked for. */
function refuseHiddenAsking(uses: string, permissions: Permissions): void {
  const { net = [], env = [], read = [] } = permissions;
  for (const asked of [...net, ...env, ...read]) {
    if (withoutSecrets(asked) === asked) continue;
    throw new UserError({
      what:
        `the stage "${uses}" asks for a permission that holds what looks like a secret: ${asked}`,
      requirement: "it could not be shown in full to whoever is to grant it",
      remedy: "let its author ask by another name",
    });
  }
}

/** Digests of the stage's code and of that of the other side. */
async function digestsOf(
  identity: StageIdentity,
  { memory: { digestModule }, confinement }: {
    readonly memory: Memory;
    readonly confinement: Confinement;
  },
): Promise<{ readonly module: string; readonly host: string } | undefined> {
  try {
    const [module, host] = await Promise.all([
      digestModule(identity.module, confinement),
      digestModule(HOST),
    ]);
    return { module, host };
  } catch (error) {
    // A module that cannot be read gets its message from the process that tries to load it.
    if (error instanceof InternalError) throw error;
    return undefined;
  }
}

async function ask(
  { uses, module }: StageIdentity,
  requests: readonly OptionsRequest[],
  { project, signal, timeout = DEFAULT_TIMEOUT_MS, memory, baseDir, confinement }:
    & DescribeOptions
    & {
      readonly confinement: Confinement;
    },
): Promise<DescribedStage> {
  using own = memory?.index === undefined ? new StoreIndex(":memory:") : undefined;
  const index = memory?.index ?? own!;
  const findCode = async (): Promise<OwnCode> => {
    const code = await ownCode({ uses, module }, { project, index, confinement, signal });
    refuseData(code, { uses, baseDir, confinement });
    return code;
  };
  let code = await findCode();
  return await withProcessFolder(async (folder) => {
    const attempt = (): Promise<ChildOutcome<DescribedStage>> =>
      runChild({ task: "describe", uses, requests }, {
        module,
        project,
        grants: NOTHING,
        folder,
        code,
        timeout,
        maxOutput: MAX_OUTPUT,
        patience: 0,
        kill: signal,
      });
    let outcome = await attempt();
    if (needsInstall(outcome)) {
      await code.install();
      code = await findCode();
      outcome = await attempt();
    }
    signal?.throwIfAborted();
    if (outcome.type === "done") return outcome.value;
    throw failureOf(outcome, { uses, timeout });
  });
}

/** Refuses JSON and text that a module would read while it is loaded, which could be told by what it says of itself. */
function refuseData(
  { graphs }: OwnCode,
  { uses, baseDir, confinement }: {
    readonly uses: string;
    readonly baseDir: string;
    readonly confinement: Confinement;
  },
): void {
  const isGranted = (path: string): boolean =>
    confinement.granted.some((place) => isWithin(place, path));
  const path = graphs[0]?.data.find((each) => !isGranted(each));
  if (path === undefined) return;
  const setting = `permissions: { read: [${JSON.stringify(pathFrom(baseDir, path))}] }`;
  throw new UserError({
    what: `the stage "${uses}" imports the data of "${path}": denied (permission: read)`,
    requirement: "a stage reads its inputs, fills its output folder, and does what it declares",
    remedy: `declare ${setting} in ${basename(uses)} and grant it in the pipeline: ${setting}`,
  });
}

function needsInstall(outcome: ChildOutcome<unknown>): boolean {
  const text = outcome.type === "threw"
    ? outcome.error.message
    : outcome.type === "died"
    ? outcome.lastLines.join("\n")
    : "";
  return /--cached-only|not found in cache|not cached/i.test(text);
}

/** What a person is told of a module that did not say what it is. */
function failureOf(
  outcome: Exclude<ChildOutcome<unknown>, { type: "done" }>,
  { uses, timeout }: { readonly uses: string; readonly timeout: number },
): UserError {
  switch (outcome.type) {
    case "threw":
      return loadError(uses, outcome.error);
    case "timeout":
      return new UserError({
        what: `the stage "${uses}" was not loaded within ${timeout / 1000} s`,
        requirement: "a stage's module only defines; work and waiting belong into run()",
      });
    case "flood":
      return new UserError({
        what: `the stage "${uses}" prints without end while it is loaded`,
        requirement: "a stage's module only defines; work belongs into run()",
      });
    case "interrupted":
      return new UserError({ what: `loading the stage "${uses}" was interrupted` });
    case "died": {
      const { code, lastLines } = outcome;
      const line = lastLines.find((each) => each.startsWith("error: ")) ?? lastLines.at(-1) ?? "";
      const word = line.replace(/^error: (Uncaught )?(\(in promise\) )?/, "");
      return new UserError({
        what: `the stage "${uses}" ended its process (exit ${code}) while it was loaded` +
          (word === "" ? "" : `: ${word}`),
        requirement: "a stage's module only defines; work belongs into run()",
      });
    }
    default:
      return unreachable(outcome);
  }
}

/** What a person is told of an error that a module threw while it was loaded. */
function loadError(uses: string, error: ThrownError): UserError {
  if (error.parts !== undefined) return new UserError(error.parts);
  const denial = loadDenial(uses, error.message);
  if (denial !== undefined) return denial;
  const message = error.message.replaceAll(/file:\/\/[^\s"']+?(?=["'\s]|:\d|$)/g, filePath);
  const missing = /^Module not found "([^"]+)"/.exec(message)?.[1];
  if (missing?.startsWith("node:")) {
    return new UserError({
      what: `the stage "${uses}" imports "${missing}": denied (permission: run)`,
      requirement: "no stage can be granted this: what it starts would not be confined",
    });
  }
  if (missing !== undefined) {
    return new UserError({
      what: `the stage "${uses}" imports "${missing}", which does not exist`,
    });
  }
  const bare = /^Import "([^"]+)" not a dependency/.exec(message)?.[1];
  if (bare !== undefined) {
    return new UserError({
      what: `the stage "${uses}" imports "${bare}", which is neither a file nor a known name`,
      nearest: nearest(bare, NAMES),
      requirement: `a stage imports ${
        NAMES.join(", ")
      }, files (./NAME.ts) and packages (npm:NAME@VERSION)`,
    });
  }
  const syntax = /^SyntaxError: (.*)/s.exec(message);
  if (syntax !== null || error.name === "SyntaxError") {
    return new UserError({
      what: `the stage "${uses}" is not valid TypeScript: ${oneLine(syntax?.[1] ?? message)}`,
    });
  }
  return new UserError({
    what: `the stage "${uses}" cannot be loaded: ${error.name}: ${oneLine(message)}`,
  });
}

/** The first line and the place at the end; the excerpt in between does not fit into a sentence. */
function oneLine(message: string): string {
  const lines = message.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const place = lines.slice(1).find((line) => /^at .*:\d+:\d+$/.test(line))
    ?.replace(/ at ext:\S+$/, "");
  return [lines[0], place].filter((line) => line !== undefined).join(" ");
}
