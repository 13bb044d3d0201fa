/**
 * The branch `refs/convert/parquet`, in which the hub keeps a dataset as parquet whatever its own files are:
 *
 * ```text
 * CONFIG/SPLIT/0000.parquet            all of it
 * CONFIG/partial-SPLIT/0000.parquet    the beginning of a split of more than 5 GB
 * CONFIG/NAME-SPLIT-00000-of-00002.parquet   as it was in the first years
 * ```
 *
 * @module
 */
import { naturalCompare } from "../../../base/glob.ts";
import { chooseConfig, type DatasetFiles, type Wanted } from "./data_files.ts";
import { inUsualOrder } from "./split_names.ts";

/** The branch. */
export const CONVERTED = "refs/convert/parquet";

const PARTIAL = /^partial-(?=.)/;

/** A config and its files by split, as folders say it. */
interface ConvertedConfig {
  readonly name: string;
  readonly splits: Map<string, string[]>;
  readonly partial: Set<string>;
}

/**
 * The files of a config.
 *
 * @param paths All files of the branch.
 * @returns Undefined where it is laid out otherwise.
 * @throws {UserError} Where there is no such config, or there are several and none is chosen.
 */
export function convertedFiles(
  paths: readonly string[],
  wanted: Wanted,
): DatasetFiles | undefined {
  const configs = new Map<string, ConvertedConfig>();
  for (const path of [...paths].sort(naturalCompare)) {
    const place = placeOf(path);
    if (place === undefined) continue;
    const [name, split] = [place.config, place.split.replace(PARTIAL, "")];
    const config = configs.get(name) ?? { name, splits: new Map(), partial: new Set() };
    configs.set(name, config);
    const known = config.splits.get(split);
    if (known === undefined) config.splits.set(split, [path]);
    else known.push(path);
    if (split !== place.split) config.partial.add(split);
  }
  if (configs.size === 0) return undefined;
  const { name, splits, partial } = chooseConfig([...configs.values()], wanted);
  return {
    config: name,
    splits: Object.fromEntries(inUsualOrder(splits)),
    notes: [...partial].map((split) =>
      `${wanted.written}: the split "${split}" is only its beginning: the hub converts 5 GB of a split`
    ),
  };
}

function placeOf(path: string): { config: string; split: string } | undefined {
  const [, config, split] = /^([^/]+)\/([^/]+)\/[^/]+\.parquet$/.exec(path) ??
    /^([^/]+)\/(?:[^/]+-)?([^/-]+)\.parquet$/.exec(path.replace(/-\d{5}-of-\d{5}(?=\.)/, "")) ??
    [];
  return config === undefined ? undefined : { config, split: split! };
}
