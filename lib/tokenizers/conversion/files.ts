/**
 * Files that may be there.
 *
 * @module
 */

/** The bytes of a file; undefined where there is none. */
export async function readFile(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
