/** What the tests of training share: default settings and small data. */
import { IGNORED_LABEL, type TokenRows } from "../../lib/data/tokens/rows.ts";
import { writeTokens } from "../../lib/data/tokens/tokens.ts";
import { type TrainingArguments, trainingArguments } from "../../lib/train/arguments/arguments.ts";
import { trainOptions } from "../../lib/train/arguments/options.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** The defaults of the stage, in a pipeline with the seed 42. */
export const ARGUMENTS: TrainingArguments = trainingArguments(trainOptions.parse({}), { seed: 42 });

/** A split of rows as given; `labels`, a number for each token or, with `per: "row"`, for each row. */
export function splitOf(
  rows: readonly (readonly number[])[],
  { labels, per = "token", pad = 0 }: {
    readonly labels?: readonly number[];
    readonly per?: "token" | "row";
    /** Of `input_ids`. */
    readonly pad?: number;
  } = {},
): TokenRows {
  const starts = [0];
  for (const row of rows) starts.push(starts.at(-1)! + row.length);
  const offsets = Float64Array.from(starts);
  const own = { data: Int32Array.from(labels ?? []), pad: IGNORED_LABEL };
  return {
    rows: rows.length,
    columns: {
      input_ids: { per: "token", data: Int32Array.from(rows.flat()), offsets, pad },
      ...(labels === undefined
        ? {}
        : { labels: per === "row" ? { per, ...own } : { per, offsets, ...own } }),
    },
  };
}

/**
 * Writes rows as a tokens artifact; token 0 is every special one.
 *
 * @param splits Rows of token ids by split.
 * @param options `vocabSize`: how many tokens there are; `classes`: names of classes, and that of a row.
 * @returns Its folder.
 */
export async function writeRows(
  splits: Readonly<Record<string, readonly (readonly number[])[]>>,
  { vocabSize, classes }: {
    readonly vocabSize: number;
    readonly classes?: {
      readonly names: readonly string[];
      readonly of: (row: readonly number[]) => number;
    };
  },
): Promise<string> {
  const dir = await temporaryDirectory();
  await writeTokens(dir, {
    info: {
      vocab_size: vocabSize,
      max_length: null,
      packed: false,
      eos_token_id: 0,
      bos_token_id: 0,
      pad_token_id: 0,
      tokenizer: { source: "trained", type: "BPE" },
      ...(classes === undefined ? {} : { labels: classes.names }),
    },
    splits: Object.fromEntries(
      Object.entries(splits).map(([name, rows]) => [
        name,
        splitOf(rows, classes === undefined ? {} : { labels: rows.map(classes.of), per: "row" }),
      ]),
    ),
  });
  return dir;
}
