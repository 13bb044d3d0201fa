/**
 * Reads what `deno info --json` prints, as far as a module graph needs it.
 *
 * Source: the output of Deno 2.9 (`"version": 1`). Type-only imports are dropped here: they are
 * erased before the code runs.
 *
 * @module
 */
import { z } from "zod";
import { InternalError } from "../../base/errors.ts";

/** A module graph as Deno resolved it. */
export interface DenoInfo {
  /** By specifier after redirects. */
  readonly modules: ReadonlyMap<string, InfoModule>;
  readonly redirects: ReadonlyMap<string, string>;
  /** By the id that {@linkcode InfoModule.npmPackage} and `dependencies` use. */
  readonly packages: ReadonlyMap<string, InfoPackage>;
}

/** One module. */
export interface InfoModule {
  readonly specifier: string;
  /** Absolute path of its text on this machine: the file itself or the cached download. */
  readonly local?: string | undefined;
  /** Why it could not be loaded. */
  readonly error?: string | undefined;
  /** Id of the npm package that it belongs to. */
  readonly npmPackage?: string | undefined;
  /** True where its bytes are the import: JSON or text, not code. */
  readonly isData?: boolean | undefined;
  readonly imports: readonly InfoImport[];
}

/** One import that exists when the code runs. */
export interface InfoImport {
  /** As written. */
  readonly specifier: string;
  /** What it resolved to, before redirects. */
  readonly target?: string | undefined;
  /** Why it did not resolve. */
  readonly error?: string | undefined;
  /** Where it is written; line and column from 1. */
  readonly span?: { readonly line: number; readonly column: number; readonly length: number };
}

/** An npm package as the lock file pins it. */
export interface InfoPackage {
  readonly name: string;
  readonly version: string;
  /** Absolute folder in which it lies, or will when it is downloaded. */
  readonly localPath?: string | undefined;
  readonly registryUrl?: string | undefined;
  readonly dependencies: readonly string[];
}

const position = z.object({ line: z.int(), character: z.int() });
const resolution = z.object({
  specifier: z.string().optional(),
  error: z.string().optional(),
  span: z.object({ start: position, end: position }).optional(),
});
const document = z.object({
  modules: z.array(z.object({
    specifier: z.string(),
    kind: z.string().optional(),
    local: z.string().nullish(),
    error: z.string().optional(),
    npmPackage: z.string().optional(),
    dependencies: z.array(z.object({ specifier: z.string(), code: resolution.optional() }))
      .default([]),
  })),
  redirects: z.record(z.string(), z.string()).default({}),
  npmPackages: z.record(
    z.string(),
    z.object({
      name: z.string(),
      version: z.string(),
      localPath: z.string().optional(),
      registryUrl: z.string().optional(),
      dependencies: z.array(z.string()),
    }),
  ).default({}),
});

/** Reads the output of `deno info --json`. */
export function parseDenoInfo(text: string): DenoInfo {
  const parsed = document.safeParse(JSON.parse(text));
  if (!parsed.success) {
    throw new InternalError(`deno info prints another form: ${z.prettifyError(parsed.error)}`);
  }
  const { modules, redirects, npmPackages } = parsed.data;
  return {
    modules: new Map(modules.map(({ specifier, kind, local, error, npmPackage, dependencies }) => [
      specifier,
      {
        specifier,
        local: local ?? undefined,
        error,
        npmPackage,
        isData: kind === "asserted" || kind === "external" || kind === "wasm",
        imports: dependencies.flatMap(({ specifier, code }) =>
          code === undefined ? [] : [importOf(specifier, code)]
        ),
      },
    ])),
    redirects: new Map(Object.entries(redirects)),
    packages: new Map(Object.entries(npmPackages)),
  };
}

function importOf(specifier: string, code: z.infer<typeof resolution>): InfoImport {
  const { specifier: target, error, span } = code;
  if (span === undefined) return { specifier, target, error };
  const { start, end } = span;
  const length = end.line === start.line ? Math.max(1, end.character - start.character) : 1;
  return {
    specifier,
    target,
    error,
    span: { line: start.line + 1, column: start.character + 1, length },
  };
}
