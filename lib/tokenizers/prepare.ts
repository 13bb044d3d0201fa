/**
 * Gives a tokens artifact its tokenizer: copied from a model or trained on the train split.
 *
 * @module
 */
import type { Json } from "../base/json.ts";
import { UserError } from "../base/errors.ts";
import { rowOf } from "../data/formats/batch.ts";
import { UNSPLIT } from "../data/rows/dataset.ts";
import { Passes, type RowProgress } from "../data/rows/row_progress.ts";
import type { RowStream } from "../data/rows/stream.ts";
import { copyTokenizerFiles } from "../data/tokens/tokenizer_files.ts";
import { readTokenizerFiles } from "./codecs/files.ts";
import { loadTokenizer, type Tokenizer } from "./load.ts";
import { compileTemplate } from "../text/template.ts";
import { saveBpe } from "./save.ts";
import { trainBpe, WordCounts } from "./training/train_bpe.ts";

/** What {@linkcode prepareTokenizer} works from. Exactly one of `source` and `train` is needed. */
export interface PrepareOptions {
  readonly stream: RowStream;
  /** Row template whose texts a tokenizer is trained on. */
  readonly template: string;
  /** Folder of a model or of tokens. */
  readonly source?: string | undefined;
  readonly train?: {
    readonly vocab_size: number;
    readonly min_frequency: number;
    readonly special_tokens: readonly string[];
  } | undefined;
  /** Goes into the tokenizer_config.json of a trained tokenizer as `model_max_length`. */
  readonly maxLength?: number | undefined;
  /** Of the rows that a tokenizer is trained on. */
  readonly progress?: RowProgress | undefined;
  readonly log: (message: string) => void;
}

/**
 * Puts the tokenizer's files into a folder and loads it from there.
 *
 * @param dir Where tokenizer.json and the rest go.
 * @throws {UserError} where both or none of `source` and `train` are given, or there is no train split.
 */
export async function prepareTokenizer(dir: string, options: PrepareOptions): Promise<Tokenizer> {
  const { source, train } = options;
  if (source !== undefined && train !== undefined) {
    throw new UserError({
      what: 'there are two tokenizers: the input "tokenizer" and the option "train"',
      remedy: "leave out one of them",
    });
  }
  if (source !== undefined) await copyTokenizer(source, dir);
  else if (train !== undefined) await trainTokenizer(dir, { ...options, train });
  else {
    throw new UserError({
      what: "there is no tokenizer",
      remedy: 'give the input "tokenizer" (a model), or train one: ' +
        "with: { train: { type: bpe, vocab_size: 4096 } }",
    });
  }
  return await loadTokenizer(dir);
}

async function copyTokenizer(source: string, dir: string): Promise<void> {
  const files = await readTokenizerFiles(source);
  await copyTokenizerFiles(source, dir);
  if (files.isConverted) {
    await Deno.writeTextFile(`${dir}/tokenizer.json`, JSON.stringify(files.tokenizer) + "\n");
  }
  // The roles of special tokens may be known from config.json alone, which does not come along.
  const loaded = await readTokenizerFiles(dir);
  const roles = ["bos", "eos", "pad"] as const;
  if (roles.every((role) => loaded[`${role}TokenId`] === files[`${role}TokenId`])) {
    if (Object.keys(files.config).length > 0) return;
  }
  const tokenizer = await loadTokenizer(source);
  const config: Record<string, Json> = {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...files.config,
  };
  for (const role of roles) {
    const id = files[`${role}TokenId`];
    if (id !== undefined) config[`${role}_token`] = tokenizer.tokenOf(id) ?? null;
  }
  await Deno.writeTextFile(`${dir}/tokenizer_config.json`, JSON.stringify(config, null, 2) + "\n");
}

async function trainTokenizer(
  dir: string,
  options: PrepareOptions & { readonly train: NonNullable<PrepareOptions["train"]> },
): Promise<void> {
  const { stream, template, train, maxLength, log } = options;
  const names = Object.keys(stream.splits);
  const split = ["train", UNSPLIT].find((name) => names.includes(name));
  if (split === undefined) {
    throw new UserError({
      what: 'cannot train a tokenizer: there is no split "train"',
      requirement: `a tokenizer is trained on "train" alone; the splits are ${names.join(", ")}`,
    });
  }
  const render = compileTemplate(template, {
    columns: stream.columns,
    option: "template",
  });
  const words = new WordCounts();
  const rows = stream.splits[split]!;
  const passes = new Passes(rows, { weights: [1], tell: options.progress });
  for await (const batch of stream.batches(split)) {
    for (let i = 0; i < batch.length; i++) words.add(render(rowOf(batch, i)));
    passes.add(batch.length);
  }
  const trained = trainBpe(words, {
    vocabSize: train.vocab_size,
    minFrequency: train.min_frequency,
    specialTokens: train.special_tokens,
  });
  if (trained.tokens.length < train.vocab_size) {
    log(
      `the text gave ${trained.tokens.length} tokens of the ${train.vocab_size} asked for: ` +
        `no other pair occurs ${train.min_frequency} times`,
    );
  }
  await saveBpe(dir, trained, { modelMaxLength: maxLength });
}
