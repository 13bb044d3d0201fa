/**
 * Resolving and fetching of any source.
 *
 * @module
 */
import { unreachable } from "../../base/errors.ts";
import { fetchFolder, resolveFiles, resolveFolder } from "./file_source.ts";
import { fetchHttp, resolveHttp } from "./http_source.ts";
import { resolveDataset } from "./dataset_source.ts";
import { fetchHub, resolveHub } from "./hub_source.ts";
import { fetchNpm, resolveNpm } from "./npm_source.ts";
import type { FetchSettings, Resolution, ResolvedSource, ResolveSettings } from "./resolved.ts";
import type { ModelPatterns } from "./repository/model_files.ts";
import { isWholeDataset, type Source } from "./source.ts";
import type { InputFile } from "../formats/row_file.ts";

/** What is taken of a repository. */
export interface RepositoryOptions extends ModelPatterns {
  /** Of a dataset: which of its configs. */
  readonly config?: string | undefined;
}

/** Finds what a source is right now. */
export async function resolveSource(
  source: Source,
  settings: ResolveSettings,
  options: RepositoryOptions = {},
): Promise<Resolution> {
  switch (source.type) {
    case "file":
      return await resolveFiles(source, settings);
    case "folder":
      return await resolveFolder(source, settings, options);
    case "npm":
      return await resolveNpm(source, settings);
    case "http":
      return await resolveHttp(source, settings);
    case "hub":
      return isWholeDataset(source)
        ? await resolveDataset(source, settings, options)
        : await resolveHub(source, settings, options);
    default:
      return unreachable(source);
  }
}

/**
 * Makes the files of a resolved source readable.
 *
 * @param folder An empty folder for what has to be downloaded.
 */
export async function fetchSource(
  source: ResolvedSource,
  settings: FetchSettings,
  folder: string,
): Promise<InputFile[]> {
  switch (source.type) {
    case "file":
      return source.files.map(({ path, name }) => ({ path: settings.file(path), name }));
    case "folder":
      return await fetchFolder(source, settings, folder);
    case "npm":
      return await fetchNpm(source, settings);
    case "http":
      return await fetchHttp(source, settings, folder);
    case "hub":
      return (await fetchHub(source, settings, folder))
        .map((path) => ({ path: `${folder}/${path}`, name: path }));
    default:
      return unreachable(source);
  }
}
