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

const flatType = z.enum(["string", "int", "float", "bool", "timestamp"]);

const options = z.object({
  from: z.union([z.string(), z.array(z.string()).min(1), z.record(splitName, sources)])
    .describe("a source, a list of them, or a mapping from the name of a split to its sources"),
  config: z.string().min(1).optional().describe(
    "hf://datasets/ORG/NAME: which of its configs (subsets); default its only one, or its default",
  ),
  split: z.union([
    z.string().min(1),
    z.array(z.string().min(1)).min(1),
    z.record(z.string(), splitName),
  ]).optional().describe(
    "hf://datasets/ORG/NAME: which of its splits, by their names there: one, a list, or a mapping to new names; default every split",
  ),
  format: z.enum(["auto", "parquet", "jsonl", "json", "csv", "txt"]).default("auto")
    .describe("format of the files; auto: by their names"),
  split_by: z.enum(["line", "blank_line", "file"]).default("line")
    .describe("txt: what a row is"),
  text_column: z.string().min(1).default("text")
    .describe(
      "txt: the name of the column; csv: the column that stays text whatever it looks like",
    ),
  delimiter: z.string().length(1).optional()
    .describe(
      "csv: the character between fields; default a tab in .tsv files, else guessed and told",
    ),
  column_names: z.array(z.string().min(1)).min(1).optional()
    .describe("csv: names of the columns of files without a header line"),
  field: z.string().min(1).optional().describe(
    "json: the member of the outermost object whose array holds the rows; default its only array of objects, and it is said",
  ),
  columns: z.union([z.array(z.string()).min(1), z.record(z.string(), z.string().min(1))]).optional()
    .describe("the columns to keep: a list, or a mapping from their names to new ones"),
  types: z.record(
    z.string(),
    z.union([z.enum([...flatType.options, "json"]), z.array(flatType).length(1)]),
  ).optional().describe(
    "columns to cast, by their names in the result; [int] is a list of int; a value that is not exactly one of the type makes a row that cannot be read",
  ),
  encoding: z.enum(["utf-8", "utf-16le", "utf-16be", "latin1", "windows-1252"]).optional()
    .describe("of jsonl, json, csv and txt files; default UTF-8, which others are never taken for"),
  on_error: z.enum(["error", "skip", "reject"]).default("error").describe(
    "a row that cannot be read: an error, left out and counted, or left out and written to rejected.jsonl with its reason",
  ),
  limit: z.int().min(0).default(0).describe("read this many rows of each split; 0: all"),
  max_bytes: z.int().min(1).optional()
    .describe(
      "refuse a file longer than this whose server doesn't announce its size; default 100 GB",
    ),
  allow_patterns: z.array(z.string()).min(1).optional()
    .describe("models: take exactly the files that match; default what Temper reads"),
  ignore_patterns: z.array(z.string()).min(1).optional()
    .describe("models: leave out files that match"),
});

