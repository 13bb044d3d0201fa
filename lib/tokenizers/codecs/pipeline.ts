/**
 * From text to the model's tokens: added tokens, normalizer, pre-tokenizer, model.
 *
 * There are two ways, which give the same ids. The one for ids alone remembers words and, where it can,
 * finds them in the raw text. The other keeps track of where each character came from.
 *
 * @module
 */
import { AlignedText } from "../components/aligned_text.ts";
import { spelledBytes } from "../components/byte_level.ts";
import { Draft } from "../encodings/draft.ts";
import { type Model, TokenSink } from "../models/model.ts";
import type { Normalizer } from "../normalizers/normalizer.ts";
import type { PreTokenizer } from "../pre_tokenizers/pre_tokenizer.ts";
import { LONGEST_WORD, WordTable } from "../scanning/word_table.ts";
import type { AddedTokenFinder, FoundToken } from "./added_tokens.ts";
import type { Shortcuts } from "./shortcuts.ts";

/** The parts of a tokenizer that make tokens. */
export interface PipelineParts {
  readonly normalizer: Normalizer | undefined;
  readonly preTokenizer: PreTokenizer | undefined;
  readonly model: Model;
  /** Added tokens that are looked for before the normalizer, and after it. */
  readonly raw: AddedTokenFinder;
  readonly normalized: AddedTokenFinder;
  /** The spelling of an id. */
  readonly tokenOf: (id: number) => string;
  readonly shortcuts: Shortcuts;
}

/** Makes the tokens of texts, without what a post-processor adds. */
export class Pipeline {
  readonly #parts: PipelineParts;
  /** Ids of words, and of chunks of raw text: never both in one pipeline. */
  readonly #words = new WordTable();

  constructor(parts: PipelineParts) {
    this.#parts = parts;
  }

  /** Appends the ids of a text; a lone half of a surrogate pair is U+FFFD. */
  ids(text: string, ids: number[]): void {
    if (!text.isWellFormed()) text = text.toWellFormed();
    const { shortcuts, raw } = this.#parts;
    if (shortcuts.needsOrigin) {
      for (const id of this.draft(text).ids) ids.push(id);
      return;
    }
    const { chunks } = shortcuts;
    between(raw.find(text), { text, ids }, (section, isStart) => {
      if (chunks === undefined) this.#sectionIds(section, { isStart, ids });
      else this.#chunkIds(section, { chunks, isStart, ids });
    });
  }

