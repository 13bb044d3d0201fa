/**
 * Byte pair encoding: characters, or the characters that spell bytes, merged by rank.
 *
 * Source: Sennrich et al. 2016 (arXiv:1508.07909); merge order as in `Word::merge_all` of Hugging Face
 * tokenizers: lowest rank first, leftmost first among equals. Left out: dropout, which makes ids a matter
 * of chance.
 *
 * @module
 */
import { widthAt } from "../components/aligned_text.ts";
import type { Settings } from "../components/settings.ts";
import { byteTokens } from "./byte_tokens.ts";
import { Merges } from "./merges.ts";
import type { Model, TokenSink } from "./model.ts";

/** The model. */
export class Bpe implements Model {
  readonly vocab: ReadonlyMap<string, number>;
  /** Whether a word's tokens are those of its parts wherever no merge reaches from one to the other. */
  readonly isUniform: boolean;
  readonly #settings: Settings;
  readonly #merges: Merges;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #unknown: string | undefined;
  readonly #fusesUnknown: boolean;
  readonly #bytes: readonly number[] | undefined;
  readonly #takesWholeWords: boolean;
  /** Ids of the tokens of one unit, -1 where there is none; what most words begin as. */
  readonly #units = new Int32Array(1 << 16).fill(-1);

  constructor(settings: Settings, vocab: ReadonlyMap<string, number>) {
    this.#settings = settings;
    this.vocab = vocab;
    this.#prefix = settings.optionalText("continuing_subword_prefix") ?? "";
    this.#suffix = settings.optionalText("end_of_word_suffix") ?? "";
    this.#unknown = settings.optionalText("unk_token");
    this.#fusesUnknown = settings.boolean("fuse_unk", false);
    this.#takesWholeWords = settings.boolean("ignore_merges", false);
    this.#bytes = settings.boolean("byte_fallback", false) ? byteTokens(vocab) : undefined;
    this.isUniform = !this.#takesWholeWords && this.#prefix === "" && this.#suffix === "" &&
      (this.#bytes?.every((id) => id !== -1) ?? true);
    const dropout = settings.optional("dropout");
    if (dropout !== undefined && dropout !== 0) {
      throw settings.wrong("has a dropout, which makes ids a matter of chance");
    }
    this.#merges = new Merges(settings, { vocab, prefix: this.#prefix });
    for (const [token, id] of vocab) if (token.length === 1) this.#units[token.charCodeAt(0)] = id;
  }

  /** The tokens that merges make. */
  get merged(): Iterable<string> {
    return this.#merges.made;
  }

  tokenize(word: string, sink: TokenSink): void {
    if (this.#takesWholeWords) {
      const whole = this.vocab.get(word);
      if (whole !== undefined) return sink.push(whole, 0, word.length);
    }
    const symbols: number[] = [];
    // In units; of words that fall back to bytes, in bytes.
    const lengths: number[] = [];
    if (this.#prefix === "" && this.#suffix === "" && this.#readUnits(word, symbols)) {
      for (let i = 0; i < symbols.length; i++) lengths.push(1);
    } else this.#readCharacters(word, { symbols, lengths });
    const ends = this.#merges.apply(symbols);
    const unitOf = this.#bytes === undefined ? undefined : unitsOfBytes(word);
    let place = 0;
    for (let i = 0; i < symbols.length; i = ends[i]!) {
      const start = place;
      for (let part = i; part < ends[i]!; part++) place += lengths[part]!;
      if (unitOf === undefined) sink.push(symbols[i]!, start, place);
      else sink.push(symbols[i]!, unitOf.starts[start]!, unitOf.ends[place - 1]!);
    }
  }

  /** The symbols of a word all of whose units are tokens; else false. */
  #readUnits(word: string, symbols: number[]): boolean {
    if (this.#bytes !== undefined) return false;
    for (let i = 0; i < word.length; i++) {
      const id = this.#units[word.charCodeAt(i)]!;
      if (id === -1) {
        symbols.length = 0;
        return false;
      }
      symbols.push(id);
    }
    return true;
  }

  #readCharacters(
    word: string,
    { symbols, lengths }: { readonly symbols: number[]; readonly lengths: number[] },
  ): void {
    const lengthOf = (char: string): number =>
      this.#bytes === undefined ? char.length : utf8Length(char);
    const push = (id: number, length: number): void => {
      symbols.push(id);
      lengths.push(length);
    };
    let unknown: { readonly id: number; length: number } | undefined;
    for (let at = 0; at < word.length;) {
      const end = at + widthAt(word, at);
      const char = word.slice(at, end);
      const spelled = (at === 0 ? "" : this.#prefix) + char +
        (end === word.length ? this.#suffix : "");
      at = end;
      const id = this.vocab.get(spelled);
      if (id !== undefined) {
        if (unknown !== undefined) push(unknown.id, unknown.length);
        unknown = undefined;
        push(id, lengthOf(char));
        continue;
      }
      if (this.#bytes !== undefined) {
        const ids = Array.from(UTF8.encode(spelled), (byte) => this.#bytes![byte]!);
        if (ids.every((byte) => byte !== -1)) {
          // What is unknown before it comes after it, as in the reference.
          for (const byte of ids) push(byte, 1);
          continue;
        }
      }
      if (this.#unknown === undefined) continue;
      if (unknown !== undefined && this.#fusesUnknown) unknown.length += lengthOf(char);
      else {
        if (unknown !== undefined) push(unknown.id, unknown.length);
        unknown = { id: this.#unknownId(), length: lengthOf(char) };
      }
    }
    if (unknown !== undefined) push(unknown.id, unknown.length);
  }

  #unknownId(): number {
    const id = this.vocab.get(this.#unknown!);
    if (id !== undefined) return id;
    throw this.#settings.wrong(
      `has no token for a character of the text, and its unk_token "${this
        .#unknown!}" is not in its vocabulary`,
    );
  }
}

const UTF8 = new TextEncoder();

function utf8Length(char: string): number {
  const point = char.codePointAt(0)!;
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/** Where the character of each byte begins and ends, in units. */
function unitsOfBytes(
  word: string,
): { readonly starts: readonly number[]; readonly ends: readonly number[] } {
  const starts: number[] = [];
  const ends: number[] = [];
  for (let at = 0; at < word.length;) {
    const end = at + widthAt(word, at);
    const bytes = utf8Length(word.slice(at, end));
    for (let i = 0; i < bytes; i++) {
      starts.push(at);
      ends.push(end);
    }
    at = end;
  }
  return { starts, ends };
}
