/**
 * Trains Unigram: of many pieces, those without which the texts would be least likely are kept.
 *
 * Source: Kudo 2018 (arXiv:1804.10959) and `UnigramTrainer` of SentencePiece and Hugging Face tokenizers:
 * expectation maximization with a sparse prior, then a share of the pieces is dropped, again and again.
 * Unlike the package, pieces are counted by how often their words occur, ends of words bound no piece, and
 * of the pieces that are left in the end the likeliest are taken, all as in SentencePiece. So the
 * vocabulary is not that of the package; the texts are about as likely by it.
 *
 * @module
 */
import { alphabetOf } from "./alphabet.ts";
import { Lattice, Pieces, UNKNOWN } from "./lattice.ts";
import { seedPieces } from "./seed_pieces.ts";
import { checkSpecialTokens, checkVocabSize } from "./vocabulary.ts";
import type { WordCounts } from "./word_counts.ts";

/** Options of {@linkcode trainUnigram}, named as in Hugging Face tokenizers. */
export interface TrainUnigramOptions {
  /** Tokens to end with, special tokens and characters included; fewer where the text has no more pieces. */
  readonly vocabSize: number;
  /** Get the first ids; default none. */
  readonly specialTokens?: readonly string[];
  /** The one of them that stands for unknown characters; put before them where it is none of them. */
  readonly unkToken: string;
  /** Most characters to keep, the most frequent ones; default all. The others are unknown. */
  readonly limitAlphabet?: number | undefined;
  /** Characters to keep in any case. */
  readonly initialAlphabet?: readonly string[] | undefined;
  /** Most characters of a piece; default 16. */
  readonly maxPieceLength?: number;
  /** Rounds of expectation maximization before pieces are dropped; default 2. */
  readonly nSubIterations?: number;
  /** The share of the pieces that is kept each time; default 0.75. */
  readonly shrinkingFactor?: number;
}

/** A trained vocabulary. */
export interface TrainedUnigram {
  /** Tokens with the logarithm of how likely they are (0 for special tokens), by id. */
  readonly pieces: readonly (readonly [token: string, score: number])[];
  readonly specialTokens: readonly string[];
  readonly unkId: number;
}

/** Pieces to begin with, as in SentencePiece. */
const SEEDS = 1_000_000;

/** How many times the vocabulary there are pieces when the dropping ends. */
const SURPLUS = 1.1;

/** Pieces that are expected less often are dropped. */
const LEAST_EXPECTED = 0.5;

/** Characters that are no piece by themselves get scores below the least, each a bit less than the one before. */
const CHARACTER_STEP = 0.0001;

type Words = readonly (readonly [word: string, count: number])[];

/**
 * Trains Unigram.
 *
 * @param counted Words of the normalized texts.
 * @throws {UserError} where `vocabSize` leaves no room for the characters and the special tokens, or a
 * special token is empty or given twice.
 */
export function trainUnigram(counted: WordCounts, options: TrainUnigramOptions): TrainedUnigram {
  const { vocabSize, specialTokens = [], unkToken, maxPieceLength = 16 } = options;
  const { nSubIterations = 2, shrinkingFactor = 0.75 } = options;
  checkSpecialTokens(specialTokens);
  const special = specialTokens.includes(unkToken) ? specialTokens : [unkToken, ...specialTokens];
  const alphabet = alphabetOf(counted, {
    limit: options.limitAlphabet,
    initial: options.initialAlphabet,
  }).filter((character) => !special.includes(character));
  checkVocabSize(vocabSize, {
    least: special.length + alphabet.length,
    parts: `${special.length} special tokens and ${alphabet.length} characters`,
    remedy: "raise vocab_size, or set limit_alphabet, which drops the rarest characters",
  });
  const words = ofKnown(counted, new Set([...alphabet, ...special]));
  let pieces = startPieces(words, maxPieceLength);
  const wanted = Math.floor(vocabSize * SURPLUS);
  for (;;) {
    for (let i = 0; i < nSubIterations; i++) improve(pieces, words);
    const count = pieces.count();
    if (count <= wanted) break;
    const most = Math.max(wanted, Math.floor(count * shrinkingFactor));
    pieces = pruned(pieces, { words, most });
    // What is left can't be done without.
    if (pieces.texts.length === count) break;
  }
  const chosen = choose(pieces, { alphabet, special, most: vocabSize - special.length });
  return {
    pieces: [...special.map((token) => [token, 0] as const), ...chosen],
    specialTokens: special,
    unkId: special.indexOf(unkToken),
  };
}

/** Longer words are cut, as in SentencePiece: a text without spaces would take memory in proportion to it. */
const LONGEST_WORD = 4192;