  /** The tokens of a text, with their places. */
  draft(text: string): Draft {
    if (!text.isWellFormed()) text = text.toWellFormed();
    const { normalizer, preTokenizer, raw, normalized } = this.#parts;
    const draft = new Draft();
    this.#alignedBetween(AlignedText.of(text), { finder: raw, draft }, (section) => {
      const changed = normalizer?.align(section) ?? section;
      this.#alignedBetween(changed, { finder: normalized, draft }, (part) => {
        for (const word of preTokenizer?.align(part) ?? [part]) this.#pushWord(word, draft);
      });
    });
    return draft;
  }

  #chunkIds(
    section: string,
    { chunks, isStart, ids }: {
      readonly chunks: NonNullable<Shortcuts["chunks"]>;
      readonly isStart: boolean;
      readonly ids: number[];
    },
  ): void {
    for (let from = chunks.start(section, 0); from < section.length;) {
      const to = chunks.end(section, from);
      const range = { from, to };
      const isShort = to - from <= LONGEST_WORD;
      if (!isShort || !this.#words.append(section, range, ids)) {
        const first = ids.length;
        this.#sectionIds(section.slice(from, to), { isStart: isStart && from === 0, ids });
        if (isShort) this.#words.set(section, range, { ids, first });
      }
      from = chunks.start(section, to);
    }
  }

  /** The ids of a stretch without added tokens of the raw text. */
  #sectionIds(
    section: string,
    { isStart, ids }: { readonly isStart: boolean; readonly ids: number[] },
  ): void {
    const { normalizer, preTokenizer, normalized, shortcuts } = this.#parts;
    const changed = normalizer?.normalize(section) ?? section;
    between(normalized.find(changed), { text: changed, ids }, (part, isFirst) => {
      if (shortcuts.wordEnd !== undefined) {
        const { addsPrefixSpace } = shortcuts;
        this.#scannedIds(addsPrefixSpace && !part.startsWith(" ") ? " " + part : part, ids);
        return;
      }
      for (const word of preTokenizer?.cut(part, isStart && isFirst) ?? [part]) {
        this.#wordIds(word, ids);
      }
    });
  }

  /** Words that are found by hand, not by the pre-tokenizer. */
  #scannedIds(text: string, ids: number[]): void {
    const wordEnd = this.#parts.shortcuts.wordEnd!;
    for (let from = 0; from < text.length;) {
      const to = wordEnd(text, from);
      const range = { from, to };
      const isShort = to - from <= LONGEST_WORD;
      if (!isShort || !this.#words.append(text, range, ids)) {
        const first = ids.length;
        this.#modelIds(spelledBytes(text.slice(from, to)), ids);
        if (isShort) this.#words.set(text, range, { ids, first });
      }
      from = to;
    }
  }

  #wordIds(word: string, ids: number[]): void {
    const mark = this.#parts.shortcuts.cutsBefore;
    // No merge reaches over the beginning of a marked word: each may be looked up by itself.
    for (let from = 0; from < word.length;) {
      let to = word.length;
      if (mark !== undefined) {
        let inside = from;
        while (inside < word.length && word.charCodeAt(inside) === mark) inside++;
        const next = word.indexOf(String.fromCharCode(mark), inside);
        if (next !== -1) to = next;
      }
      const range = { from, to };
      // Chunks of raw text are remembered instead.
      const isShort = to - from <= LONGEST_WORD && this.#parts.shortcuts.chunks === undefined;
      if (!isShort || !this.#words.append(word, range, ids)) {
        const first = ids.length;
        this.#modelIds(word.slice(from, to), ids);
        if (isShort) this.#words.set(word, range, { ids, first });
      }
      from = to;
    }
  }

  #modelIds(word: string, ids: number[]): void {
    const sink = new TokenSink();
    this.#parts.model.tokenize(word, sink);
    for (let i = 0; i < sink.ids.length; i++) ids.push(sink.ids[i]!);
  }

  #alignedBetween(
    text: AlignedText,
    { finder, draft }: { readonly finder: AddedTokenFinder; readonly draft: Draft },
    visit: (part: AlignedText) => void,
  ): void {
    let done = 0;
    for (const { id, from, to } of finder.find(text.text)) {
      if (done < from) visit(text.slice(done, from));
      const { text: token, starts, ends } = text.slice(from, to);
      draft.push(id, { token, start: starts[0]!, end: ends.at(-1)! });
      done = to;
    }
    if (done < text.text.length) visit(text.slice(done, text.text.length));
  }

  #pushWord(word: AlignedText, draft: Draft): void {
    const { model, tokenOf } = this.#parts;
    const sink = new TokenSink();
    model.tokenize(word.text, sink);
    for (const [i, id] of sink.ids.entries()) {
      const [from, to] = [sink.starts[i]!, sink.ends[i]!];
      draft.push(id, {
        token: id === model.spelledUnknownId ? word.text.slice(from, to) : tokenOf(id),
        start: word.starts[from]!,
        end: word.ends[to - 1]!,
      });
    }
  }
}

/** Appends the ids of tokens that were found, and visits what is between them. */
function between(
  found: readonly FoundToken[],
  { text, ids }: { readonly text: string; readonly ids: number[] },
  visit: (part: string, isFirst: boolean) => void,
): void {
  let done = 0;
  for (const { id, from, to } of found) {
    if (done < from) visit(text.slice(done, from), done === 0);
    ids.push(id);
    done = to;
  }
  if (done < text.length) visit(done === 0 ? text : text.slice(done), done === 0);
}
