/**
 * The settings of generation, each declared once: what it may be, what it means, what it is where nobody says
 * otherwise, which rule it makes and beside which others it has no effect. The options of `generate`, their checks
 * and their documentation come from this table, and so does what a model's generation_config.json may say.
 *
 * Names, meanings and order are those of transformers' GenerationConfig: rules apply in the order of the table.
 *
 * @module
 */
import { z } from "zod";
import { badWords } from "./rules/bad_words.ts";
import { minLength, minNewTokens } from "./rules/least_length.ts";
import { noRepeatNgram, repetitionPenalty } from "./rules/repetition.ts";
import type { LogitsProcessor } from "./rules/rule.ts";
import { temperature } from "./rules/temperature.ts";
import { topK, topP } from "./rules/truncation.ts";

/** A switch that other settings have no effect without. */
export type Need = "do_sample" | "num_beams";

/** What rules are told beside their own setting. */
interface RuleContext {
  readonly eosTokenIds: readonly number[];
  /** Likeliest tokens that no rule may remove. */
  readonly tokensToKeep: number;
}

/** One setting; `Value` is what generation gets to see. */
export interface Setting<Schema extends z.ZodType = z.ZodType, Value = unknown> {
  readonly schema: Schema;
  /** What the schema accepts, in words. */
  readonly accepts: string;
  readonly doc: string;
  /** The value that changes nothing. */
  readonly neutral: Value;
  /** The value where neither the caller nor the model says one; `neutral` where absent. */
  readonly fallback?: Value;
  readonly needs?: Need;
  /** Brings what the schema accepts into the one form that generation knows. */
  settle(given: z.output<Schema>): Value;
  /** What it does to scores, where it is not neutral. */
  rule?(value: Value, context: RuleContext): LogitsProcessor;
}

/** A setting whose value is what the schema accepts. */
function setting<Schema extends z.ZodType>(
  declared: Omit<Setting<Schema, z.output<Schema>>, "settle">,
): Setting<Schema, z.output<Schema>> {
  return { ...declared, settle: (given) => given };
}

/** A most length; null where another one decides. */
function longest(doc: string): Setting<z.ZodInt, number | null> {
  return { ...wholeFrom(1), doc, neutral: null, settle: (given) => given };
}

/** One or several of a kind. */
function oneOrMore<Item extends z.ZodType>(
  item: Item,
  words: { readonly accepts: string; readonly doc: string },
): Setting<z.ZodUnion<[Item, z.ZodArray<Item>]>, readonly z.output<Item>[]> {
  return {
    ...words,
    schema: z.union([item, z.array(item)]),
    neutral: [],
    settle: (given) => [given].flat() as z.output<Item>[],
  };
}

const wholeFrom = (least: number) => ({
  schema: z.int().min(least),
  accepts: `a whole number from ${least}`,
});
const above0 = { schema: z.number().positive(), accepts: "a number above 0" };
const share = { schema: z.number().min(0).max(1), accepts: "a number from 0 to 1" };
const flag = { schema: z.boolean(), accepts: "true or false" };
const tokenId = z.int().min(0);

/** The table. */
export const SETTINGS = {
  max_length: longest("most tokens of prompt and continuation together"),
  max_new_tokens: longest(
    "most tokens of the continuation; default 20, fewer where the model's window ends",
  ),
  do_sample: setting({
    ...flag,
    doc: "draw each token; else take the likeliest",
    neutral: false,
  }),
  num_beams: setting({
    ...wholeFrom(1),
    doc: "beams of a beam search, which keeps this many of the best sequences so far; 1 for none",
    neutral: 1,
  }),
  length_penalty: setting({
    schema: z.number(),
    accepts: "a number",
    doc: "a beam's score is divided by its length to the power of this: above 0 longer texts " +
      "gain, below 0 shorter ones",
    neutral: 0,
    fallback: 1,
    needs: "num_beams",
  }),
  early_stopping: setting({
    schema: z.union([z.boolean(), z.literal("never")]),
    accepts: 'true, false or "never"',
    doc: "when a beam search is done: true as soon as there are num_beams texts, false where a " +
      'better one is unlikely, "never" where none is possible',
    neutral: false,
    needs: "num_beams",
  }),
  num_return_sequences: setting({ ...wholeFrom(1), doc: "texts for each prompt", neutral: 1 }),
  repetition_penalty: setting({
    ...above0,
    doc: "above 1: makes tokens that occurred less likely",
    neutral: 1,
    rule: repetitionPenalty,
  }),
  no_repeat_ngram_size: setting({
    ...wholeFrom(0),
    doc: "no n-gram of this size occurs twice in a text; 0 for no such rule",
    neutral: 0,
    rule: noRepeatNgram,
  }),
  bad_words_ids: setting({
    schema: z.array(z.array(tokenId).min(1)),
    accepts: "a list of lists of token ids, none of them empty",
    doc: "lists of token ids that must not occur",
    neutral: [],
    rule: (words, { eosTokenIds }) => badWords(words, eosTokenIds),
  }),
  min_length: setting({
    ...wholeFrom(0),
    doc: "least tokens of prompt and continuation together",
    neutral: 0,
    rule: (least, { eosTokenIds }) => minLength(least, eosTokenIds),
  }),
  min_new_tokens: setting({
    ...wholeFrom(0),
    doc: "least tokens of the continuation",
    neutral: 0,
    rule: (least, { eosTokenIds }) => minNewTokens(least, eosTokenIds),
  }),
  temperature: setting({
    ...above0,
    doc: "divides the scores before drawing: below 1 safer, above 1 wilder",
    neutral: 1,
    needs: "do_sample",
    rule: temperature,
  }),
  top_k: setting({
    ...wholeFrom(0),
    doc: "draw among this many likeliest tokens; 0 for all",
    neutral: 0,
    fallback: 50,
    needs: "do_sample",
    rule: (k, { tokensToKeep }) => topK(k, tokensToKeep),
  }),
  top_p: setting({
    ...share,
    doc: "draw among the fewest tokens whose probabilities add up to this",
    neutral: 1,
    needs: "do_sample",
    rule: (p, { tokensToKeep }) => topP(p, tokensToKeep),
  }),
  eos_token_id: oneOrMore(tokenId, {
    accepts: "a token id, a whole number from 0, or a list of them",
    doc: "ids that end a text; default: those of the model",
  }),
  stop_strings: oneOrMore(z.string().min(1), {
    accepts: "a text or a list of texts, none of it empty",
    doc: "a text is finished as soon as one of these is written",
  }),
  use_cache: setting({
    ...flag,
    doc: "keep keys and values of earlier tokens instead of computing them again",
    neutral: true,
  }),
};