/** Whether `from` names a model: `hf://ORG/NAME`, or a folder with a slash at its end. */
function isModel(from: z.output<typeof options>["from"]): from is string {
  if (typeof from !== "string") return false;
  if (/^hf:\/\//.test(from)) return !/^hf:\/\/datasets\//.test(from);
  return /^(?:file:\/\/|(?![a-z][a-z0-9+.-]*:))[^*?[{]*\/$/i.test(from);
}

const stage: StageDefinition<typeof options> = defineStage({
  doc: `Brings data or a model into the pipeline.

Writes rows, or a model where \`from\` is one. Sources:

- \`npm:PACKAGE@VERSION/FILE\`: files in an npm package; the version is exact, FILE may be a pattern
- \`hf://datasets/ORG/NAME[@REVISION]\`: a dataset of the hub, every split and shard of one \`config\`
- \`hf://datasets/ORG/NAME[@REVISION]/FILE\`: files of one; FILE may be a pattern
- \`hf://ORG/NAME[@REVISION]\`: a model of the hub: configuration, safetensors weights, tokenizer; or a
  tokenizer alone
- \`https://...\`: a file on the web; with \`#sha256=DIGEST\` behind it, one that is checked
- a path or pattern, from the folder of the pipeline or, where that has none, from the one that you
  are in: \`data/*.jsonl\`
- the folder of a model, or of a tokenizer alone, with a slash at its end: \`models/tuned/\`

The files of a dataset are found as \`datasets\` does: by \`configs\` in its README.md, else by names of files
and folders (train, validation, test and their kind), else on its branch \`refs/convert/parquet\`, where it has a
script alone. Its splits keep their names; in a mapping, as \`from: { train: hf://datasets/ORG/NAME }\`, each
split takes the one of its own name.

Files are parquet, jsonl, json (an array of objects, or an object with one), csv or txt, all but the first
also packed as .gz or .zst. The type of a column is decided over all files and splits before a value is
converted: what is text in one file stays as it was written in all, and no integer is rounded. \`types\`
decides it instead, exactly: \`int\` takes \`7\`, \`007\`, \`7.0\`, \`7e2\` and, of truth values, 1 and 0; \`float\` decimals,
exponents, nan and inf, and no integer that a double would round; \`bool\` true and false in any case, 1 and 0;
\`timestamp\` ISO 8601, all with a zone or all without; \`json\` parses texts; \`string\` keeps what is written;
\`[int]\` and its like take lists, and JSON text of lists such as \`[1, 2]\`, item by item. Empty cells of csv are null
but for \`string\`.

Lists of texts, numbers, truth values or times, all of one type, are columns of type \`list\`; whatever else is nested
is \`json\`.

What a movable source is (a branch, a URL) is written to the pipeline's lock file and stays until \`--update\`.
Downloads go on where they were cut off, and are checked: no byte more than was announced is taken, a
server that sends less than 64 KB a minute counts as broken, and redirects lead neither from https to http
nor from elsewhere into your own network. The hub is HF_ENDPOINT; HF_TOKEN is sent to it alone. Sources
stand in the lock file and in records, so one with a password or a token in its address is refused.

\`\`\`yaml
reviews:
  uses: download
  with: { from: "hf://datasets/stanfordnlp/imdb", split: [train, test] }
base:
  uses: download
  with: { from: "hf://openai-community/gpt2" }
poems:
  uses: download
  with: { from: { train: poems.txt, test: more.txt }, split_by: blank_line }
tagged:
  uses: download
  with: { from: tagged.csv, types: { id: int, tags: [string] } }
\`\`\``,
  inputs: {},
  kinds: ["rows", "model"],
  output: (options) => isModel(options.from) ? "model" : "rows",
  options,
  cache: true,
  async resolve(context): Promise<Sources> {
    const { resolveDownload } = await import("../lib/data/sources/resolve_download.ts");
    const { max_bytes: maxBytes } = context.options;
    return await resolveDownload(context.options, {
      ...context,
      limits: maxBytes === undefined ? {} : { maxBytes },
    });
  },
  async run(
    { output, options, sources, cache, offline, env, file, progress, log, summary, signal },
  ): Promise<void> {
    const { runDownload } = await import("../lib/data/sources/run_download.ts");
    const { rows, rejected } = await runDownload(sources, {
      options,
      folder: output.path,
      cacheDir: cache?.path ?? `${output.path}/.cache`,
      limits: options.max_bytes === undefined ? {} : { maxBytes: options.max_bytes },
      offline,
      env,
      file,
      signal,
      log,
      progress,
      note: (text) => summary({ type: "note", text }),
    });
    if (rejected.rows > 0) {
      summary({
        type: "rules",
        title: "left out by",
        rows: rows + rejected.rows,
        rules: [{ rule: "on_error", rows: rejected.rows, examples: [...rejected.examples] }],
      });
    }
  },
});

export default stage;
