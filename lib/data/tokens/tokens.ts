/**
 * The `tokens` artifact (contract 2): a folder with `tokens.json` and one `<split>.safetensors` per split,
 * which holds the columns of {@linkcode TokenRows} by name, `offsets` (those of `input_ids`) and
 * `NAME.offsets` for a column that is cut otherwise. tokens.json says of each column whether it has a number
 * a token or one a row. The tokenizer's own files lie beside them and are not read here.
 *
 * @module
 */
import { InternalError, UserError } from "../../base/errors.ts";
import { isJsonObject, type JsonObject, ownMember } from "../../base/json.ts";
import { readJsonObject } from "../../base/json_file.ts";
import { refuseSplitName, splitsMistake } from "../rows/split_name.ts";
import {
  readSafetensors,
  type StoredTensor,
  type TensorData,
  writeSafetensors,
} from "../formats/safetensors.ts";
import type { TextLengths } from "./text_lengths.ts";
import {
  IGNORED_LABEL,
  type PerRowColumn,
  rowsProblem,
  sameOffsets,
  type TokenColumn,
  type TokenRows,
} from "./rows.ts";

/** What tokens.json says of a column, in every split. */
export interface ColumnInfo {
  readonly per: TokenColumn["per"];
  readonly type: "int32";
  /** What fills rows, and batches, that are not full. */
  readonly pad: number;
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
  /** Where the template marks what is learned: tokens that are. */
  readonly learned?: number;
  /** Where it does: texts in which nothing is. */
  readonly unlearned?: number;
  /** Tokens of the texts before anything was cut off, with what stands around them. */
  readonly lengths?: TextLengths;
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
  /** Names of the classes by number, where the column `labels` has one a row. */
  readonly labels?: readonly string[];
  /** The columns of every split. */
  readonly columns: Readonly<Record<string, ColumnInfo>>;
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
  readonly splits: Readonly<Record<string, TokenRows>>;
}

/** Rows whose ids, which may be too many for the memory, lie in a file: int32, one after the other. */
export interface StoredTokenRows {
  readonly rows: number;
  readonly stored: {
    readonly file: string;
    /** A file with the label of each token, where not every one is learned. */
    readonly labels?: string;
    /** Ids. */
    readonly length: number;
    /** [rows + 1]. */
    readonly offsets: Float64Array;
    readonly pad: number;
  };
  /** The class of each row. */
  readonly labels?: Pick<PerRowColumn, "data" | "pad">;
}

/** What tokens.json says of a split beside its size. */
type SplitCounts = Pick<
  TokenSplitInfo,
  "dropped" | "truncated" | "learned" | "unlearned" | "lengths"
>;

/** What {@linkcode writeTokens} takes: tokens.json but for what it makes of the splits. */
export interface UnwrittenTokens {
  readonly info: Omit<TokensInfo, "kind" | "columns" | "splits"> & {
    readonly splits?: Readonly<Record<string, SplitCounts>>;
  };
  /** At least one, all of the same columns. */
  readonly splits: Readonly<Record<string, TokenRows | StoredTokenRows>>;
}

const OFFSETS = "offsets";
const INPUT_IDS = "input_ids";
const offsetsOf = (column: string): string => `${column}.${OFFSETS}`;

/**
 * Reads a tokens artifact.
 *
 * @param dir The artifact folder.
 * @throws {UserError} where tokens.json is missing or the files do not fit together.
 */
export async function readTokens(dir: string): Promise<Tokens> {
  const info = await readTokensInfo(dir);
  const splits: [string, TokenRows][] = [];
  for (const [name, entry] of Object.entries(info.splits)) {
    splits.push([name, await readRows(`${dir}/${entry.file}`, { info, entry })]);
  }
  return { info, splits: Object.fromEntries(splits) };
}

/** Reads tokens.json alone. */
async function readTokensInfo(dir: string): Promise<TokensInfo> {
  const path = `${dir}/tokens.json`;
  const info = await readJsonObject(path);
  if (info === undefined) {
    throw new UserError({
      what: `${dir} is no tokens artifact: there is no tokens.json`,
      requirement: "a folder that the tokenize stage wrote",
    });
  }
  const remedy = "run the tokenize stage again with --force";
  if (info.kind !== "tokens" || !isJsonObject(info.splits)) {
    throw new UserError({ what: `${path} does not describe a tokens artifact`, remedy });
  }
  const columns = isJsonObject(info.columns) ? info.columns : {};
  const ids = ownMember(columns, INPUT_IDS);
  if (!isJsonObject(ids) || ids.per !== "token") {
    throw new UserError({
      what: `${path} does not say what its columns are: it is of an older version`,
      remedy: "run the tokenize stage again",
    });
  }
  for (const [name, column] of Object.entries(columns)) {
    const { per, type, pad } = isJsonObject(column) ? column : {};
    const isColumn = (per === "token" || per === "row") && type === "int32" &&
      typeof pad === "number" && (pad | 0) === pad;
    if (isColumn && name !== "__proto__") continue;
    throw new UserError({
      what: `${path} describes the column "${name}" as ${JSON.stringify(column)}`,
      requirement: 'per: "token" or "row", type: "int32" and a whole number as pad',
      remedy,
    });
  }
  const mistake = splitsMistake(info.splits, ["rows", "tokens"]) ?? sizesMistake(info);
  if (mistake !== undefined) {
    throw new UserError({
      what: `${path} does not describe a tokens artifact: ${mistake}`,
      remedy,
    });
  }
  return info as unknown as TokensInfo;
}

