/**
 * Which files of a dataset's repository hold its rows, by config and split.
 *
 * @module
 */
import { nearest, UserError } from "../../../base/errors.ts";
import { compileGlob, isGlob, naturalCompare } from "../../../base/glob.ts";
import { MAX_PATH } from "../../../base/outside_path.ts";
import { withoutEndSlashes } from "../../../base/paths.ts";
import { type Format, formatByName } from "../../formats/format.ts";
import type { CardConfig } from "./card.ts";
import { pathsMatching } from "./path_pattern.ts";
import { splitsByNames } from "./split_names.ts";

/** The files of one config. */
export interface DatasetFiles {
  readonly config: string;
  /** Split -> its files, in the order in which they are read. */
  readonly splits: Readonly<Record<string, readonly string[]>>;
  /** What a person should know of them, in sentences. */
  readonly notes: readonly string[];
}

/** What is looked for. */
export interface Wanted {
  /** What the user calls the source. */
  readonly written: string;
  readonly config: string | undefined;
}

/** The name of a config where nobody names any. */
export const DEFAULT_CONFIG = "default";

/** What `datasets` passes over, too: they tell of a dataset and hold nothing of it. */
const DESCRIPTIONS = [
  "README.md",
  "config.json",
  "dataset_info.json",
  "dataset_infos.json",
  "dataset_dict.json",
  "dummy_data.zip",
];

/** Formats of one reader there, the likelier first where there are as many files of two. */
const KINDS: readonly (readonly Format[])[] = [["parquet"], ["jsonl", "json"], ["csv"], ["txt"]];

/** So many names stand in a sentence. */
const SHOWN = 5;

/** The config that is meant: the one that is named, the only one, or the one that is the default. */
export function chooseConfig<T extends { readonly name: string; readonly isDefault?: boolean }>(
  configs: readonly T[],
  { written, config }: Wanted,
): T {
  const names = configs.map(({ name }) => name);
  const shown = names.length > 50 ? `${names.slice(0, 50).join(", ")}, …` : names.join(", ");
  if (config !== undefined) {
    const found = configs.find(({ name }) => name === config);
    if (found !== undefined) return found;
    throw new UserError({
      what: `${written} has no config "${config}"`,
      nearest: nearest(config, names),
      requirement: `its configs are ${shown}`,
    });
  }
  if (configs.length === 1) return configs[0]!;
  const usual = configs.filter(({ name, isDefault }) => isDefault || name === DEFAULT_CONFIG);
  if (usual.length === 1) return usual[0]!;
  const several = usual.length > 1
    ? `, of which ${usual.map(({ name }) => name).join(" and ")} are its default`
    : "";
  throw new UserError({
    what: `${written} has ${configs.length} configs${several}, and none is chosen`,
    requirement: `its configs are ${shown}`,
    remedy: `choose one: config: ${usual[0]?.name ?? names[0]}`,
  });
}

/**
 * The files of a config that a README.md describes.
 *
 * @param paths All files of the repository.
 * @throws {UserError} Where a pattern matches nothing or leads elsewhere.
 */
export function filesOfConfig(
  { name, dataFiles, dataDir, others }: CardConfig,
  { paths, written }: { readonly paths: readonly string[]; readonly written: string },
): DatasetFiles {
  const folder = withoutEndSlashes(withoutRoot(dataDir)).replace(/^\.$/, "");
  const under = folder === "" ? "" : `${folder}/`;
  const inside = paths.filter((path) => path.startsWith(under))
    .map((path) => path.slice(under.length));
  const notes = others.length === 0 ? [] : [
    `${written}: its README.md sets ${others.join(", ")} for the config "${name}", which is not ` +
    "heeded here: see the options of download",
  ];
  if (dataFiles === undefined) {
    const named = filesByNames(inside, { written });
    if (named === undefined) {
      throw new UserError({
        what: `the config "${name}" of ${written} has no files that can be read${
          folder === "" ? "" : ` in ${folder}`
        }`,
        requirement: "parquet, jsonl, json, csv, tsv or txt",
      });
    }
    const splits = mapValues(named.splits, (own) => own.map((path) => under + path));
    return { config: name, splits, notes: [...notes, ...named.notes] };
  }
  const exact = new Set<string>();
  const known = new Set(inside);
  let left = MOST_COMPARED;
  const splits = [...dataFiles].map(([split, patterns]) => {
    const own = new Set(patterns.flatMap((pattern) => {
      const isFile = known.has(withoutRoot(pattern));
      left -= isFile ? 1 : inside.length;
      if (left < 0) throw tooManyPatterns(name, written);
      const found = isFile ? [withoutRoot(pattern)] : matching(pattern, inside);
      if (found.length === 1 && found[0] === withoutRoot(pattern)) exact.add(under + found[0]!);
      if (found.length > 0) return found;
      throw new UserError({
        what: `no file of ${written} matches "${pattern}", which its README.md names for the ` +
          `config "${name}"`,
        requirement: /^[a-z]+:\/\//i.test(pattern) || pattern.split("/").includes("..")
          ? "files of the repository itself, and that names another place"
          : `${folder || "it"} has ${shownPaths(inside)}`,
        remedy: `name the files instead: ${written}/FILE`,
      });
    }));
    return [split, [...own].map((path) => under + path)] as const;
  });
  const kept = ofOneKind(new Map(splits), { written, named: exact });
  return { config: name, splits: kept.splits, notes: [...notes, ...kept.notes] };
}

