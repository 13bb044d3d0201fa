/**
 * What a decoder is: it makes text of the spellings of tokens.
 *
 * @module
 */

/** Changes a list of texts; at the end they are joined. */
export type Decoder = (tokens: readonly string[]) => readonly string[];
