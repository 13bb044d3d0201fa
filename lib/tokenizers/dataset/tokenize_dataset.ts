/**
 * A dataset to a tokens artifact: every split through the template, the tokenizer and the row encoder.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { type Batch, rowOf } from "../../data/formats/batch.ts";
import type { Row } from "../../data/formats/columns.ts";
import type { RowStream } from "../../data/rows/stream.ts";
import type { UnwrittenTokens } from "../../data/tokens/tokens.ts";
import { type EncodedSplit, RowEncoder } from "./encode_rows.ts";
import { readLabels } from "./labels.ts";
import type { Tokenizer } from "../load.ts";
import type { EncodedTexts } from "../parallel/encoded_texts.ts";
import { EncoderThreads } from "../parallel/encoder_threads.ts";
import { compileTemplate } from "../../text/template.ts";

/** Options of the `tokenize` stage that concern rows. */
export interface TokenizeOptions {
  readonly template: string;
  readonly max_length?: number | undefined;
  readonly truncation: boolean;
  readonly return_overflowing_tokens: boolean;
  readonly stride: number;
  readonly packing: boolean;
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
  readonly progress: (done: number, total: number, unit: string) => void;
  readonly log: (message: string) => void;
  readonly signal: AbortSignal;
}

/** What `writeTokens` takes, and a sentence about it. */
export interface TokenizedDataset extends UnwrittenTokens {
  /** For the summary: rows, tokens and the share of truncated texts; classes that cannot be learned. */
  readonly notes: readonly string[];
}

/** What became of a split's texts. */
type Counts = Omit<EncodedSplit, "rows">;

/** Characters that are encoded between two looks at interruptions and at the progress line. */
const CHARACTERS_PER_TURN = 1 << 18;

/** Texts that go to a thread together, and the classes of their rows. */
interface Parcel {
  readonly texts: string[];
  readonly labels: (number | undefined)[];
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
  const render = compileTemplate(options.template, {
    columns: stream.columns,
    option: "template",
  });
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
  const splits: Record<string, EncodedSplit["rows"]> = {};
  const counts: Record<string, Counts> = {};
  for (const name of Object.keys(stream.splits)) {
    const encoder = new RowEncoder(tokenizer, {
      file: `${folder}/.${name}.ids`,
      maxLength,
      overflow: options.return_overflowing_tokens,
      stride: options.stride,
      addEos: options.add_eos,
      addSpecialTokens: options.add_special_tokens,
      packing: options.packing,
      dropRemainder: options.drop_remainder,
      labelled: labels !== undefined,
    });
    const sent: { readonly labels: Parcel["labels"]; readonly encoded: Promise<EncodedTexts> }[] =
      [];
    const receive = async (): Promise<void> => {
      const { labels, encoded } = sent.shift()!;
      const { ids, ends } = await encoded;
      for (const [i, end] of ends.entries()) {
        encoder.add(ids.subarray(ends[i - 1] ?? 0, end), labels[i]);
      }
      done += ends.length;
      await turn(context, { done, total });
    };
    const batches = stream.batches(name, { signal: context.signal });
    for await (const { texts, labels: classes } of parcels(batches, { render, labels })) {
      sent.push({ labels: classes, encoded: encoders.encode(texts) });
      while (sent.length >= encoders.depth) await receive();
    }
    while (sent.length > 0) await receive();
    const { rows: encoded, ...rest } = encoder.finish();
    splits[name] = encoded;
    counts[name] = rest;
  }
  if (total > 0 && Object.values(splits).every((split) => split.rows === 0)) {
    throw new UserError({
      what: `none of the ${total} rows gives a row of tokens`,
      requirement: options.drop_remainder
        ? "with drop_remainder a split needs at least max_length tokens"
        : "the template has to give text",
    });
  }
  const { bosTokenId, eosTokenId, padTokenId } = tokenizer;
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
      splits: counts,
    },
    splits,
    notes: [describe(splits, { counts, maxLength }), ...labels?.notes ?? []],
  };
}

/** The texts of rows, put together. */
async function* parcels(
  batches: AsyncIterable<Batch>,
  { render, labels }: {
    readonly render: (row: Row) => string;
    readonly labels: { readonly of: (row: Row) => number | undefined } | undefined;
  },
): AsyncGenerator<Parcel> {
  let parcel: Parcel = { texts: [], labels: [] };
  let characters = 0;
  for await (const batch of batches) {
    for (let i = 0; i < batch.length; i++) {
      const row = rowOf(batch, i);
      const text = render(row);
      parcel.texts.push(text);
      parcel.labels.push(labels?.of(row));
      // An empty text counts, too, so that a parcel has an end.
      characters += text.length + 1;
      if (characters < CHARACTERS_PER_TURN) continue;
      yield parcel;
      parcel = { texts: [], labels: [] };
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
  progress(done, total, "rows");
  await new Promise((resolve) => setTimeout(resolve, 0));
  signal.throwIfAborted();
}

function describe(
  splits: TokenizedDataset["splits"],
  { counts, maxLength }: {
    counts: Readonly<Record<string, Counts>>;
    maxLength: number | undefined;
  },
): string {
  const number = (value: number): string => value.toLocaleString("en-US");
  const parts = Object.entries(splits).map(([name, split]) => {
    const tokens = "stored" in split ? split.stored.length : split.columns.input_ids.data.length;
    const { texts, dropped, truncated } = counts[name]!;
    const notes = [`${number(tokens)} tokens`];
    if (truncated > 0) {
      notes.push(
        `${(100 * truncated / texts).toFixed(1)} % of texts longer than ${maxLength} tokens`,
      );
    }
    if (dropped > 0) notes.push(`${number(dropped)} empty dropped`);
    return `${name} ${number(split.rows)} rows, ${notes.join(", ")}`;
  });
  return parts.join("; ");
}
