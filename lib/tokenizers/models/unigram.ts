/**
 * Unigram (T5, XLNet, ALBERT): of all ways to cut a word into tokens, the likeliest, by Viterbi's algorithm.
 *
 * Source: Kudo 2018 (arXiv:1804.10959); ties and unknown characters as in `Unigram` of Hugging Face
 * tokenizers: the first of equal ways, a penalty of 10 below the least likely token, unknown characters
 * in a row as one token. A word of n characters takes n times the longest token.
 *
 * @module
 */
import { widthAt } from "../components/aligned_text.ts";
import type { Settings } from "../components/settings.ts";
import { byteTokens } from "./byte_tokens.ts";
import type { Model, TokenSink } from "./model.ts";
import { Trie } from "./trie.ts";

/** By how much an unknown character is less likely than any token. */
const UNKNOWN_PENALTY = 10;

/** The model. */
export class Unigram implements Model {
  readonly vocab: ReadonlyMap<string, number>;
  readonly #settings: Settings;
  readonly #scores: Float64Array;
  readonly #trie = new Trie();
  readonly spelledUnknownId: number | undefined;
  readonly #unknownScore: number;
  readonly #bytes: readonly number[] | undefined;
  /** Of the best way to each unit: its score, where its last token begins, that token. */
  #best = new Float64Array(64);
  #from = new Int32Array(64);
  #token = new Int32Array(64);

  constructor(settings: Settings) {
    this.#settings = settings;
    const entries = settings.list("vocab") as readonly (readonly [string, number])[];
    this.vocab = new Map(entries.map(([token], id) => [token, id]));
    this.#scores = Float64Array.from(entries, ([, score]) => score);
    for (const [token, id] of this.vocab) if (token !== "") this.#trie.set(token, id);
    this.spelledUnknownId = settings.optional("unk_id") === undefined
      ? undefined
      : settings.count("unk_id");
    if (this.spelledUnknownId !== undefined && this.spelledUnknownId >= entries.length) {
      throw settings.wrong(`has the unk_id ${this.spelledUnknownId}, and ${entries.length} tokens`);
    }
    this.#unknownScore = this.#scores.reduce((a, b) => Math.min(a, b), Infinity) - UNKNOWN_PENALTY;
    this.#bytes = settings.boolean("byte_fallback", false) ? byteTokens(this.vocab) : undefined;
  }

  tokenize(word: string, sink: TokenSink): void {
    this.#findWays(word);
    // From the end, so that what follows an unknown stretch is known before it.
    const cuts: [from: number, to: number, id: number][] = [];
    for (let end = word.length; end > 0;) {
      const [from, id] = [this.#from[end]!, this.#token[end]!];
      const after = cuts.at(-1);
      if (id === this.spelledUnknownId && after?.[2] === id && after[0] === end) after[0] = from;
      else cuts.push([from, end, id]);
      end = from;
    }
    for (let i = cuts.length - 1; i >= 0; i--) {
      const [from, to, id] = cuts[i]!;
      if (id === this.spelledUnknownId) this.#pushUnknown(word, { from, to, sink });
      else sink.push(id, from, to);
    }
  }

  #findWays(word: string): void {
    const length = word.length + 1;
    if (this.#best.length < length) {
      this.#best = new Float64Array(length * 2);
      this.#from = new Int32Array(length * 2);
      this.#token = new Int32Array(length * 2);
    }
    const [best, from, token, trie] = [this.#best, this.#from, this.#token, this.#trie];
    from.fill(-1, 0, length);
    best[0] = 0;
    for (let start = 0; start < word.length;) {
      const width = widthAt(word, start);
      const till = best[start]!;
      let isKnown = false;
      for (let at = start, node = 0; at < word.length;) {
        node = trie.child(node, word.charCodeAt(at++));
        if (node === -1) break;
        const id = trie.valueAt(node);
        if (id === -1) continue;
        const score = this.#scores[id]! + till;
        if (from[at] === -1 || score > best[at]!) {
          best[at] = score;
          from[at] = start;
          token[at] = id;
        }
        if (at - start === width) isKnown = true;
      }
      const end = start + width;
      if (!isKnown && (from[end] === -1 || this.#unknownScore + till > best[end]!)) {
        if (this.spelledUnknownId === undefined) {
          throw this.#settings.wrong("has no token for a character of the text, and no unk_id");
        }
        best[end] = this.#unknownScore + till;
        from[end] = start;
        token[end] = this.spelledUnknownId;
      }
      start = end;
    }
  }

  /** Unknown characters in a row may be a token after all, or bytes. */
  #pushUnknown(
    word: string,
    { from, to, sink }: { readonly from: number; readonly to: number; readonly sink: TokenSink },
  ): void {
    const text = word.slice(from, to);
    const known = this.vocab.get(text);
    const bytes = known === undefined && this.#bytes !== undefined ? UTF8.encode(text) : [];
    if (known === undefined && this.#bytes !== undefined && bytes.length > 0) {
      const ids = Array.from(bytes, (byte) => this.#bytes![byte]!);
      if (ids.every((id) => id !== -1)) {
        for (const id of ids) sink.push(id, from, to);
        return;
      }
    }
    sink.push(known ?? this.spelledUnknownId!, from, to);
  }
}

const UTF8 = new TextEncoder();
