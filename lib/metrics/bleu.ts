/**
 * BLEU (Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", ACL 2002,
 * https://aclanthology.org/P02-1040) as sacrebleu 2 computes it: segment -> sufficient statistics
 * -> sum over the corpus -> score. Left out: tokenizers that need a model, maximum orders but 4.
 *
 * @module
 */
import { InternalError } from "../base/errors.ts";
import { type BleuTokenizer, bleuTokens } from "./bleu_tokenizers.ts";
import { signature } from "./signature.ts";

/** How n-gram orders without a match are smoothed (Chen and Cherry, WMT 2014, methods 1 to 3). */
export type BleuSmoothing = "exp" | "floor" | "add-k" | "none";

/** Settings of BLEU, under sacrebleu's names. */
export interface BleuOptions {
  /** Compare lowercased text. Default false. */
  readonly lowercase?: boolean;
  /** How segments are split into words. Default `13a`. */
  readonly tokenize?: BleuTokenizer;
  /** Default `exp`, the one of mteval-v13a.pl. */
  readonly smooth_method?: BleuSmoothing;
  /** The constant of `floor` (default 0.1) and `add-k` (default 1). */
  readonly smooth_value?: number;
  /** Count only the orders that the hypothesis is long enough for. Default false. */
  readonly effective_order?: boolean;
}

/** What one segment adds to the corpus. Statistics of several segments add up. */
export interface BleuStatistics {
  /** Words of the hypothesis. */
  readonly hypothesisLength: number;
  /** Words of the reference whose length is closest; the shorter one where two are as close. */
  readonly referenceLength: number;
  /** Matched n-grams, clipped by the references, for n = 1 to 4. */
  readonly correct: readonly number[];
  /** N-grams of the hypothesis for n = 1 to 4. */
  readonly total: readonly number[];
}

/** A score with the parts it was made of. */
export interface BleuScore {
  /** 0 to 100. */
  readonly score: number;
  /** Per order, 0 to 100, after smoothing. */
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
  readonly statistics: BleuStatistics;
}

const MAX_ORDER = 4;
const SMOOTH_DEFAULT: Readonly<Record<BleuSmoothing, number | undefined>> = {
  exp: undefined,
  floor: 0.1,
  "add-k": 1,
  none: undefined,
};

/**
 * Sufficient statistics of one segment.
 *
 * @param hypothesis What a system wrote.
 * @param options `references`: one or more right answers, and the settings.
 */
export function bleuStatistics(
  hypothesis: string,
  options: BleuOptions & { readonly references: readonly string[] },
): BleuStatistics {
  const settings = {
    tokenize: options.tokenize ?? "13a",
    lowercase: options.lowercase ?? false,
  } as const;
  if (options.references.length === 0) throw new InternalError("BLEU without a reference");
  const words = bleuTokens(hypothesis, settings);
  const references = options.references.map((text) => bleuTokens(text, settings));

  const allowed = new Map<string, number>();
  for (const reference of references) {
    for (const [ngram, count] of countNgrams(reference)) {
      allowed.set(ngram, Math.max(allowed.get(ngram) ?? 0, count));
    }
  }
  const correct = new Array<number>(MAX_ORDER).fill(0);
  for (const [ngram, count] of countNgrams(words)) {
    const order = ngram.split(" ").length - 1;
    correct[order]! += Math.min(count, allowed.get(ngram) ?? 0);
  }
  const total = correct.map((_, order) => Math.max(0, words.length - order));
  return {
    hypothesisLength: words.length,
    referenceLength: closestLength(words.length, references.map((r) => r.length)),
    correct,
    total,
  };
}

/** Adds statistics up: those of a corpus are the sum of its segments'. */
export function sumBleuStatistics(segments: readonly BleuStatistics[]): BleuStatistics {
  const correct = new Array<number>(MAX_ORDER).fill(0);
  const total = new Array<number>(MAX_ORDER).fill(0);
  let hypothesisLength = 0;
  let referenceLength = 0;
  for (const segment of segments) {
    hypothesisLength += segment.hypothesisLength;
    referenceLength += segment.referenceLength;
    for (let n = 0; n < MAX_ORDER; n++) {
      correct[n]! += segment.correct[n]!;
      total[n]! += segment.total[n]!;
    }
  }
  return { hypothesisLength, referenceLength, correct, total };
}

