/**
 * What the sources of a `download` stage are right now.
 *
 * @module
 */
import { nearest, UserError } from "../../base/errors.ts";
import { ownMember } from "../../base/json.ts";
import { refuseSplitName } from "../rows/split_name.ts";
import type { Resolution, ResolvedSource, ResolveSettings } from "./resolved.ts";
import { isModelSource, isWholeDataset, parseSource, type Source } from "./source.ts";
import { resolveSource } from "./sources.ts";

/** The options of the stage that decide about sources. */
export interface DownloadSources {
  readonly from: string | readonly string[] | Readonly<Record<string, string | readonly string[]>>;
  /** Of datasets as a whole: which of their configs. */
  readonly config?: string | undefined;
  /** Of datasets as a whole: which of their splits, or a mapping from those to new names. */
  readonly split?: string | readonly string[] | Readonly<Record<string, string>> | undefined;
  readonly allow_patterns?: readonly string[] | undefined;
  readonly ignore_patterns?: readonly string[] | undefined;
  readonly format?: string;
  readonly split_by?: string;
  readonly text_column?: string;
  readonly delimiter?: unknown;
  readonly column_names?: unknown;
  readonly field?: unknown;
  readonly columns?: unknown;
  readonly types?: unknown;
  readonly encoding?: unknown;
  readonly on_error?: string;
  readonly limit?: number;
}

/** Options that say how rows are read, with the value that says nothing. */
const ROW_OPTIONS = {
  format: "auto",
  split_by: "line",
  text_column: "text",
  delimiter: undefined,
  column_names: undefined,
  field: undefined,
  columns: undefined,
  types: undefined,
  encoding: undefined,
  on_error: "error",
  limit: 0,
} as const;

/** Resolved sources by split; a model is the only source of the split `model`. */
export type ResolvedSplits = Readonly<Record<string, readonly ResolvedSource[]>>;

/** The split under which a model stands. */
export const MODEL_SPLIT = "model";

/** What `resolve` of the stage returns. */
export interface ResolvedDownload {
  readonly key: Readonly<Record<string, unknown>>;
  readonly data: {
    readonly kind: "rows" | "model";
    readonly splits: ResolvedSplits;
    /** What a person should know of the files, in sentences. */
    readonly notes: readonly string[];
  };
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
    const { config } = options;
    found.set(
      source.written,
      await resolveSource(source, settings, isModel ? patterns : { config }),
    );
  }
  const isMapping = typeof options.from !== "string" && !Array.isArray(options.from);
  const key = new Map<string, unknown>();
  const splits = new Map<string, ResolvedSource[]>();
  const add = (split: string, source: ResolvedSource): void => {
    const known = splits.get(split);
    if (known === undefined) splits.set(split, [source]);
    else known.push(source);
  };
  for (const [split, list] of parsed) {
    for (const source of list) {
      const resolution = found.get(source.written)!;
      if (resolution.splits === undefined) {
        key.set(source.written, resolution.key);
        add(isModel ? MODEL_SPLIT : split, resolution.data);
        continue;
      }
      const chosen = isMapping ? { [split]: split } : options.split;
      const keys = key.get(source.written) as object | undefined ?? {};
      const own = chooseSplits(resolution.splits, chosen, source.written);
      const ownKeys = own.map(([from]) => [from, resolution.splits![from]!.key]);
      key.set(source.written, { ...keys, ...Object.fromEntries(ownKeys) });
      for (const [from, to] of own) add(to, resolution.splits[from]!.data);
    }
  }
  const union = (part: "read" | "net" | "env"): string[] => [
    ...new Set([...found.values()].flatMap((resolution) => resolution[part] ?? [])),
  ];
  return {
    key: Object.fromEntries(key),
    data: { kind: isModel ? "model" : "rows", ...eachFileOnce(splits) },
    read: union("read"),
    net: union("net"),
    env: union("env"),
  };
}

/**
 * The sources of each split, without files that one before them has already: `data/*.csv` beside `data/a.csv`.
 * That a file is in two splits is said.
 */
