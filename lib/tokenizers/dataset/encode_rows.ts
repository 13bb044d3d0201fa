/**
 * Texts to rows of token ids: special tokens, truncation, overflow and packing.
 *
 * Truncation and overflow follow Hugging Face tokenizers: what stands around a text (`[CLS]`, `</s>`)
 * stays whole, the text gives way. Packing follows the way language models are pretrained: texts one
 * after the other with the end token between, cut into blocks.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { IGNORED_LABEL, type TokenRows } from "../../data/tokens/rows.ts";
import type { StoredTokenRows } from "../../data/tokens/tokens.ts";
import { IdStore } from "./id_store.ts";
import type { Tokenizer } from "../load.ts";

/** What rows need of a tokenizer once their texts are encoded. */
type RowTokenizer = Pick<Tokenizer, "around" | "eosTokenId" | "padTokenId">;

/** Options of {@linkcode RowEncoder}. */
export interface RowEncoderOptions {
  /** Most ids in a row; undefined for no bound. */
  readonly maxLength?: number | undefined;
  /** Keeps further pieces of a long text as further rows; else they are cut off. */
  readonly overflow?: boolean;
  /** Ids that a piece of a long text shares with the one before. */
  readonly stride?: number;
  /** Ends each text with the end token. */
  readonly addEos?: boolean;
  /** Puts around each text what the tokenizer says; default true. */
  readonly addSpecialTokens?: boolean;
  /** Whether every text comes with the class of its row. */
  readonly labelled?: boolean;
  /** Joins texts and cuts them into blocks of `maxLength`. */
  readonly packing?: boolean;
  /** Leaves out the last block of a split where it is not full. */
  readonly dropRemainder?: boolean;
}

/** What became of the texts of a split. */
export interface EncodedSplit {
  readonly rows: TokenRows | StoredTokenRows;
  /** Texts that gave a row or, with packing, a part of one. */
  readonly texts: number;
  /** Texts without a token, left out. */
  readonly dropped: number;
  /** Texts that were longer than `maxLength`. Never with packing. */
  readonly truncated: number;
}

/** Makes rows of the ids of the texts of a split, one call each, then `finish`. */
export class RowEncoder {
  readonly #tokenizer: RowTokenizer;
  readonly #options: RowEncoderOptions;
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  readonly #eos: number | undefined;
  readonly #ids: IdStore;
  readonly #offsets: number[] = [0];
  readonly #labels: number[] = [];
  #texts = 0;
  #dropped = 0;
  #truncated = 0;

  /**
   * @param options `file`: where ids go that are too many for the memory.
   * @throws {UserError} where the options do not go together or the tokenizer lacks an end token.
   */
  constructor(tokenizer: RowTokenizer, options: RowEncoderOptions & { readonly file: string }) {
    this.#tokenizer = tokenizer;
    this.#ids = new IdStore(options.file);
    this.#options = options;
    const around = options.addSpecialTokens ?? true;
    this.#before = around ? tokenizer.around.before : [];
    this.#after = around ? tokenizer.around.after : [];
    this.#eos = tokenizer.eosTokenId;
    if ((options.addEos || options.packing) && this.#eos === undefined) {
      throw new UserError({
        what: `${
          options.packing ? "packing" : "add_eos"
        } needs an end token, and the tokenizer has none`,
        remedy: options.packing
          ? "set packing: false"
          : 'set add_eos: false, or write the text\'s end into the template: "{{ text }}[SEP]"',
      });
    }
    this.#checkLengths();
  }

  /**
   * Adds one text.
   *
   * @param text Its ids, without what the tokenizer puts around them.
   * @param label The class of its row; needed where `labelled`.
   */
  add(text: Int32Array, label?: number): void {
    const { packing, maxLength, overflow, stride = 0, addEos, labelled } = this.#options;
    if (text.length === 0) {
      this.#dropped++;
      return;
    }
    const ended = (ids: ArrayLike<number>): boolean => ids[ids.length - 1] === this.#eos;
    const isOpen = addEos && !ended(this.#after) && !ended(text);
    const body = isOpen ? withLast(text, this.#eos!) : text;
    this.#texts++;
    if (packing) {
      if (this.#ids.length > 0 && !this.#ids.endsWith(this.#eos!)) this.#ids.push(this.#eos!);
      for (const part of [this.#before, body, this.#after]) this.#ids.append(part);
      return;
    }
    const room = maxLength === undefined
      ? Infinity
      : maxLength - this.#before.length - this.#after.length;
    if (body.length > room) this.#truncated++;
    for (let start = 0;; start += room - stride) {
      this.#ids.append(this.#before);
      this.#ids.append(body.subarray(start, start + room));
      this.#ids.append(this.#after);
      this.#offsets.push(this.#ids.length);
      if (label !== undefined && labelled) this.#labels.push(label);
      if (!overflow || start + room >= body.length) return;
    }
  }

  /** The rows, ready to write. */
  finish(): EncodedSplit {
    const { packing, maxLength = 0, dropRemainder } = this.#options;
    const { padTokenId, eosTokenId } = this.#tokenizer;
    if (packing) {
      for (let end = maxLength; end <= this.#ids.length; end += maxLength) this.#offsets.push(end);
      const rest = this.#ids.length > this.#offsets.at(-1)!;
      if (rest && !dropRemainder) this.#offsets.push(this.#ids.length);
    }
    return {
      rows: this.#rows(padTokenId ?? eosTokenId ?? 0),
      texts: this.#texts,
      dropped: this.#dropped,
      truncated: this.#truncated,
    };
  }

  #rows(pad: number): TokenRows | StoredTokenRows {
    const rows = this.#offsets.length - 1;
    const offsets = Float64Array.from(this.#offsets);
    const labels = this.#options.labelled
      ? { labels: { per: "row", data: Int32Array.from(this.#labels), pad: IGNORED_LABEL } as const }
      : {};
    const length = this.#offsets.at(-1)!;
    const data = this.#ids.finish(length);
    return typeof data === "string"
      ? { rows, stored: { file: data, length, offsets, pad }, ...labels }
      : { rows, columns: { input_ids: { per: "token", data, offsets, pad }, ...labels } };
  }

  #checkLengths(): void {
    const { maxLength, stride = 0, packing } = this.#options;
    if (maxLength === undefined) {
      if (!packing) return;
      throw new UserError({
        what: "packing needs max_length, the length of a block",
        requirement: "the tokenizer does not say what its model takes",
        remedy: "set max_length",
      });
    }
    const around = packing ? 0 : this.#before.length + this.#after.length;
    if (maxLength <= around + stride) {
      throw new UserError({
        what: `max_length ${maxLength} leaves no room for text`,
        requirement: `it must be more than ${around} special tokens and a stride of ${stride}`,
      });
    }
  }
}

/** The ids and one more. */
function withLast(ids: Int32Array, last: number): Int32Array {
  const longer = new Int32Array(ids.length + 1);
  longer.set(ids);
  longer[ids.length] = last;
  return longer;
}
