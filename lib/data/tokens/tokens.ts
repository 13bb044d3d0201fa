/**
 * The `tokens` artifact (contract 2): a folder with `tokens.json` and one `<split>.safetensors` per
 * split. Rows are ragged: row i is `input_ids[offsets[i] .. offsets[i + 1]]`; padding happens when
 * batches are made. The tokenizer's own files lie beside them and are not read here.
 *
 * @module
 */
import { InternalError, UserError } from "../../base/errors.ts";
import { readSafetensors, type TensorData, writeSafetensors } from "../formats/safetensors.ts";

/** One split of a tokens artifact. */
export interface TokenSplit {
  /** int32 [N]: the rows one after the other. */
  readonly inputIds: Int32Array<ArrayBuffer>;
  /** [rows + 1]: where each row starts, and N. Whole numbers (int64 in the file). */
  readonly offsets: Float64Array;
  /** int32: [rows] where `info.labels` is there (a class per row), else [N] (a label per token). */
  readonly labels?: Int32Array<ArrayBuffer>;
  readonly rows: number;
}

/** What tokens.json says of a split. */
export interface TokenSplitInfo {
  readonly file: string;
  readonly rows: number;
  readonly tokens: number;
  /** Rows that were left out because they had no token. */
  readonly dropped?: number;
  /** Rows that were longer than `max_length`. */
  readonly truncated?: number;
}

/** The content of tokens.json. */
export interface TokensInfo {
  readonly kind: "tokens";
  /** One more than the highest id of the tokenizer. */
  readonly vocab_size: number;
  /** No row is longer; null where rows were not bounded. */
  readonly max_length: number | null;
  /** True where rows are blocks cut from texts that were joined. */
  readonly packed: boolean;
  readonly eos_token_id: number | null;
  readonly bos_token_id: number | null;
  /** The id to pad batches with; the end token where the tokenizer has no padding token. */
  readonly pad_token_id: number | null;
  /** Class names by label, where rows carry a class. */
  readonly labels?: readonly string[];
  readonly splits: Readonly<Record<string, TokenSplitInfo>>;
  /** Where the tokenizer came from. */
  readonly tokenizer: {
    /** `input`: taken over from a model; `trained`: trained on the train split. */
    readonly source: "input" | "trained";
    /** Model type in tokenizer.json: BPE, WordPiece, Unigram. */
    readonly type: string;
  };
}

/** A whole tokens artifact. */
export interface Tokens {
  readonly info: TokensInfo;
  readonly splits: Readonly<Record<string, TokenSplit>>;
}

/**
 * Reads a tokens artifact.
 *
 * @param dir The artifact folder.
 * @throws {UserError} where tokens.json is missing or the files do not fit together.
 */
export async function readTokens(dir: string): Promise<Tokens> {
  const info = await readTokensInfo(dir);
  const splits: Record<string, TokenSplit> = {};
  for (const [name, entry] of Object.entries(info.splits)) {
    splits[name] = await readSplit(`${dir}/${entry.file}`, { info, entry });
  }
  return { info, splits };
}

/** Reads tokens.json alone. */
async function readTokensInfo(dir: string): Promise<TokensInfo> {
  let text: string;
  try {
    text = await Deno.readTextFile(`${dir}/tokens.json`);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new UserError({
      what: `${dir} is no tokens artifact: there is no tokens.json`,
      requirement: "a folder that the tokenize stage wrote",
      cause,
    });
  }
  const info: TokensInfo = JSON.parse(text);
  if (info.kind !== "tokens" || typeof info.splits !== "object") {
    throw new UserError({ what: `${dir}/tokens.json does not describe a tokens artifact` });
  }
  return info;
}

/**
 * Writes a tokens artifact: tokens.json and a file per split. The same content gives the same bytes.
 *
 * @param dir An existing folder.
 * @param tokens `info.splits` is made from `splits`; counts of dropped and truncated rows are taken over.
 */
