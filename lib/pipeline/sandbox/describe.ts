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
import type { Json } from "../../base/json.ts";
import { InternalError, nearest, unreachable, UserError } from "../../base/errors.ts";
import { sha256Hex } from "../../base/hash.ts";
import { filePath } from "../../base/paths.ts";
import type { Memory } from "../code/memory.ts";
import { runProcess } from "../code/process.ts";
import { type Grants, withProcessFolder, writeConfig } from "../code/process_config.ts";
import type { DescribedStage, StageIdentity } from "../definition/describe.ts";
import type { OptionsRequest } from "../definition/options.ts";
import { formMistake } from "../schema/permission_forms.ts";
import { type ChildOutcome, HOST, runChild } from "./child.ts";
import { loadDenial } from "./denial.ts";
import { parseAnswer, type ThrownError } from "./protocol.ts";

/** What {@linkcode describeOwn} needs. */
export interface DescribeOptions {
  /** Folder with `deno.json`, whose import map says what "temper" is. */
  readonly project: string;
  readonly memory?: Memory | undefined;
  /** Milliseconds that a module may take to load and answer; default 10 s. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the import map has for authors of stages. */
const NAMES = ["temper", "temper/data"];
const NAMESPACE = "describe";
const DEFAULT_TIMEOUT_MS = 10_000;
/** What a module may print while it is loaded. */
const MAX_OUTPUT = 16 << 20;
/** Downloads of the packages that a module imports for the first time. */
const INSTALL_TIMEOUT_MS = 300_000;

const NOTHING: Grants = { read: [], write: [], net: [], env: [], ffi: [], import: [] };

/**
 * Describes one own stage and checks options against it.
 *
 * @param identity The stage; its module is a `file:` URL of a file that exists.
 * @param requests Options to check, one entry for each cell.
 * @param options Where the project is, and what to remember answers in.
 * @returns The description, with a result for each request.
 * @throws {UserError} If the module cannot be loaded without permissions, is not a stage, or does not come to an end.
 */
export async function describeOwn(
  identity: StageIdentity,
  requests: readonly OptionsRequest[],
  options: DescribeOptions,
): Promise<DescribedStage> {
  const { memory } = options;
  const key = memory === undefined ? undefined : await keyOf(identity, requests, memory);
  const known = key === undefined ? undefined : memory?.get(NAMESPACE, key);
  const recalled = known === undefined ? undefined : parseAnswer("describe", known);
  const answer = recalled ?? await ask(identity, requests, options);
  if (answer.results.length !== requests.length) {
    throw new UserError({ what: `the stage "${identity.uses}" does not say what it was asked` });
  }
  // The module answers for itself, and may forge what a definition is checked for.
  const mistake = formMistake(answer.description.permissions);
  if (mistake !== undefined) {
    throw new UserError({ what: `the stage "${identity.uses}" ${mistake}` });
  }
  if (key !== undefined && recalled === undefined) {
    memory?.set(NAMESPACE, key, JSON.parse(JSON.stringify(answer)) as Json);
  }
  // Who it speaks for is not the module's to say.
  return { ...answer, description: { ...answer.description, ...identity } };
}

async function keyOf(
  identity: StageIdentity,
  requests: readonly OptionsRequest[],
  { digestModule }: Memory,
): Promise<string | undefined> {
  try {
    const digests = await Promise.all([digestModule(identity.module), digestModule(HOST)]);
    return sha256Hex(JSON.stringify([digests, identity, requests]));
  } catch (error) {
    // A module that cannot be read gets its message from the process that tries to load it.
    if (error instanceof InternalError) throw error;
    return undefined;
  }
}

async function ask(
  { uses, module }: StageIdentity,
  requests: readonly OptionsRequest[],
  { project, signal, timeout = DEFAULT_TIMEOUT_MS }: DescribeOptions,
): Promise<DescribedStage> {
  return await withProcessFolder(async (folder) => {
    const attempt = (): Promise<ChildOutcome<DescribedStage>> =>
      runChild({ task: "describe", uses, requests }, {
        module,
        project,
        grants: NOTHING,
        folder,
        cachedOnly: true,
        timeout,
        maxOutput: MAX_OUTPUT,
        patience: 0,
        kill: signal,
      });
    let outcome = await attempt();
    if (needsInstall(outcome)) {
      await install({ uses, module, project, folder, signal });
      outcome = await attempt();
    }
    signal?.throwIfAborted();
    if (outcome.type === "done") return outcome.value;
    throw failureOf(outcome, { uses, timeout });
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

/** Downloads what a module imports; nothing of it runs. */
async function install({ uses, module, project, folder, signal }: {
  readonly uses: string;
  readonly module: string;
  readonly project: string;
  readonly folder: string;
  readonly signal: AbortSignal | undefined;
}): Promise<void> {
  const lines: string[] = [];
  const end = await runProcess({
    args: ["cache", "--quiet", "--config", await writeConfig(folder, { project }), module],
    cwd: folder,
    onStdout: () => {},
    onStderr: (line) => void lines.push(line),
    timeout: INSTALL_TIMEOUT_MS,
    maxOutput: MAX_OUTPUT,
    patience: 0,
    kill: signal,
  });
  signal?.throwIfAborted();
  if (end.type === "ended" && end.code === 0) return;
  const why = lines[0]?.replace(/^error: /, "") ?? "";
  throw new UserError({
    what: end.type === "ended"
      ? `the imports of the stage "${uses}" cannot be downloaded: ${why}`
      : `the imports of the stage "${uses}" were not downloaded within ${
        INSTALL_TIMEOUT_MS / 1000
      } s`,
    remedy: "check the network, and the addresses that the module imports",
  });
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
  const missing = /^Module not found "([^"]+)"/.exec(message);
  if (missing !== null) {
    return new UserError({
      what: `the stage "${uses}" imports "${missing[1]}", which does not exist`,
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
  const place = lines.slice(1).find((line) => /^at .*:\d+:\d+$/.test(line));
  return [lines[0], place].filter((line) => line !== undefined).join(" ");
}
