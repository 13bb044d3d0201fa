/**
 * Whether the pipeline grants what an own stage asks for.
 *
 * The stage's author asks (`permissions` of its definition), the pipeline's author grants
 * (`permissions:` in the file). A stage gets what it asks for and nothing beyond, so granting more
 * than that has no effect; asking for more than is granted is a mistake.
 *
 * @module
 */
import { resolve } from "node:path";
import { isSystemPath, isWithin, SYSTEM_WORDS } from "../../base/paths.ts";
import type { Problem } from "../yaml/problems.ts";
import type { Permissions } from "../stage.ts";

/**
 * Compares what is asked with what is granted.
 *
 * @param stage Name of the stage in the file.
 * @param asked By the module.
 * @param options `granted`: by the file; `baseDir`: its folder, from which all paths of both count.
 * @returns The mistake, with the lines to add; undefined where everything is granted.
 */
export function permissionMistake(
  stage: string,
  asked: Permissions,
  { granted, baseDir }: { readonly granted: Permissions; readonly baseDir: string },
): Problem | undefined {
  // A folder covers what is in it, in whichever way the one and the other are written.
  const coversPath = (grant: string, path: string): boolean =>
    isWithin(resolve(baseDir, grant), resolve(baseDir, path));
  const net = without(asked.net, granted.net, coversHost);
  const env = without(asked.env, granted.env, (grant, name) => grant === name);
  const read = without(asked.read, granted.read, coversPath);
  const ffi = asked.ffi === true && granted.ffi !== true;
  const missing = [
    ...net.map((host) => `to connect to ${host}`),
    ...env.map((name) => `to read the environment variable ${name}`),
    ...read.map((path) => `to read ${path}`),
    ...(ffi ? ["to load native libraries"] : []),
  ];
  if (missing.length === 0) return undefined;
  const lines = [
    line("net", [...granted.net ?? [], ...net]),
    line("env", [...granted.env ?? [], ...env]),
    line("read", [...granted.read ?? [], ...read]),
    ffi || granted.ffi === true ? "ffi: true" : "",
  ].filter((text) => text !== "");
  return {
    // One a line, each exact and in full: nobody may decide by half of what is asked.
    what: missing.length === 1
      ? `the stage "${stage}" asks for a permission that is not granted: ${missing[0]}`
      : `the stage "${stage}" asks for permissions that are not granted:${
        missing.map((item) => `\n    ${item}`).join("")
      }`,
    requirement: "its author asks for them, you decide",
    remedy: `to grant them write\n      permissions:\n${
      lines.map((text) => `        ${text}`).join("\n")
    }`,
  };
}

/**
 * Refuses what no grant can give: Deno keeps the system's own folders even from whoever may read every
 * other file.
 *
 * @param stage Name of the stage in the file.
 * @param options `read`: paths that are granted or asked for, which count from `baseDir`.
 * @returns The mistake; undefined where no path, nor what a link of one leads to, lies there.
 */
export function systemPathMistake(
  stage: string,
  { read, baseDir }: { readonly read: readonly string[]; readonly baseDir: string },
): Problem | undefined {
  const path = read.find((path) => isSystemPath(realPathOf(resolve(baseDir, path))));
  return path === undefined ? undefined : {
    what: `the stage "${stage}" can't be granted to read ${path}, which lies ${SYSTEM_WORDS}`,
    requirement: "what a stage reads is part of its key",
    remedy: "write what it needs of it into a file, and grant that",
  };
}

/** A path without links, as far as it is there. */
function realPathOf(path: string): string {
  if (isSystemPath(path)) return path;
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

function line(name: string, values: readonly string[]): string {
  return values.length === 0 ? "" : `${name}: [${values.map(quoted).join(", ")}]`;
}

function quoted(text: string): string {
  return /^[A-Za-z_./][\w./-]*$/.test(text) ? text : JSON.stringify(text);
}

function without(
  asked: readonly string[] = [],
  granted: readonly string[] = [],
  covers: (grant: string, asked: string) => boolean,
): string[] {
  return asked.filter((item) => !granted.some((grant) => covers(grant, item)));
}

/** `host` covers every port of it. */
function coversHost(grant: string, host: string): boolean {
  return grant === host || (!/:\d+$/.test(grant) && host.replace(/:\d+$/, "") === grant);
}
