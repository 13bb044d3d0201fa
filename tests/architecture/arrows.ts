/**
 * Which room imports which. A room is a folder of `lib/`, or `stages`, `main`, `temper` (the public face that
 * stages import). Type-only and dynamic imports count as well: a type that points upward ties the rooms
 * together just as much.
 *
 * @module
 */
import type { Modules } from "./module_graph.ts";

/** Room -> rooms it may import beside itself. Each imports only rooms that are below it here. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  main: ["cli", "parity", "runtime", "stages"],
  stages: [
    ...["temper", "train", "evaluation", "decoding", "metrics", "checkpoint", "runtime"],
    ...["tokenizers", "data", "text", "base"],
  ],
  parity: [
    ...["cli", "evaluation", "decoding", "train", "checkpoint", "models", "optim", "runtime"],
    ...["graph", "data", "base"],
  ],
  cli: ["report", "pipeline", "temper", "store", "base"],
  report: ["pipeline", "base"],
  pipeline: ["temper", "store", "base"],
  temper: ["base"],
  store: ["base"],
  evaluation: [
    ...["decoding", "train", "checkpoint", "models", "runtime", "data", "metrics", "base"],
  ],
  train: ["checkpoint", "models", "optim", "runtime", "graph", "data", "base"],
  decoding: ["models", "runtime", "graph", "base"],
  metrics: ["base"],
  checkpoint: ["models", "data", "base"],
  models: ["graph", "base"],
  optim: ["graph", "base"],
  runtime: ["base"],
  graph: ["base"],
  tokenizers: ["data", "text", "base"],
  data: ["text", "base"],
  text: ["base"],
  base: [],
};

/** What an author of stages imports, though the runner lies beside it. */
const TEMPER = ["lib/pipeline/mod.ts", "lib/pipeline/stage.ts", "lib/pipeline/types.ts"];

/**
 * The room of a file.
 *
 * @param path Path from the project's folder, with forward slashes.
 * @returns The room, or undefined for what is in none (tests, generated files).
 */
export function roomOf(path: string): string | undefined {
  if (path === "main.ts") return "main";
  if (TEMPER.includes(path)) return "temper";
  const [top, second, third] = path.split("/");
  if (top === "stages") return "stages";
  return top === "lib" && third !== undefined ? second : undefined;
}

/** The imports between rooms that {@linkcode ARROWS} does not allow, as sentences. */
export function upwardImports(modules: Modules): string[] {
  return [...modules].flatMap(([file, imports]) => {
    const from = roomOf(file);
    if (from === undefined) return [];
    const allowed = ARROWS[from] ?? [];
    return imports.flatMap(({ to }) => {
      const room = roomOf(to);
      if (room === undefined || room === from || allowed.includes(room)) return [];
      return [
        `${file} imports ${to}: ${from} may import ${allowed.join(", ") || "no room"}, not ${room}`,
      ];
    });
  });
}
