/**
 * The settings of a generation run: what the caller asks for over what the model's
 * generation_config.json says over the defaults of transformers' GenerationConfig.
 *
 * Differences from transformers, each an error here and a warning or a silence there: both
 * `max_length` and `max_new_tokens`; sampling options without `do_sample`; options that this
 * version does not have. Beam search is left out.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";

/** What a caller may set, under GenerationConfig's names. */
export interface GenerationOptions {
  readonly max_length?: number | undefined;
  readonly max_new_tokens?: number | undefined;
  readonly min_length?: number | undefined;
  readonly min_new_tokens?: number | undefined;
  readonly do_sample?: boolean | undefined;
  readonly temperature?: number | undefined;
  readonly top_k?: number | undefined;
  readonly top_p?: number | undefined;
  readonly num_return_sequences?: number | undefined;
  readonly num_beams?: number | undefined;
  readonly repetition_penalty?: number | undefined;
  readonly no_repeat_ngram_size?: number | undefined;
  readonly bad_words_ids?: readonly (readonly number[])[] | undefined;
  readonly eos_token_id?: number | readonly number[] | undefined;
  readonly stop_strings?: string | readonly string[] | undefined;
  readonly use_cache?: boolean | undefined;
}

/** Settings with every value decided, written beside each text. */
export interface GenerationSettings {
  /** Most tokens of prompt and continuation; null where `max_new_tokens` decides. */
  readonly max_length: number | null;
  /**
   * Most tokens of the continuation; null where `max_length` decides. Where both are null nobody set
   * a length, and it is {@linkcode DEFAULT_NEW_TOKENS}, fewer where the model's window ends.
   */
  readonly max_new_tokens: number | null;
  readonly min_length: number;
  readonly min_new_tokens: number;
  readonly do_sample: boolean;
  readonly temperature: number;
  readonly top_k: number;
  readonly top_p: number;
  readonly num_return_sequences: number;
  readonly repetition_penalty: number;
  readonly no_repeat_ngram_size: number;
  readonly bad_words_ids: readonly (readonly number[])[];
  /** Ids that end a sequence; may be none. */
  readonly eos_token_id: readonly number[];
  /** Starts a sequence that has no prompt; null where the model has no such token. */
  readonly bos_token_id: number | null;
  readonly stop_strings: readonly string[];
  readonly use_cache: boolean;
}

/** What the model's folder says. */
export interface ModelDefaults {
  /** generation_config.json; empty where the folder has none. */
  readonly generationConfig?: Readonly<Record<string, unknown>>;
  /** config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Ids that the tokenizer knows, the last place to look. */
  readonly tokenizer?: { readonly bosTokenId?: number; readonly eosTokenId?: number };
}

/** Tokens of the continuation where neither the caller nor the model says how many, as in transformers. */
const DEFAULT_NEW_TOKENS = 20;

// What generation_config.json may hold although this version lacks the feature: the value that means
// "off". Another value would change the text, so it is refused rather than ignored.
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  num_beams: [1],
  num_beam_groups: [1],
  penalty_alpha: [0],
  diversity_penalty: [0],
  encoder_repetition_penalty: [1],
  encoder_no_repeat_ngram_size: [0],
  guidance_scale: [1],
  remove_invalid_values: [false],
  token_healing: [false],
  sequence_bias: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  exponential_decay_length_penalty: [],
  suppress_tokens: [],
  begin_suppress_tokens: [],
  force_words_ids: [],
  constraints: [],
  watermarking_config: [],
  max_time: [],
};
const NEUTRAL_SAMPLING: Readonly<Record<string, readonly unknown[]>> = {
  typical_p: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  min_p: [0],
  top_h: [],
};

/**
 * Decides every setting.
 *
 * @param options What the caller asks for.
 * @param model What the model's folder says.
 * @throws {UserError} where settings contradict each other, are out of range or not supported.
 *
 * @example
 * ```ts
 * import { resolveSettings } from "./settings.ts";
 * const settings = resolveSettings({ top_k: 10, do_sample: true }, {
 *   generationConfig: { temperature: 0.7, eos_token_id: 2 },
 * });
 * if (settings.temperature !== 0.7 || settings.top_k !== 10) throw new Error();
 * ```
 */
