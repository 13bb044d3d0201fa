/** Helpers of the store's tests: a temporary store, files, a way to list a folder. */
import { filePath } from "../../lib/base/paths.ts";
import { join } from "node:path";
import { openStore, type Store } from "../../lib/store/mod.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** Runs a test with a store in a temporary folder. */
export async function withStore(
  test: (store: Store, folder: string) => Promise<void>,
  options: { readonly lease?: number } = {},
): Promise<void> {
  const folder = await temporaryDirectory();
  using store = openStore(join(folder, "runs"), options);
  await test(store, folder);
}

/** Writes files into a new folder under `folder`. */
export async function writeTree(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  const root = await temporaryDirectory({ dir: folder });
  for (const [path, content] of Object.entries(files)) {
    await Deno.mkdir(join(root, path, ".."), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(join(root, path), content);
    else await Deno.writeFile(join(root, path), content);
  }
  return root;
}

/** Every file under a folder by its relative path, sorted; none where there is no folder. */
export async function filesUnder(folder: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const entry of Deno.readDir(join(folder, prefix))) {
      const path = join(prefix, entry.name);
      if (entry.isDirectory) found.push(...await filesUnder(folder, path));
      else found.push(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}

/** Keys that have an action record, sorted. */
export async function keysOf({ layout }: Store): Promise<string[]> {
  return (await filesUnder(layout.actions)).map((name) => name.replace(/\.json$/, ""));
}

/**
 * Starts a TypeScript file of the tests as a process of its own, with pipes.
 *
 * @param options `within`: a command that starts another one, such as a container's.
 */
export function startChild(
  file: string,
  args: readonly string[],
  { within = [] }: { readonly within?: readonly string[] } = {},
): Deno.ChildProcess {
  const path = import.meta.resolve(file);
  const config = filePath(import.meta.resolve("../../deno.json"));
  const [command = "", ...rest] = [
    ...within,
    Deno.execPath(),
    ...["run", "-A", "--no-check", "--quiet", "--config", config, path, ...args],
  ];
  return new Deno.Command(command, {
    args: rest,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Reads a child's output until it has said something, and leaves the rest unread. */
export async function firstOutput(child: Deno.ChildProcess): Promise<string> {
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value);
}
