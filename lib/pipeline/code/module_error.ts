/**
 * Puts an import that leads nowhere into words: which, where it is written, and why.
 *
 * @module
 */
import { type Location, UserError } from "../../base/errors.ts";
import { filePath } from "../../base/paths.ts";
import { withoutDetour } from "./confinement.ts";
import type { InfoModule } from "./deno_info.ts";

/** An import that leads to a module. */
export interface Importer {
  readonly module: InfoModule;
  /** Which of its imports. */
  readonly index: number;
}

/** A module of a graph. */
export interface ReachedModule {
  readonly module: InfoModule;
  /** The first import that led to it; undefined for the root. */
  readonly importer: Importer | undefined;
  /** As that import resolves, before redirects. */
  readonly asked: string;
}

/** The error for a module that is missing, cannot be resolved or cannot be parsed. */
export function brokenModule(
  module: InfoModule,
  importer: Importer | undefined,
  label: (path: string) => string,
): UserError {
  const error = withoutDetour(module.error ?? "");
  // The parser tells the place in the module itself: "... at file:///a/b.ts:1:14".
  const parsed = /\bat (file:\S+):(\d+):(\d+)\s*$/.exec(error);
  if (parsed !== null) {
    const [, url = "", line, column] = parsed;
    const sentence = error.split("\n")[0] ?? error;
    return new UserError({
      what: `cannot read the module: ${sentence}`,
      at: placeIn(url, Number(line), Number(column), undefined, label),
    });
  }
  const sentence = error.replaceAll(/file:\/\/[^\s"']+/g, (url) => labelOf(url, label))
    .replace(/\.\s*$/, "");
  if (importer === undefined) {
    return new UserError({ what: `cannot load ${labelOf(module.specifier, label)}: ${sentence}` });
  }
  const edge = importer.module.imports[importer.index]!;
  return new UserError({
    what: `cannot import "${edge.specifier}": ${sentence}`,
    requirement: "a stage's imports must be files that exist, names of the import map in " +
      "deno.json, or `npm:` and `node:` modules",
    at: placeOf(importer, label),
  });
}

/** Where an import is written. */
export function placeOf(
  { module, index }: Importer,
  label: (path: string) => string,
): Location | undefined {
  const span = module.imports[index]?.span;
  if (span === undefined) return undefined;
  return placeIn(module.specifier, span.line, span.column, span.length, label);
}

function placeIn(
  url: string,
  line: number,
  column: number,
  length: number | undefined,
  label: (path: string) => string,
): Location {
  let text: string | undefined;
  try {
    text = Deno.readTextFileSync(new URL(url)).split(/\r?\n/)[line - 1];
  } catch {
    // Remote, or gone by now: the place alone has to do.
  }
  return {
    file: labelOf(url, label),
    line,
    column,
    ...(length === undefined ? {} : { length }),
    ...(text === undefined ? {} : { text }),
  };
}

/** The label of a module that is a file; the name of any other. */
export function labelOf(specifier: string, label: (path: string) => string): string {
  if (!specifier.startsWith("file:")) return specifier;
  try {
    return label(filePath(specifier));
  } catch {
    // It escapes a separator: no path is spelt so.
    return specifier;
  }
}
