/**
 * A dataset to a tokens artifact: every split through the template, the tokenizer and the row encoder.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { type Batch, rowOf } from "../../data/formats/batch.ts";
import type { Row } from "../../data/formats/columns.ts";
import type { RowProgress } from "../../data/rows/row_progress.ts";
import type { RowStream } from "../../data/rows/stream.ts";
import type { UnwrittenTokens } from "../../data/tokens/tokens.ts";
import { describeTokens } from "./describe.ts";
import {
  type EncodedSplit,
  type PackingStrategy,
  RowEncoder,
  type TextFacts,
} from "./encode_rows.ts";
import { readLabels } from "./labels.ts";
import type { Tokenizer } from "../load.ts";
import type { EncodedTexts } from "../parallel/encoded_texts.ts";
import { EncoderThreads } from "../parallel/encoder_threads.ts";
import { compileMarkedTemplate, compileTemplate, type MarkedText } from "../../text/template.ts";

/** Options of the `tokenize` stage that concern rows. */
export interface TokenizeOptions {
  readonly template: string;
  readonly max_length?: number | undefined;
  readonly truncation: boolean;
  readonly return_overflowing_tokens: boolean;
  readonly stride: number;
  readonly packing: boolean;
  readonly packing_strategy: PackingStrategy;
  readonly drop_remainder: boolean;
  readonly add_eos: boolean;
  readonly add_special_tokens: boolean;
  readonly label_column?: string | undefined;
}

/** What to tokenize with, and whom to tell. */
export interface TokenizeContext {
  readonly tokenizer: Tokenizer;
  readonly options: TokenizeOptions;
  /** Whether the tokenizer was trained on this dataset. */
  readonly trained: boolean;
  /**
   * The tokenizer's folder, from which threads load it, and for files that {@linkcode TokenizedDataset} may
   * name, and that its reader removes.
   */
  readonly folder: string;
  /** Where the tokenizer came from, for messages; default `folder`. */
  readonly name?: string | undefined;
  /** Cores to keep busy; default 1. What comes out is the same. */
  readonly threads?: number;
  readonly progress: RowProgress;
  readonly log: (message: string) => void;
  readonly signal: AbortSignal;
}

/** What `writeTokens` takes, and a sentence about it. */
export interface TokenizedDataset extends UnwrittenTokens {
  /** For the summary: rows, tokens and the share of truncated texts; classes that cannot be learned. */
  readonly notes: readonly string[];
}

/** Characters that are encoded between two looks at interruptions and at the progress line. */
const CHARACTERS_PER_TURN = 1 << 18;

/** Texts that go to a thread together, and what is known of their rows. */
interface Parcel {
  readonly texts: string[];
  /** Which parts of them are learned; empty where all are. */
  readonly marks: (readonly number[])[];
  readonly facts: Pick<TextFacts, "label" | "isEndLearned">[];
}

/**
 * Tokenizes every split.
 *
 * @throws {UserError} where the template, a label or the options do not fit, or no row has a token.
 */
