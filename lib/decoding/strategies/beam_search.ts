/**
 * Beam search: of all continuations of the best sequences so far, the best go on, scored by the sum of their
 * tokens' log-probabilities; and beam sampling, where the continuations are drawn instead. As transformers'
 * `GenerationMixin._beam_search` computes both:
 *
 * - Scores are log-softmax of the logits, then changed by every rule (temperature and truncation too, which are
 *   not normalized again), then summed over a beam; all in float32.
 * - Each step looks at max(2, 1 + end tokens) times as many continuations as there are beams, so that enough are
 *   left where some end. One that ends is kept as a result if it is among the first `beams`; a result's score is
 *   its sum divided by (tokens written) to the power of `lengthPenalty`.
 * - The search is done where nothing can go on, or there are `beams` results and either `earlyStopping` is true, or
 *   the best beam could not beat the worst result at its present length (false) or, with a penalty above 0, at its
 *   greatest length ("never").
 *
 * Differences: a prompt starts as one beam, where transformers fills the others with copies of score -1e9; where the
 * rules leave few continuations, there are fewer beams for a while instead of copies. What is drawn comes from our
 * own streams (see {@linkcode drawWithoutReplacement}).
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { finished, type FinishReason } from "../rules/stopping.ts";
import { notANumber, nothingLeft } from "./choose.ts";
import { uniform } from "./draws.ts";
import {
  applyRules,
  type Found,
  type Next,
  type Prompt,
  type Rules,
  type Search,
  type Strategy,
} from "./strategy.ts";

/** The settings of a beam search. */
export interface BeamOptions {
  /** At least 2. */
  readonly beams: number;
  /** Results wanted of a prompt, at most `beams`. */
  readonly sequences: number;
  /** Above 0 long sequences gain, below 0 short ones. */
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | "never";
  /** Where given, continuations are drawn, and this decides every draw. */
  readonly seed?: number | undefined;
}

/** Beams of one prompt side by side. */
export function beamSearch(rules: Rules, options: BeamOptions): Strategy {
  return {
    width: options.beams,
    searches: (prompt) => [new BeamSearch(prompt, rules, options)],
  };
}

/** A sequence and the sum of its tokens' log-probabilities. */
interface Beam {
  readonly ids: readonly number[];
  readonly score: number;
}

/** A beam that ended; its score is normalized by its length. */
interface Result extends Beam {
  readonly finish: FinishReason;
}

/** A continuation: a beam, a token, and the score of both. */
interface Candidate {
  readonly beam: number;
  readonly token: number;
  readonly score: number;
}

class BeamSearch implements Search {
  readonly #prompt: Prompt;
  readonly #rules: Rules;
  readonly #options: BeamOptions;
  readonly #candidates: number;
  #beams: readonly Beam[];
  /** The best first, at most as many as beams. */
  #results: readonly Result[] = [];
  #written = 0;
  done = false;

  constructor(prompt: Prompt, rules: Rules, options: BeamOptions) {
    this.#prompt = prompt;
    this.#rules = rules;
    this.#options = options;
    this.#candidates = Math.max(2, 1 + rules.eosTokenIds.length) * options.beams;
    this.#beams = [{ ids: prompt.ids, score: 0 }];
  }

  get written(): number {
    return this.#written;
  }

