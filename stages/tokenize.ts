/**
 * The `tokenize` stage: rows to token ids.
 *
 * @module
 */
import { acrossOptions, defineStage, type Misuse, z } from "temper";
import { trainOptions } from "../lib/tokenizers/training/options.ts";

const options = z.object({
  template: z.string().default("{{ text }}")
    .describe(
      "Jinja template that makes a text from a row; columns are variables; `{% generation %}` marks what is learned",
    )
    .meta({ template: true }),
  train: trainOptions.optional()
    .describe("trains a tokenizer on the train split, in place of the input `tokenizer`"),
  max_length: z.int().min(1).optional()
    .describe(
      "most tokens in a row, or the size of a block with `packing`; " +
        "default: the tokenizer's `model_max_length`, else no bound",
    ),
  truncation: z.boolean().default(true)
    .describe("cuts texts that are longer than `max_length`; false keeps them whole"),
  padding: z.literal(false, {
    error:
      "false: rows are stored without padding, and batches are padded to their longest row when " +
      "they are made",
  }).default(false)
    .describe("only false: rows are stored unpadded, and batches are padded when they are made"),
  return_overflowing_tokens: z.boolean().default(false)
    .describe("makes further rows of what truncation cuts off"),
  stride: z.int().min(0).default(0)
    .describe("tokens that such a row repeats from the one before"),
  packing: z.boolean().default(false)
    .describe("puts several texts, with the end token between, into blocks of `max_length`"),
  packing_strategy: z.enum(["wrapped", "bfd", "bfd_split"]).default("wrapped").describe(
    "with `packing`, by the names of trl: wrapped cuts texts where a block ends, so that blocks are full; " +
      "bfd (best-fit decreasing) puts texts into blocks whole and cuts off what is longer than a block; " +
      "bfd_split makes blocks of what would be cut off, too",
  ),
  drop_remainder: z.boolean().default(false).describe(
    "with `packing` and packing_strategy wrapped: leaves out the last block of a split where it is not full",
  ),
  add_eos: z.boolean().default(false).describe("ends every text with the end token"),
  add_special_tokens: z.boolean().default(true)
    .describe("puts around a text what the tokenizer says ([CLS], `</s>`); GPT-2 puts nothing"),
  label_column: z.string().min(1).optional()
    .describe("column with the class of a row: whole numbers from 0, names or booleans"),
});

/** Whether a template seems to mark what is learned; what it really does is known when it is read. */
const marks = (template: unknown): boolean => /\{%[-+]?\s*generation\b/.test(String(template));

/** Options that would do nothing beside the others are refused. */
const checkedOptions = options.refine((given) => !given.packing || !given.label_column, {
  path: ["label_column"],
  message: "left out with packing: a block has parts of several rows",
  ...acrossOptions,
}).refine((given) => !given.label_column || !marks(given.template), {
  path: ["label_column"],
  message: "left out where the template marks with {% generation %} which tokens are learned",
  ...acrossOptions,
}).refine((given) => given.packing || !given.drop_remainder, {
  path: ["drop_remainder"],
  message: "false, or go with packing: true",
  ...acrossOptions,
}).refine((given) => given.packing || given.packing_strategy === "wrapped", {
  path: ["packing_strategy"],
  message: "left out, or go with packing: true",
  ...acrossOptions,
}).refine((given) => given.packing_strategy === "wrapped" || !given.drop_remainder, {
  path: ["drop_remainder"],
  message: "false with packing_strategy: bfd and bfd_split, whose blocks are seldom full",
  ...acrossOptions,
}).refine((given) => given.packing_strategy !== "bfd" || given.truncation, {
  path: ["packing_strategy"],
  message: "bfd_split with truncation: false, since bfd cuts off what is longer than a block",
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
\`label_column\` or a template with marks, \`labels\`; \`tokens.json\`; the tokenizer's files, so that later
stages have them. Exactly one of the input \`tokenizer\` and the option \`train\` is needed. A tokenizer is trained
on the split \`train\` alone (or on all rows where they were never split), as Hugging Face tokenizers trains it:
GPT-2's byte-level BPE, BERT's WordPiece, SentencePiece's Unigram, words or characters. A model's is its
\`tokenizer.json\`, else made of \`vocab.json\` and \`merges.txt\`, of \`vocab.txt\`, or of a model of
SentencePiece, as transformers does.

A text is cut to \`max_length\` so that the special tokens around it stay; \`add_eos\` belongs to the text,
so a cut text has none. Rows whose text has no token are dropped and counted. Where a tokenizer has no
padding token (GPT-2), \`pad_token_id\` is that of the end token. Rows are stored as long as they are and never
padded: batches are padded to their longest row when they are made.

In blocks of \`packing\` a model sees the texts that stand before in the same block, also across end tokens.

What \`{% generation %}…{% endgeneration %}\` marks in the template is learned alone: tokens that touch it are
their own labels, all others are -100, and \`train\` and \`evaluate\` count the former only. So a model learns
answers, and not the questions before them. The end token is learned where a mark reaches the end of the text.

\`tokens.json\` tells how many tokens the texts of each split have, before anything is cut off (\`lengths\`: least,
median, mean, p90, p99, most and a histogram), which helps to choose \`max_length\`.

\`\`\`yaml
tokens:
  uses: tokenize
  inputs: { data: folds, tokenizer: base }
  with: { template: "{{ text }}", max_length: 512 }
answers:
  uses: tokenize
  inputs: { data: chats, tokenizer: base }
  with:
    template: >-
      {% for turn in messages %}<|{{ turn.role }}|>{% if turn.role == "assistant" %}{% generation %}{{
      turn.content }}{{ "<|endoftext|>" }}{% endgeneration %}{% else %}{{ turn.content }}{% endif %}{% endfor %}
    max_length: 1024
    packing: true
    packing_strategy: bfd
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
  async run(
    { inputs, output, options, threads, progress, summary, log, signal },
  ): Promise<void> {
    const { prepareTokenizer } = await import("../lib/tokenizers/prepare.ts");
    const { tokenizeDataset } = await import("../lib/tokenizers/dataset/tokenize_dataset.ts");
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
      ...{ log, signal },
    });
    const name = inputs.tokenizer?.path ?? output.path;
    using tokenizer = await watchedTokenizer(prepared, { name });
    const tokens = await tokenizeDataset(stream, {
      tokenizer,
      folder: output.path,
      name,
      threads,
      options,
      trained: options.train !== undefined,
      progress: besideBytes([stream], progress),
      log,
      signal,
    });
    await writeTokens(output.path, tokens);
    for (const rows of Object.values(tokens.splits)) {
      if (!("stored" in rows)) continue;
      const { file, labels } = rows.stored;
      for (const each of labels === undefined ? [file] : [file, labels]) await Deno.remove(each);
    }
    for (const text of tokens.notes) summary({ type: "note", text });
  },
});
