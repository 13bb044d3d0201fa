/**
 * What the sources of a `download` stage are right now.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import type { Resolution, ResolvedSource, ResolveSettings } from "./resolved.ts";
import { parseSource, type Source } from "./source.ts";
import { resolveSource } from "./sources.ts";

/** The options of the stage that decide about sources. */
export interface DownloadSources {
  readonly from: string | readonly string[] | Readonly<Record<string, string | readonly string[]>>;
  readonly allow_patterns?: readonly string[] | undefined;
  readonly ignore_patterns?: readonly string[] | undefined;
  readonly format?: string;
  readonly split_by?: string;
  readonly text_column?: string;
  readonly delimiter?: unknown;
  readonly column_names?: unknown;
  readonly columns?: unknown;
  readonly limit?: number;
}

/** Options that say how rows are read, with the value that says nothing. */
const ROW_OPTIONS = {
  format: "auto",
  split_by: "line",
  text_column: "text",
  delimiter: undefined,
  column_names: undefined,
  columns: undefined,
  limit: 0,
} as const;

/** Resolved sources by split; a model is the only source of the split `model`. */
export type ResolvedSplits = Readonly<Record<string, readonly ResolvedSource[]>>;

/** The split under which a model stands. */
export const MODEL_SPLIT = "model";

/** What `resolve` of the stage returns. */
export interface ResolvedDownload {
  readonly key: Readonly<Record<string, unknown>>;
  readonly data: { readonly kind: "rows" | "model"; readonly splits: ResolvedSplits };
  readonly read: readonly string[];
  readonly net: readonly string[];
  readonly env: readonly string[];
}

/**
 * Resolves every source of a stage, each one once.
 *
 * @throws {UserError} Where one is written wrongly, is not there or cannot be asked.
 */
export async function resolveDownload(
  options: DownloadSources,
  settings: ResolveSettings,
): Promise<ResolvedDownload> {
  const written = sourcesBySplit(options.from);
  const parsed = Object.entries(written)
    .map(([split, list]) => [split, list.map(parseSource)] as const);
  const all = parsed.flatMap(([, list]) => list);
  const isModel = checkKinds(all, options);
  const patterns = {
    allowPatterns: options.allow_patterns,
    ignorePatterns: options.ignore_patterns,
  };
  const found = new Map<string, Resolution>();
  for (const source of all) {
    if (found.has(source.written)) continue;
    found.set(source.written, await resolveSource(source, settings, isModel ? patterns : {}));
  }
  const splits: Record<string, ResolvedSource[]> = {};
  for (const [split, list] of parsed) {
    splits[isModel ? MODEL_SPLIT : split] = list.map((source) => found.get(source.written)!.data);
  }
  const union = (part: "read" | "net" | "env"): string[] => [
    ...new Set([...found.values()].flatMap((resolution) => resolution[part] ?? [])),
  ];
  return {
    key: Object.fromEntries([...found].map(([name, resolution]) => [name, resolution.key])),
    data: { kind: isModel ? "model" : "rows", splits },
    read: union("read"),
    net: union("net"),
    env: union("env"),
  };
}

/** Sources by split; `data` where there are no splits. */
function sourcesBySplit(from: DownloadSources["from"]): Record<string, readonly string[]> {
  if (typeof from === "string") return { data: [from] };
  if (Array.isArray(from)) return { data: from };
  const splits = Object.entries(from as Record<string, string | readonly string[]>);
  if (splits.length === 0) throw new UserError({ what: "`from` names no split" });
  return Object.fromEntries(
    splits.map(([split, list]) => [split, typeof list === "string" ? [list] : list]),
  );
}

/** Whether the sources are a model; a model stands alone, and only it has patterns. */
function checkKinds(all: readonly Source[], options: DownloadSources): boolean {
  const model = all.find((source) => source.type === "hub" && source.repo.type === "model");
  if (model !== undefined && typeof options.from !== "string") {
    throw new UserError({
      what: `${model.written} is a model, among several sources`,
      requirement: 'a model is the only source of its stage: from: "hf://ORG/NAME"',
      remedy: "for rows of a dataset write hf://datasets/ORG/NAME/FILE",
    });
  }
  for (const name of ["allow_patterns", "ignore_patterns"] as const) {
    if (options[name] !== undefined && model === undefined) {
      throw new UserError({
        what: `\`${name}\` chooses files of a model, and ${all[0]!.written} is none`,
        remedy: "name the files with a pattern in `from`",
      });
    }
  }
  if (model === undefined) return false;
  for (const [name, nothing] of Object.entries(ROW_OPTIONS)) {
    const given = options[name as keyof typeof ROW_OPTIONS];
    if (given === undefined || given === nothing) continue;
    throw new UserError({
      what: `\`${name}\` is for rows, and ${model.written} is a model`,
      remedy: `leave out ${name}`,
    });
  }
  return true;
}
