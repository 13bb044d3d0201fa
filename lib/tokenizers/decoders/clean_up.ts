/**
 * Spaces before punctuation and contractions, taken out again.
 *
 * @module
 */

/** What transformers' `clean_up_tokenization` does to a text, in its order. */
const TEXT_RULES: readonly (readonly [string, string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

/** What the decoders of Hugging Face tokenizers do to a token. */
const TOKEN_RULES: typeof TEXT_RULES = [
  ...TEXT_RULES.slice(0, 7),
  [" do not", " don't"],
  ...TEXT_RULES.slice(7),
];

/** A whole text, as transformers cleans it up. */
export function cleanUpText(text: string): string {
  return replaced(text, TEXT_RULES);
}

/** A token, as the decoders `WordPiece` and `CTC` clean it up. */
export function cleanUpTokens(token: string): string {
  return token.includes(" ") ? replaced(token, TOKEN_RULES) : token;
}

function replaced(text: string, rules: typeof TEXT_RULES): string {
  return rules.reduce((done, [from, to]) => done.replaceAll(from, to), text);
}