export function resolveSettings(
  options: GenerationOptions,
  model: ModelDefaults = {},
): GenerationSettings {
  const folder = model.generationConfig ?? {};
  const number = (name: keyof GenerationOptions & string, fallback: number): number => {
    const value = options[name] ?? folder[name] ?? fallback;
    if (typeof value === "number") return value;
    throw new UserError({ what: `${name} of the model's generation_config.json is no number` });
  };
  const flag = (name: "do_sample" | "use_cache", fallback: boolean): boolean =>
    Boolean(options[name] ?? folder[name] ?? fallback);
  const settings: GenerationSettings = {
    ...lengths(options, folder),
    min_length: number("min_length", 0),
    min_new_tokens: number("min_new_tokens", 0),
    do_sample: flag("do_sample", false),
    temperature: number("temperature", 1),
    top_k: number("top_k", 50),
    top_p: number("top_p", 1),
    num_return_sequences: number("num_return_sequences", 1),
    repetition_penalty: number("repetition_penalty", 1),
    no_repeat_ngram_size: number("no_repeat_ngram_size", 0),
    bad_words_ids: options.bad_words_ids ??
      (folder["bad_words_ids"] as number[][] | null | undefined) ?? [],
    eos_token_id: tokenIds(
      options.eos_token_id ?? specialToken("eos_token_id", model) ?? model.tokenizer?.eosTokenId,
    ),
    bos_token_id: tokenIds(specialToken("bos_token_id", model) ?? model.tokenizer?.bosTokenId)[0] ??
      null,
    stop_strings: strings(options.stop_strings ?? folder["stop_strings"]),
    use_cache: flag("use_cache", true),
  };
  refuseUnsupported({ ...folder, num_beams: options.num_beams ?? folder["num_beams"] }, settings);
  const mistake = contradiction(options, settings) ?? outOfRange(settings);
  if (mistake !== undefined) throw mistake;
  return settings;
}

/**
 * The most tokens that a sequence may have, prompt included.
 *
 * @param settings The decided settings.
 * @param options `promptLength`: tokens of the prompt; `contextLength`: the model's window. Every
 *   token but the last one generated must fit into it.
 * @throws {UserError} where the prompt leaves no room, or more is asked for than the window holds.
 */
export function longestSequence(
  settings: GenerationSettings,
  options: { readonly promptLength: number; readonly contextLength: number },
): number {
  const { promptLength, contextLength } = options;
  const room = contextLength + 1;
  if (promptLength > contextLength) {
    throw new UserError({
      what: `a prompt of ${promptLength} tokens does not fit into the model's window of ` +
        `${contextLength}`,
      remedy: "shorten the prompt",
    });
  }
  if (settings.max_length === null && settings.max_new_tokens === null) {
    // Nobody asked for a length, so the window may cut it.
    return Math.max(promptLength + 1, Math.min(promptLength + DEFAULT_NEW_TOKENS, contextLength));
  }
  const longest = settings.max_length ?? promptLength + settings.max_new_tokens!;
  const asked = settings.max_length === null
    ? `max_new_tokens ${settings.max_new_tokens} after a prompt of ${promptLength} tokens`
    : `max_length ${longest}`;
  if (longest > room) {
    throw new UserError({
      what: `${asked} is more than the model's window of ${contextLength} tokens holds`,
      requirement: `at most ${room - promptLength} new tokens here`,
    });
  }
  if (longest <= promptLength) {
    throw new UserError({
      what: `${asked} leaves no room after a prompt of ${promptLength} tokens`,
      remedy: "raise max_length, or set max_new_tokens instead",
    });
  }
  const least = Math.max(settings.min_length, promptLength + settings.min_new_tokens);
  if (least > longest) {
    throw new UserError({
      what: `min_length or min_new_tokens asks for ${least} tokens, ${asked} allows ${longest}`,
    });
  }
  return longest;
}

