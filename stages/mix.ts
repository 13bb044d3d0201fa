/**
 * Makes one dataset of several.
 *
 * @module
 */
import { acrossOptions, defineStage, type Misuse, type StageDefinition, z } from "temper";
import { STOPPING_STRATEGIES } from "../lib/data/rows/turns.ts";

const options = z.object({
  method: z.enum(["interleave", "concatenate"]).default("interleave")
    .describe("rows in turn, or one dataset below the other"),
  probabilities: z.array(z.number().gt(0).lt(1)).min(2).optional().describe(
    "interleave: how likely each dataset has the next turn, in their order; default: each has one a round",
  ),
  stopping_strategy: z.enum(STOPPING_STRATEGIES).optional().describe(
    "interleave: end when the first dataset is exhausted (the default), or all are: those that end before begin anew, or, without replacement, no row comes twice",
  ),
  seed: z.int().min(0).optional()
    .describe("for the draws with probabilities; default the pipeline's seed"),
});

/** Shares such as 0.33 three times are meant. */
const ROUNDED = 0.011;

const checkedOptions = options.refine(
  ({ probabilities: shares }) =>
    shares === undefined ||
    Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < ROUNDED,
  { path: ["probabilities"], message: "numbers that add up to 1", ...acrossOptions },
).refine(
  ({ method, probabilities }) => method === "interleave" || probabilities === undefined,
  {
    path: ["probabilities"],
    message: "left out with method: concatenate",
    ...acrossOptions,
  },
).refine(
  ({ method, stopping_strategy }) => method === "interleave" || stopping_strategy === undefined,
  {
    path: ["stopping_strategy"],
    message: "left out with method: concatenate, which takes all rows once",
    ...acrossOptions,
  },
).refine(({ probabilities, seed }) => probabilities !== undefined || seed === undefined, {
  path: ["seed"],
  message: "left out without probabilities: nothing is drawn",
  ...acrossOptions,
});

const stage: StageDefinition<typeof checkedOptions> = defineStage({
  doc: `Makes one dataset of several: their rows in turn, by weights, or one below the other.

Reads a list of rows (\`data\`) and writes rows. Splits are mixed by themselves, \`train\` with \`train\`; where a
dataset lacks one, the others have its turns. Columns are those of all, with nulls where a dataset lacks one; the
same column has the same type in all. Rows of a dataset stay in their order: \`split\` and \`train\` shuffle.
To join datasets by a key, take \`annotate\`.

Probabilities and stopping strategies are those of \`datasets.interleave_datasets\`. With \`all_exhausted\` rows of
datasets that end before come again, so mix after splitting: \`split\` keeps equal texts in one part.

\`\`\`yaml
both:
  uses: mix
  inputs: { data: [reviews, books] }
  with: { probabilities: [0.7, 0.3], stopping_strategy: all_exhausted }
\`\`\``,
  inputs: { data: "rows[]" },
  output: "rows",
  options: checkedOptions,
  check({ options: { probabilities }, counts: { data } }): Misuse | undefined {
    if (probabilities === undefined || data === undefined || probabilities.length === data) {
      return undefined;
    }
    return {
      what: `there are ${probabilities.length} probabilities for ${data} datasets`,
      requirement: 'each dataset of the input "data" has one, in their order',
      remedy: "give as many as there are",
    };
  },
  async run({ lists, output, options, seed, progress, log, summary, signal }): Promise<void> {
    const { DatasetWriter, openDataset } = await import("../lib/data/rows/dataset.ts");
    const { mixRows } = await import("../lib/data/rows/mix.ts");
    const inputs = await Promise.all(
      lists.data!.map(async ({ stage, path }) => ({
        name: stage,
        stream: await openDataset(path),
      })),
    );
    const { method, probabilities, stopping_strategy: stopping = "first_exhausted" } = options;
    let writer: InstanceType<typeof DatasetWriter> | undefined;
    const mixed = await mixRows(
      inputs,
      method === "concatenate"
        ? { method }
        : { method, probabilities, stopping, seed: options.seed ?? seed },
      {
        open: (columns, splits) => writer = new DatasetWriter(output.path, { columns, splits }),
        signal,
        progress: (done, total) => progress(done, total, "rows"),
      },
    );
    for (const [split, shares] of Object.entries(mixed)) {
      const rows = shares.reduce((sum, share) => sum + share.rows, 0);
      const parts = shares.map(({ name, rows, times }) =>
        `${name} ${rows}${times > 1 ? ` (read ${times.toFixed(1)} times)` : ""}`
      );
      const text = `${split}: ${rows} rows, ${parts.join(", ")}`;
      log(text);
      summary({ type: "note", text });
    }
    await writer!.finish();
  },
});

export default stage;
