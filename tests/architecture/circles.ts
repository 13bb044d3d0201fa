/**
 * Files, and folders, that import each other in a circle, types included: neither side of one can be
 * understood, tested or moved without the other. A folder is the files directly in it.
 *
 * @module
 */
import { folderOf, type Modules } from "./module_graph.ts";

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** Circles of files, as sentences: for each file that is in one the shortest. */
export function fileCircles(modules: Modules): string[] {
  const graph = new Map(
    [...modules].map(([file, imports]) => [file, new Set(imports.map(({ to }) => to))]),
  );
  return circles(graph).map((circle) =>
    `${circle.join(" -> ")}: files may not import each other in a circle, not even for types`
  );
}

/** Circles of folders, as sentences: for each folder that is in one the shortest. */
export function folderCircles(modules: Modules): string[] {
  const graph = new Map<string, Set<string>>();
  const examples = new Map<string, string>();
  for (const [file, imports] of modules) {
    const from = folderOf(file);
    for (const { to } of imports) {
      const folder = folderOf(to);
      if (!modules.has(to) || folder === from) continue;
      graph.set(from, (graph.get(from) ?? new Set()).add(folder));
      const arrow = `${from} -> ${folder}`;
      if (!examples.has(arrow)) examples.set(arrow, `${file} imports ${to}`);
    }
  }
  return circles(graph).map((circle) => {
    const hops = circle.slice(1).map((folder, i) => examples.get(`${circle[i]} -> ${folder}`));
    return `${circle.join(" -> ")}: folders may not import each other in a circle ` +
      `(${hops.join("; ")})`;
  });
}

/** The shortest circle through each node that is in one; each once, from its first node back to it. */
function circles(graph: Graph): string[][] {
  const found = new Map<string, string[]>();
  for (const node of [...graph.keys()].sort()) {
    const circle = shortestCircle(node, graph);
    if (circle === undefined) continue;
    const first = circle.indexOf([...circle].sort()[0]!);
    const turned = [...circle.slice(first), ...circle.slice(0, first)];
    found.set(turned.join(), [...turned, turned[0]!]);
  }
  return [...found.values()];
}

function shortestCircle(node: string, graph: Graph): string[] | undefined {
  const paths: string[][] = [[node]];
  const seen = new Set<string>();
  for (const path of paths) {
    for (const next of graph.get(path.at(-1)!) ?? []) {
      if (next === node) return path;
      if (seen.has(next)) continue;
      seen.add(next);
      paths.push([...path, next]);
    }
  }
  return undefined;
}
