/**
 * Trains a byte-level BPE tokenizer: the most frequent pair of neighbours becomes a token, again and
 * again, until the vocabulary is full.
 *
 * Source: Sennrich et al. 2016 (arXiv:1508.07909). Gives the same merges in the same order as
 * `BpeTrainer` of Hugging Face tokenizers with `initial_alphabet=ByteLevel.alphabet()`: ids are the
 * special tokens, then the 256 bytes by their character, then merges; among pairs of equal count the
 * one with the lower ids comes first. Left out: `limit_alphabet`, `max_token_length`, subword
 * prefixes and suffixes.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { BYTE_TO_CHAR, splitWords } from "../components/byte_level.ts";

/** Options of {@linkcode trainBpe}, named as in Hugging Face tokenizers. */
export interface TrainBpeOptions {
  /** Tokens to end with, special tokens and bytes included; fewer where the text has no more pairs. */
  readonly vocabSize: number;
  /** Pairs that occur less often are not merged; default 2. */
  readonly minFrequency?: number;
  /** Get the first ids; default none. */
  readonly specialTokens?: readonly string[];
  /** Called now and then with the tokens made so far. */
  readonly progress?: (tokens: number) => void;
}

/** A trained vocabulary. */
export interface TrainedBpe {
  /** Tokens by id, spelled with the byte characters. */
  readonly tokens: readonly string[];
  /** By rank. */
  readonly merges: readonly (readonly [string, string])[];
  readonly specialTokens: readonly string[];
}

/** A pair that waits to be merged, and the words it was seen in. */
interface Candidate {
  count: number;
  /** left id * base + right id: orders pairs by their ids. */
  readonly pair: number;
  readonly words: number[];
}

/**
 * Trains byte-level BPE.
 *
 * @param texts The training texts, or their words where they are too many for the memory. Special tokens that stand in them are text like any other.
 * @throws {UserError} where `vocabSize` leaves no room for the bytes and the special tokens, or a
 * special token is empty or given twice.
 */
export function trainBpe(
  texts: Iterable<string> | WordCounts,
  options: TrainBpeOptions,
): TrainedBpe {
  const { vocabSize, minFrequency = 2, specialTokens = [] } = options;
  checkOptions(vocabSize, specialTokens);
  const tokens = [...specialTokens];
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const addToken = (token: string): number => {
    const known = idOf.get(token);
    if (known !== undefined) return known;
    idOf.set(token, tokens.length);
    return tokens.push(token) - 1;
  };
  for (const char of [...BYTE_TO_CHAR].sort()) addToken(char);

  const { words, counts } = spelt(texts instanceof WordCounts ? texts : WordCounts.of(texts), idOf);
  const base = vocabSize;
  const pairCounts = new Map<number, number>();
  const heap = new CandidateHeap();
  const seen = new Map<number, number[]>();
  for (const [index, word] of words.entries()) {
    for (let i = 0; i + 1 < word.length; i++) {
      const pair = word[i]! * base + word[i + 1]!;
      pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + counts[index]!);
      note(seen, { pair, word: index });
    }
  }
  queueAll(seen, { pairCounts, heap });

  const ranks = new Map<number, number>();
  let rank = 0;
  while (tokens.length < vocabSize) {
    const top = heap.pop();
    if (top === undefined) break;
    const count = pairCounts.get(top.pair)!;
    if (top.count !== count) {
      // Counts in the queue are brought up to date only when they come to the top.
      top.count = count;
      if (count > 0) heap.push(top);
      continue;
    }
    if (count < minFrequency) break;
    const left = Math.floor(top.pair / base);
    const right = top.pair % base;
    const merged = addToken(tokens[left]! + tokens[right]!);
    // Two ways of making one token can bring a pair back after its merge; its last rank holds, as
    // in the reference, whose ranks are a map that later entries overwrite.
    ranks.delete(top.pair);
    ranks.set(top.pair, rank++);
    for (const index of top.words) {
      mergeWord(words[index]!, {
        left,
        right,
        merged,
        changed: (a, b, sign): void => {
          const pair = a * base + b;
          pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + sign * counts[index]!);
          if (sign > 0) note(seen, { pair, word: index });
        },
      });
    }
    queueAll(seen, { pairCounts, heap });
    if (rank % 64 === 0) options.progress?.(tokens.length);
  }
  const merges = [...ranks.keys()].map((pair): [string, string] => [
    tokens[Math.floor(pair / base)]!,
    tokens[pair % base]!,
  ]);
  return { tokens, merges, specialTokens };
}

