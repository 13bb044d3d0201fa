/**
 * The generation loop: prompts in batches, one token after the other, as a strategy chooses them, until every
 * sequence of the batch is finished. The counterpart of `generate()` of transformers for decoders.
 * Left out: assisted and contrastive decoding.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { FinishReason } from "./rules/stopping.ts";
import type { Decoder } from "./session/session.ts";
import { longestSequence } from "./lengths.ts";
import { type GenerationSettings, processorsOf } from "./settings.ts";
import { beamSearch } from "./strategies/beam_search.ts";
import { greedy } from "./strategies/greedy.ts";
import { sampling } from "./strategies/sampling.ts";
import type { Next, Prompt, Rules, Search, Strategy } from "./strategies/strategy.ts";

/** One finished sequence. */
export interface GeneratedSequence {
  /** Index of its prompt. */
  readonly prompt: number;
  /** Which of the prompt's `num_return_sequences`; of a beam search the best first. */
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
  /** Decides every draw, together with the prompt's number. */
  readonly seed: number;
  /**
   * How many rows are computed side by side; a prompt's beams stay together, however many. Changes the speed, not
   * the draws. Default 8.
   */
  readonly batchSize?: number;
  /**
   * What stands for each prompt in its draws, whole numbers from 0 and below 2^32; default its index. With numbers
   * that go along with texts, other prompts of the call have no say in what is drawn.
   */
  readonly numbers?: readonly number[] | undefined;
  /** Ids to text, for stop strings. */
  readonly decode: (ids: readonly number[]) => string;
  /** Called after each step with the tokens written, of those that there can be. */
  readonly progress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** A search and what it is for. */
interface Task {
  /** Index of the prompt. */
  readonly at: number;
  readonly prompt: Prompt;
  readonly search: Search;
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
  const { settings, numbers, batchSize = 8 } = options;
  checkBadWords(settings, decoder);
  const strategy = strategyOf(options);
  const tasks = options.prompts.flatMap((ids, at) => {
    const prompt = makePrompt(ids, { index: numbers?.[at] ?? at, settings, decoder });
    return strategy.searches(prompt).map((search): Task => ({ at, prompt, search }));
  });
  // Sequences of like length share a batch, so that little of it is padding.
  const order = tasks.toSorted((a, b) => a.prompt.maxLength - b.prompt.maxLength);
  const size = Math.max(1, Math.floor(batchSize / strategy.width));
  for (let start = 0; start < order.length; start += size) {
    await continueBatch(decoder, {
      tasks: order.slice(start, start + size),
      width: strategy.width,
      signal: options.signal,
      progress: () => options.progress?.(sum(tasks.map(tokensDone)), sum(tasks.map(mostTokens))),
    });
  }
  return tasks.flatMap(({ at, prompt, search }) =>
    search.results().map((found) => ({
      prompt: at,
      promptLength: prompt.ids.length,
      ...found,
    }))
  );
}

function strategyOf({ settings, seed, decode }: GenerateOptions): Strategy {
  const rules: Rules = {
    processors: processorsOf(settings),
    eosTokenIds: settings.eos_token_id,
    stopStrings: settings.stop_strings,
    decode,
  };
  const sequences = settings.num_return_sequences;
  if (settings.num_beams > 1) {
    return beamSearch(rules, {
      beams: settings.num_beams,
      sequences,
      lengthPenalty: settings.length_penalty,
      earlyStopping: settings.early_stopping,
      seed: settings.do_sample ? seed : undefined,
    });
  }
  return settings.do_sample ? sampling(rules, { seed, sequences }) : greedy(rules);
}

function makePrompt(
  given: readonly number[],
  options: {
    readonly index: number;
    readonly settings: GenerationSettings;
    readonly decoder: Decoder;
  },
): Prompt {
  const { index, settings, decoder } = options;
  let ids = given;
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
  const { contextLength } = decoder;
  const maxLength = longestSequence(settings, { promptLength: ids.length, contextLength });
  return { index, ids, maxLength };
}

async function continueBatch(
  decoder: Decoder,
  options: {
    readonly tasks: readonly Task[];
    readonly width: number;
    readonly signal: AbortSignal | undefined;
    readonly progress: () => void;
  },
): Promise<void> {
  const { tasks, width, signal } = options;
  const capacity = Math.max(...tasks.map(({ prompt }) => prompt.maxLength)) - 1;
  const session = await decoder.start(tasks.map(({ prompt }) => prompt.ids), { capacity });
  // Rows of a search: the prompt alone at first.
  let rows = 1;
  let next: Next[] = [];
  while (true) {
    signal?.throwIfAborted();
    next = tasks.map(({ search }, index) => {
      // A finished search is fed its last tokens again; nothing it computes is looked at.
      if (search.done) return { tokens: next[index]!.tokens, parents: range(rows) };
      return search.step(range(rows).map((row) => session.logits(index * rows + row)));
    });
    options.progress();
    if (tasks.every(({ search }) => search.done)) return;
    const tokens = Int32Array.from(next.flatMap((each) => each.tokens));
    const parents = next.flatMap((each, index) => each.parents.map((row) => index * rows + row));
    await session.advance(tokens, width === 1 ? undefined : Int32Array.from(parents));
    rows = width;
  }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

function mostTokens({ prompt }: Task): number {
  return prompt.maxLength - prompt.ids.length;
}

/** A sequence that ended early has no more to do. */
function tokensDone(task: Task): number {
  return task.search.done ? mostTokens(task) : task.search.written;
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