/** What is wrong with the sizes, special tokens and classes of a tokens.json; undefined where nothing is. */
function sizesMistake(info: JsonObject): string | undefined {
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
  if (!isCount(info.vocab_size)) return "its vocab_size is no whole number";
  for (const name of ["max_length", "eos_token_id", "bos_token_id", "pad_token_id"]) {
    const value = info[name];
    if (value !== null && !isCount(value)) return `its ${name} is neither null nor a whole number`;
  }
  const { packed, tokenizer, labels } = info;
  if (typeof packed !== "boolean") return "its packed is neither true nor false";
  if (!isJsonObject(tokenizer) || typeof tokenizer.type !== "string") {
    return "its tokenizer has no type";
  }
  if (labels === undefined) return undefined;
  return Array.isArray(labels) && labels.every((label) => typeof label === "string")
    ? undefined
    : "its labels are no list of texts";
}

/**
 * Writes a tokens artifact: tokens.json and a file per split. The same content gives the same bytes.
 *
 * @param dir An existing folder.
 * @param tokens `info.splits`: counts of dropped and truncated rows to take over.
 */
export async function writeTokens(dir: string, tokens: UnwrittenTokens): Promise<void> {
  const { info } = tokens;
  const columns = describeColumns(tokens);
  const splits: Record<string, TokenSplitInfo> = {};
  for (const [name, rows] of Object.entries(tokens.splits)) {
    refuseSplitName(name);
    const file = `${name}.safetensors`;
    const { dropped, truncated, learned, unlearned, lengths }: SplitCounts =
      ownMember(info.splits ?? {}, name) ?? {};
    splits[name] = {
      file,
      rows: rows.rows,
      tokens: "stored" in rows ? rows.stored.length : rows.columns.input_ids.data.length,
      ...(dropped === undefined ? {} : { dropped }),
      ...(truncated === undefined ? {} : { truncated }),
      ...(learned === undefined ? {} : { learned }),
      ...(unlearned === undefined ? {} : { unlearned }),
      ...(lengths === undefined ? {} : { lengths }),
    };
    const tensors = "stored" in rows ? storedTensorsOf(rows) : tensorsOf(rows);
    await writeSafetensors(`${dir}/${file}`, tensors);
  }
  const document: TokensInfo = {
    kind: "tokens",
    vocab_size: info.vocab_size,
    max_length: info.max_length,
    packed: info.packed,
    eos_token_id: info.eos_token_id,
    bos_token_id: info.bos_token_id,
    pad_token_id: info.pad_token_id,
    ...(info.labels === undefined ? {} : { labels: info.labels }),
    columns,
    splits,
    tokenizer: info.tokenizer,
  };
  await Deno.writeTextFile(`${dir}/tokens.json`, JSON.stringify(document, null, 2) + "\n");
}

/** What the splits have in common, checked. */
function describeColumns({ info, splits }: UnwrittenTokens): Record<string, ColumnInfo> {
  const described = Object.entries(splits).map(([split, given]) => {
    const rows = "stored" in given ? withoutIds(given) : given;
    const columns = Object.fromEntries(
      Object.entries(rows.columns).sort(([a], [b]) => a < b ? -1 : 1)
        .map(([name, { per, pad }]) => [name, { per, type: "int32", pad } as const]),
    );
    const reserved = Object.keys(columns).find((name) => `.${name}`.endsWith(`.${OFFSETS}`));
    const problem = reserved === undefined
      ? rowsProblem(rows) ?? labelsProblem(rows, info.labels)
      : `has a column that is called "${reserved}"`;
    if (problem !== undefined) throw new InternalError(`split "${split}" ${problem}`);
    return columns;
  });
  const [first] = described;
  if (first === undefined) throw new InternalError("tokens without a split");
  const text = JSON.stringify(first);
  if (described.some((columns) => JSON.stringify(columns) !== text)) {
    throw new InternalError(`splits of other columns than ${text}`);
  }
  return first;
}