function checkOptions(vocabSize: number, specialTokens: readonly string[]): void {
  const repeated = specialTokens.find((token, i) =>
    token === "" || specialTokens.indexOf(token) < i
  );
  if (repeated !== undefined) {
    throw new UserError({
      what: repeated === ""
        ? "cannot train a tokenizer with an empty special token"
        : `cannot train a tokenizer with the special token "${repeated}" twice`,
      requirement: "special_tokens are different, non-empty texts",
    });
  }
  const least = new Set([...specialTokens, ...BYTE_TO_CHAR]).size;
  if (!Number.isInteger(vocabSize) || vocabSize < least) {
    throw new UserError({
      what: `cannot train a tokenizer with vocab_size ${vocabSize}`,
      requirement:
        `vocab_size must be at least ${least}: 256 bytes and ${specialTokens.length} special tokens`,
    });
  }
}

/** How often each word occurs, which is all that is learned from a text. */
export class WordCounts {
  readonly #counts = new Map<string, number>();

  static of(texts: Iterable<string>): WordCounts {
    const counts = new WordCounts();
    for (const text of texts) counts.add(text);
    return counts;
  }

  /** Counts the words of a text. */
  add(text: string): void {
    for (const word of splitWords(text)) {
      const count = this.#counts.get(word);
      this.#counts.set(count === undefined ? detached(word) : word, (count ?? 0) + 1);
    }
  }

  /** Words in order of first appearance, and their counts. */
  entries(): Iterable<[string, number]> {
    return this.#counts;
  }
}

/** A long part of a text is a view of it, which would keep all of the text in memory. */
function detached(word: string): string {
  return word.length < 13 ? word : JSON.parse(JSON.stringify(word));
}

/** Words as ids of bytes. */
function spelt(
  counted: WordCounts,
  idOf: ReadonlyMap<string, number>,
): { words: number[][]; counts: number[] } {
  const encoder = new TextEncoder();
  const byteIds = BYTE_TO_CHAR.map((char) => idOf.get(char)!);
  const words: number[][] = [];
  const counts: number[] = [];
  for (const [word, count] of counted.entries()) {
    words.push(Array.from(encoder.encode(word), (byte) => byteIds[byte]!));
    counts.push(count);
  }
  return { words, counts };
}

/**
 * Replaces each `left right` of a word by `merged`, from the left, in place.
 *
 * `changed` hears of every pair of neighbours that goes (-1) or comes (+1). The merged pair itself is
 * not reported, except where occurrences overlap; the reference counts so too, and its order follows.
 */
function mergeWord(word: number[], merge: {
  readonly left: number;
  readonly right: number;
  readonly merged: number;
  readonly changed: (left: number, right: number, sign: 1 | -1) => void;
}): void {
  const { left, right, merged, changed } = merge;
  let write = 0;
  for (let read = 0; read < word.length; read++, write++) {
    if (word[read] !== left || word[read + 1] !== right) {
      word[write] = word[read]!;
      continue;
    }
    if (write > 0) {
      changed(word[write - 1]!, left, -1);
      changed(word[write - 1]!, merged, 1);
    }
    word[write] = merged;
    read++;
    if (read + 1 < word.length) {
      changed(right, word[read + 1]!, -1);
      changed(merged, word[read + 1]!, 1);
    }
  }
  word.length = write;
}

/** Remembers that a pair occurs in a word. The calls for one word follow each other. */
function note(seen: Map<number, number[]>, { pair, word }: { pair: number; word: number }): void {
  const list = seen.get(pair);
  if (list === undefined) seen.set(pair, [word]);
  else if (list.at(-1) !== word) list.push(word);
}

/** Queues the pairs that came up and forgets them. */
function queueAll(
  seen: Map<number, number[]>,
  { pairCounts, heap }: { pairCounts: ReadonlyMap<number, number>; heap: CandidateHeap },
): void {
  for (const [pair, words] of seen) {
    const count = pairCounts.get(pair)!;
    if (count > 0) heap.push({ count, pair, words });
  }
  seen.clear();
}

/** A binary heap: highest count first, then lowest pair. */
class CandidateHeap {
  readonly #items: Candidate[] = [];

  push(item: Candidate): void {
    const items = this.#items;
    let i = items.length;
    items.push(item);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(item, items[parent]!)) break;
      items[i] = items[parent]!;
      i = parent;
    }
    items[i] = item;
  }

  pop(): Candidate | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
      if (!before(items[child]!, last)) break;
      items[i] = items[child]!;
      i = child;
    }
    items[i] = last;
    return top;
  }
}

function before(a: Candidate, b: Candidate): boolean {
  return a.count !== b.count ? a.count > b.count : a.pair < b.pair;
}
