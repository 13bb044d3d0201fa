/**
 * What a filter dropped: how many rows by rule, and the first of them.
 *
 * @module
 */

import { excerpt } from "../../../text/excerpt.ts";

/** Examples of each rule. */
const EXAMPLES = 3;

/** Counts rows that are dropped. */
export class Dropped {
  readonly #counts: Record<string, number> = {};
  readonly #examples: Record<string, string[]> = {};

  /** @param rules Those that are counted whether or not they drop a row. */
  constructor(rules: readonly string[]) {
    for (const rule of rules) this.#counts[rule] = 0;
  }

  add(rule: string, text: string): void {
    this.addCount(rule, 1);
    this.addExample(rule, text);
  }

  addCount(rule: string, count: number): void {
    this.#counts[rule] = (this.#counts[rule] ?? 0) + count;
  }

  addExample(rule: string, text: string): void {
    const examples = this.#examples[rule] ??= [];
    if (examples.length < EXAMPLES) examples.push(excerpt(text));
  }

  /** Whether a rule has as many examples as are shown. */
  isShown(rule: string): boolean {
    return (this.#examples[rule]?.length ?? 0) >= EXAMPLES;
  }

  get counts(): Readonly<Record<string, number>> {
    return this.#counts;
  }

  /** The beginnings of the first texts that each rule dropped. */
  get examples(): Readonly<Record<string, readonly string[]>> {
    return this.#examples;
  }
}
