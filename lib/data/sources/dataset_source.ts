/**
 * Datasets of a hub as a whole: one of their configs, every split and every shard of it, found as the
 * `datasets` library finds them.
 *
 * Its README.md says which files they are (`configs`), else their names do. Where a repository has a loading
 * script instead, which nothing here would run, or no file that can be read, they are those that the hub
 * converted to parquet. All of it is pinned, the commit and the files of each split.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { isJsonObject, type Json } from "../../base/json.ts";
import { type HubClient, hubClient, type Listing, listRepo, textOfFile } from "./hub.ts";
import {
  type HubPin,
  pinFiles,
  pinOf,
  readPin,
  refuseLongPaths,
  resolutionOf,
} from "./hub_source.ts";
import type { PinnedFile } from "./pinned_file.ts";
import { readCard } from "./repository/card.ts";
import { CONVERTED, convertedFiles } from "./repository/converted.ts";
import {
  chooseConfig,
  type DatasetFiles,
  DEFAULT_CONFIG,
  filesByNames,
  filesOfConfig,
  type Wanted,
} from "./repository/data_files.ts";
import type { Resolution, ResolveSettings } from "./resolved.ts";
import type { HubSource } from "./source.ts";

/** What `<pipeline>.lock` remembers of a dataset. */
interface DatasetPin extends HubPin {
  /** The config that was taken. */
  readonly config: string;
  /** Split -> paths of its files. */
  readonly splits: Readonly<Record<string, readonly string[]>>;
  readonly notes?: readonly string[];
}

/** Files that were found, and where. */
interface Found {
  readonly listing: Listing;
  readonly files: DatasetFiles;
}

/**
 * Resolves a dataset: from its pin where there is one, else by asking.
 *
 * @param options `config`: which, where it has several.
 * @throws {UserError} Where the hub does not answer, has no such dataset or config, or nothing of it can be read.
 */
export async function resolveDataset(
  source: HubSource,
  settings: ResolveSettings,
  { config }: { readonly config?: string | undefined } = {},
): Promise<Resolution> {
  const client = hubClient(settings.env, settings);
  const pin = await pinOf(source, settings, {
    name: config === undefined
      ? source.written
      : `${source.written} config=${JSON.stringify(config)}`,
    read: readDatasetPin,
    ask: () => ask(client, source, config),
  });
  const byPath = new Map(pin.files.map((file) => [file.path, file]));
  const resolved = (files: readonly PinnedFile[]): Resolution => {
    const { data, ...rest } = resolutionOf(source, { client, pin, files });
    return {
      ...rest,
      data: pin.notes && data.type === "hub" ? { ...data, notes: pin.notes } : data,
    };
  };
  const splits = Object.entries(pin.splits).map(([split, paths]) => {
    const { key, data } = resolved(paths.map((path) => byPath.get(path)!));
    return [split, { key, data }] as const;
  });
  return { ...resolved(pin.files), splits: Object.fromEntries(splits) };
}

async function ask(
  client: HubClient,
  source: HubSource,
  config: string | undefined,
): Promise<DatasetPin> {
  const listing = await listRepo(client, source);
  if (listing === undefined) {
    throw new UserError({
      what:
        `${client.endpoint} has no listing of "${source.repo.name}", which a dataset as a whole needs`,
      remedy: `name its files one by one: ${source.written}/FILE`,
    });
  }
  refuseLongPaths(source, listing);
  const wanted = { written: source.written, config };
  const found = source.revision === CONVERTED
    ? { listing, files: convertedFiles(pathsOf(listing), wanted) ?? noFiles(source, listing) }
    : await find(client, source, { listing, wanted });
  const { splits, notes } = found.files;
  const paths = new Set(Object.values(splits).flat());
  const files = found.listing.files.filter(({ path }) => paths.has(path));
  return {
    ...await pinFiles(client, source, { listing: found.listing, files }),
    config: found.files.config,
    splits,
    ...(notes.length === 0 ? {} : { notes }),
  };
}

