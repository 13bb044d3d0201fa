/**
 * Brings data or a model into the pipeline.
 *
 * @module
 */
import { defineStage, type Sources, type StageDefinition, z } from "temper";
import { SPLIT_NAME, SPLIT_NAME_WORDS, splitNameMistake } from "../lib/data/rows/split_name.ts";

const sources = z.union([z.string(), z.array(z.string()).min(1)]);

/** A split becomes a file's name. */
const splitName = z.string().regex(SPLIT_NAME, { error: SPLIT_NAME_WORDS }).refine(
  (name) => splitNameMistake(name) === undefined,
  { error: SPLIT_NAME_WORDS },
);

const options = z.object({
  from: z.union([z.string(), z.array(z.string()).min(1), z.record(splitName, sources)])
    .describe("a source, a list of them, or a mapping from the name of a split to its sources"),
  format: z.enum(["auto", "parquet", "jsonl", "csv", "txt"]).default("auto")
    .describe("format of the files; auto: by their names"),
  split_by: z.enum(["line", "blank_line", "file"]).default("line")
    .describe("txt: what a row is"),
  text_column: z.string().min(1).default("text")
    .describe(
      "txt: the name of the column; csv: the column that stays text whatever it looks like",
    ),
  delimiter: z.string().length(1).optional()
    .describe("csv: the character between fields; default a comma, a tab in .tsv files"),
  column_names: z.array(z.string().min(1)).min(1).optional()
    .describe("csv: names of the columns of files without a header line"),
  columns: z.union([z.array(z.string()).min(1), z.record(z.string(), z.string().min(1))]).optional()
    .describe("the columns to keep: a list, or a mapping from their names to new ones"),
  limit: z.int().min(0).default(0).describe("read this many rows of each split; 0: all"),
  allow_patterns: z.array(z.string()).min(1).optional()
    .describe("models: take exactly the files that match; default what Temper reads"),
  ignore_patterns: z.array(z.string()).min(1).optional()
    .describe("models: leave out files that match"),
});

/** Whether `from` names a model of a hub: `hf://ORG/NAME`. */
function isModel(from: z.output<typeof options>["from"]): from is string {
  return typeof from === "string" && /^hf:\/\/(?!datasets\/)/.test(from);
}

const stage: StageDefinition<typeof options> = defineStage({
  doc: `Brings data or a model into the pipeline.

Writes rows, or a model where \`from\` is one. Sources:

- \`npm:PACKAGE@VERSION/FILE\`: files in an npm package; the version is exact, FILE may be a pattern
- \`hf://datasets/ORG/NAME[@REVISION]/FILE\`: files of a dataset of the hub; FILE may be a pattern
- \`hf://ORG/NAME[@REVISION]\`: a model of the hub: configuration, safetensors weights, tokenizer
- \`https://...\`: a file on the web
- a path or pattern, from the folder of the pipeline or, where that has none, from the one that you
  are in: \`data/*.jsonl\`

Files are parquet, jsonl (or a JSON array or object), csv or txt, the last three also with .gz. What a
movable source is (a branch, a URL) is written to the pipeline's lock file and stays until \`--update\`.
Downloads go on where they were cut off, and are checked. The hub is HF_ENDPOINT; HF_TOKEN is sent to it
alone.

\`\`\`yaml
reviews:
  uses: download
  with: { from: "hf://datasets/stanfordnlp/imdb/plain_text/train-*.parquet" }
base:
  uses: download
  with: { from: "hf://openai-community/gpt2" }
poems:
  uses: download
  with: { from: { train: poems.txt, test: more.txt }, split_by: blank_line }
\`\`\``,
  inputs: {},
  kinds: ["rows", "model"],
  output: (options) => isModel(options.from) ? "model" : "rows",
  options,
  cache: true,
  async resolve(context): Promise<Sources> {
    const { resolveDownload } = await import("../lib/data/sources/resolve_download.ts");
    return await resolveDownload(context.options, context);
  },
  async run(
    { output, options, sources, cache, offline, env, progress, log, signal },
  ): Promise<void> {
    const { runDownload } = await import("../lib/data/sources/run_download.ts");
    await runDownload(sources, {
      options,
      folder: output.path,
      cacheDir: cache?.path ?? `${output.path}/.cache`,
      offline,
      env,
      signal,
      log,
      progress,
    });
  },
});

export default stage;
