/**
 * A dataset to a tokens artifact: every split through the template, the tokenizer and the row encoder.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { rowOf } from "../data/formats/batch.ts";
import type { RowProgress } from "../data/rows/row_progress.ts";
import type { RowStream } from "../data/rows/stream.ts";
import type { UnwrittenTokens } from "../data/tokens/tokens.ts";
import { type EncodedSplit, RowEncoder } from "./encode_rows.ts";
import { readLabels } from "./labels.ts";
import type { Tokenizer } from "./load.ts";
import { compileTemplate } from "../text/template.ts";

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
  /** For files that {@linkcode TokenizedDataset} may name, and that its reader removes. */
  readonly folder: string;
  readonly progress: RowProgress;
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

/** Rows between two looks at the clock, at interruptions and at the progress line. */
const ROWS_PER_TURN = 512;

/**
 * Tokenizes every split.
 *
 * @throws {UserError} where the template, a label or the options do not fit, or no row has a token.
 */
export async function tokenizeDataset(
  stream: RowStream,
  context: TokenizeContext,
): Promise<TokenizedDataset> {
  const { tokenizer, options, log, folder } = context;
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
    for await (const batch of stream.batches(name, { signal: context.signal })) {
      for (let i = 0; i < batch.length; i++) {
        const row = rowOf(batch, i);
        encoder.add(render(row), labels?.of(row));
        if (++done % ROWS_PER_TURN === 0) await turn(context, { done, total });
      }
    }
    const { rows: encoded, ...rest } = encoder.finish();
    splits[name] = encoded;
    counts[name] = rest;
  }
  await turn(context, { done, total });
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

/** Lets the event loop run, so that an interruption is heard, and reports progress. */
async function turn(
  { progress, signal }: TokenizeContext,
  { done, total }: { done: number; total: number },
): Promise<void> {
  progress(done, total);
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
