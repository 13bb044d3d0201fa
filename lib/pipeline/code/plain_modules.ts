/**
 * Whether what an own stage imports are files. Whoever opens a pipe waits until somebody writes into it,
 * and Deno opens whatever an import names; so this looks before it is asked.
 *
 * Names are found as text: every literal that reads like a module's, and what stands after `import` or
 * `from`. One that is missed costs the time that Deno has for its answer. Left out: names with escapes.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { filePath, fileUrl } from "../../base/paths.ts";

/** A literal of a path, wherever it stands; each ends at the next quote, so that no text makes it slow. */
const LITERAL = /(["'`])((?:\.{0,2}\/|file:)[^"'`\n]*)\1/g;
/** What ends as code does may be a module; types of declarations are read, too. */
const MODULE = /\.[cm]?[jt]sx?$/;
/** What is imported as JSON or text may have any name. */
const IMPORTED = /\b(?:from|import|require)\s*\(?\s*$/;
/** Characters before a literal in which such a word is looked for. */
const BEFORE = 100;

/** Longer ones are no modules that somebody wrote, and are not looked through. */
const LONGEST = 4 << 20;
const MOST_MODULES = 10_000;

/**
 * Refuses pipes, sockets and devices among what a module imports, and what that imports in turn.
 *
 * @param module Absolute path.
 * @throws {UserError} Naming the path and who imports it.
 */
export async function refuseOtherThanFiles(module: string): Promise<void> {
  const importers = new Map<string, string | undefined>([[module, undefined]]);
  for (const [path, importer] of importers) {
    const info = await Deno.stat(path).catch(() => undefined);
    if (info === undefined || info.isDirectory) continue;
    if (!info.isFile) throw noFile(path, { info, importer });
    if (info.size > LONGEST) continue;
    for (const name of namesIn(await Deno.readTextFile(path).catch(() => ""))) {
      const target = targetOf(name, path);
      const isNew = target !== undefined && !importers.has(target);
      if (isNew && importers.size < MOST_MODULES) importers.set(target, path);
    }
  }
}

function namesIn(text: string): string[] {
  const names: string[] = [];
  for (const { index, 2: name = "" } of text.matchAll(LITERAL)) {
    const isModule = MODULE.test(name.split(/[?#]/, 1)[0]!) ||
      IMPORTED.test(text.slice(Math.max(0, index - BEFORE), index));
    if (isModule) names.push(name);
  }
  return names;
}

/** The path that a name leads to, counted from the module that it stands in. */
function targetOf(name: string, importer: string): string | undefined {
  try {
    return filePath(new URL(name, fileUrl(importer)).href.split(/[?#]/, 1)[0]!);
  } catch {
    return undefined;
  }
}

function noFile(
  path: string,
  { info, importer }: { readonly info: Deno.FileInfo; readonly importer: string | undefined },
): UserError {
  const kind = info.isFifo ? "a pipe" : info.isSocket ? "a socket" : "a device";
  return new UserError({
    what: importer === undefined
      ? `the module "${path}" is ${kind}`
      : `"${importer}" imports "${path}", which is ${kind}`,
    requirement: "modules are files: from anything else Deno may read without end",
    remedy: "put a file in its place",
  });
}