async function find(
  client: HubClient,
  source: HubSource,
  { listing, wanted }: { readonly listing: Listing; readonly wanted: Wanted },
): Promise<Found> {
  const { written } = source;
  const paths = pathsOf(listing);
  const card = paths.includes("README.md")
    ? await readCard(
      await textOfFile(client, source, { revision: listing.commit, path: "README.md" }),
      `README.md of ${written}`,
    )
    : undefined;
  const script = `${source.repo.name.split("/").at(-1)}.py`;
  const hasScript = paths.includes(script);
  // Beside a script, a card that names no files gives its configs' names alone.
  const tellsFiles = card?.some((each) => each.dataFiles !== undefined || each.dataDir !== "");
  if (card !== undefined && (tellsFiles || !hasScript)) {
    const files = filesOfConfig(chooseConfig(card, wanted), { paths, written });
    return { listing, files };
  }
  // What a script makes of the files beside it, only the script knows.
  const converted = hasScript ? await findConverted(client, source, wanted) : undefined;
  if (converted !== undefined) return converted;
  const named = filesByNames(paths, { written });
  if (named === undefined) {
    const other = hasScript ? undefined : await findConverted(client, source, wanted);
    return other ?? noFiles(source, listing);
  }
  const { name: config } = chooseConfig([{ name: DEFAULT_CONFIG }], wanted);
  const notes = hasScript
    ? [`${written}: its script, ${script}, is not run, and these are the files beside it`]
    : [];
  return { listing, files: { ...named, config, notes: [...notes, ...named.notes] } };
}

/** What the hub converted to parquet; undefined where it did not. It does so with the branch `main` alone. */
async function findConverted(
  client: HubClient,
  source: HubSource,
  wanted: Wanted,
): Promise<Found | undefined> {
  if (source.revision !== "main") return undefined;
  const there = { ...source, revision: CONVERTED };
  const listing = await listRepo(client, there, { orNothing: true });
  if (listing === undefined) return undefined;
  refuseLongPaths(there, listing);
  const files = convertedFiles(pathsOf(listing), wanted);
  if (files === undefined) return undefined;
  const note = `${source.written}: taken from its branch ${CONVERTED}, what the hub made of it`;
  return { listing, files: { ...files, notes: [note, ...files.notes] } };
}

function noFiles(source: HubSource, listing: Listing): never {
  const paths = pathsOf(listing);
  const hasScript = paths.some((path) => path.endsWith(".py"));
  throw new UserError({
    what: `${source.written} has no files of rows that can be read${
      hasScript ? ", but a script, which nothing here runs" : ""
    }`,
    requirement:
      `it needs parquet, jsonl, json, csv, tsv or txt files, or the branch ${CONVERTED}; ` +
      `it has ${paths.slice(0, 12).join(", ")}${paths.length > 12 ? ", …" : ""}`,
    remedy: source.revision === "main"
      ? "look on its page for another dataset made of it, or convert it to parquet yourself"
      : `leave out @${source.revision}: the hub converts the branch main alone`,
  });
}

function pathsOf({ files }: Listing): string[] {
  return files.map(({ path }) => path);
}

/** A pin as the lock has it; undefined where it is none, as in a lock that somebody edited. */
function readDatasetPin(pin: unknown): DatasetPin | undefined {
  const { files } = readPin(pin) ?? {};
  const { splits, notes = [] } = (pin ?? {}) as { splits?: Json; notes?: unknown };
  if (files === undefined || !isJsonObject(splits) || !Array.isArray(notes)) return undefined;
  const known = new Set(files.map(({ path }) => path));
  const fine = Object.values(splits).every((paths) =>
    Array.isArray(paths) && paths.length > 0 && paths.every((path) => known.has(path as string))
  );
  return fine && notes.every((note) => typeof note === "string") ? pin as DatasetPin : undefined;
}