/** Names of the settings. */
export type SettingName = keyof typeof SETTINGS;

/**
 * What generation_config.json may hold although this version lacks the feature: the value that means "off" (null
 * and an empty list do, too). Another value would change the text, so it is refused rather than ignored.
 */
export const UNSUPPORTED: Readonly<Record<string, { neutral?: unknown; needs?: Need }>> = {
  guidance_scale: { neutral: 1 },
  sequence_bias: {},
  encoder_repetition_penalty: { neutral: 1 },
  encoder_no_repeat_ngram_size: { neutral: 0 },
  forced_bos_token_id: {},
  forced_eos_token_id: {},
  remove_invalid_values: { neutral: false },
  exponential_decay_length_penalty: {},
  suppress_tokens: {},
  begin_suppress_tokens: {},
  top_h: { needs: "do_sample" },
  min_p: { neutral: 0, needs: "do_sample" },
  typical_p: { neutral: 1, needs: "do_sample" },
  epsilon_cutoff: { neutral: 0, needs: "do_sample" },
  eta_cutoff: { neutral: 0, needs: "do_sample" },
  watermarking_config: {},
  renormalize_logits: { neutral: false },
  num_beam_groups: { neutral: 1 },
  diversity_penalty: { neutral: 0 },
  penalty_alpha: { neutral: 0 },
  force_words_ids: {},
  constraints: {},
  token_healing: { neutral: false },
  max_time: {},
};

type Schemas = { readonly [Name in SettingName]: (typeof SETTINGS)[Name]["schema"] };
type Neutral = { readonly [Name in SettingName]: (typeof SETTINGS)[Name]["neutral"] };

/** What a caller may set, under GenerationConfig's names. */
export type GenerationOptions = {
  readonly [Name in SettingName]?: z.input<Schemas[Name]> | undefined;
};

/** Settings with every value decided, written beside each text. */
export interface GenerationSettings extends Neutral {
  /** Starts a sequence that has no prompt; null where the model has no such token. */
  readonly bos_token_id: number | null;
}

/** The settings as options: all may be left out. */
export const OPTION_SCHEMAS = Object.fromEntries(
  Object.entries(SETTINGS).map(([name, row]: [string, Setting]) => {
    const value = row.fallback ?? row.neutral;
    const shown = value === null || (Array.isArray(value) && value.length === 0)
      ? ""
      : `; default ${value}`;
    return [name, row.schema.optional().describe(`${row.doc}${shown}`)];
  }),
) as { readonly [Name in SettingName]: z.ZodOptional<Schemas[Name]> };

/** Whether a value is one that changes nothing. */
export function isNeutral(value: unknown, neutral: unknown): boolean {
  return value === neutral || value === undefined || value === null ||
    (Array.isArray(value) && value.length === 0);
}

/** The rules that settings make, in their order. */
export function processorsOf(settings: GenerationSettings): LogitsProcessor[] {
  const eosTokenIds = settings.eos_token_id;
  const tokensToKeep = settings.num_beams > 1 ? Math.max(2, eosTokenIds.length + 1) : 1;
  return Object.entries(SETTINGS).flatMap(([name, row]: [string, Setting]) => {
    const value = settings[name as SettingName];
    if (row.rule === undefined || isNeutral(value, row.neutral)) return [];
    if (row.needs !== undefined && !NEEDS[row.needs].met(settings)) return [];
    return [row.rule(value, { eosTokenIds, tokensToKeep })];
  });
}

/** The switches: when they are on, and how to say so. */
export const NEEDS: Readonly<
  Record<
    Need,
    { readonly words: string; met(given: GenerationOptions | GenerationSettings): boolean }
  >
> = {
  do_sample: { words: "do_sample: true", met: (given) => given.do_sample === true },
  num_beams: { words: "num_beams above 1", met: (given) => (given.num_beams ?? 1) > 1 },
};