function eachFileOnce(
  splits: ReadonlyMap<string, readonly ResolvedSource[]>,
): { splits: ResolvedSplits; notes: string[] } {
  const splitOf = new Map<string, string>();
  const twice: string[] = [];
  const shared: string[] = [];
  const kept = [...splits].map(([split, sources]) => {
    const seen = new Set<string>();
    const isNew = (id: string, name: string): boolean => {
      const other = splitOf.get(id);
      if (seen.has(id)) twice.push(name);
      else if (other !== undefined) shared.push(`${name} (${other} and ${split})`);
      splitOf.set(id, split);
      return !seen.has(id) && seen.add(id).size > 0;
    };
    const own = sources.flatMap((source): ResolvedSource[] => {
      switch (source.type) {
        case "file": {
          const files = source.files.filter(({ path, name }) => isNew(path, name));
          return files.length === 0 ? [] : [{ ...source, files }];
        }
        case "http":
          return isNew(source.url, source.written) ? [source] : [];
        case "hub": {
          const at = `hf://${source.repo.name}@${source.revision}/`;
          const files = source.files.filter(({ path }) => isNew(at + path, path));
          return files.length === 0 ? [] : [{ ...source, files }];
        }
        default:
          return [source];
      }
    });
    return [split, own] as const;
  });
  const notes = [
    ...(twice.length === 0 ? [] : [`named twice for a split and read once: ${shown(twice)}`]),
    ...(shared.length === 0 ? [] : [`in two splits: ${shown(shared)}`]),
  ];
  return { splits: Object.fromEntries(kept), notes };
}

function shown(names: readonly string[]): string {
  return names.slice(0, 5).join(", ") + (names.length > 5 ? `, … (${names.length} files)` : "");
}

/**
 * The splits of a dataset that are wanted, with the names that they get.
 *
 * @throws {UserError} Where it lacks one, or a name can be none of a split.
 */
function chooseSplits(
  splits: Readonly<Record<string, unknown>>,
  chosen: DownloadSources["split"],
  written: string,
): (readonly [from: string, to: string])[] {
  const names = Object.keys(splits);
  const pairs = typeof chosen === "string"
    ? [[chosen, chosen] as const]
    : Array.isArray(chosen)
    ? chosen.map((name: string) => [name, name] as const)
    : Object.entries(chosen ?? Object.fromEntries(names.map((name) => [name, name])));
  const seen = new Set<string>();
  const twice = pairs.find(([, to]) => seen.size === seen.add(to).size);
  if (twice !== undefined) {
    throw new UserError({
      what: `\`split\` names "${twice[1]}" twice`,
      requirement: "each split of the result has a name of its own",
      remedy: "to put splits together, use the split stage or the mix stage afterwards",
    });
  }
  for (const [from, to] of pairs) {
    if (ownMember(splits, from) === undefined) {
      throw new UserError({
        what: `${written} has no split "${from}"`,
        nearest: nearest(from, names),
        requirement: `its splits are ${names.join(", ")}`,
        ...(/[[+]/.test(from)
          ? {
            remedy: "list several splits; `limit` reads fewer rows, the split stage divides them",
          }
          : {}),
      });
    }
    refuseSplitName(to);
  }
  return pairs;
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
  const model = all.find(isModelSource);
  if (model !== undefined && typeof options.from !== "string") {
    throw new UserError({
      what: `${model.written} is a model, among several sources`,
      requirement: 'a model is the only source of its stage: from: "hf://ORG/NAME"',
      remedy: model.type === "folder"
        ? `for rows name the files with a pattern: ${model.path}*.jsonl`
        : "for rows of a dataset write hf://datasets/ORG/NAME/FILE",
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
  checkWholes(all, options);
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

/** A dataset as a whole brings its splits along: beside files that belong to none, nobody could say where they go. */
function checkWholes(all: readonly Source[], { from, config, split }: DownloadSources): void {
  const whole = all.find(isWholeDataset);
  if (whole === undefined) {
    for (const [name, given] of Object.entries({ config, split })) {
      if (given === undefined) continue;
      throw new UserError({
        what: `\`${name}\` is for datasets of a hub as a whole, and ${all[0]!.written} is none`,
        remedy: `leave it out, or name a repository: hf://datasets/ORG/NAME`,
      });
    }
    return;
  }
  const isMapping = typeof from !== "string" && !Array.isArray(from);
  if (isMapping && split !== undefined) {
    throw new UserError({
      what: "both `split` and the mapping in `from` name splits",
      requirement: `in a mapping, ${whole.written} gives each split the one of the same name`,
      remedy: "leave out `split`, or write `from` as a list",
    });
  }
  const other = all.find((source) => !isWholeDataset(source));
  if (isMapping || other === undefined) return;
  throw new UserError({
    what: `${whole.written} brings its splits along, and ${other.written} belongs to none`,
    remedy: `say to which: from: { train: ["${whole.written}", "${other.written}"] }`,
  });
}
