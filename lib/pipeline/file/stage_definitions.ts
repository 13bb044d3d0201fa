/**
 * Finds what `uses:` names and asks it about itself and about the options of every cell.
 *
 * Built-in stages are imported here; own ones answer from processes of their own, side by side.
 *
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";
import { nearest, UserError } from "../../base/errors.ts";
import { fileUrl, pathMistake } from "../../base/paths.ts";
import { type DescribedStage, describeStage } from "../definition/describe.ts";
import type { OptionsRequest } from "../definition/options.ts";
import { type DescribeOptions, describeOwn } from "../sandbox/describe.ts";
import type { StageRegistry } from "../types.ts";
import { namesIn } from "./read_text.ts";

/** What {@linkcode askStage} needs. */
export interface AskOptions extends DescribeOptions {
  readonly registry: StageRegistry;
  /** Folder from which paths of own stages count. */
  readonly baseDir: string;
}

/** Whether `uses:` names a file rather than a built-in stage. */
export function isOwnStage(uses: string): boolean {
  return /^\.{0,2}[/\\]/.test(uses);
}

/**
 * Asks a stage about itself and about options.
 *
 * @param uses As written after `uses:`.
 * @param requests Options to check.
 * @param options Where stages are found.
 * @returns The description with a result for each request.
 * @throws {UserError} If there is no such stage, or its module is at fault.
 */
export async function askStage(
  uses: string,
  requests: readonly OptionsRequest[],
  options: AskOptions,
): Promise<DescribedStage> {
  if (isOwnStage(uses)) {
    const mistake = pathMistake(uses);
    if (mistake !== undefined) {
      throw new UserError({ what: `cannot use "${uses}" as a stage: ${mistake}` });
    }
    const path = resolve(options.baseDir, uses);
    await requireModule(uses, path);
    // Deno grants importing a file, not following a link to it.
    const isLink = (await Deno.lstat(path)).isSymlink;
    const file = isLink ? await Deno.realPath(path) : path;
    return await describeOwn({ uses, module: fileUrl(file), builtin: false }, requests, options);
  }
  const { registry } = options;
  if (!Object.hasOwn(registry, uses)) throw unknownStage(uses, Object.keys(registry));
  const { module, load } = registry[uses]!;
  return describeStage(await load(), { identity: { uses, module, builtin: true }, requests });
}

/** The error for a name that is no built-in stage. */
export function unknownStage(uses: string, names: readonly string[]): UserError {
  if (/^(https?|file|npm|jsr):/.test(uses)) {
    return new UserError({
      what: `cannot use "${uses}" as a stage`,
      requirement: "a stage is built in, or a file beside the pipeline such as ./my_stage.ts",
    });
  }
  const isFile = /[/\\]|\.[cm]?[jt]sx?$/.test(uses);
  return new UserError({
    what: `there is no built-in stage "${uses}"`,
    requirement: `built-in stages: ${names.join(", ")}`,
    nearest: nearest(uses, names),
    ...(isFile ? { remedy: `for a stage of your own write ./${uses}` } : {}),
  });
}

async function requireModule(uses: string, path: string): Promise<void> {
  const info = await Deno.stat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw new UserError({
      what: `cannot use "${uses}" as a stage: ${error instanceof Error ? error.message : error}`,
      requirement: "a stage of your own is a file that may be read",
      cause: error,
    });
  });
  if (info === undefined) {
    const folder = dirname(path);
    const names = (await namesIn(folder))?.filter((name) => /\.[cm]?[jt]s$/.test(name)) ?? [];
    const close = nearest(basename(path), names);
    throw new UserError({
      what: `there is no file "${uses}"`,
      requirement: `looked for ${path}`,
      nearest: close === undefined ? undefined : prefixed(join(dirname(uses), close)),
    });
  }
  if (!info.isFile) throw new UserError({ what: `"${uses}" is not a file` });
  if (!/\.[cm]?[jt]s$/.test(path)) {
    throw new UserError({
      what: `"${uses}" is not a module`,
      requirement: "a stage of your own is a file ending in .ts, .js, .mts or .mjs",
    });
  }
}

function prefixed(path: string): string {
  return /^[./\\]/.test(path) ? path : `./${path}`;
}
