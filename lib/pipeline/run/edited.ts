/**
 * Finds results that were edited after they were made: what a person opens under
 * `runs/<run>/artifacts` are links to the store's own files.
 *
 * Left out: damage that leaves no later time on a file. That is found when a stage is to read it.
 *
 * @module
 */
import type { Action, Store } from "../../store/mod.ts";

/**
 * Files of a result whose bytes have changed since its record was written, in words. Reads only files
 * that were written to since.
 */
export async function editedFiles(
  { key, artifact }: Action,
  { store, signal }: { readonly store: Store; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const recorded = await store.actions.writtenAt(key);
  if (recorded === undefined) return [];
  const { touched, edited } = await store.artifacts.editedSince(artifact, recorded, signal);
  // Touched and sound, as after a copy of the whole store: once is enough.
  if (touched > 0 && edited.length === 0) await store.actions.confirm(key);
  return edited.map(({ path, digest }) => `${path}, blob ${digest.slice(0, 12)}`);
}