/** The same rows with no ids, to be looked at as others are. */
function withoutIds({ rows, stored, labels }: StoredTokenRows): TokenRows {
  if (stored.offsets.length !== rows + 1 || stored.offsets[rows] !== stored.length) {
    throw new InternalError(`${stored.length} ids for offsets that end at ${stored.offsets[rows]}`);
  }
  const empty = {
    per: "token",
    data: new Int32Array(0),
    offsets: new Float64Array(rows + 1),
  } as const;
  return {
    rows,
    columns: {
      input_ids: { ...empty, pad: stored.pad },
      ...(stored.labels === undefined ? {} : { labels: { ...empty, pad: IGNORED_LABEL } }),
      ...(labels === undefined ? {} : { labels: { per: "row", ...labels } }),
    },
  };
}

function storedTensorsOf(
  { stored, labels }: StoredTokenRows,
): [string, TensorData | StoredTensor][] {
  return [
    [OFFSETS, int64Tensor(stored.offsets)],
    [INPUT_IDS, { dtype: "I32", shape: [stored.length], file: stored.file }],
    ...(stored.labels === undefined
      ? []
      : [["labels", { dtype: "I32", shape: [stored.length], file: stored.labels }]] as [
        string,
        StoredTensor,
      ][]),
    ...(labels === undefined
      ? []
      : [["labels", { dtype: "I32", shape: [labels.data.length], data: labels.data }]] as [
        string,
        TensorData,
      ][]),
  ];
}

function int64Tensor(offsets: Float64Array): TensorData {
  return { dtype: "I64", shape: [offsets.length], data: BigInt64Array.from(offsets, BigInt) };
}

function tensorsOf({ columns }: TokenRows): [string, TensorData][] {
  const { offsets: shared } = columns.input_ids;
  return [
    [OFFSETS, int64Tensor(shared)],
    ...Object.entries(columns).flatMap(([name, column]): [string, TensorData][] => {
      const { data } = column;
      const values = [name, { dtype: "I32", shape: [data.length], data }] as [string, TensorData];
      return column.per === "row" || sameOffsets(column.offsets, shared)
        ? [values]
        : [values, [offsetsOf(name), int64Tensor(column.offsets)]];
    }),
  ];
}

async function readRows(
  path: string,
  { info, entry }: { info: TokensInfo; entry: TokenSplitInfo },
): Promise<TokenRows> {
  const { tensors } = await readSafetensors(path);
  const damaged = (what: string): UserError =>
    new UserError({ what: `${path} ${what}`, remedy: "run the tokenize stage again with --force" });
  const stray = new Set(tensors.keys());
  const offsets = (name: string): Float64Array => {
    stray.delete(name);
    const data = tensors.get(name)?.data;
    if (!(data instanceof BigInt64Array)) throw damaged(`has no int64 ${name}`);
    return Float64Array.from(data, Number);
  };
  const shared = offsets(OFFSETS);
  const columns = Object.entries(info.columns).map(
    ([name, { per, pad }]): [string, TokenColumn] => {
      stray.delete(name);
      const data = tensors.get(name)?.data;
      if (!(data instanceof Int32Array)) throw damaged(`has no int32 ${name}`);
      if (per === "row") return [name, { per, data, pad }];
      const own = offsetsOf(name);
      return [name, { per, data, offsets: tensors.has(own) ? offsets(own) : shared, pad }];
    },
  );
  const rows: TokenRows = {
    rows: shared.length - 1,
    // tokens.json was refused where it has no `input_ids` per token.
    columns: Object.fromEntries(columns) as TokenRows["columns"],
  };
  if (stray.size > 0) {
    throw damaged(`holds ${[...stray].join(", ")}, of which tokens.json is silent`);
  }
  const problem = rowsProblem(rows) ?? labelsProblem(rows, info.labels);
  if (problem !== undefined) throw damaged(problem);
  if (rows.rows !== entry.rows) {
    throw damaged(`holds ${rows.rows} rows, tokens.json says ${entry.rows}`);
  }
  for (const id of rows.columns.input_ids.data) {
    if (id < 0 || id >= info.vocab_size) {
      throw damaged(`holds the token id ${id}, outside the vocabulary of ${info.vocab_size}`);
    }
  }
  return rows;
}

/** What is wrong with the classes of rows and their names; undefined where nothing is. */
function labelsProblem(
  { columns: { labels } }: TokenRows,
  names: readonly string[] | undefined,
): string | undefined {
  if (names === undefined) {
    return labels?.per === "row" ? "has a class a row though no class has a name" : undefined;
  }
  if (labels?.per !== "row") return "has no labels though tokens.json names classes";
  const stranger = labels.data.find((label) => label < 0 || label >= names.length);
  if (stranger === undefined) return undefined;
  return `has the class ${stranger}, and there are names for ${names.length}`;
}