export async function writeTokens(
  dir: string,
  tokens: {
    readonly info: Omit<TokensInfo, "kind" | "splits"> & {
      readonly splits?: Readonly<Record<string, Partial<TokenSplitInfo>>>;
    };
    readonly splits: Readonly<Record<string, TokenSplit>>;
  },
): Promise<void> {
  const splits: Record<string, TokenSplitInfo> = {};
  for (const [name, split] of Object.entries(tokens.splits)) {
    checkSplit(name, split, tokens.info.labels !== undefined);
    const file = `${name}.safetensors`;
    const { dropped, truncated } = tokens.info.splits?.[name] ?? {};
    splits[name] = {
      file,
      rows: split.rows,
      tokens: split.inputIds.length,
      ...(dropped === undefined ? {} : { dropped }),
      ...(truncated === undefined ? {} : { truncated }),
    };
    const tensors: [string, TensorData][] = [
      ["input_ids", { dtype: "I32", shape: [split.inputIds.length], data: split.inputIds }],
      ["offsets", {
        dtype: "I64",
        shape: [split.offsets.length],
        data: BigInt64Array.from(split.offsets, BigInt),
      }],
    ];
    if (split.labels !== undefined) {
      tensors.push(["labels", {
        dtype: "I32",
        shape: [split.labels.length],
        data: split.labels,
      }]);
    }
    await writeSafetensors(`${dir}/${file}`, tensors);
  }
  const { info } = tokens;
  const document: TokensInfo = {
    kind: "tokens",
    vocab_size: info.vocab_size,
    max_length: info.max_length,
    packed: info.packed,
    eos_token_id: info.eos_token_id,
    bos_token_id: info.bos_token_id,
    pad_token_id: info.pad_token_id,
    ...(info.labels === undefined ? {} : { labels: info.labels }),
    splits,
    tokenizer: info.tokenizer,
  };
  await Deno.writeTextFile(`${dir}/tokens.json`, JSON.stringify(document, null, 2) + "\n");
}

/** The ids of row `index`, a view into the split. */
export function tokenRow(split: TokenSplit, index: number): Int32Array {
  const start = split.offsets[index];
  const end = split.offsets[index + 1];
  if (start === undefined || end === undefined) {
    throw new InternalError(`row ${index} of a split of ${split.rows} rows`);
  }
  return split.inputIds.subarray(start, end);
}

async function readSplit(
  path: string,
  { info, entry }: { info: TokensInfo; entry: TokenSplitInfo },
): Promise<TokenSplit> {
  const { tensors } = await readSafetensors(path);
  const inputIds = tensors.get("input_ids")?.data;
  const offsets = tensors.get("offsets")?.data;
  const labels = tensors.get("labels")?.data;
  const damaged = (what: string): UserError =>
    new UserError({ what: `${path} ${what}`, remedy: "run the tokenize stage again with --force" });
  if (!(inputIds instanceof Int32Array)) throw damaged("has no int32 input_ids");
  if (!(offsets instanceof BigInt64Array)) throw damaged("has no int64 offsets");
  if (labels !== undefined && !(labels instanceof Int32Array)) {
    throw damaged("has labels that are not int32");
  }
  const split: TokenSplit = {
    inputIds,
    offsets: Float64Array.from(offsets, Number),
    ...(labels === undefined ? {} : { labels }),
    rows: offsets.length - 1,
  };
  const problem = splitProblem(split, info.labels !== undefined);
  if (problem !== undefined) throw damaged(problem);
  if (split.rows !== entry.rows) {
    throw damaged(`holds ${split.rows} rows, tokens.json says ${entry.rows}`);
  }
  for (const id of inputIds) {
    if (id < 0 || id >= info.vocab_size) {
      throw damaged(`holds the token id ${id}, outside the vocabulary of ${info.vocab_size}`);
    }
  }
  return split;
}

function checkSplit(name: string, split: TokenSplit, labelled: boolean): void {
  const problem = splitProblem(split, labelled);
  if (problem !== undefined) throw new InternalError(`split "${name}" ${problem}`);
}

/** What is wrong with a split, or undefined. */
function splitProblem(split: TokenSplit, labelled: boolean): string | undefined {
  const { inputIds, offsets, labels, rows } = split;
  if (offsets.length !== rows + 1) return `has ${offsets.length} offsets for ${rows} rows`;
  if (offsets[0] !== 0) return "has offsets that do not start at 0";
  for (let i = 0; i < rows; i++) {
    if (offsets[i + 1]! < offsets[i]!) return `has offsets that fall after row ${i}`;
  }
  if (offsets[rows] !== inputIds.length) {
    return `has ${inputIds.length} ids but offsets that end at ${offsets[rows]}`;
  }
  if (labelled && labels === undefined) return "has no labels though tokens.json names classes";
  const expected = labelled ? rows : inputIds.length;
  if (labels !== undefined && labels.length !== expected) {
    return `has ${labels.length} labels where ${expected} are needed`;
  }
  return undefined;
}
