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
import { TokenizerTrainer } from "./train_tokenizer.ts";
import type { TrainOptions } from "./training/options.ts";

/** What {@linkcode prepareTokenizer} works from. Exactly one of `source` and `train` is needed. */
export interface PrepareOptions {
  readonly stream: RowStream;
  /** Row template whose texts a tokenizer is trained on. */
  readonly template: string;
  /** Folder of a model or of tokens. */
  readonly source?: string | undefined;
  readonly train?: TrainOptions | undefined;
  /** Goes into the tokenizer_config.json of a trained tokenizer as `model_max_length`. */
  readonly maxLength?: number | undefined;
  /** Of the rows that a tokenizer is trained on. */
  readonly progress?: RowProgress | undefined;
  readonly log: (message: string) => void;
  readonly signal?: AbortSignal;
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
  const { stream, template, train, maxLength, log, progress, signal } = options;
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
  const trainer = new TokenizerTrainer(train);
  const passes = new Passes(stream.splits[split]!, { weights: [1], tell: progress });
  for await (const batch of stream.batches(split, signal === undefined ? {} : { signal })) {
    for (let i = 0; i < batch.length; i++) trainer.add(render(rowOf(batch, i)));
    passes.add(batch.length);
  }
  passes.end();
  if (trainer.forgotten > 0) {
    log(
      `the tokenizer is trained without the ${trainer.forgotten} rarest words: there are too many`,
    );
  }
  const tokens = await trainer.save(dir, { modelMaxLength: maxLength });
  const { vocab_size: asked } = train;
  if (asked !== undefined && tokens < asked) {
    log(`the text gave ${tokens} tokens of the ${asked} asked for: ${whyFewer(train)}`);
  }
}

/** Why there are no more tokens. */
function whyFewer({ type, min_frequency: least }: TrainOptions): string {
  switch (type) {
    case "bpe":
    case "wordpiece":
      return `no other pair occurs ${least ?? 2} times`;
    case "unigram":
      return "no other piece makes its words likelier";
    case "word":
    case "char": {
      const what = type === "word" ? "word" : "character";
      return (least ?? 1) === 1
        ? `it has no other ${what}`
        : `no other ${what} occurs ${least} times`;
    }
  }
}