function lengths(
  options: GenerationOptions,
  folder: Readonly<Record<string, unknown>>,
): Pick<GenerationSettings, "max_length" | "max_new_tokens"> {
  const { max_length, max_new_tokens } = options;
  if (max_length !== undefined && max_new_tokens !== undefined) {
    throw new UserError({
      what: "both max_length and max_new_tokens are set",
      requirement: "max_length counts the prompt, max_new_tokens does not",
      remedy: "set one of them",
    });
  }
  if (max_new_tokens !== undefined) return { max_length: null, max_new_tokens };
  if (max_length !== undefined) return { max_length, max_new_tokens: null };
  const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
  const folderNew = number(folder["max_new_tokens"]);
  return {
    max_length: folderNew === null ? number(folder["max_length"]) : null,
    max_new_tokens: folderNew,
  };
}

function specialToken(name: "bos_token_id" | "eos_token_id", model: ModelDefaults): unknown {
  return model.generationConfig?.[name] ?? model.config?.[name] ?? undefined;
}

function tokenIds(value: unknown): number[] {
  if (value === undefined || value === null) return [];
  const ids = Array.isArray(value) ? value : [value];
  if (ids.every((id): id is number => Number.isInteger(id) && id >= 0)) return ids;
  throw new UserError({
    what: `${JSON.stringify(value)} is no token id`,
    requirement: "a whole number from 0, or a list of them",
  });
}

function strings(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  const texts = Array.isArray(value) ? value : [value];
  if (texts.every((text): text is string => typeof text === "string" && text !== "")) return texts;
  throw new UserError({ what: "stop_strings must be a text or a list of texts, none of it empty" });
}

function refuseUnsupported(
  config: Readonly<Record<string, unknown>>,
  settings: GenerationSettings,
): void {
  const neutral = settings.do_sample ? { ...NEUTRAL, ...NEUTRAL_SAMPLING } : NEUTRAL;
  for (const [name, off] of Object.entries(neutral)) {
    const value = config[name] ?? undefined;
    if (value === undefined || off.includes(value)) continue;
    if (Array.isArray(value) && value.length === 0) continue;
    throw new UserError(
      name === "num_beams"
        ? {
          what: `num_beams ${value} asks for beam search, which this version does not have`,
          remedy: "set num_beams: 1, with do_sample: true for varied texts",
        }
        : {
          what: `${name} of the model's generation_config.json is not supported`,
          remedy: `remove ${name} from that file`,
        },
    );
  }
}

function contradiction(
  options: GenerationOptions,
  settings: GenerationSettings,
): UserError | undefined {
  if (settings.do_sample) return undefined;
  if (settings.num_return_sequences > 1) {
    return new UserError({
      what: `num_return_sequences ${settings.num_return_sequences} without do_sample`,
      requirement: "greedy decoding has one result a prompt",
      remedy: "set do_sample: true",
    });
  }
  for (const name of ["temperature", "top_k", "top_p"] as const) {
    if (options[name] === undefined) continue;
    return new UserError({
      what: `${name} has no effect without do_sample`,
      remedy: `set do_sample: true, or remove ${name}`,
    });
  }
  return undefined;
}

function outOfRange(settings: GenerationSettings): UserError | undefined {
  const whole = (least: number) => (value: number): boolean =>
    Number.isInteger(value) && value >= least;
  const rules: readonly [keyof GenerationSettings, (value: number) => boolean, string][] = [
    ["max_length", whole(1), "a whole number from 1"],
    ["max_new_tokens", whole(1), "a whole number from 1"],
    ["min_length", whole(0), "a whole number from 0"],
    ["min_new_tokens", whole(0), "a whole number from 0"],
    ["temperature", (t) => t > 0, "a number above 0; for the likeliest token use do_sample: false"],
    ["top_k", whole(0), "a whole number; 0 keeps every token"],
    ["top_p", (p) => p >= 0 && p <= 1, "a number from 0 to 1"],
    ["num_return_sequences", whole(1), "a whole number from 1"],
    ["repetition_penalty", (p) => p > 0, "a number above 0; 1 changes nothing"],
    ["no_repeat_ngram_size", whole(0), "a whole number; 0 changes nothing"],
  ];
  for (const [name, holds, requirement] of rules) {
    const value = settings[name];
    if (typeof value === "number" && !holds(value)) {
      return new UserError({ what: `${name} cannot be ${value}`, requirement });
    }
  }
  const words = settings.bad_words_ids;
  if (words.some((word) => word.length === 0 || !word.every(whole(0)))) {
    return new UserError({
      what: "bad_words_ids must be a list of lists of token ids, none of them empty",
    });
  }
  return undefined;
}
