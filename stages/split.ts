/**
 * Divides rows into train, validation and test.
 *
 * @module
 */
import {
  acrossOptions,
  defineStage,
  type Misuse,
  type StageDefinition,
  UserError,
  z,
} from "temper";
import { SPLIT_NAME, SPLIT_NAME_WORDS, splitNameMistake } from "../lib/data/rows/split_name.ts";
import { nearDuplicateOptions } from "./near_duplicate_options.ts";

const share = z.number().min(0).optional();

/** A part becomes a split, and so a file's name. */
const partName = z.string().regex(SPLIT_NAME, { error: SPLIT_NAME_WORDS }).refine(
  (name) => splitNameMistake(name) === undefined,
  { error: SPLIT_NAME_WORDS },
);

const options = z.object({
  train: share.describe("share of the rows: a fraction of 1, or a number of rows"),
  validation: share.describe("as train"),
  test: share.describe("as train"),
  parts: z.record(partName, z.number().min(0)).optional()
    .describe("other parts instead: name -> share"),
  column: z.string().default("text")
    .describe("the column whose equal texts (white space aside) always land in one part"),
  stratify: z.string().optional()
    .describe("a column whose values are as frequent in each part as in all rows"),
  group: z.string().optional().describe(
    "a column whose equal values always land in one part; a row without a value is a group of its own",
  ),
  k_folds: z.int().min(2).max(1000).optional()
    .describe(
      "cross-validation: this many equal folds, of which one is `validation`, the others `train`",
    ),
  fold: z.int().min(0).optional()
    .describe('which fold is `validation`, from 0; in a matrix: "${{ matrix.fold }}"'),
  time: z.string().optional().describe(
    "a column with times: the parts are stretches of the rows by their time, so that `train` is the past",
  ),
  shuffle: z.boolean().optional().describe(
    "deal the rows out at random; false: the parts are stretches of the rows in order; default true, with `time` false",
  ),
  seed: z.int().min(0).optional().describe("for shuffle; default the pipeline's seed"),
  source: z.array(z.string()).optional().describe(
    "divide only these splits of the input and carry the others over; default all of them, put together; []: none",
  ),
  leakage: z.enum(["allow", "report", "error", "prevent"]).default("allow").describe(
    "texts that are in two parts, or nearly: count them, fail, or keep near ones in one part as equal ones",
  ),
  near: nearDuplicateOptions.optional().describe("for leakage: what is nearly the same text"),
});

const isShuffled = (given: { shuffle?: boolean | undefined; time?: string | undefined }): boolean =>
  given.shuffle ?? given.time === undefined;

const checkedOptions = options.refine((given) => isShuffled(given) || given.seed === undefined, {
  path: ["seed"],
  message: "left out, or go with shuffle: true",
  ...acrossOptions,
}).refine((given) => isShuffled(given) || given.stratify === undefined, {
  path: ["stratify"],
  message: "left out, or go with shuffle: true",
  ...acrossOptions,
}).refine((given) => given.time === undefined || given.shuffle !== true, {
  path: ["shuffle"],
  message: "left out, or false, with time",
  ...acrossOptions,
}).refine((given) => (given.k_folds === undefined) === (given.fold === undefined), {
  path: ["fold"],
  message: "given with k_folds, and not without it",
  ...acrossOptions,
}).refine(
  (given) => given.k_folds === undefined || given.fold === undefined || given.fold < given.k_folds,
  {
    path: ["fold"],
    message: "less than k_folds: folds count from 0",
    ...acrossOptions,
  },
).refine(
  ({ k_folds, parts, train, validation }) =>
    !k_folds || (parts ?? train ?? validation) === undefined,
  {
    path: ["k_folds"],
    message: "left out, or go without train, validation and parts: the folds are those",
    ...acrossOptions,
  },
).refine(({ k_folds, test }) => !k_folds || test === undefined || test < 1, {
  path: ["test"],
  message: "a fraction with k_folds: the share that is kept apart from the folds",
  ...acrossOptions,
}).refine(
  ({ parts, train, validation, test }) => !parts || (train ?? validation ?? test) === undefined,
  {
    path: ["parts"],
    message: "left out, or name every part instead of train, validation and test",
    ...acrossOptions,
  },
).refine(({ leakage, near }) => leakage !== "allow" || near === undefined, {
  path: ["near"],
  message: "left out, or go with leakage: report, error or prevent",
  ...acrossOptions,
}).refine(({ source, leakage }) => source?.length !== 0 || /^(report|error)$/.test(leakage), {
  path: ["source"],
  message: "a split to divide, or go with leakage: report or error: [] only compares what is there",
  ...acrossOptions,
});

/** Options that say how to divide. */
const DIVIDING = [
  ...["train", "validation", "test", "parts", "stratify", "group", "k_folds", "time", "shuffle"],
  "seed",
] as const;

