/**
 * The `tokenize` stage: rows to token ids.
 *
 * @module
 */
import { defineStage, UserError, z } from "temper";

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

export default defineStage({
  doc: `Turns rows into token ids, with a model's tokenizer or one trained here.

Reads rows; writes tokens: \`<split>.safetensors\` with \`input_ids\`, \`offsets\` and, with
\`label_column\`, \`labels\`; \`tokens.json\`; the tokenizer's files, so that later stages have them.
Exactly one of the input \`tokenizer\` and the option \`train\` is needed. A tokenizer is trained on the
split \`train\` alone (or on all rows where they were never split).

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
  options,
  async run({ inputs, output, options, progress, summary, log, signal }): Promise<void> {
    const { prepareTokenizer } = await import("../lib/tokenizers/prepare.ts");
    const { tokenizeDataset } = await import("../lib/tokenizers/tokenize_dataset.ts");
    const { readDataset } = await import("../lib/data/dataset.ts");
    const { writeTokens } = await import("../lib/data/tokens.ts");
    const { data, tokenizer: source } = inputs;
    if (data === undefined) throw new UserError({ what: 'the input "data" is missing' });
    checkTogether(options);

    const dataset = await readDataset(data.path);
    const tokenizer = await prepareTokenizer(output.path, {
      dataset,
      template: options.template,
      source: source?.path,
      train: options.train,
      maxLength: options.max_length,
      log,
    });
    const tokens = await tokenizeDataset(dataset, {
      tokenizer,
      options,
      trained: options.train !== undefined,
      progress,
      log,
      signal,
    });
    await writeTokens(output.path, tokens);
    summary({ type: "note", text: tokens.note });
  },
});

/** Refuses options that would do nothing beside the others. */
function checkTogether(given: z.output<typeof options>): void {
  const refuse = (what: string, remedy: string): never => {
    throw new UserError({ what, remedy });
  };
  if (given.packing) {
    if (given.label_column !== undefined) {
      refuse(
        "label_column cannot go with packing: a block has parts of several rows",
        "set packing: false",
      );
    }
    if (given.return_overflowing_tokens) {
      refuse(
        "return_overflowing_tokens has no meaning with packing: nothing is cut off",
        "leave it out",
      );
    }
  } else {
    if (given.drop_remainder) {
      refuse("drop_remainder needs packing", "set packing: true or leave it out");
    }
    if (given.max_length !== undefined && !given.truncation) {
      refuse("max_length does nothing with truncation: false", "leave out one of the two");
    }
  }
  if (given.return_overflowing_tokens && !given.truncation) {
    refuse("return_overflowing_tokens needs truncation", "set truncation: true");
  }
  if (given.stride > 0 && !given.return_overflowing_tokens) {
    refuse("stride needs return_overflowing_tokens", "set return_overflowing_tokens: true");
  }
}
