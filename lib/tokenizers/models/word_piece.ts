/**
 * WordPiece (BERT) and WordLevel.
 *
 * Source: `WordPiece` and `WordLevel` of Hugging Face tokenizers: the longest token that a word begins
 * with, then the longest with the prefix of continuations, and so on; where there is none, the whole
 * word is unknown.
 *
 * @module
 */
import { widthAt } from "../components/aligned_text.ts";
import type { Settings } from "../components/settings.ts";
import type { Model, TokenSink } from "./model.ts";
import { Trie } from "./trie.ts";

/** WordPiece. */
export class WordPiece implements Model {
  readonly vocab: ReadonlyMap<string, number>;
  readonly #begins = new Trie();
  readonly #continues = new Trie();
  readonly #longest: number;
  readonly #unknown: Unknown;

  constructor(settings: Settings, vocab: ReadonlyMap<string, number>) {
    this.vocab = vocab;
    this.#unknown = new Unknown(settings, { vocab, otherwise: "[UNK]" });
    this.#longest = settings.count("max_input_chars_per_word", 100);
    const prefix = settings.text("continuing_subword_prefix", "##");
    for (const [token, id] of vocab) {
      if (token === "") continue;
      this.#begins.set(token, id);
      if (token.startsWith(prefix) && token.length > prefix.length) {
        this.#continues.set(token.slice(prefix.length), id);
      }
    }
  }

  tokenize(word: string, sink: TokenSink): void {
    if (isLongerThan(word, this.#longest)) return this.#unknown.push(word, sink);
    const tokens = sink.ids.length;
    for (let at = 0; at < word.length;) {
      const trie = at === 0 ? this.#begins : this.#continues;
      let [id, end] = [-1, at];
      for (let i = at, node = 0; i < word.length;) {
        node = trie.child(node, word.charCodeAt(i++));
        if (node === -1) break;
        const value = trie.valueAt(node);
        if (value !== -1) [id, end] = [value, i];
      }
      if (id === -1) {
        for (const list of [sink.ids, sink.starts, sink.ends]) list.length = tokens;
        return this.#unknown.push(word, sink);
      }
      sink.push(id, at, end);
      at = end;
    }
  }
}

/** WordLevel: a word is a token, or unknown. */
export class WordLevel implements Model {
  readonly vocab: ReadonlyMap<string, number>;
  readonly #unknown: Unknown;

  constructor(settings: Settings, vocab: ReadonlyMap<string, number>) {
    this.vocab = vocab;
    this.#unknown = new Unknown(settings, { vocab, otherwise: "<unk>" });
  }

  tokenize(word: string, sink: TokenSink): void {
    const id = this.vocab.get(word);
    if (id === undefined) this.#unknown.push(word, sink);
    else sink.push(id, 0, word.length);
  }
}

/** The token of words that are none. */
class Unknown {
  readonly #settings: Settings;
  readonly #token: string;
  readonly #id: number | undefined;

  constructor(
    settings: Settings,
    { vocab, otherwise }: {
      readonly vocab: ReadonlyMap<string, number>;
      readonly otherwise: string;
    },
  ) {
    this.#settings = settings;
    this.#token = settings.text("unk_token", otherwise);
    this.#id = vocab.get(this.#token);
  }

  push(word: string, sink: TokenSink): void {
    if (this.#id === undefined) {
      throw this.#settings.wrong(
        `has no token for a word of the text, and its unk_token "${this.#token}" is not in its vocabulary`,
      );
    }
    sink.push(this.#id, 0, word.length);
  }
}

/** Whether a text has more than so many characters, without counting all of them. */
function isLongerThan(text: string, count: number): boolean {
  if (text.length <= count) return false;
  let characters = 0;
  for (let at = 0; at < text.length; at += widthAt(text, at)) {
    if (++characters > count) return true;
  }
  return false;
}