  step(logits: readonly Float32Array[]): Next {
    const { beams: width } = this.#options;
    const candidates = this.#continuations(logits);
    if (candidates.length === 0) {
      if (this.#results.length < this.#options.sequences) throw nothingLeft();
      this.done = true;
      return { tokens: Array(width).fill(0), parents: Array(width).fill(0) };
    }
    this.#written++;
    const going: (Beam & Candidate)[] = [];
    const ended: Result[] = [];
    candidates.forEach((candidate, rank) => {
      const ids = [...this.#beams[candidate.beam]!.ids, candidate.token];
      const { maxLength } = this.#prompt;
      const finish = finished(ids, { ...this.#rules, maxLength });
      if (finish === undefined) {
        if (going.length < width) going.push({ ...candidate, ids });
      } else if (rank < width) {
        ended.push({ ids, finish, score: this.#normalized(candidate.score, this.#written) });
      }
    });
    this.#results = [...this.#results, ...ended].sort((a, b) => b.score - a.score).slice(0, width);
    this.#beams = going;
    this.done = !this.#canImprove();
    // Rows without a beam of their own read anything; nobody looks at them.
    const rows = Array.from({ length: width }, (_, row) => going[row]);
    return {
      tokens: rows.map((beam) => beam?.token ?? candidates[0]!.token),
      parents: rows.map((beam) => beam?.beam ?? 0),
    };
  }

  results(): readonly Found[] {
    const { sequences } = this.#options;
    if (this.#results.length < sequences) {
      throw new UserError({
        what: `the rules leave ${this.#results.length} sequences to a prompt, ` +
          `num_return_sequences asks for ${sequences}`,
        remedy: "lower num_return_sequences, or loosen the rules",
      });
    }
    return this.#results.slice(0, sequences).map(({ ids, finish }, sequence) => ({
      sequence,
      ids,
      finish,
    }));
  }

  /** The continuations of all beams that are looked at, the best first. */
  #continuations(logits: readonly Float32Array[]): readonly Candidate[] {
    const scores = this.#beams.map(({ ids, score }, beam) => {
      const row = logits[beam]!;
      logSoftmax(row);
      applyRules(row, { rules: this.#rules, prompt: this.#prompt, ids });
      for (let token = 0; token < row.length; token++) row[token]! += score;
      return row;
    });
    const { seed } = this.#options;
    if (seed === undefined) return highest(scores, this.#candidates);
    const { index: prompt } = this.#prompt;
    const position = this.#prompt.ids.length + this.#written;
    return drawWithoutReplacement(scores, {
      count: this.#candidates,
      draw: (sequence) => uniform(seed, { prompt, sequence, position }),
    }).sort((a, b) => b.score - a.score);
  }

  #normalized(score: number, length: number): number {
    return Math.fround(score / Math.fround(length ** this.#options.lengthPenalty));
  }

  /** Whether a beam may still become one of the results. */
  #canImprove(): boolean {
    const { beams, earlyStopping, lengthPenalty } = this.#options;
    const [best] = this.#beams;
    if (best === undefined) return false;
    if (this.#results.length < beams) return true;
    if (earlyStopping === true) return false;
    const { maxLength, ids } = this.#prompt;
    const length = earlyStopping === "never" && lengthPenalty > 0
      ? maxLength - ids.length
      : this.#written;
    return this.#normalized(best.score, length) > this.#results.at(-1)!.score;
  }
}

/** Turns logits into log-probabilities in place, rounded where torch rounds. */
function logSoftmax(logits: Float32Array): void {
  const most = maximum(logits);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  const log = Math.fround(Math.log(sum));
  if (!Number.isFinite(log)) throw notANumber();
  for (let i = 0; i < logits.length; i++) logits[i] = Math.fround(logits[i]! - most) - log;
}

/** The highest scores of all beams, in descending order; of equal ones the first. */
function highest(scores: readonly Float32Array[], count: number): Candidate[] {
  const best: Candidate[] = [];
  let least = -Infinity;
  scores.forEach((row, beam) => {
    for (let token = 0; token < row.length; token++) {
      const score = row[token]!;
      if (!(score > least)) continue;
      if (best.length === count) best.pop();
      let place = best.length;
      while (place > 0 && best[place - 1]!.score < score) place--;
      best.splice(place, 0, { beam, token, score });
      if (best.length === count) least = best.at(-1)!.score;
    }
  });
  return best;
}

/**
 * Draws different continuations, each time from the softmax of the scores of those that are left.
 *
 * The n-th draw of a step is a function of the seed, the prompt, n and the length of the sequence alone: it takes
 * the place of a sequence's number in {@linkcode uniform}. Possible continuations are laid end to end, beam by beam
 * and by ascending token, each as wide as its probability.
 */
function drawWithoutReplacement(
  scores: readonly Float32Array[],
  { count, draw }: { readonly count: number; readonly draw: (n: number) => number },
): Candidate[] {
  const vocabSize = scores[0]?.length ?? 0;
  const most = scores.reduce((high, row) => Math.max(high, maximum(row)), -Infinity);
  const weights = new Float64Array(scores.length * vocabSize);
  scores.forEach((row, beam) => {
    for (let token = 0; most > -Infinity && token < vocabSize; token++) {
      weights[beam * vocabSize + token] = Math.exp(row[token]! - most);
    }
  });
  const drawn: Candidate[] = [];
  while (drawn.length < count) {
    let total = 0;
    for (const weight of weights) total += weight;
    if (total === 0) break;
    let left = draw(drawn.length) * total;
    let chosen = -1;
    for (let i = 0; i < weights.length; i++) {
      if (weights[i] === 0) continue;
      // Rounding can leave a crumb past the end; it belongs to the last possible one.
      chosen = i;
      if (left < weights[i]!) break;
      left -= weights[i]!;
    }
    const [beam, token] = [Math.floor(chosen / vocabSize), chosen % vocabSize];
    drawn.push({ beam, token, score: scores[beam]![token]! });
    weights[chosen] = 0;
  }
  return drawn;
}

function maximum(values: Float32Array): number {
  let most = -Infinity;
  for (const value of values) if (value > most) most = value;
  return most;
}
