/**
 * Describes a user's own stage without running its code in the runner's process.
 *
 * A definition is code, and loading a pipeline must not give code anything. So a process of its own,
 * without any permission, imports the module and answers with plain data; a process per module, so
 * that none can touch what another says, and so that a mistake has one owner. The entry is passed on
 * standard input and names the module literally: such an import needs no permission.
 *
 * The answer is remembered by everything that it follows from: the module's graph, the code of this
 * side, and the options that were asked about.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { join } from "node:path";
import { InternalError, nearest, UserError } from "../../base/errors.ts";
import { sha256Hex } from "../../base/hash.ts";
import { readAnswer } from "./describe_answer.ts";
import { type ProcessOutput, runDeno } from "./describe_process.ts";
import { notAStage, type StageIdentity } from "../definition/describe.ts";
import type { DescribeAnswer, DescribeRequest } from "./describe_host.ts";
import { withLockCopy } from "./lock_copy.ts";
import type { OptionsRequest } from "../definition/options.ts";
import { type DeniedAccess, deniedAccess } from "./describe_denied.ts";

/** Remembers JSON by namespace and key; may be slow or fast, present or not. */
export interface DescribeCache {
  readonly get: (namespace: string, key: string) => Json | undefined | Promise<Json | undefined>;
  readonly set: (namespace: string, key: string, value: Json) => void | Promise<void>;
  /** Whether nothing can be in it yet, told without making it. */
  readonly isEmpty?: () => boolean;
}

/** What {@linkcode describeOwn} needs. */
export interface DescribeOptions {
  /** Folder with `deno.json`, whose import map says what "temper" is. */
  readonly root: string;
  readonly cache?: DescribeCache | undefined;
  /** Digest of a module and all that it imports; without it nothing is remembered. */
  readonly digestModule?: ((url: string) => Promise<string>) | undefined;
  /** Milliseconds that a module may take to load and answer; default 10 s. */
  readonly timeout?: number | undefined;
}

/** A description and the results for each options request. */
export type DescribedOwn = Extract<DescribeAnswer, { ok: true }>;

/** What the import map has for authors of stages. */
const NAMES = ["temper", "temper/data"];
const NAMESPACE = "describe";
const HOST = import.meta.resolve("./describe_host.ts");
const DEFAULT_TIMEOUT_MS = 10_000;
/** Downloads of the packages that a module imports for the first time. */
const INSTALL_TIMEOUT_MS = 300_000;

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
): Promise<DescribedOwn> {
  const key = await cacheKey(identity, requests, options);
  if (key !== undefined) {
    const known = await options.cache?.get(NAMESPACE, key);
    const answer = known === undefined
      ? undefined
      : readAnswer(known, { identity, count: requests.length });
    if (answer?.ok) return answer;
  }
  const answer = await ask(identity, requests, options);
  if (!answer.ok) throw answerError(identity.uses, answer);
  if (key !== undefined) {
    await options.cache?.set(NAMESPACE, key, JSON.parse(JSON.stringify(answer)) as Json);
  }
  return answer;
}

async function cacheKey(
  identity: StageIdentity,
  requests: readonly OptionsRequest[],
  { cache, digestModule }: DescribeOptions,
): Promise<string | undefined> {
  if (cache === undefined || digestModule === undefined) return undefined;
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
  identity: StageIdentity,
  requests: readonly OptionsRequest[],
  options: DescribeOptions,
): Promise<DescribeAnswer> {
  const token = `temper-${crypto.randomUUID()}:`;
  const request: DescribeRequest = { token, identity, requests };
  const entry = `import { describeHost } from ${JSON.stringify(HOST)};\n` +
    `await describeHost(() => import(${JSON.stringify(identity.module)}), ${
      JSON.stringify(request)
    });\n`;
  return await withLockCopy(options.root, async (lock) => {
    const common = ["--quiet", `--config=${join(options.root, "deno.json")}`, lock];
    const run = ["run", "--no-prompt", "--no-check", "--cached-only", ...common, "-"];
    const timeout = options.timeout ?? DEFAULT_TIMEOUT_MS;
    let output = await runDeno(run, { input: entry, timeout, cwd: options.root });
    const about = { identity, count: requests.length };
    let answer = answerIn(output, token, about);
    if (needsInstall(answer, output)) {
      const install = ["cache", ...common, new URL(identity.module).href];
      const limit = { input: "", timeout: INSTALL_TIMEOUT_MS, cwd: options.root };
      const installed = await runDeno(install, limit);
      if (installed.code !== 0) throw notInstalled(identity.uses, installed);
      output = await runDeno(run, { input: entry, timeout, cwd: options.root });
      answer = answerIn(output, token, about);
    }
    return answer ?? silent(identity.uses, output, timeout);
  });
}