export async function tokenizeDataset(
  stream: RowStream,
  context: TokenizeContext,
): Promise<TokenizedDataset> {
  const { tokenizer, options, log, folder, name: source, threads = 1 } = context;
  const { render, isMarked } = renderer(options.template, stream);
  if (isMarked && options.label_column !== undefined) {
    throw new UserError({
      what: "template marks what is learned with {% generation %}, and label_column names classes",
      remedy: "leave out one of them: rows have labels of tokens or classes",
    });
  }
  const labels = options.label_column === undefined
    ? undefined
    : await readLabels(stream, options.label_column);
  const bounded = options.truncation || options.packing;
  const maxLength = bounded ? options.max_length ?? tokenizer.modelMaxLength : undefined;
  if (options.max_length === undefined && bounded) {
    log(
      maxLength === undefined
        ? "max_length is not set and the tokenizer has no model_max_length: no text is cut"
        : `max_length is ${maxLength}, the tokenizer's model_max_length`,
    );
  }
  const total = Object.values(stream.splits).reduce((sum, rows) => sum + rows, 0);
  using encoders = new EncoderThreads({ tokenizer, folder, name: source, threads, log });
  let done = 0;
  const encoded: Record<string, EncodedSplit> = {};
  for (const name of Object.keys(stream.splits)) {
    const encoder = new RowEncoder(tokenizer, {
      file: `${folder}/.${name}.ids`,
      maxLength,
      overflow: options.return_overflowing_tokens,
      stride: options.stride,
      addEos: options.add_eos,
      addSpecialTokens: options.add_special_tokens,
      packing: options.packing ? options.packing_strategy : undefined,
      dropRemainder: options.drop_remainder,
      labelled: labels !== undefined,
      marked: isMarked,
    });
    const sent: { readonly facts: Parcel["facts"]; readonly encoded: Promise<EncodedTexts> }[] = [];
    const receive = async (): Promise<void> => {
      const { facts, encoded } = sent.shift()!;
      const { ids, ends, learned } = await encoded;
      for (const [i, end] of ends.entries()) {
        const start = ends[i - 1] ?? 0;
        encoder.add(ids.subarray(start, end), {
          ...facts[i]!,
          learned: learned?.subarray(start, end),
        });
      }
      done += ends.length;
      await turn(context, { done, total });
    };
    const batches = stream.batches(name, { signal: context.signal });
    for await (const { texts, marks, facts } of parcels(batches, { render, labels })) {
      sent.push({ facts, encoded: encoders.encode(texts, isMarked ? marks : undefined) });
      while (sent.length >= encoders.depth) await receive();
    }
    while (sent.length > 0) await receive();
    encoded[name] = encoder.finish();
  }
  const named = Object.entries(encoded);
  const splits = Object.fromEntries(named.map(([name, { rows }]) => [name, rows]));
  if (total > 0 && Object.values(splits).every((split) => split.rows === 0)) {
    throw new UserError({
      what: `none of the ${total} rows gives a row of tokens`,
      requirement: options.drop_remainder
        ? "with drop_remainder a split needs at least max_length tokens"
        : "the template has to give text",
    });
  }
  if (isMarked && named.every(([, { learned }]) => learned === 0)) {
    throw new UserError({
      what: `nothing is left to learn in any of the ${total} rows`,
      requirement: "the template marks with {% generation %} what is learned, and no token of " +
        "what is marked is there",
      remedy: "look at what the marks stand around; a larger max_length cuts off less",
    });
  }
  const { bosTokenId, eosTokenId, padTokenId } = tokenizer;
  const { rows, lengths } = describeTokens({ splits: encoded, maxLength });
  return {
    info: {
      vocab_size: tokenizer.vocabSize,
      max_length: maxLength ?? null,
      packed: options.packing,
      eos_token_id: eosTokenId ?? null,
      bos_token_id: bosTokenId ?? null,
      pad_token_id: padTokenId ?? eosTokenId ?? null,
      ...(labels === undefined ? {} : { labels: labels.names }),
      tokenizer: { source: context.trained ? "trained" : "input", type: tokenizer.type },
      splits: encoded,
    },
    splits,
    notes: [rows, ...labels?.notes ?? [], ...lengths],
  };
}

/** Renders rows, with what is marked as learned where the template marks anything. */
function renderer(
  template: string,
  { columns }: RowStream,
): { readonly render: (row: Row) => MarkedText; readonly isMarked: boolean } {
  const options = { columns, option: "template" };
  const marked = compileMarkedTemplate(template, options);
  if (marked !== undefined) return { render: marked, isMarked: true };
  const plain = compileTemplate(template, options);
  return { render: (row) => ({ text: plain(row), learned: [] }), isMarked: false };
}

/** The texts of rows, put together. */
async function* parcels(
  batches: AsyncIterable<Batch>,
  { render, labels }: {
    readonly render: (row: Row) => MarkedText;
    readonly labels: { readonly of: (row: Row) => number | undefined } | undefined;
  },
): AsyncGenerator<Parcel> {
  let parcel: Parcel = { texts: [], marks: [], facts: [] };
  let characters = 0;
  for await (const batch of batches) {
    for (let i = 0; i < batch.length; i++) {
      const row = rowOf(batch, i);
      const { text, learned } = render(row);
      parcel.texts.push(text);
      parcel.marks.push(learned);
      parcel.facts.push({ label: labels?.of(row), isEndLearned: learned.at(-1) === text.length });
      // An empty text counts, too, so that a parcel has an end.
      characters += text.length + 1;
      if (characters < CHARACTERS_PER_TURN) continue;
      yield parcel;
      parcel = { texts: [], marks: [], facts: [] };
      characters = 0;
    }
  }
  if (parcel.texts.length > 0) yield parcel;
}

/** Lets the event loop run, so that an interruption is heard, and reports progress. */
async function turn(
  { progress, signal }: TokenizeContext,
  { done, total }: { done: number; total: number },
): Promise<void> {
  progress(done, total);
  await new Promise((resolve) => setTimeout(resolve, 0));
  signal.throwIfAborted();
}
