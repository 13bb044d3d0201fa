/**
 * Texts to rows of token ids: special tokens, truncation, overflow and packing.
 *
 * Truncation and overflow follow Hugging Face tokenizers: what stands around a text (`[CLS]`, `</s>`)
 * stays whole, the text gives way. Packing follows the way language models are pretrained: texts one
 * after the other with the end token between, cut into blocks; or, after trl, put into blocks whole
 * (`best_fit.ts`).
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { IGNORED_LABEL, type TokenRows } from "../../data/tokens/rows.ts";
import type { TextLengths } from "../../data/tokens/text_lengths.ts";
import type { StoredTokenRows } from "../../data/tokens/tokens.ts";
import type { Tokenizer } from "../load.ts";
import { BestFitPacker, type Piece } from "./best_fit.ts";
import { LengthCounts } from "./length_counts.ts";
import { TokenStore } from "./token_store.ts";

/** What rows need of a tokenizer once their texts are encoded. */
type RowTokenizer = Pick<Tokenizer, "around" | "eosTokenId" | "padTokenId">;

/**
 * How texts become blocks, by the names of trl: one after the other, cut where a block ends; whole, in
 * blocks that they fit into, and longer ones cut off; the same with what is cut off in blocks as well.
 */
export type PackingStrategy = "wrapped" | "bfd" | "bfd_split";

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
  /** Whether parts of texts are marked: tokens outside of them are not learned. */
  readonly marked?: boolean;
  /** Makes blocks of `maxLength` of several texts. */
  readonly packing?: PackingStrategy | undefined;
  /** With "wrapped": leaves out the last block of a split where it is not full. */
  readonly dropRemainder?: boolean;
}

/** What is known of a text beside its ids. */
export interface TextFacts {
  /** The class of its row; needed where `labelled`. */
  readonly label?: number | undefined;
  /** For each id whether it is learned; needed where `marked`. */
  readonly learned?: Uint8Array | undefined;
  /** Whether a token that ends the text is learned: where a mark reaches to its end. */
  readonly isEndLearned?: boolean;
}

/** What became of the texts of a split. */
export interface EncodedSplit {
  readonly rows: TokenRows | StoredTokenRows;
  /** Texts that gave a row or, with packing, a part of one. */
  readonly texts: number;
  /** Texts without a token, left out. */
  readonly dropped: number;
  /** Texts of which something was cut off. */
  readonly truncated: number;
  /** Tokens of the texts, before anything was cut off, with what is put around them. */
  readonly lengths?: TextLengths;
  /** Where parts are marked: tokens that are learned. */
  readonly learned?: number;
  /** Where parts are marked: texts in which nothing is. */
  readonly unlearned?: number;
}

/** Makes rows of the ids of the texts of a split, one call each, then `finish`. */
export class RowEncoder {
  readonly #tokenizer: RowTokenizer;
  readonly #options: RowEncoderOptions;
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  readonly #eos: number | undefined;
  readonly #tokens: TokenStore;
  readonly #packer: BestFitPacker | undefined;
  readonly #lengths = new LengthCounts();
  readonly #offsets: number[] = [0];
  readonly #labels: number[] = [];
  #isEndLearned = false;
  #texts = 0;
  #dropped = 0;
  #truncated = 0;
  #unlearned = 0;

