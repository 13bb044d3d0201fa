/**
 * The generation loop: prompts in batches, one token after the other, greedy or drawn, until every
 * sequence of the batch is finished. The counterpart of `generate()` of transformers for decoders.
 * Left out: beam search, assisted and contrastive decoding.
 *
 * @module
 */
import { InternalError, UserError } from "../base/errors.ts";
import type { Decoder } from "./session/decoder.ts";
import { processLogits } from "./rules/processors.ts";
import { argmax, sampleToken, uniform } from "./strategies/sample.ts";
import { type GenerationSettings, longestSequence } from "./settings.ts";
import { finished, type FinishReason } from "./rules/stopping.ts";
import { warp } from "./rules/warpers.ts";

/** One finished sequence. */
export interface GeneratedSequence {
  /** Index of its prompt. */
  readonly prompt: number;
  /** Which of the prompt's `num_return_sequences`. */
  readonly sequence: number;
  /** Prompt and continuation, with the end token where it has one. */
  readonly ids: readonly number[];
  /** How many of the ids are the prompt. */
  readonly promptLength: number;
  readonly finish: FinishReason;
}

/** How prompts are continued. */
export interface GenerateOptions {
  readonly settings: GenerationSettings;
  /** Decides every draw, together with the prompt's index. */
  readonly seed: number;
  /** How many sequences are computed side by side. Changes the speed, not the draws. Default 8. */
  readonly batchSize?: number;
  /** Ids to text, for stop strings. */
  readonly decode: (ids: readonly number[]) => string;
  /** Called after each step with the tokens written, of those that there can be. */
  readonly progress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** A sequence being written. */
interface Row {
  readonly prompt: number;
  readonly sequence: number;
  readonly promptLength: number;
  readonly maxLength: number;
  readonly ids: number[];
  finish?: FinishReason;
}

/**
 * Continues prompts.
 *
 * @param decoder The model.
 * @param options `prompts`: token ids, one list a prompt; an empty one starts with the settings'
 *   `bos_token_id`, else with the end token. And how to continue them.
 * @returns `num_return_sequences` sequences a prompt, in the order of the prompts.
 * @throws {UserError} where a prompt does not fit, is empty without a token to start with, or no token is left to choose.
 */
export async function generate(
  decoder: Decoder,
  options: GenerateOptions & { readonly prompts: readonly (readonly number[])[] },
): Promise<GeneratedSequence[]> {
  const { settings, batchSize = 8 } = options;
  checkBadWords(settings, decoder);
  const rows = options.prompts.flatMap((ids, prompt) =>
    makeRows(ids, { prompt, settings, decoder })
  );
  // Sequences of like length share a batch, so that little of it is padding.
  const order = rows.toSorted((a, b) => a.maxLength - b.maxLength);
  for (let start = 0; start < order.length; start += batchSize) {
    await continueBatch(decoder, {
      ...options,
      rows: order.slice(start, start + batchSize),
      progress: () => options.progress?.(sum(rows.map(tokensDone)), sum(rows.map(mostTokens))),
    });
  }
  return rows.map(({ prompt, sequence, ids, promptLength, finish }) => {
    if (finish === undefined) throw new InternalError("a sequence was left unfinished");
    return { prompt, sequence, ids, promptLength, finish };
  });
}

function makeRows(
  prompt: readonly number[],
  options: {
    readonly prompt: number;
    readonly settings: GenerationSettings;
    readonly decoder: Decoder;
  },
): Row[] {
  const { settings, decoder } = options;
  let ids = prompt;
  if (ids.length === 0) {
    const first = settings.bos_token_id ?? settings.eos_token_id[0];
    if (first === undefined) {
      throw new UserError({
        what: "an empty prompt needs a token to start with, and the model has none",
        requirement: "bos_token_id or eos_token_id in generation_config.json or config.json",
        remedy: "give a prompt of at least one token",
      });
    }
    ids = [first];
  }
  const foreign = ids.find((id) => id >= decoder.vocabSize);
  if (foreign !== undefined) {
    throw new UserError({
      what: `a prompt holds the token id ${foreign}, the model knows ${decoder.vocabSize} tokens`,
      remedy: "use the tokenizer that the model was trained with",
    });
  }
  const promptLength = ids.length;
  const { contextLength } = decoder;
  const maxLength = longestSequence(settings, { promptLength, contextLength });
  return Array.from({ length: settings.num_return_sequences }, (_, sequence) => ({
    prompt: options.prompt,
    sequence,
    promptLength,
    maxLength,
    ids: [...ids],
  }));
}

async function continueBatch(
  decoder: Decoder,
  options: Omit<GenerateOptions, "progress"> & {
    readonly rows: readonly Row[];
    readonly progress: () => void;
  },
): Promise<void> {
  const { rows, signal } = options;
  const capacity = Math.max(...rows.map((row) => row.maxLength)) - 1;
  const batch = await decoder.start(rows.map((row) => row.ids), { capacity });
  while (true) {
    signal?.throwIfAborted();
    const tokens = new Int32Array(rows.length);
    rows.forEach((row, index) => {
      // A finished sequence is fed its last token again; nothing it computes is looked at.
      if (row.finish === undefined) {
        row.ids.push(nextToken(batch.logits(index), { ...options, row }));
        const reason = finished(row.ids, {
          eosTokenIds: options.settings.eos_token_id,
          stopStrings: options.settings.stop_strings,
          maxLength: row.maxLength,
          decode: options.decode,
        });
        if (reason !== undefined) row.finish = reason;
      }
      tokens[index] = row.ids.at(-1)!;
    });
    options.progress();
    if (rows.every((row) => row.finish !== undefined)) return;
    await batch.advance(tokens);
  }
}

function nextToken(
  scores: Float32Array,
  options: Pick<GenerateOptions, "settings" | "seed"> & { readonly row: Row },
): number {
  const { settings, seed, row } = options;
  processLogits(scores, {
    repetitionPenalty: settings.repetition_penalty,
    noRepeatNgramSize: settings.no_repeat_ngram_size,
    badWordsIds: settings.bad_words_ids,
    eosTokenIds: settings.eos_token_id,
    minLength: settings.min_length,
    minNewTokens: settings.min_new_tokens,
    ids: row.ids,
    promptLength: row.promptLength,
  });
  if (!settings.do_sample) return argmax(scores);
  warp(scores, {
    temperature: settings.temperature,
    topK: settings.top_k,
    topP: settings.top_p,
  });
  const { prompt, sequence, ids } = row;
  return sampleToken(scores, uniform(seed, { prompt, sequence, position: ids.length }));
}

function mostTokens(row: Row): number {
  return row.maxLength - row.promptLength;
}

/** A sequence that ended early has no more to do. */
function tokensDone(row: Row): number {
  return row.finish === undefined ? row.ids.length - row.promptLength : mostTokens(row);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function checkBadWords(settings: GenerationSettings, decoder: Decoder): void {
  const foreign = settings.bad_words_ids.flat().find((id) => id >= decoder.vocabSize);
  if (foreign === undefined) return;
  throw new UserError({
    what: `bad_words_ids holds ${foreign}, the model knows ${decoder.vocabSize} tokens`,
  });
}
