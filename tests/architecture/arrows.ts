/**
 * Which room imports which, read from `deno info --json`, and the arrows that ARCHITECTURE.md allows.
 *
 * A room is a folder of `lib/`, or `stages`, `main`, `errors`, `temper` (the public face that stages
 * import). Type-only imports count as well: a type that points upward ties the rooms together just as much.
 *
 * @module
 */
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** Room -> rooms it may import. Every room may import `errors` and itself. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  main: ["cli", "stages", "pipeline", "runtime", "parity"],
  cli: ["pipeline", "store", "report"],
  parity: ["cli", "train", "models", "optim", "runtime", "graph", "data"],
  report: ["pipeline"],
  pipeline: ["store", "temper"],
  store: [],
  temper: [],
  stages: [
    "temper",
    "data",
    "text",
    "tokenizers",
    "graph",
    "models",
    "optim",
    "runtime",
    "train",
    "generation",
    "metrics",
  ],
  train: ["models", "optim", "runtime", "data", "graph", "tokenizers"],
  generation: ["models", "runtime", "graph", "tokenizers"],
  metrics: [],
  models: ["graph", "data"],
  optim: ["graph"],
  runtime: ["graph"],
  graph: [],
  tokenizers: ["data", "text"],
  data: ["text"],
  text: [],
  errors: [],
};

/** An import that crosses from one room into another. Paths count from the project's folder. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly fromFile: string;
  readonly toFile: string;
}

interface ModuleGraph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly local?: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

/**
 * The room of a file.
 *
 * @param path Path from the project's folder, with forward slashes.
 * @returns The room, or undefined for what is in none (tests, generated files).
 */
export function roomOf(path: string): string | undefined {
  if (path === "main.ts") return "main";
  if (false) return "errors";
  if (path === "lib/pipeline/mod.ts" || path === "lib/pipeline/stage.ts") return "temper";
  const [top, second] = path.split("/");
  if (top === "stages") return "stages";
  if (top === "lib") return second;
  return undefined;
}

/**
 * Every import between rooms that the given files make.
 *
 * @param root The project's folder.
 * @param files Paths from `root`.
 */
export async function arrows(root: string, files: readonly string[]): Promise<Arrow[]> {
  const entry = `${await temporaryDirectory()}/entry.ts`;
  const imports = files.map((file) => `import ${JSON.stringify(`file://${resolve(root, file)}`)};`);
  await Deno.writeTextFile(entry, imports.join("\n"));
  const { stdout, code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--config", resolve(root, "deno.json"), entry],
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
  const found: Arrow[] = [];
  for (const module of graph.modules) {
    const fromFile = projectPath(root, module.specifier);
    const from = fromFile === undefined ? undefined : roomOf(fromFile);
    if (fromFile === undefined || from === undefined) continue;
    for (const dependency of module.dependencies ?? []) {
      const target = dependency.code?.specifier ?? dependency.type?.specifier;
      const toFile = target === undefined ? undefined : projectPath(root, target);
      const to = toFile === undefined ? undefined : roomOf(toFile);
      if (toFile === undefined || to === undefined || to === from) continue;
      found.push({ from, to, fromFile, toFile });
    }
  }
  return found;
}

/** The arrows that {@linkcode ARROWS} doesn't allow, as sentences. */
export function violations(found: readonly Arrow[]): string[] {
  return found
    .filter(({ from, to }) => to !== "errors" && !(ARROWS[from] ?? []).includes(to))
    .map(({ from, to, fromFile, toFile }) =>
      `${fromFile} imports ${toFile}: ${from} may import ${
        [...(ARROWS[from] ?? []), "errors"].join(", ")
      }, not ${to}`
    );
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

function projectPath(root: string, specifier: string): string | undefined {
  if (!specifier.startsWith("file:")) return undefined;
  const path = relative(root, fileURLToPath(specifier));
  return path.startsWith("..") ? undefined : path.replaceAll("\\", "/");
}