/** The score of summed statistics; one segment's statistics give its sentence BLEU. */
export function bleuFromStatistics(
  statistics: BleuStatistics,
  options: BleuOptions = {},
): BleuScore {
  const { hypothesisLength, referenceLength } = statistics;
  const method = options.smooth_method ?? "exp";
  const value = options.smooth_value ?? SMOOTH_DEFAULT[method] ?? 0;
  let brevityPenalty = 1;
  if (hypothesisLength < referenceLength) {
    brevityPenalty = hypothesisLength > 0 ? Math.exp(1 - referenceLength / hypothesisLength) : 0;
  }
  const precisions = new Array<number>(MAX_ORDER).fill(0);
  if (statistics.correct.every((count) => count === 0)) {
    return { score: 0, precisions, brevityPenalty, statistics };
  }
  let halvings = 1;
  let orders = MAX_ORDER;
  for (let n = 0; n < MAX_ORDER; n++) {
    const added = method === "add-k" && n > 0 ? value : 0;
    const correct = statistics.correct[n]! + added;
    const total = statistics.total[n]! + added;
    if (total === 0) break;
    if (options.effective_order ?? false) orders = n + 1;
    if (correct > 0) {
      precisions[n] = (100 * correct) / total;
    } else if (method === "exp") {
      halvings *= 2;
      precisions[n] = 100 / (halvings * total);
    } else if (method === "floor") {
      precisions[n] = (100 * value) / total;
    }
  }
  // An order without a precision makes the geometric mean 0: sacrebleu's log of 0 is -9999999999.
  const logs = precisions.slice(0, orders).map((p) => (p === 0 ? -9999999999 : Math.log(p)));
  const mean = logs.reduce((sum, log) => sum + log, 0) / orders;
  return { score: brevityPenalty * Math.exp(mean), precisions, brevityPenalty, statistics };
}

/**
 * BLEU of a corpus.
 *
 * @param hypotheses One text per segment.
 * @param options `references`: for each segment its right answers; and the settings.
 * @returns The score, its signature and each segment's statistics, for {@linkcode bootstrap}.
 *
 * @example
 * ```ts
 * import { corpusBleu } from "./bleu.ts";
 * const { score } = corpusBleu(["the cat sat on the mat"], { references: [["the cat sat on a mat"]] });
 * if (Math.abs(score - 53.7285) > 1e-4) throw new Error(String(score));
 * ```
 */
export function corpusBleu(
  hypotheses: readonly string[],
  options: BleuOptions & { readonly references: readonly (readonly string[])[] },
): BleuScore & { readonly signature: string; readonly segments: readonly BleuStatistics[] } {
  if (hypotheses.length !== options.references.length) {
    throw new InternalError(
      `BLEU of ${hypotheses.length} hypotheses and ${options.references.length} references`,
    );
  }
  const segments = hypotheses.map((text, i) =>
    bleuStatistics(text, { ...options, references: options.references[i]! })
  );
  const counts = new Set(options.references.map((references) => references.length));
  return {
    ...bleuFromStatistics(sumBleuStatistics(segments), options),
    signature: bleuSignature({ ...options, references: counts.size > 1 ? "var" : [...counts][0] }),
    segments,
  };
}

/** How the score was computed, in sacrebleu's notation. */
export function bleuSignature(
  options: BleuOptions & { readonly references?: number | "var" | undefined },
): string {
  const method = options.smooth_method ?? "exp";
  const value = options.smooth_value ?? SMOOTH_DEFAULT[method];
  return signature({
    nrefs: options.references ?? 1,
    case: options.lowercase ?? false ? "lc" : "mixed",
    eff: options.effective_order ?? false,
    tok: options.tokenize ?? "13a",
    smooth: SMOOTH_DEFAULT[method] === undefined ? method : `${method}[${value!.toFixed(2)}]`,
  });
}

// Words hold no space, so a space joins them without two n-grams becoming one.
function countNgrams(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start < words.length; start++) {
    let ngram = "";
    for (let n = 0; n < MAX_ORDER && start + n < words.length; n++) {
      ngram = n === 0 ? words[start]! : `${ngram} ${words[start + n]!}`;
      counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
    }
  }
  return counts;
}

function closestLength(length: number, candidates: readonly number[]): number {
  let best = candidates[0]!;
  for (const candidate of candidates) {
    const difference = Math.abs(length - candidate) - Math.abs(length - best);
    if (difference < 0 || (difference === 0 && candidate < best)) best = candidate;
  }
  return best;
}
