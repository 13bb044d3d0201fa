/**
 * ROUGE-N, ROUGE-L and ROUGE-Lsum (Lin, "ROUGE: A Package for Automatic Evaluation of Summaries",
 * 2004, https://aclanthology.org/W04-1013) as Google's rouge_score computes them: lowercase, words
 * of ASCII letters and digits only. A corpus score is the mean of its pairs' scores. Left out:
 * sentence splitting for Lsum (sentences are lines), other tokenizers.
 *
 * @module
 */
import { InternalError } from "../base/errors.ts";
import { porterStem } from "./porter.ts";
import { signature } from "./signature.ts";

/** `rouge1` to `rouge9` count n-grams, `rougeL` the longest common subsequence, `rougeLsum` that of lines. */
export type RougeType = `rouge${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}` | "rougeL" | "rougeLsum";

/** Each 0 to 1. */
export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  readonly fmeasure: number;
}

/** Settings of ROUGE, under rouge_score's names. */
export interface RougeOptions {
  readonly types: readonly RougeType[];
  /** Compare the Porter stems of words longer than three letters. Default false. */
  readonly use_stemmer?: boolean;
}

const ZERO: RougeScore = { precision: 0, recall: 0, fmeasure: 0 };

/**
 * Splits a text into the words that ROUGE compares.
 *
 * @example
 * ```ts
 * import { rougeTokens } from "./rouge.ts";
 * if (rougeTokens("The café's 2 dogs", {}).join(" ") !== "the caf s 2 dogs") throw new Error();
 * ```
 */
export function rougeTokens(
  text: string,
  options: { readonly use_stemmer?: boolean },
): string[] {
  const words = text.toLowerCase().split(/[^a-z0-9]+/).filter((word) => word !== "");
  if (!(options.use_stemmer ?? false)) return words;
  return words.map((word) => (word.length > 3 ? porterStem(word) : word));
}

/**
 * Scores one text against the right one, or against several: the one with the highest f-measure counts.
 *
 * @param prediction What a system wrote.
 * @param options `targets`: one or more right texts; which types; the stemmer.
 * @returns A score per type.
 *
 * @example
 * ```ts
 * import { rougeScore } from "./rouge.ts";
 * const scores = rougeScore("the cat", { targets: ["the black cat"], types: ["rouge1", "rougeL"] });
 * if (scores.rouge1?.precision !== 1 || scores.rougeL?.recall !== 2 / 3) throw new Error();
 * ```
 */
export function rougeScore(
  prediction: string,
  options: RougeOptions & { readonly targets: readonly string[] },
): Partial<Record<RougeType, RougeScore>> {
  if (options.targets.length === 0) throw new InternalError("ROUGE without a target");
  const words = rougeTokens(prediction, options);
  const best: Partial<Record<RougeType, RougeScore>> = {};
  for (const target of options.targets) {
    const targetWords = rougeTokens(target, options);
    for (const type of options.types) {
      const score = type === "rougeL"
        ? scoreSubsequence(targetWords, words)
        : type === "rougeLsum"
        ? scoreLines(lines(target, options), lines(prediction, options))
        : scoreNgrams(targetWords, words, { order: Number(type.slice("rouge".length)) });
      if (score.fmeasure > (best[type]?.fmeasure ?? -1)) best[type] = score;
    }
  }
  return best;
}

/** The mean of several scores, each part for itself; zeros where there are none. */
export function meanRouge(scores: readonly RougeScore[]): RougeScore {
  if (scores.length === 0) return ZERO;
  const mean = (part: (score: RougeScore) => number): number =>
    scores.reduce((sum, score) => sum + part(score), 0) / scores.length;
  return {
    precision: mean((s) => s.precision),
    recall: mean((s) => s.recall),
    fmeasure: mean((s) => s.fmeasure),
  };
}

/** How a ROUGE score was computed. */
export function rougeSignature(
  type: RougeType,
  options: { readonly use_stemmer?: boolean; readonly references?: number } = {},
): string {
  return signature({
    nrefs: options.references ?? 1,
    type,
    stem: options.use_stemmer ?? false,
    tok: "rouge_score",
    split: type === "rougeLsum" ? "newline" : undefined,
    agg: "mean",
  });
}