/** Patterns of a config times files that they are compared with: the first is anybody's, and so is the second. */
const MOST_COMPARED = 1_000_000;

function tooManyPatterns(config: string, written: string): UserError {
  return new UserError({
    what:
      `the README.md of ${written} names more patterns for the config "${config}" than can be compared ` +
      "with all of its files",
    requirement: `patterns times files are at most ${MOST_COMPARED}`,
    remedy: `name the files instead: ${written}/FOLDER/*.parquet`,
  });
}

/**
 * The files of a repository without configs, by their names.
 *
 * @returns Undefined where none can be read.
 * @throws {UserError} Where the names of a file tell two splits.
 */
export function filesByNames(
  paths: readonly string[],
  { written }: { readonly written: string },
): Omit<DatasetFiles, "config"> | undefined {
  const rows = paths.filter((path) =>
    !isHidden(path) && !isDescription(path) && !path.endsWith(".md") &&
    formatByName(path) !== undefined
  );
  if (rows.length === 0) return undefined;
  const named = splitsByNames(rows.sort(naturalCompare), written);
  const taken = new Set([...named.values()].flat());
  const left = rows.filter((path) => !taken.has(path));
  const { splits, notes } = ofOneKind(named, { written });
  return {
    splits,
    notes: left.length === 0 ? notes : [
      ...notes,
      `${written}: ${left.length} files whose names tell no split were left out: ${
        shownPaths(left)
      }`,
    ],
  };
}

function isDescription(path: string): boolean {
  return DESCRIPTIONS.includes(path.slice(path.lastIndexOf("/") + 1));
}

/** Hidden files, and those in hidden folders: no pattern of `datasets` takes them unless it says so. */
function isHidden(path: string): boolean {
  return path.split("/").some((part) => part.startsWith(".") || part.startsWith("__"));
}

/** A path from the repository's own folder: `./a` and `/a` are `a`. */
function withoutRoot(pattern: string): string {
  return pattern.replace(/^\.?\/+/, "");
}

/** The files that a pattern of a README.md names: those of a folder, or all that it matches. */
function matching(pattern: string, paths: readonly string[]): string[] {
  const clean = withoutRoot(pattern);
  // No file's path is that long, and each part of it would be compared with each of theirs.
  if (clean.length > MAX_PATH) return [];
  const folder = withoutEndSlashes(clean);
  const asked = clean.split("/").filter((part) => /^(?:\.|__)/.test(part)).map((part) =>
    compileGlob(part)
  );
  const isAsked = (path: string): boolean =>
    path.split("/").every((part) =>
      !/^(?:\.|__)/.test(part) || asked.some((own) => own.test(part))
    );
  const found = isGlob(clean)
    ? pathsMatching(clean, paths)
    : paths.filter((path) => folder === "" || path.startsWith(`${folder}/`)).sort(naturalCompare);
  return found.filter((path) => isAsked(path) && !isDescription(path));
}

/**
 * Of a split's files in several formats, those of one: the same rows are often there in two, and what tells of them
 * in a third. It is the one that most files of the dataset have. Where no name tells a format, all stay, for the
 * option `format` to say it.
 *
 * @param options `named`: files that somebody named one by one, which stay.
 */
function ofOneKind(
  splits: ReadonlyMap<string, readonly string[]>,
  { written, named = new Set() }: {
    readonly written: string;
    readonly named?: ReadonlySet<string>;
  },
): Pick<DatasetFiles, "splits" | "notes"> {
  const all = [...splits.values()].flat();
  const kindOf = (path: string): number =>
    KINDS.findIndex((formats) => formats.includes(formatByName(path)!));
  const counts = KINDS.map((_, kind) => all.filter((path) => kindOf(path) === kind).length);
  const ranked = counts.map((_, kind) => kind).sort((a, b) => counts[b]! - counts[a]! || a - b);
  const own = [...splits].map(([split, paths]) => {
    const kind = ranked.find((each) => paths.some((path) => kindOf(path) === each));
    const kept = paths.filter((path) => {
      return kind === undefined || kindOf(path) === kind || named.has(path);
    });
    return [split, kept] as const;
  });
  const kept = new Set(own.flatMap(([, paths]) => paths));
  const left = all.filter((path) => !kept.has(path));
  return {
    splits: Object.fromEntries(own),
    notes: left.length === 0 ? [] : [
      `${written}: ${left.length} files in other formats than the rest of their split were left ` +
      `out: ${shownPaths(left)}`,
    ],
  };
}

function shownPaths(paths: readonly string[]): string {
  if (paths.length === 0) return "no files";
  return paths.slice(0, SHOWN).join(", ") + (paths.length > SHOWN ? ", …" : "");
}

function mapValues(
  splits: DatasetFiles["splits"],
  change: (paths: readonly string[]) => readonly string[],
): DatasetFiles["splits"] {
  return Object.fromEntries(Object.entries(splits).map(([split, own]) => [split, change(own)]));
}
