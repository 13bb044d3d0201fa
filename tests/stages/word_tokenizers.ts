/**
 * Tokenizers of 257 tokens whose text depends on what stands before a token: for tiny models that write
 * any token.
 *
 * @module
 */
import { END } from "../decoding/fixtures/tiny_model.ts";

/** Every second token goes on a word. */
export const WORD_TOKENIZERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  WordPiece: {
    normalizer: { type: "BertNormalizer", lowercase: true },
    pre_tokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[END]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: vocab((id) => id % 2 === 0 ? `w${id}` : `##x${id}`),
    },
  },
  Unigram: {
    normalizer: null,
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    model: {
      type: "Unigram",
      unk_id: END,
      vocab: Object.keys(vocab((id) => id % 2 === 0 ? `▁w${id}` : `x${id}`)).map((token) => [
        token,
        -1,
      ]),
    },
  },
};

function vocab(spelling: (id: number) => string): Record<string, number> {
  const tokens = Array.from({ length: END }, (_, id): [string, number] => [spelling(id), id]);
  return Object.fromEntries([...tokens, ["[END]", END]]);
}

/** Writes one of them in place of a folder's own. */
export async function writeWordTokenizer(dir: string, kind: string): Promise<void> {
  const added = {
    id: END,
    content: "[END]",
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  };
  const document = { version: "1.0", added_tokens: [added], ...WORD_TOKENIZERS[kind] };
  await Deno.writeTextFile(`${dir}/tokenizer.json`, JSON.stringify(document));
}
