/**
 * The built-in stages by name. Their definitions are imported only when a pipeline uses them.
 *
 * @module
 */
import type { StageDefinition } from "temper";

/** Name -> the module, and a lazy import of the definition in it. */
export const STAGES: Readonly<
  Record<string, { readonly module: string; readonly load: () => Promise<StageDefinition> }>
> = {
  download: stage("./download.ts", () => import("./download.ts")),
  filter: stage("./filter.ts", () => import("./filter.ts")),
  annotate: stage("./annotate.ts", () => import("./annotate.ts")),
  mix: stage("./mix.ts", () => import("./mix.ts")),
  split: stage("./split.ts", () => import("./split.ts")),
  augment: stage("./augment.ts", () => import("./augment.ts")),
  tokenize: stage("./tokenize.ts", () => import("./tokenize.ts")),
  train: stage("./train.ts", () => import("./train.ts")),
  evaluate: stage("./evaluate.ts", () => import("./evaluate.ts")),
  generate: stage("./generate.ts", () => import("./generate.ts")),
};

/** The import stands beside the path because only a literal `import()` is part of the module graph. */
function stage(
  path: string,
  load: () => Promise<{ readonly default: unknown }>,
): { module: string; load: () => Promise<StageDefinition> } {
  return {
    module: import.meta.resolve(path),
    load: async () => (await load()).default as StageDefinition,
  };
}
