/**
 * The merges of byte-pair encoding: the most frequent pair of neighbours becomes a token, again and
 * again, until the vocabulary is full.
 *
 * Source: Sennrich et al. 2016 (arXiv:1508.07909), with the order of `BpeTrainer` of Hugging Face
 * tokenizers: among pairs of equal count the one with the lower ids comes first. Left out:
 * `max_token_length`, suffixes of words.
 *
 * @module
 */
import type { Vocabulary } from "./vocabulary.ts";

/** What {@linkcode learnMerges} learns from, and how long. */
export interface LearnOptions {
  /** Words as ids of their characters; they are changed. */
  readonly words: readonly number[][];
  /** How often each occurs. */
  readonly counts: readonly number[];
  /** The characters; merged tokens are added. */
  readonly vocabulary: Vocabulary;
  /** Tokens to end with. */
  readonly vocabSize: number;
  /** Pairs that occur less often are not merged. */
  readonly minFrequency: number;
  /** What a token that does not begin a word begins with, and loses when it is merged to one before it. */
  readonly prefix?: string | undefined;
  /** Called now and then with the tokens made so far. */
  readonly progress?: ((tokens: number) => void) | undefined;
}

/** More than all tokens: what the left of a pair is multiplied by, so that a pair is one whole number. */
const BASE = 2 ** 26;

/** A pair that waits to be merged, and the words it was seen in. */
interface Candidate {
  count: number;
  /** left id * BASE + right id: orders pairs by their ids. */
  readonly pair: number;
  readonly words: number[];
}

/**
 * Learns merges, and adds their tokens to the vocabulary.
 *
 * @returns The pairs of tokens by rank.
 */
export function learnMerges(options: LearnOptions): [left: string, right: string][] {
  const { words, counts, vocabulary, vocabSize, minFrequency, prefix = "" } = options;
  const { tokens } = vocabulary;
  const pairCounts = new Map<number, number>();
  const heap = new CandidateHeap();
  const seen = new Map<number, number[]>();
  for (const [index, word] of words.entries()) {
    for (let i = 0; i + 1 < word.length; i++) {
      const pair = word[i]! * BASE + word[i + 1]!;
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
    const left = Math.floor(top.pair / BASE);
    const right = top.pair % BASE;
    const rest = tokens[right]!;
    const merged = vocabulary.add(
      tokens[left]! + (rest.startsWith(prefix) ? rest.slice(prefix.length) : rest),
    );
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
          const pair = a * BASE + b;
          pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + sign * counts[index]!);
          if (sign > 0) note(seen, { pair, word: index });
        },
      });
    }
    queueAll(seen, { pairCounts, heap });
    if (rank % 64 === 0) options.progress?.(tokens.length);
  }
  return [...ranks.keys()].map((pair) => [
    tokens[Math.floor(pair / BASE)]!,
    tokens[pair % BASE]!,
  ]);
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
