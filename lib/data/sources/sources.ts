/**
 * Resolving and fetching of any source.
 *
 * @module
 */
import { unreachable } from "../../base/errors.ts";
import { resolveFiles } from "./file_source.ts";
import { fetchHttp, resolveHttp } from "./http_source.ts";
import { fetchHub, type ModelPatterns, resolveHub } from "./hub_source.ts";
import { fetchNpm, resolveNpm } from "./npm_source.ts";
import type { FetchSettings, Resolution, ResolvedSource, ResolveSettings } from "./resolved.ts";
import type { Source } from "./source.ts";
import type { InputFile } from "../formats/row_file.ts";

/** Finds what a source is right now. */
export async function resolveSource(
  source: Source,
  settings: ResolveSettings,
  patterns: ModelPatterns = {},
): Promise<Resolution> {
  switch (source.type) {
    case "file":
      return await resolveFiles(source, settings);
    case "npm":
      return await resolveNpm(source, settings);
    case "http":
      return await resolveHttp(source, settings);
    case "hub":
      return await resolveHub(source, settings, patterns);
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
