/**
 * What is to run in a browser page: the same step of training, decoding and the formats of checkpoints. It
 * uses nothing that only Deno or Node.js has, nor does what it imports, types apart.
 *
 * @module
 */
import { resolve } from "node:path";
import type { Modules } from "./module_graph.ts";
import { codeOf } from "./source_code.ts";

/** Folders, and files, that are to run in a browser. */
export const BROWSER: readonly string[] = [
  "lib/graph/",
  "lib/models/",
  "lib/optim/",
  "lib/checkpoint/half.ts",
  "lib/data/formats/safetensors_header.ts",
  "lib/train/program/",
  "lib/train/objectives/",
  "lib/decoding/",
  "lib/runtime/webgpu/",
];

/** Packages that load a library of the machine. */
const NODE_ONLY = /^npm:\/?(?:onnxruntime-node)\b/;

/** Names that a browser does not have. `globalThis[…]` could be any of them. */
const NAMES = new RegExp(
  [
    /\bDeno\b/,
    /(?<![.\w$])(?:process|Buffer)(?=\s*(?:\??\.|\[(?!\])))/,
    /\bglobalThis\s*(?:\.\s*(?:process|Buffer)\b|\?\.|\[)/,
    /\bimport\.meta\.(?:dirname|filename)\b/,
  ].map(({ source }) => source).join("|"),
);

/**
 * What browser rooms use, themselves or through what they import, that a browser does not have.
 *
 * @param root The project's folder, for the text of its files.
 * @returns A sentence for each use in a file, with the shortest way to it.
 */
export async function browserViolations(root: string, modules: Modules): Promise<string[]> {
  const starts = [...modules.keys()].filter((file) => belongs(file)).sort();
  const ways = new Map(starts.map((file) => [file, [file]]));
  const found: string[] = [];
  // Grows while it is walked, by what each file imports: the shortest ways come first.
  for (const [file, way] of ways) {
    const imports = modules.get(file)!.filter(({ typeOnly }) => !typeOnly);
    for (const { to } of imports) {
      if (modules.has(to) && !ways.has(to)) ways.set(to, [...way, to]);
    }
    const uses = imports.filter(({ to }) => to.startsWith("node:") || NODE_ONLY.test(to))
      .map(({ to }) => `imports ${to}`);
    if (file.endsWith(".ts")) uses.push(...await names(resolve(root, file)));
    const room = BROWSER.find((place) => way[0]!.startsWith(place));
    found.push(
      ...uses.map((use) =>
        `${file} ${use}: ${room} is to run in a browser, which has only what the web has` +
        (way.length > 1 ? ` (${way.join(" -> ")})` : "")
      ),
    );
  }
  return found;
}

/** Places of {@linkcode BROWSER} that are none. */
export function missingPlaces(modules: Modules): string[] {
  return BROWSER.filter((place) => ![...modules.keys()].some((file) => file.startsWith(place)));
}

function belongs(file: string): boolean {
  return BROWSER.some((place) => file.startsWith(place));
}

/** `uses Deno in line 3`, for the first use of each name. */
async function names(path: string): Promise<string[]> {
  const lines = codeOf(await Deno.readTextFile(path)).split("\n");
  const first = new Map<string, number>();
  for (const [i, line] of lines.entries()) {
    const name = NAMES.exec(line)?.[0];
    if (name !== undefined && !first.has(name)) first.set(name, i + 1);
  }
  return [...first].map(([name, line]) => `uses ${name} in line ${line}`);
}