/** The answer among all that a process printed; undefined where there is none. */
function answerIn(
  output: ProcessOutput,
  token: string,
  about: { identity: StageIdentity; count: number },
): DescribeAnswer | undefined {
  const start = output.stdout.indexOf(`\n${token}`);
  if (start < 0) return undefined;
  const from = start + 1 + token.length;
  const line = output.stdout.slice(from, output.stdout.indexOf("\n", from));
  try {
    return readAnswer(JSON.parse(line) as Json, about);
  } catch (error) {
    // A module that replaces JSON.stringify spoils its own answer.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function needsInstall(answer: DescribeAnswer | undefined, output: ProcessOutput): boolean {
  const text = answer?.ok === false ? answer.message : answer === undefined ? output.stderr : "";
  return /--cached-only|not found in cache|not cached/i.test(text);
}

/** The error for imports that could not be downloaded. */
function notInstalled(uses: string, output: ProcessOutput): UserError {
  const [first = ""] = output.stderr.trim().replace(/^error: /, "").split("\n");
  return new UserError({
    what: output.killed === undefined
      ? `the imports of the stage "${uses}" cannot be downloaded: ${first}`
      : `the imports of the stage "${uses}" were not downloaded within ${
        INSTALL_TIMEOUT_MS / 1000
      } s`,
    remedy: "check the network, and the addresses that the module imports",
  });
}

/** The error for a process that ended without an answer. */
function silent(uses: string, output: ProcessOutput, timeout: number): never {
  switch (output.killed) {
    case "timeout":
      throw new UserError({
        what: `the stage "${uses}" was not loaded within ${timeout / 1000} s`,
        requirement: "a stage's module only defines; work and waiting belong into run()",
      });
    case "output":
      throw new UserError({
        what: `the stage "${uses}" prints without end while it is loaded`,
        requirement: "a stage's module only defines; work belongs into run()",
      });
    case undefined: {
      const [last = ""] = output.stderr.trim().replace(/^error: (Uncaught )?(\(in promise\) )?/, "")
        .split("\n");
      throw new UserError({
        what: `the stage "${uses}" ended its process (exit ${output.code}) while it was loaded` +
          (last === "" ? "" : `: ${last}`),
        requirement: "a stage's module only defines; work belongs into run()",
      });
    }
  }
}

function answerError(uses: string, answer: Extract<DescribeAnswer, { ok: false }>): UserError {
  if (answer.reason === "definition") return notAStage(uses, answer.message);
  if (answer.reason === "spec") {
    return new UserError({ what: `"${uses}" is not a stage: ${answer.message}` });
  }
  const denied = deniedAccess(answer.message);
  if (denied !== undefined) return deniedError(uses, denied);
  const missing = /^Module not found "([^"]+)"/.exec(answer.message);
  if (missing) {
    return new UserError({
      what: `the stage "${uses}" imports "${missing[1]}", which does not exist`,
    });
  }
  const bare = /^Import "([^"]+)" not a dependency/.exec(answer.message)?.[1];
  if (bare !== undefined) {
    return new UserError({
      what: `the stage "${uses}" imports "${bare}", which is neither a file nor a known name`,
      nearest: nearest(bare, NAMES),
      requirement: `a stage imports ${
        NAMES.join(", ")
      }, files (./NAME.ts) and packages (npm:NAME@VERSION)`,
    });
  }
  const syntax = /^SyntaxError: (.*)/s.exec(answer.message);
  if (syntax || answer.name === "SyntaxError") {
    return new UserError({
      what: `the stage "${uses}" is not valid TypeScript: ${
        oneLine(syntax?.[1] ?? answer.message)
      }`,
    });
  }
  return new UserError({
    what: `the stage "${uses}" cannot be loaded: ${answer.name}: ${oneLine(answer.message)}`,
  });
}

function deniedError(uses: string, denied: DeniedAccess): UserError {
  return new UserError({
    what: `the stage "${uses}" ${denied.action} while it is loaded, which is denied`,
    requirement: "a stage's module is loaded without any permission",
    remedy: denied.declare === undefined
      ? "a stage cannot have this permission, not in run() either"
      : `move it into run(), and declare ${denied.declare}`,
  });
}

/** The first line and the place at the end; the excerpt in between does not fit into a sentence. */
function oneLine(message: string): string {
  const lines = message.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const place = lines.slice(1).find((line) => /^at .*:\d+:\d+$/.test(line));
  return [lines[0], place].filter((line) => line !== undefined).join(" ");
}