  /**
   * @param options `file`: where ids go that are too many for the memory.
   * @throws {UserError} where the options do not go together or the tokenizer lacks an end token.
   */
  constructor(tokenizer: RowTokenizer, options: RowEncoderOptions & { readonly file: string }) {
    this.#tokenizer = tokenizer;
    this.#tokens = new TokenStore(options.file, {
      hasLabels: options.marked ?? false,
      block: options.packing === "wrapped" ? options.maxLength : undefined,
    });
    this.#options = options;
    const around = options.addSpecialTokens ?? true;
    this.#before = around ? tokenizer.around.before : [];
    this.#after = around ? tokenizer.around.after : [];
    this.#eos = tokenizer.eosTokenId;
    const { packing, maxLength } = options;
    if ((options.addEos || packing) && this.#eos === undefined) {
      throw new UserError({
        what: `${packing ? "packing" : "add_eos"} needs an end token, and the tokenizer has none`,
        remedy: packing
          ? "set packing: false"
          : 'set add_eos: false, or write the text\'s end into the template: "{{ text }}[SEP]"',
      });
    }
    this.#checkLengths();
    this.#packer = packing === "bfd" || packing === "bfd_split"
      ? new BestFitPacker({ size: maxLength!, emit: (pieces) => this.#putBlock(pieces) })
      : undefined;
  }

  /**
   * Adds one text.
   *
   * @param text Its ids, without what the tokenizer puts around them.
   */
  add(text: Int32Array, facts: TextFacts = {}): void {
    if (text.length === 0) {
      this.#dropped++;
      return;
    }
    const { addEos, marked } = this.#options;
    const { label, isEndLearned = false } = facts;
    const isOpen = addEos && !this.#isEnd(this.#after) && !this.#isEnd(text);
    const body = isOpen ? joined([text, [this.#eos!]]) : text;
    const flags = facts.learned ?? (marked ? new Uint8Array(text.length) : undefined);
    const learned = isOpen && flags !== undefined ? joinedFlags(flags, isEndLearned) : flags;
    this.#texts++;
    this.#lengths.add(this.#before.length + body.length + this.#after.length);
    const whole = { body, learned, isEndLearned };
    if (this.#packer !== undefined) this.#pack(this.#packer, whole);
    else if (this.#options.packing === "wrapped") this.#putWrapped(whole);
    else this.#putRows(whole, label);
  }

  /** The rows, ready to write. */
  finish(): EncodedSplit {
    const { packing, maxLength = 0, dropRemainder, marked } = this.#options;
    const { padTokenId, eosTokenId } = this.#tokenizer;
    this.#packer?.finish();
    if (packing === "wrapped") {
      const { length } = this.#tokens;
      for (let end = maxLength; end <= length; end += maxLength) this.#offsets.push(end);
      if (length > this.#offsets.at(-1)! && !dropRemainder) this.#offsets.push(length);
    }
    const lengths = this.#lengths.summary();
    const learned = this.#tokens.learned(this.#offsets.at(-1)!);
    return {
      rows: this.#rows(padTokenId ?? eosTokenId ?? 0),
      texts: this.#texts,
      dropped: this.#dropped,
      truncated: this.#truncated,
      ...lengths === undefined ? {} : { lengths },
      ...marked ? { learned, unlearned: this.#unlearned } : {},
    };
  }

  /** Rows of one text: one, or with overflow as many as it takes. */
  #putRows(text: Body, label: number | undefined): void {
    const { maxLength, overflow, stride = 0, labelled } = this.#options;
    const { body, learned, isEndLearned } = text;
    const room = maxLength === undefined
      ? Infinity
      : maxLength - this.#before.length - this.#after.length;
    if (body.length > room) this.#truncated++;
    this.#noteLearned(text, overflow ? body.length : room);
    for (let start = 0;; start += room - stride) {
      const isLast = start + room >= body.length;
      this.#tokens.append(this.#before, learned === undefined);
      this.#tokens.append(
        body.subarray(start, start + room),
        learned?.subarray(start, start + room) ?? true,
      );
      this.#tokens.append(this.#after, learned === undefined || (isLast && isEndLearned));
      this.#offsets.push(this.#tokens.length);
      if (label !== undefined && labelled) this.#labels.push(label);
      if (!overflow || isLast) return;
    }
  }

  /** A text behind the one before, with the end token between. */
  #putWrapped(text: Body): void {
    const { body, learned, isEndLearned } = text;
    this.#noteLearned(text, body.length);
    this.#putEnd();
    this.#tokens.append(this.#before, learned === undefined);
    this.#tokens.append(body, learned ?? true);
    this.#tokens.append(this.#after, learned === undefined || isEndLearned);
    this.#isEndLearned = isEndLearned;
  }

  /** Hands a text to be packed, cut off or in pieces where it is longer than a block. */
  #pack(packer: BestFitPacker, text: Body): void {
    const { packing, maxLength = 0 } = this.#options;
    const around = this.#before.length + this.#after.length;
    const isCut = packing === "bfd" && text.body.length + around > maxLength;
    const kept = isCut ? maxLength - around : text.body.length;
    if (isCut) this.#truncated++;
    this.#noteLearned(text, kept);
    const isEndLearned = text.isEndLearned && !isCut;
    const ids = joined([this.#before, text.body.subarray(0, kept), this.#after]);
    const learned = text.learned && this.#flagsAround(text.learned.subarray(0, kept), isEndLearned);
    for (let start = 0; start < ids.length; start += maxLength) {
      const end = Math.min(ids.length, start + maxLength);
      packer.add({
        ids: ids.subarray(start, end),
        learned: learned?.subarray(start, end),
        isOpen: ids[end - 1] !== this.#eos,
        isEndLearned: isEndLearned && end === ids.length,
      });
    }
  }

  #putBlock(pieces: readonly Piece[]): void {
    for (const [i, { ids, learned, isEndLearned }] of pieces.entries()) {
      if (i > 0) this.#putEnd();
      this.#tokens.append(ids, learned ?? true);
      this.#isEndLearned = isEndLearned;
    }
    this.#offsets.push(this.#tokens.length);
  }

  /** The end token behind a text that has none. */
  #putEnd(): void {
    if (this.#tokens.length === 0 || this.#tokens.endsWith(this.#eos!)) return;
    this.#tokens.append([this.#eos!], !this.#options.marked || this.#isEndLearned);
  }

  #isEnd(ids: ArrayLike<number>): boolean {
    return ids[ids.length - 1] === this.#eos;
  }

  #noteLearned({ learned }: Body, kept: number): void {
    if (learned?.subarray(0, kept).includes(1) === false) this.#unlearned++;
  }

  #flagsAround(learned: Uint8Array, isEndLearned: boolean): Uint8Array {
    const flags = new Uint8Array(this.#before.length + learned.length + this.#after.length);
    flags.set(learned, this.#before.length);
    if (isEndLearned) flags.fill(1, this.#before.length + learned.length);
    return flags;
  }

  #rows(pad: number): TokenRows | StoredTokenRows {
    const rows = this.#offsets.length - 1;
    const offsets = Float64Array.from(this.#offsets);
    const classes = this.#options.labelled
      ? { labels: { per: "row", data: Int32Array.from(this.#labels), pad: IGNORED_LABEL } as const }
      : {};
    const length = this.#offsets.at(-1)!;
    const tokens = this.#tokens.finish(length);
    if ("file" in tokens) {
      return { rows, stored: { ...tokens, length, offsets, pad }, ...classes };
    }
    const { ids: data, labels } = tokens;
    return {
      rows,
      columns: {
        input_ids: { per: "token", data, offsets, pad },
        ...labels === undefined
          ? classes
          : { labels: { per: "token", data: labels, offsets, pad: IGNORED_LABEL } },
      },
    };
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
    const cuts = packing === undefined || packing === "bfd";
    const around = cuts ? this.#before.length + this.#after.length : 0;
    if (maxLength <= around + stride) {
      throw new UserError({
        what: `max_length ${maxLength} leaves no room for text`,
        requirement: `it must be more than ${around} special tokens and a stride of ${stride}`,
      });
    }
  }
}

/** A text between its special tokens, and which of it is learned; undefined for all. */
interface Body {
  readonly body: Int32Array;
  readonly learned: Uint8Array | undefined;
  readonly isEndLearned: boolean;
}

function joined(parts: readonly ArrayLike<number>[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function joinedFlags(flags: Uint8Array, last: boolean): Uint8Array {
  const longer = new Uint8Array(flags.length + 1);
  longer.set(flags);
  longer[flags.length] = last ? 1 : 0;
  return longer;
}