const stage: StageDefinition<typeof checkedOptions> = defineStage({
  doc: `Divides rows into parts such as train, validation and test.

Reads rows (\`data\`) and writes the same rows, a split for each part. Shares are fractions that add up to
1 (default train 0.8, validation 0.1, test 0.1), or numbers of rows; what numbers leave over is dropped.
Sizes are exact (largest remainder). The same text is never in two parts: equal texts, white space
aside, stay together, and sizes are then as near as that allows.

\`\`\`yaml
folds:
  uses: split
  inputs: { data: clean }
  with: { train: 0.8, validation: 0.1, test: 0.1, stratify: label }
\`\`\`

Cross-validation is a matrix over the folds; \`evaluate\` that takes all of them gives mean and deviation:

\`\`\`yaml
folds:
  uses: split
  inputs: { data: clean }
  matrix: { fold: [0, 1, 2, 3, 4] }
  with: { k_folds: 5, fold: "\${{ matrix.fold }}" }
\`\`\`

The folds are the same whichever of them is asked for. With \`test\` that share is kept apart from all.

An input that is split already is put together first. To divide one of its splits and keep the others,
name it: \`with: { source: [train], train: 0.9, validation: 0.1 }\` leaves \`test\` as it is; a row of
\`train\` whose text is in \`test\` is then dropped.

A model that is tested on what it was trained on looks better than it is. \`leakage\` compares the parts in
the end, those that were carried over too: \`report\` says how many rows have their text, or nearly, in
another part, \`error\` fails then, with places. Each row counts once, for \`train\` if it is there.
\`prevent\` keeps near duplicates in one part, as equal texts, and drops a row to be divided that is nearly
one of a split that is carried over. What came divided is checked as it is by dividing nothing:

\`\`\`yaml
checked:
  uses: split
  inputs: { data: imdb }
  with: { source: [], leakage: error, near: { threshold: 0.7 } }
\`\`\`

What leaks is taken out of one split by dividing that one into itself:
\`with: { source: [train], train: 1, shuffle: false, leakage: prevent }\`.`,
  inputs: { data: "rows" },
  output: "rows",
  options: checkedOptions,
  check({ options }): Misuse | undefined {
    const { parts, train, validation, test, k_folds } = options;
    if (options.source?.length === 0) {
      const idle = DIVIDING.find((name) => options[name] !== undefined);
      return idle === undefined ? undefined : {
        what: `the option ${idle} does nothing beside source: []`,
        requirement: "source: [] divides nothing: all splits of the input stay as they are",
        remedy: `leave out ${idle}, or name a split to divide`,
      };
    }
    if (k_folds !== undefined) return undefined;
    const given = Object.entries(parts ?? { train, validation, test })
      .flatMap(([name, share]) => share === undefined ? [] : [{ name, share }]);
    const sum = given.reduce((total, { share }) => total + share, 0);
    const fits = given.some(({ share }) => share > 1)
      ? given.every(({ share }) => Number.isInteger(share))
      : parts === undefined && given.length === 0 || Math.abs(sum - 1) <= 1e-6;
    return fits ? undefined : {
      what: `the parts do not fit each other: ${
        given.map(({ name, share }) => `${name} ${share}`).join(", ") || "there are none"
      }`,
      requirement: "all are fractions that add up to 1, or all are whole numbers of rows",
      remedy: "for instance train: 0.8, validation: 0.1, test: 0.1",
    };
  },
  async run({ inputs, output, options, seed, progress, log, summary, signal }): Promise<void> {
    const { DatasetWriter, openDataset, requireColumn } = await import(
      "../lib/data/rows/dataset.ts"
    );
    const { chooseParts, foldShares, splitStream } = await import(
      "../lib/data/rows/split/split_dataset.ts"
    );
    const { besideBytes } = await import("../lib/data/rows/row_progress.ts");
    const dataset = await openDataset(inputs.data!.path);
    for (const name of [options.column, options.stratify, options.group, options.time]) {
      if (name !== undefined) requireColumn(dataset.columns, name);
    }
    const { train, validation, test, k_folds: count, fold = 0 } = options;
    const folds = count === undefined ? undefined : { count, fold, test: test ?? 0 };
    const parts = options.source?.length === 0
      ? {}
      : folds === undefined
      ? chooseParts({ train, validation, test }, options.parts)
      : foldShares(folds);
    let writer: InstanceType<typeof DatasetWriter> | undefined;
    const result = await splitStream(dataset, {
      parts,
      seed: options.seed ?? seed,
      shuffle: isShuffled(options),
      column: options.column,
      ...(options.stratify !== undefined && { stratify: options.stratify }),
      ...(options.group !== undefined && { group: options.group }),
      ...(options.time !== undefined && { time: options.time }),
      ...(folds !== undefined && { folds }),
      ...(options.source !== undefined && { source: options.source }),
      ...(options.leakage !== "allow" && {
        leakage: { action: options.leakage, ...(options.near && { near: options.near }) },
      }),
    }, {
      open: (columns, splits) => writer = new DatasetWriter(output.path, { columns, splits }),
      folder: output.path,
      progress: besideBytes([dataset], progress),
      signal,
    });
    const sizes = Object.entries(result.sizes).map(([name, rows]) => `${name} ${rows}`).join(", ");
    const report = [sizes, ...result.notes].join("; ");
    log(report);
    for (const example of result.leakage?.examples ?? []) log(`leakage, for instance: ${example}`);
    const wanted = folds === undefined ? parts : { train: 1, validation: 1, test: folds.test };
    for (const [name, share] of Object.entries(wanted)) {
      if (share > 0 && result.sizes[name] === 0) {
        throw new UserError({
          what: `the part "${name}" has no rows: ${report}`,
          requirement: "a part with a share needs at least one row",
          remedy: "give it a larger share, or split more rows",
        });
      }
    }
    summary({ type: "note", text: report });
    await writer!.finish();
  },
});

export default stage;
