/**
 * Which split each file of a dataset belongs to, as its names tell it: the rules of the `datasets` library.
 *
 * In this order, the first that finds a file decides alone: `data/SPLIT-00000-of-00005.parquet`; folders
 * with a keyword in their name, as `test/` or `my_dev_set/`; files with one, as `train.csv` or `a-eval-1.json`;
 * else all files are `train`. Where one file tells two splits, it would be in both there, and what a model is
 * trained on also in what it is tested on: here that is an error.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";

/** Words that tell a split, in names of files and folders. */
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "dev", "val"],
  test: ["test", "testing", "eval", "evaluation"],
};

/** Where the number of a shard begins, and which files have one. */
const SHARD = /-(?=\d{5}-of-\d{5})/g;
const SHARDS = "data/";

/** What may stand around a keyword. */
const APART = "[-._ 0-9]";

const FOLDERS = splitPatterns((words) => `(?:^|.*${APART})(?:${words})(?:${APART}.*)?$`);
const FILES = splitPatterns((words) => `(?:^|.*${APART})(?:${words})${APART}`);

function splitPatterns(pattern: (words: string) => string): [split: string, names: RegExp][] {
  return Object.entries(KEYWORDS).map(([split, words]) => [
    split,
    new RegExp(`^${pattern(words.join("|"))}`),
  ]);
}

/**
 * Deals files out to splits.
 *
 * @param paths Files that hold rows, with `/` between folders.
 * @param written What the user calls the source.
 * @returns Split -> its files; those whose names tell nothing beside others that do are in none.
 * @throws {UserError} Where the names of a file tell two splits.
 */
export function splitsByNames(
  paths: readonly string[],
  written: string,
): Map<string, readonly string[]> {
  const shards = Map.groupBy(paths, splitOfShard);
  shards.delete(undefined);
  if (shards.size > 0) {
    return inUsualOrder(new Map([...shards].map(([split, own]) => [split!, own])));
  }
  for (const tell of [splitsOfFolders, splitsOfFile]) {
    const splits = new Map<string, string[]>();
    for (const path of paths) {
      const told = tell(path);
      if (told.length > 1) throw twoSplits(path, { told, written });
      for (const split of told) {
        const known = splits.get(split);
        if (known === undefined) splits.set(split, [path]);
        else known.push(path);
      }
    }
    if (splits.size > 0) return inUsualOrder(splits);
  }
  return new Map(paths.length === 0 ? [] : [["train", paths]]);
}

/** `data/SPLIT-00000-of-00005.EXTENSION`; where there are several such numbers, the last one counts. */
function splitOfShard(path: string): string | undefined {
  const name = path.slice(SHARDS.length);
  if (!path.startsWith(SHARDS) || name.includes("/")) return undefined;
  const dot = name.lastIndexOf(".");
  const starts = [...name.matchAll(SHARD)].map(({ index }) => index)
    .filter((index) => index > 0 && index + "-00000-of-00000".length <= dot);
  return starts.length === 0 ? undefined : name.slice(0, starts.at(-1));
}

function splitsOfFolders(path: string): string[] {
  const folders = path.split("/").slice(0, -1);
  return FOLDERS.filter(([, names]) => folders.some((folder) => names.test(folder)))
    .map(([split]) => split);
}

function splitsOfFile(path: string): string[] {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return FILES.filter(([, names]) => names.test(name)).map(([split]) => split);
}

/** train, validation and test first, then the others by name. */
export function inUsualOrder<T>(splits: ReadonlyMap<string, T>): Map<string, T> {
  const usual = Object.keys(KEYWORDS);
  const place = (split: string): number => (usual.indexOf(split) + 1 || usual.length + 1);
  return new Map(
    [...splits].sort(([a], [b]) => place(a) - place(b) || (a < b ? -1 : 1)),
  );
}

function twoSplits(
  path: string,
  { told, written }: { readonly told: readonly string[]; readonly written: string },
): UserError {
  return new UserError({
    what: `the name of ${path} in ${written} tells ${told.length} splits: ${told.join(", ")}`,
    requirement: "without `configs` in its README.md, names tell the splits of a dataset",
    remedy: `say it yourself: from: { ${told[0]}: "${written}/${path}" }`,
  });
}
