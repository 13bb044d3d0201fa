/**
 * Tokens one after the other: their ids and, where parts of texts are marked, their labels.
 *
 * @module
 */
import { IGNORED_LABEL } from "../../data/tokens/rows.ts";
import { IdStore } from "./id_store.ts";

/** Which of some tokens are learned: all, none, or those with a 1. */
export type Learned = boolean | Uint8Array;

/** What {@linkcode TokenStore.finish} leaves. */
export type StoredTokens =
  | { readonly ids: Int32Array<ArrayBuffer>; readonly labels?: Int32Array<ArrayBuffer> }
  | { readonly file: string; readonly labels?: string };

/** Tokens that grow at one end. */
export class TokenStore {
  readonly #ids: IdStore;
  readonly #labels: IdStore | undefined;
  readonly #block: number;
  #learned = 0;
  /** Of them, those in blocks that are full. */
  #learnedInFull = 0;

  /**
   * @param path The file for ids, which is made where it is needed; that of labels is called `PATH.labels`.
   * @param options `hasLabels`: whether not every token is learned; `block`: tokens of a block, where they
   *   are cut into such; `held`: tokens to hold in memory.
   */
  constructor(
    path: string,
    { hasLabels, block = Infinity, held }: {
      readonly hasLabels: boolean;
      readonly block?: number | undefined;
      readonly held?: number;
    },
  ) {
    this.#block = block;
    this.#ids = new IdStore(path, held);
    this.#labels = hasLabels ? new IdStore(`${path}.labels`, held) : undefined;
  }

  get length(): number {
    return this.#ids.length;
  }

  /**
   * How many of the first tokens are learned.
   *
   * @param length All of them, or those in blocks that are full.
   */
  learned(length: number): number {
    return length === this.length ? this.#learned : this.#learnedInFull;
  }

  append(ids: Int32Array | readonly number[], learned: Learned): void {
    const start = this.length;
    this.#ids.append(ids);
    if (this.#labels === undefined) return;
    const labels = new Int32Array(ids.length).fill(IGNORED_LABEL);
    for (let i = 0; i < ids.length; i++) {
      if ((start + i) % this.#block === 0) this.#learnedInFull = this.#learned;
      if (learned !== true && (learned === false || learned[i] === 0)) continue;
      labels[i] = ids[i]!;
      this.#learned++;
    }
    // As many as ids at every turn: so both are in memory, or both in files.
    this.#labels.append(labels);
  }

  endsWith(id: number): boolean {
    return this.#ids.endsWith(id);
  }

  /**
   * Ends it.
   *
   * @param length How many of the tokens are meant.
   */
  finish(length: number = this.length): StoredTokens {
    const ids = this.#ids.finish(length);
    const labels = this.#labels?.finish(length);
    return typeof ids === "string"
      ? { file: ids, ...labels === undefined ? {} : { labels: labels as string } }
      : { ids, ...labels === undefined ? {} : { labels: labels as Int32Array<ArrayBuffer> } };
  }
}
