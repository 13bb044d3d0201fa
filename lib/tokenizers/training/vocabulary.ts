/**
 * Tokens that get the next id when they come up, and what may come first among them.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";

/** Tokens and their ids, which count from 0 in the order of adding. */
export class Vocabulary {
  readonly tokens: string[] = [];
  readonly #ids = new Map<string, number>();

  /** @param tokens Get the first ids. */
  constructor(tokens: readonly string[]) {
    for (const token of tokens) this.add(token);
  }

  /** The id of a token, which is added where it is new. */
  add(token: string): number {
    const known = this.#ids.get(token);
    if (known !== undefined) return known;
    this.#ids.set(token, this.tokens.length);
    return this.tokens.push(token) - 1;
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }
}

/** @throws {UserError} where a special token is empty or given twice. */
export function checkSpecialTokens(specialTokens: readonly string[]): void {
  const repeated = specialTokens.find((token, i) =>
    token === "" || specialTokens.indexOf(token) < i
  );
  if (repeated === undefined) return;
  throw new UserError({
    what: repeated === ""
      ? "cannot train a tokenizer with an empty special token"
      : `cannot train a tokenizer with the special token "${repeated}" twice`,
    requirement: "special_tokens are different, non-empty texts",
  });
}

/**
 * @param least Tokens that there have to be.
 * @param parts What these are, for the message.
 * @throws {UserError} where a vocabulary has no room for them.
 */
export function checkVocabSize(
  vocabSize: number,
  { least, parts, remedy }: {
    readonly least: number;
    readonly parts: string;
    readonly remedy?: string;
  },
): void {
  if (Number.isInteger(vocabSize) && vocabSize >= least) return;
  throw new UserError({
    what: `cannot train a tokenizer with vocab_size ${vocabSize}`,
    requirement: `vocab_size must be at least ${least}: ${parts}`,
    ...remedy === undefined ? {} : { remedy },
  });
}
