/**
 * Loads pipelines from text, with a few stages of the tests' own, and shows mistakes on one line each.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { UserErrors } from "../../lib/base/errors.ts";
import { type LoadOptions, loadPipeline } from "../../lib/pipeline/file/load.ts";
import { defineStage, type StageDefinition } from "../../lib/pipeline/stage.ts";
import type { Pipeline, StageNode, StageRegistry } from "../../lib/pipeline/types.ts";
import { z } from "zod";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** The project's folder. */
export const ROOT: string = resolve(import.meta.dirname!, "../..");

const run = async (): Promise<void> => {};

const download = defineStage({
  doc: "Fetches rows or a model.\n\nMore about it.",
  inputs: {},
  output: ({ model }) => model ? "model" : "rows",
  kinds: ["rows", "model"],
  options: z.object({
    from: z.string().min(1).describe("where to get it"),
    model: z.boolean().default(false).describe("whether it is a model"),
  }),
  permissions: { net: ["example.com"] },
  run,
});

const train = defineStage({
  doc: "Trains a model.",
  inputs: { data: "rows", model: "model?" },
  output: "model",
  options: z.object({
    learning_rate: z.number().gt(0).default(5e-5).describe("initial learning rate"),
    epochs: z.int().min(1).default(3).describe("passes over the data"),
    strategy: z.enum(["no", "steps", "epoch"]).default("no").describe("when to evaluate"),
    template: z.string().optional().describe("text of a row").meta({ template: true }),
    note: z.string().default(""),
    config: z.object({
      width: z.int().positive(),
      layers: z.array(z.strictObject({ size: z.int() })).default([]),
    }).optional().describe("shape of a new model"),
    dropout: z.union([z.number().min(0).max(1), z.literal("auto")]).default("auto"),
  }),
  compute: true,
  run,
});

const score = defineStage({
  doc: "Scores models.",
  inputs: { models: "model[]", baseline: "model?" },
  output: "metrics",
  options: z.object({ metrics: z.array(z.enum(["perplexity", "bleu"])).default(["perplexity"]) }),
  run,
});

const write = defineStage({
  doc: "Writes texts.",
  inputs: { model: "model", data: "rows|texts?" },
  output: "texts",
  options: z.object({ prompts: z.array(z.string()).default([]).meta({ template: true }) }),
  run,
});

/** The built-in stages of these tests. */
export const REGISTRY: StageRegistry = Object.fromEntries(
  Object.entries({ download, train, score, write }).map(([name, definition]) => [name, {
    module: `file:///stages/${name}.ts`,
    load: () => Promise.resolve(definition as unknown as StageDefinition),
  }]),
);

/** What a test says beside the text. */
export interface Loading extends Partial<LoadOptions> {
  /** Files to put beside the pipeline. */
  readonly files?: Readonly<Record<string, string>>;
}

/**
 * Loads a pipeline in a folder of its own.
 *
 * @param text The YAML.
 * @param loading Files beside it, `-p` options, environment.
 * @returns The pipeline.
 */
export async function load(text: string | Uint8Array, loading: Loading = {}): Promise<Pipeline> {
  const { files = {}, ...options } = loading;
  const folder = await temporaryDirectory();
  const all = { ...files, "p.yaml": text };
  for (const [name, content] of Object.entries(all)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(join(folder, name), bytes);
  }
  return await loadPipeline(join(folder, "p.yaml"), {
    params: [],
    registry: REGISTRY,
    project: ROOT,
    env: () => undefined,
    ...options,
  });
}

/**
 * The mistakes in a pipeline.
 *
 * @returns One text a mistake: `line:column+length message`, without the place where it has none. The message's folder is `<dir>`.
 */
export async function mistakes(
  text: string | Uint8Array,
  loading: Loading = {},
): Promise<string[]> {
  try {
    await load(text, loading);
  } catch (error) {
    if (!(error instanceof UserErrors)) throw error;
    return error.errors.map(({ message, parts: { at } }) => {
      const place = at === undefined ? "" : `${at.line}:${at.column}+${at.length} `;
      return place + message.replaceAll(/(file:\/\/)?\/[^ "]*\/temper-test-[^/]*/g, "<dir>");
    });
  }
  return [];
}

/** A pipeline with mistakes. */
export interface MistakeCase {
  /** As in "loadPipeline() refuses tabs". */
  readonly name: string;
  readonly yaml: string | Uint8Array;
  readonly loading?: Loading;
  /** As {@linkcode mistakes} gives them. */
  readonly expected: readonly string[];
}

/** A test for each case, named after what is called and the case. */
export function testMistakes(called: string, cases: readonly MistakeCase[]): void {
  for (const { name, yaml, loading, expected } of cases) {
    Deno.test(`${called} ${name}`, async () => {
      assert.deepEqual(await mistakes(yaml, loading), expected);
    });
  }
}

/** The one stage of a pipeline with a name or id. */
export function stage(pipeline: Pipeline, name: string): StageNode {
  const found = pipeline.stages.filter((node) => node.id === name || node.name === name);
  if (found.length !== 1) throw new Error(`${found.length} stages "${name}"`);
  return found[0]!;
}

/** A pipeline around the lines of its stages. */
export function withStages(...lines: string[]): string {
  return ["name: t", "stages:", ...lines.map((line) => `  ${line}`)].join("\n");
}
