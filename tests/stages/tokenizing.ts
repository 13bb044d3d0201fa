/** Runs the tokenize stage from outside: write rows, run it, read the tokens artifact. */
import { type Column, type Row, writeDataset } from "../../lib/data/rows/dataset.ts";
import { tokenRow } from "../../lib/data/tokens/rows.ts";
import { readTokens, type Tokens } from "../../lib/data/tokens/tokens.ts";
import { UserError } from "../../lib/base/errors.ts";
import { loadTokenizer, type Tokenizer } from "../../lib/tokenizers/load.ts";
import { saveBpe } from "../../lib/tokenizers/save.ts";
import { trainBpe } from "../../lib/tokenizers/training/train_bpe.ts";
import stage from "../../stages/tokenize.ts";
import { stageContext } from "../fixtures/stage_context.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** As in the YAML. */
export type Options = Record<string, unknown>;
type Splits = Record<string, Row[]>;

/** What a run left. */
export interface Result {
  readonly dir: string;
  readonly tokens: Tokens;
  readonly tokenizer: Tokenizer;
  /** What it summed up. */
  readonly note: string;
  readonly notes: string[];
  readonly log: string[];
  readonly progress: [number, number, string][];
  /** Text of each row of a split. */
  readonly texts: (split?: string) => string[];
}

/** A text whose words come back. */
export const SEA = "the sea and the ship and the whale and the sea again";
/** Rows of these texts. */
export const texts = (...list: string[]): Row[] => list.map((text) => ({ text }));

/** A folder with a small tokenizer: bytes, a few merges, and the given special tokens. */
export async function makeTokenizer(
  specialTokens: readonly string[] = ["<|endoftext|>"],
  modelMaxLength?: number,
): Promise<string> {
  const dir = await temporaryDirectory();
  const trained = trainBpe([SEA], { vocabSize: 256 + specialTokens.length + 12, specialTokens });
  await saveBpe(dir, trained, { modelMaxLength });
  return dir;
}

/** Adds `<s> text </s>` as a post-processor, the way RoBERTa has it. */
export async function makeWrappingTokenizer(): Promise<string> {
  const dir = await makeTokenizer(["<s>", "</s>", "<pad>"]);
  const document = JSON.parse(await Deno.readTextFile(`${dir}/tokenizer.json`));
  document.post_processor = { type: "RobertaProcessing", cls: ["<s>", 0], sep: ["</s>", 1] };
  await Deno.writeTextFile(`${dir}/tokenizer.json`, JSON.stringify(document));
  return dir;
}

/** Runs the stage on these splits. */
export async function tokenize(
  splits: Splits,
  given: Options,
  setup: {
    tokenizer?: string;
    columns?: Column[];
    /** Aborted at the first progress. */
    abort?: AbortController;
  } = {},
): Promise<Result> {
  const data = await temporaryDirectory();
  await writeDataset(data, {
    columns: setup.columns ?? [{ name: "text", type: "string" }],
    splits,
  });
  const dir = await temporaryDirectory();
  const { context, told } = stageContext({
    inputs: { data, tokenizer: setup.tokenizer },
    output: dir,
    options: stage.options.parse(given),
    onProgress: () => setup.abort?.abort(new Error("stopped")),
    signal: setup.abort?.signal,
  });
  await stage.run(context);
  const tokens = await readTokens(dir);
  const notes = told.summary.map((entry) => entry.type === "note" ? entry.text : "");
  const tokenizer = await loadTokenizer(dir);
  return {
    dir,
    tokens,
    tokenizer,
    note: notes[0] ?? "",
    notes,
    log: told.log,
    progress: told.progress,
    texts: (split = "train") => {
      const { [split]: rows } = tokens.splits;
      return Array.from({ length: rows!.rows }, (_, i) => tokenizer.decode(tokenRow(rows!, i)));
    },
  };
}

/** The message of the UserError that tokenizing ends with. */
export async function refusal(...args: Parameters<typeof tokenize>): Promise<string> {
  try {
    await tokenize(...args);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  throw new Error("no error");
}
