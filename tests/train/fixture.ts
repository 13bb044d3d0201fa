/** What the tests of training share: default settings and small data. */
import { IGNORED_LABEL, type TokenRows } from "../../lib/data/tokens/rows.ts";
import { writeTokens } from "../../lib/data/tokens/tokens.ts";
import type { TrainingArguments } from "../../lib/train/arguments/arguments.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** The defaults of the stage. */
export const ARGUMENTS: TrainingArguments = {
  learning_rate: 5e-5,
  per_device_train_batch_size: 8,
  per_device_eval_batch_size: 8,
  gradient_accumulation_steps: 1,
  num_train_epochs: 3,
  max_steps: -1,
  warmup_steps: 0,
  warmup_ratio: 0,
  lr_scheduler_type: "linear",
  lr_scheduler_kwargs: undefined,
  optim: "adamw",
  optim_args: undefined,
  weight_decay: 0,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  max_grad_norm: 1,
  label_smoothing_factor: 0,
  logging_strategy: "steps",
  logging_steps: 500,
  logging_first_step: false,
  include_tokens_per_second: false,
  eval_strategy: "no",
  eval_steps: undefined,
  eval_on_start: false,
  load_best_model_at_end: false,
  metric_for_best_model: "loss",
  greater_is_better: false,
  early_stopping_patience: undefined,
  early_stopping_threshold: 0,
  save_strategy: "steps",
  save_steps: 500,
  save_total_limit: 2,
  seed: 42,
  data_seed: undefined,
  group_by_length: false,
  report_to: [],
};

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
 * @param options `vocabSize`: how many tokens there are.
 * @returns Its folder.
 */
export async function writeRows(
  splits: Readonly<Record<string, readonly (readonly number[])[]>>,
  { vocabSize }: { readonly vocabSize: number },
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
    },
    splits: Object.fromEntries(
      Object.entries(splits).map(([name, rows]) => [name, splitOf(rows)]),
    ),
  });
  return dir;
}
