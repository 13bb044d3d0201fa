/**
 * What a model is: it makes tokens of a word.
 *
 * @module
 */

/** Where tokens go: their ids and the units of the word that each stands for. */
export class TokenSink {
  readonly ids: number[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  push(id: number, start: number, end: number): void {
    this.ids.push(id);
    this.starts.push(start);
    this.ends.push(end);
  }
}

/** Makes tokens of words, without looking at what is around them. */
export interface Model {
  /**
   * Appends the tokens of a word, which is not empty.
   *
   * @throws {ComponentError} where the vocabulary has no token for it, and none for what it lacks.
   */
  tokenize(word: string, sink: TokenSink): void;
  /** An unknown token that is spelled as the text that it stands for; others are spelled by the vocabulary. */
  readonly spelledUnknownId?: number | undefined;
  /** Token -> id. */
  readonly vocab: ReadonlyMap<string, number>;
}
