/**
 * How a tokenizer is trained: the option `train` of the `tokenize` stage, by the names of Hugging Face
 * tokenizers' trainers. This is loaded to check a pipeline, so nothing heavy is imported here.
 *
 * @module
 */
import { z } from "zod";
import { acrossOptions } from "../../base/across_options.ts";

/** Kinds of tokenizers that can be trained. */
export const TRAINED_TYPES = ["bpe", "wordpiece", "unigram", "word", "char"] as const;
export type TrainedType = typeof TRAINED_TYPES[number];

/** The tokens of BERT. */
const BERT_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
/** The tokens of T5. */
const T5_TOKENS = ["<pad>", "</s>", "<unk>"];

/** Special tokens where the options name none. */
export const DEFAULT_SPECIAL_TOKENS: Readonly<Record<TrainedType, readonly string[]>> = {
  bpe: ["<|endoftext|>"],
  wordpiece: BERT_TOKENS,
  unigram: T5_TOKENS,
  word: T5_TOKENS,
  char: T5_TOKENS,
};

const listed = (types: readonly TrainedType[]): string =>
  `${types.join(", ").replace(/, ([^,]*)$/, " and $1")}: `;

/** To which types an option that not all have belongs. */
const TYPES_OF = {
  min_frequency: ["bpe", "wordpiece", "word", "char"],
  unk_token: ["wordpiece", "unigram", "word", "char"],
  limit_alphabet: ["wordpiece", "unigram"],
  initial_alphabet: ["wordpiece", "unigram", "char"],
  continuing_subword_prefix: ["wordpiece"],
  lowercase: ["wordpiece"],
  strip_accents: ["wordpiece"],
  clean_text: ["wordpiece"],
  handle_chinese_chars: ["wordpiece"],
  max_piece_length: ["unigram"],
  n_sub_iterations: ["unigram"],
  shrinking_factor: ["unigram"],
} as const satisfies Readonly<Record<string, readonly TrainedType[]>>;

type Limited = keyof typeof TYPES_OF;

const of = (name: Limited, meaning: string): string => listed(TYPES_OF[name]) + meaning;

const options = z.strictObject({
  type: z.enum(TRAINED_TYPES).default("bpe").describe(
    "kind of tokenizer: bpe, byte-level BPE as GPT-2 has it; wordpiece, as BERT; unigram, as T5 and SentencePiece; " +
      "word, whole words; char, characters. With bpe and char a text comes back as it was, with the others " +
      "without its line ends, at least",
  ),
  vocab_size: z.int().min(1).optional().describe(
    "tokens in the vocabulary, with the special tokens and the characters (bpe: 256 bytes). " +
      "Needed but for word and char, which have all that there are by default",
  ),
  min_frequency: z.int().min(1).optional().describe(
    of("min_frequency", "pairs, words or characters that occur less often give no token. ") +
      "Default: 2, of word and char 1",
  ),
  special_tokens: z.array(z.string().min(1)).optional().describe(
    "tokens that are never split. One called `</s>` or `<|endoftext|>` ends texts, of bpe else the first; " +
      "`[CLS]` and `[SEP]` of wordpiece and `</s>` of unigram stand around every text. Default: " +
      `${BERT_TOKENS.join(" ")} (wordpiece), <|endoftext|> (bpe), ${T5_TOKENS.join(" ")}`,
  ),
  unk_token: z.string().min(1).optional().describe(
    of(
      "unk_token",
      "the token for what has none, put before special_tokens where it is none of them. ",
    ) +
      "Default: [UNK] (wordpiece), <unk>",
  ),
  limit_alphabet: z.int().min(1).optional().describe(
    of(
      "limit_alphabet",
      "most characters to keep; the rarest become unknown. Default: 1000 (wordpiece), all",
    ),
  ),
  initial_alphabet: z.array(
    z.string().refine((text) => [...text].length === 1, { error: "one character (code point)" }),
  ).optional().describe(
    of("initial_alphabet", "characters to keep whether the texts have them or not"),
  ),
  continuing_subword_prefix: z.string().optional().describe(
    of("continuing_subword_prefix", "what tokens within a word begin with. Default: ##"),
  ),
  lowercase: z.boolean().optional().describe(
    of("lowercase", "makes all letters small. Default: true"),
  ),
  strip_accents: z.boolean().optional().describe(
    of("strip_accents", "takes accents off letters. Default: as `lowercase`"),
  ),
  clean_text: z.boolean().optional().describe(
    of("clean_text", "drops control characters, makes every white space a space. Default: true"),
  ),
  handle_chinese_chars: z.boolean().optional().describe(
    of("handle_chinese_chars", "makes each Chinese character a word. Default: true"),
  ),
  max_piece_length: z.int().min(1).max(512).optional().describe(
    of("max_piece_length", "most characters of a token. Default: 16"),
  ),
  n_sub_iterations: z.int().min(1).optional().describe(
    of(
      "n_sub_iterations",
      "rounds of expectation maximization before tokens are dropped. Default: 2",
    ),
  ),
  shrinking_factor: z.number().gt(0).lt(1).optional().describe(
    of("shrinking_factor", "the share of the tokens that is kept each time. Default: 0.75"),
  ),
});

/** How a tokenizer is trained. */
export type TrainOptions = Readonly<z.infer<typeof options>>;

/** Types that need a `vocab_size`. */
const SIZED: readonly unknown[] = ["bpe", "wordpiece", "unigram"];

/** The option; one that its type does not have is refused. */
export const trainOptions = Object.keys(TYPES_OF).reduce(
  (schema, name) => {
    const types: readonly unknown[] = TYPES_OF[name as Limited];
    return schema.refine(
      (given) =>
        given[name as Limited] === undefined || !TRAINED_TYPES.includes(given.type) ||
        types.includes(given.type),
      {
        path: [name],
        message: `left out, or go with type: ${types.join(" or ")}`,
        ...acrossOptions,
      },
    );
  },
  options
    .refine((given) => given.vocab_size !== undefined || !SIZED.includes(given.type), {
      path: ["vocab_size"],
      message:
        "the number of tokens of the vocabulary, which type: bpe, wordpiece and unigram need",
      ...acrossOptions,
    })
    .refine((given) => given.type !== "bpe" || !(given.vocab_size! <= 256), {
      path: ["vocab_size"],
      message: "at least 257 with type: bpe, which has a token for each of the 256 bytes",
      ...acrossOptions,
    }),
);