/** Words without the characters that are left out, which cut them. */
function ofKnown(counted: WordCounts, alphabet: ReadonlySet<string>): Words {
  const words: [string, number][] = [];
  for (const [word, count] of counted.entries()) {
    let known = "";
    for (const character of word) {
      const isKnown = alphabet.has(character);
      if (known !== "" && (!isKnown || known.length >= LONGEST_WORD)) {
        words.push([known, count]);
        known = "";
      }
      if (isKnown) known += character;
    }
    if (known !== "") words.push([known, count]);
  }
  return words;
}

function startPieces(words: Words, maxPieceLength: number): Pieces {
  const seeds = seedPieces(words, { maxPieceLength, limit: SEEDS });
  const logSum = Math.log(seeds.reduce((sum, [, score]) => sum + score, 0));
  return new Pieces(
    seeds.map(([piece]) => piece),
    Float64Array.from(seeds, ([, score]) => Math.log(score) - logSum),
  );
}

/** A round of expectation maximization; digamma in place of the logarithm is the sparse prior. */
function improve(pieces: Pieces, words: Words): void {
  const expected = new Float64Array(pieces.texts.length);
  const lattice = new Lattice(pieces);
  for (const [word, count] of words) {
    lattice.read(word);
    lattice.addExpected(expected, count);
  }
  const kept: number[] = [];
  let sum = 0;
  for (const [id, times] of expected.entries()) {
    if (times < LEAST_EXPECTED) continue;
    kept.push(id);
    sum += times;
  }
  const all = digamma(sum);
  pieces.scores.fill(-Infinity);
  for (const id of kept) pieces.scores[id] = digamma(expected[id]!) - all;
}

/** Without the pieces that the texts do best without. */
function pruned(
  pieces: Pieces,
  { words, most }: { readonly words: Words; readonly most: number },
): Pieces {
  const { texts, scores } = pieces;
  const lattice = new Lattice(pieces);
  const times = new Float64Array(texts.length);
  let [all, unknown, total] = [0, 0, 0];
  for (const [word, count] of words) {
    total += count;
    lattice.read(word);
    for (const id of lattice.best()!.ids) {
      all += count;
      if (id === UNKNOWN) unknown += count;
      else times[id]! += count;
    }
  }
  const kept: number[] = [];
  const losses: { readonly id: number; readonly loss: number }[] = [];
  for (const [id, text] of texts.entries()) {
    if (scores[id] === -Infinity) continue;
    // What stands there without the piece; more likely than the piece itself means: it is used nowhere.
    lattice.read(text, { withoutWhole: true });
    const instead = lattice.best();
    const count = times[id]!;
    if (instead === undefined) kept.push(id);
    else if (instead.score > scores[id]!) {
      if (count > 0) kept.push(id);
    } else if (count > 0) {
      const after = Math.log(all + count * (instead.ids.length - 1));
      let without = 0;
      for (const part of instead.ids) {
        without += Math.log((part === UNKNOWN ? unknown : times[part]!) + count) - after;
      }
      losses.push({ id, loss: count / total * (Math.log(count) - Math.log(all) - without) });
    }
  }
  losses.sort((a, b) => b.loss === a.loss ? a.id - b.id : b.loss - a.loss);
  for (const { id } of losses.slice(0, Math.max(0, most - kept.length))) kept.push(id);
  return pieces.kept(kept.sort((a, b) => a - b));
}

/** The likeliest pieces, all characters among them, by score. */
function choose(
  pieces: Pieces,
  { alphabet, special, most }: {
    readonly alphabet: readonly string[];
    readonly special: readonly string[];
    readonly most: number;
  },
): [string, number][] {
  const scoreOf = new Map(
    pieces.texts.map((text, id) => [text, pieces.scores[id]!] as const)
      .filter(([, score]) => score !== -Infinity),
  );
  const least = pieces.leastScore();
  let missing = 0;
  const chosen = new Map(
    alphabet.map((character) => [
      character,
      scoreOf.get(character) ?? least - CHARACTER_STEP * missing++,
    ]),
  );
  const ordered = [...scoreOf].sort(([, a], [, b]) => b - a);
  for (const [text, score] of ordered) {
    if (chosen.size >= most) break;
    if (!special.includes(text)) chosen.set(text, score);
  }
  return [...chosen].sort(([, a], [, b]) => b - a).map(([text, score]) => [text, rounded(score)]);
}

/**
 * A score of few digits. The package reads longer ones with an error in the last bit, which would decide
 * between equally likely ways to cut a word otherwise than here.
 */
function rounded(score: number): number {
  return Number(score.toFixed(10));
}

/** The derivative of the logarithm of the gamma function, by its asymptotic series. */
function digamma(x: number): number {
  let result = 0;
  for (; x < 7; x++) result -= 1 / x;
  x -= 0.5;
  const square = 1 / (x * x);
  return result + Math.log(x) + square / 24 - 7 / 960 * square ** 2 + 31 / 8064 * square ** 3 -
    127 / 30720 * square ** 4;
}