function scoreOf(matches: number, sizes: { target: number; prediction: number }): RougeScore {
  const precision = matches / Math.max(sizes.prediction, 1);
  const recall = matches / Math.max(sizes.target, 1);
  const sum = precision + recall;
  return { precision, recall, fmeasure: sum > 0 ? (2 * precision * recall) / sum : 0 };
}

function scoreNgrams(
  target: readonly string[],
  prediction: readonly string[],
  options: { readonly order: number },
): RougeScore {
  const wanted = ngramCounts(target, options.order);
  let matches = 0;
  for (const [ngram, count] of ngramCounts(prediction, options.order)) {
    matches += Math.min(count, wanted.get(ngram) ?? 0);
  }
  return scoreOf(matches, {
    target: Math.max(0, target.length - options.order + 1),
    prediction: Math.max(0, prediction.length - options.order + 1),
  });
}

function ngramCounts(words: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= words.length; i++) {
    const ngram = words.slice(i, i + order).join(" ");
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

function scoreSubsequence(target: readonly string[], prediction: readonly string[]): RougeScore {
  if (target.length === 0 || prediction.length === 0) return ZERO;
  // One row of the table at a time: only the length is needed here.
  const row = new Uint32Array(prediction.length + 1);
  for (const word of target) {
    let diagonal = 0;
    for (let j = 1; j <= prediction.length; j++) {
      const above = row[j]!;
      row[j] = word === prediction[j - 1] ? diagonal + 1 : Math.max(above, row[j - 1]!);
      diagonal = above;
    }
  }
  return scoreOf(row[prediction.length]!, {
    target: target.length,
    prediction: prediction.length,
  });
}

function lines(text: string, options: { readonly use_stemmer?: boolean }): string[][] {
  return text.split("\n").filter((line) => line !== "").map((line) => rougeTokens(line, options));
}

/** Summary-level ROUGE-L, section 3.2 of the paper, each word counted once as ROUGE 1.5.5 does. */
function scoreLines(
  target: readonly (readonly string[])[],
  prediction: readonly (readonly string[])[],
): RougeScore {
  const targetSize = target.reduce((sum, line) => sum + line.length, 0);
  const predictionSize = prediction.reduce((sum, line) => sum + line.length, 0);
  if (targetSize === 0 || predictionSize === 0) return ZERO;
  const left = {
    target: ngramCounts(target.flat(), 1),
    prediction: ngramCounts(prediction.flat(), 1),
  };
  let hits = 0;
  for (const line of target) {
    const union = new Set(prediction.flatMap((candidate) => subsequence(line, candidate)));
    for (const index of [...union].sort((a, b) => a - b)) {
      const word = line[index]!;
      const inTarget = left.target.get(word) ?? 0;
      const inPrediction = left.prediction.get(word) ?? 0;
      if (inTarget === 0 || inPrediction === 0) continue;
      hits++;
      left.target.set(word, inTarget - 1);
      left.prediction.set(word, inPrediction - 1);
    }
  }
  return scoreOf(hits, { target: targetSize, prediction: predictionSize });
}

/** Positions in `line` of a longest common subsequence; of several, the one rouge_score reads out. */
function subsequence(line: readonly string[], candidate: readonly string[]): number[] {
  const width = candidate.length + 1;
  const table = new Uint32Array((line.length + 1) * width);
  for (let i = 1; i <= line.length; i++) {
    for (let j = 1; j < width; j++) {
      table[i * width + j] = line[i - 1] === candidate[j - 1]
        ? table[(i - 1) * width + j - 1]! + 1
        : Math.max(table[(i - 1) * width + j]!, table[i * width + j - 1]!);
    }
  }
  const positions: number[] = [];
  let i = line.length;
  let j = candidate.length;
  while (i > 0 && j > 0) {
    if (line[i - 1] === candidate[j - 1]) {
      positions.push(--i);
      j--;
    } else if (table[i * width + j - 1]! > table[(i - 1) * width + j]!) {
      j--;
    } else {
      i--;
    }
  }
  return positions;
}
