/**
 * The `tokenize` stage: rows to token ids.
 *
 * @module
 */
import { acrossOptions, defineStage, type Misuse, z } from "temper";

/** How a tokenizer is trained here; names as in Hugging Face tokenizers. */
const train = z.strictObject({
  type: z.literal("bpe", { error: 'only "bpe" (byte-level BPE) can be trained' }).default("bpe")
    .describe("kind of tokenizer: byte-level BPE, as GPT-2 has it"),
  vocab_size: z.int().min(257)
    .describe("tokens in the vocabulary, with the 256 bytes and the special tokens"),
  min_frequency: z.int().min(1).default(2)
    .describe("pairs that occur less often are not merged"),
  special_tokens: z.array(z.string().min(1)).default(["<|endoftext|>"])
    .describe(
      "tokens that are never split; the first, or one called `</s>` or `<|endoftext|>`, ends texts",
    ),
});

const options = z.object({
  template: z.string().default("{{ text }}")
    .describe("Jinja template that makes a text from a row; columns are variables")
    .meta({ template: true }),
  train: train.optional()
    .describe("trains a tokenizer on the train split, in place of the input `tokenizer`"),
  max_length: z.int().min(1).optional()
    .describe(
      "most tokens in a row, or the size of a block with `packing`; " +
        "default: the tokenizer's `model_max_length`, else no bound",
    ),
  truncation: z.boolean().default(true)
    .describe("cuts texts that are longer than `max_length`; false keeps them whole"),
  padding: z.literal(false, {
    error: "rows are stored without padding, and batches are padded to their longest row when " +
      "they are made: leave it out",
  }).default(false).describe("only false: batches are padded when they are made"),
  return_overflowing_tokens: z.boolean().default(false)
    .describe("makes further rows of what truncation cuts off"),
  stride: z.int().min(0).default(0)
    .describe("tokens that such a row repeats from the one before"),
  packing: z.boolean().default(false)
    .describe("joins texts with the end token between and cuts them into blocks of `max_length`"),
  drop_remainder: z.boolean().default(false)
    .describe("with `packing`: leaves out the last block of a split where it is not full"),
  add_eos: z.boolean().default(false).describe("ends every text with the end token"),
  add_special_tokens: z.boolean().default(true)
    .describe("puts around a text what the tokenizer says ([CLS], `</s>`); GPT-2 puts nothing"),
  label_column: z.string().min(1).optional()
    .describe("column with the class of a row: whole numbers from 0, names or booleans"),
});

/** Options that would do nothing beside the others are refused. */
const checkedOptions = options.refine((given) => !given.packing || !given.label_column, {
  path: ["label_column"],
  message: "left out with packing: a block has parts of several rows",
  ...acrossOptions,
}).refine((given) => given.packing || !given.drop_remainder, {
  path: ["drop_remainder"],
  message: "false, or go with packing: true",
  ...acrossOptions,
}).refine((given) => given.packing || given.truncation || given.max_length === undefined, {
  path: ["max_length"],
  message: "left out with truncation: false, which keeps texts whole",
  ...acrossOptions,
}).refine((given) => !given.return_overflowing_tokens || (given.truncation && !given.packing), {
  path: ["return_overflowing_tokens"],
  message: "false, or go with truncation: true and packing: false, which cut something off",
  ...acrossOptions,
}).refine((given) => given.stride === 0 || given.return_overflowing_tokens, {
  path: ["stride"],
  message: "0, or go with return_overflowing_tokens: true",
  ...acrossOptions,
});

export default defineStage({
  doc: `Turns rows into token ids, with a model's tokenizer or one trained here.

Reads rows; writes tokens: \`<split>.safetensors\` with \`input_ids\`, \`offsets\` and, with
\`label_column\`, \`labels\`; \`tokens.json\`; the tokenizer's files, so that later stages have them.
Exactly one of the input \`tokenizer\` and the option \`train\` is needed. A tokenizer is trained on the
split \`train\` alone (or on all rows where they were never split). A model's is its \`tokenizer.json\`, else made
of \`vocab.json\` and \`merges.txt\`, of \`vocab.txt\`, or of a model of SentencePiece, as transformers does.

A text is cut to \`max_length\` so that the special tokens around it stay; \`add_eos\` belongs to the text,
so a cut text has none. Rows whose text has no token are dropped and counted. Where a tokenizer has no
padding token (GPT-2), \`pad_token_id\` is that of the end token.

\`\`\`yaml
tokens:
  uses: tokenize
  inputs: { data: folds, tokenizer: base }
  with: { template: "{{ text }}", max_length: 512 }
\`\`\``,
  inputs: { data: "rows", tokenizer: "model|tokens?" },
  output: "tokens",
  options: checkedOptions,
  check({ options, inputs }): Misuse | undefined {
    if (inputs.includes("tokenizer") !== (options.train !== undefined)) return undefined;
    return options.train === undefined
      ? {
        what: "there is no tokenizer",
        remedy: 'give the input "tokenizer" (a model), or train one: ' +
          "with: { train: { type: bpe, vocab_size: 4096 } }",
      }
      : {
        what: 'there are two tokenizers: the input "tokenizer" and the option "train"',
        remedy: "leave out one of them",
      };
  },
  async run({ inputs, output, options, progress, summary, log, signal }): Promise<void> {
    const { prepareTokenizer } = await import("../lib/tokenizers/prepare.ts");
    const { tokenizeDataset } = await import("../lib/tokenizers/tokenize_dataset.ts");
    const { watchedTokenizer } = await import("../lib/tokenizers/watched.ts");
    const { besideBytes } = await import("../lib/data/rows/row_progress.ts");
    const { openDataset } = await import("../lib/data/rows/dataset.ts");
    const { writeTokens } = await import("../lib/data/tokens/tokens.ts");
    const stream = await openDataset(inputs.data!.path);
    const prepared = await prepareTokenizer(output.path, {
      stream,
      template: options.template,
      source: inputs.tokenizer?.path,
      train: options.train,
      maxLength: options.max_length,
      progress: (done, total) => progress(done, total, "rows to train on"),
      log,
    });
    const name = inputs.tokenizer?.path ?? output.path;
    using tokenizer = await watchedTokenizer(prepared, { name });
    const tokens = await tokenizeDataset(stream, {
      tokenizer,
      folder: output.path,
      options,
      trained: options.train !== undefined,
      progress: besideBytes([stream], progress),
      log,
      signal,
    });
    await writeTokens(output.path, tokens);
    for (const rows of Object.values(tokens.splits)) {
      if ("stored" in rows) await Deno.remove(rows.stored.file);
    }
    for (const text of tokens.notes) summary({ type: "note", text });
  },
});
