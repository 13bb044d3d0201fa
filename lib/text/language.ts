/**
 * Which language a text is in: the package eld (Efficient Language Detector, 60 languages), whose scores become
 * probabilities.
 *
 * eld reads the first 350 bytes or so of a text, and the first lines of a page are often a menu. Of longer
 * texts the middle and the end are read as well, and all count alike. What it knows no words of is in no
 * language: numbers, code, a language it doesn't have; one that is near to another may be taken for it
 * (Indonesian for Malay).
 *
 * @module
 */

/** A language that a text may be in. */
export interface LanguageGuess {
  /** Its code of ISO 639-1: `en`. */
  readonly language: string;
  /** How probable it is among those that are known, from 0 to 1. */
  readonly probability: number;
}

/** Names the most probable language of a text; undefined where there is none. */
export type LanguageDetector = (text: string) => LanguageGuess | undefined;

/** UTF-16 units of a text that are read at a place: more than eld reads. */
const WINDOW = 400;

/** How eld makes a number below 1 of a score (`LanguageResult.js`): score / (score + 25). */
const SCALE = 25;

/**
 * Units of score by which a language is e times as probable. With 7, of 10,000 messages of a program in 14
 * languages as many were right as the probabilities said (a half of those with 0.5, 95% of those from 0.95 on).
 */
const TEMPERATURE = 7;

/**
 * Loads the detector: about 2 MB of n-grams, in memory 70 MB, which is why nothing else of this room imports
 * it.
 *
 * @example
 * ```ts
 * import { loadLanguageDetector } from "./language.ts";
 * const languageOf = await loadLanguageDetector();
 * if (languageOf("Ich habe gestern einen Wal gesehen.")?.language !== "de") throw new Error();
 * if (languageOf("12345") !== undefined) throw new Error();
 * ```
 */
export async function loadLanguageDetector(): Promise<LanguageDetector> {
  const { eld } = await import("eld/medium");
  return (text) => {
    const scores = new Map<string, number>();
    const windows = windowsOf(text);
    for (const window of windows) {
      for (const [language, share] of Object.entries(eld.detect(window).getScores())) {
        scores.set(language, (scores.get(language) ?? 0) + SCALE * share / (1 - share));
      }
    }
    return mostProbable(scores, windows.length);
  };
}

function windowsOf(text: string): string[] {
  if (text.length <= WINDOW) return [text];
  const last = text.length - WINDOW;
  const starts = text.length <= 3 * WINDOW ? [0, last] : [0, Math.floor(last / 2), last];
  return starts.map((start) => {
    // A window begins between words where there is a space near.
    const space = start === 0 ? -1 : text.slice(start, start + 40).search(/\s/);
    return text.slice(start + Math.max(0, space), start + WINDOW).toWellFormed();
  });
}

function mostProbable(
  scores: ReadonlyMap<string, number>,
  windows: number,
): LanguageGuess | undefined {
  let best: string | undefined;
  let most = 0;
  for (const [language, score] of scores) if (score > most) [best, most] = [language, score];
  if (best === undefined) return undefined;
  let sum = 0;
  for (const score of scores.values()) sum += Math.exp((score - most) / windows / TEMPERATURE);
  return { language: best, probability: 1 / sum };
}
