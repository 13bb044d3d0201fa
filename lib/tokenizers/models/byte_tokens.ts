/**
 * Tokens that stand for a byte, `<0x0A>`: what SentencePiece falls back to.
 *
 * @module
 */

/** The ids of the 256 bytes' tokens; -1 where there is none. */
export function byteTokens(vocab: ReadonlyMap<string, number>): readonly number[] {
  return Array.from(
    { length: 256 },
    (_, byte) => vocab.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`) ?? -1,
  );
}

/** The byte that a token stands for, in small letters, too; undefined where it is none. */
export function byteOf(token: string): number | undefined {
  const digits = /^<0x(\+?[0-9a-fA-F]{1,2})>$/.exec(token)?.[1];
  return digits?.length === 2 ? Number.parseInt(digits, 16) : undefined;
}
