/**
 * What a hub's description of a repository names of its files (`siblings`): their names alone, for servers that have no
 * trees.
 *
 * @module
 */
import { isJsonObject, type Json, parseJsonObject } from "../../../base/json.ts";

/**
 * The commit and the names of files.
 *
 * @param text The answer to `/api/datasets/ORG/NAME/revision/REVISION`.
 * @returns Undefined where it names none.
 */
export function namesOfFiles(
  text: string,
): { readonly commit: string; readonly files: readonly { readonly path: string }[] } | undefined {
  const { sha, siblings } = parseJsonObject(text) ?? {};
  const isCommit = typeof sha === "string" && /^[0-9a-f]{40}$/.test(sha);
  if (!isCommit || !Array.isArray(siblings)) return undefined;
  const files = siblings.flatMap((each: Json) => {
    const path = isJsonObject(each) ? each.rfilename : undefined;
    return typeof path === "string" ? [{ path }] : [];
  });
  return files.length === 0 ? undefined : { commit: sha, files };
}
