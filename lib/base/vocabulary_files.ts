/**
 * The names under which folders of models hold the vocabulary of a tokenizer.
 *
 * @module
 */

/** Files that make a tokenizer: one of them is enough, with `merges.txt` beside `vocab.json`. */
export const VOCABULARY_FILES: readonly string[] = [
  "tokenizer.json",
  "vocab.json",
  "vocab.txt",
  "spiece.model",
  "tokenizer.model",
  "sentencepiece.bpe.model",
];
