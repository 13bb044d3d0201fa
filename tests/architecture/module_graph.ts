/**
 * The files of a project and what they import, as one call of `deno info --json` tells it.
 *
 * @module
 */
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** One import of a file. */
export interface Import {
  /** Path from the project's folder; the specifier (`node:path`, `npm:zod@4.6.7`) of what is none of its files. */
  readonly to: string;
  /** Whether only types are imported: nothing of it is left when the file runs. */
  readonly typeOnly: boolean;
}

/** Path of a file from the project's folder -> its imports, dynamic ones too. */
export type Modules = ReadonlyMap<string, readonly Import[]>;

interface DenoInfo {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

/**
 * Reads what files import.
 *
 * @param root The project's folder, with a `deno.json`.
 * @param files Paths from `root`; what they import is there as well.
 */
export async function readModules(root: string, files: readonly string[]): Promise<Modules> {
  const entry = `${await temporaryDirectory()}/entry.ts`;
  const imports = files.map((file) => `import ${JSON.stringify(`file://${resolve(root, file)}`)};`);
  await Deno.writeTextFile(entry, imports.join("\n"));
  const { stdout, code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--config", resolve(root, "deno.json"), entry],
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  const info: DenoInfo = JSON.parse(new TextDecoder().decode(stdout));
  const modules = new Map<string, readonly Import[]>();
  for (const { specifier, dependencies = [] } of info.modules) {
    const path = projectPath(root, specifier);
    if (path === undefined) continue;
    modules.set(
      path,
      dependencies.flatMap(({ code, type }): Import[] => {
        const target = code?.specifier ?? type?.specifier;
        if (target === undefined) return [];
        const typeOnly = code?.specifier === undefined;
        return [{ to: projectPath(root, target) ?? target, typeOnly }];
      }),
    );
  }
  return modules;
}

/** Every TypeScript file of the product, as paths from `root`. */
export async function productFiles(root: string): Promise<string[]> {
  return ["main.ts", ...await filesBelow(root, ["lib", "stages"])];
}

/** Every TypeScript file below some folders of `root`, as sorted paths from it. */
export async function filesBelow(root: string, folders: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(resolve(root, folder))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) await walk(path);
      else if (entry.name.endsWith(".ts")) files.push(path);
    }
  };
  for (const folder of folders) await walk(folder);
  return files.sort();
}

/** The folder that a file is directly in; empty for the project's own. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function projectPath(root: string, specifier: string): string | undefined {
  if (!specifier.startsWith("file:")) return undefined;
  const path = relative(root, fileURLToPath(specifier));
  return path.startsWith("..") ? undefined : path.replaceAll("\\", "/");
}
