/** Tokenizers that are trained here against those that the Rust package's trainers make, and loaded by it. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { randomStream } from "../../lib/base/random.ts";
import { TokenizerTrainer } from "../../lib/tokenizers/train_tokenizer.ts";
import { trainOptions } from "../../lib/tokenizers/training/options.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { LINES, nastyText } from "./nasty_texts.ts";
import { runScript } from "./python.ts";
import { check, WITHOUT_TOKENIZERS as without } from "./tokenizer_check.ts";

const SHAKESPEARE = fileURLToPath(
  new URL("../../../shared/data/text/tinyshakespeare.txt", import.meta.url),
);

let shakespeare: string[] | undefined;
try {
  shakespeare = (await Deno.readTextFile(SHAKESPEARE)).split("\n");
} catch {
  shakespeare = undefined;
}
const withoutText = without !== "" || shakespeare === undefined
  ? " (skipped: no Python with tokenizers, or no such file in ../shared)"
  : "";

interface Trained {
  readonly vocab: readonly (string | readonly [string, number])[];
  readonly merges: readonly (readonly [string, string])[] | null;
}

/** Trains one of the `train` option, and says where. */
async function train(given: Record<string, unknown>, texts: readonly string[]): Promise<string> {
  const trainer = new TokenizerTrainer(trainOptions.parse(given));
  for (const text of texts) trainer.add(text);
  const dir = await temporaryDirectory();
  await trainer.save(dir);
  return dir;
}

async function modelOf(
  dir: string,
): Promise<{ vocab: Record<string, number> | [string, number][]; merges?: [string, string][] }> {
  return JSON.parse(await Deno.readTextFile(`${dir}/tokenizer.json`)).model;
}

/** Nasty texts of one line each, as the package reads lines. */
function nastyTexts(count: number): string[] {
  const random = randomStream(77);
  return [...LINES, ...Array.from({ length: count }, () => nastyText(random).toWellFormed())];
}

const TYPES: [string, Record<string, unknown>][] = [
  ["bpe", { vocab_size: 700, special_tokens: ["<s>", "</s>"] }],
  ["wordpiece", { vocab_size: 700 }],
  ["wordpiece", { vocab_size: 900, lowercase: false, clean_text: false, limit_alphabet: 200 }],
  ["wordpiece", { vocab_size: 500, continuing_subword_prefix: "@@", special_tokens: ["<pad>"] }],
  ["unigram", { vocab_size: 600 }],
  ["unigram", { vocab_size: 200, limit_alphabet: 60, special_tokens: ["<s>", "</s>"] }],
  ["word", { vocab_size: 60, special_tokens: ["[UNK]"], unk_token: "[UNK]" }],
  ["char", {}],
  ["char", { vocab_size: 40, initial_alphabet: ["ß"] }],
];

for (const [seed, [type, options]] of TYPES.entries()) {
  Deno.test({
    name: `a trained ${type} tokenizer ${
      JSON.stringify(options)
    } is loaded by the package and encodes alike${without}`,
    ignore: without !== "",
    async fn(): Promise<void> {
      const folder = await train({ type, ...options }, LINES);
      await check({ from: `${folder}/tokenizer.json` }, { seed: 500 + seed, folder });
    },
  });
}

Deno.test({
  name: `BPE's merges of Shakespeare are those of the package, all 8,000${withoutText}`,
  ignore: withoutText !== "",
  async fn(): Promise<void> {
    const options = { vocab_size: 8257, min_frequency: 2, special_tokens: ["<|endoftext|>"] };
    const [theirs] = await runScript<Trained>("train_tokenizer.py", [
      { type: "bpe", file: SHAKESPEARE, options },
    ]);
    const own = await modelOf(await train({ type: "bpe", ...options }, shakespeare!));
    assert.equal(own.merges!.length, 8000);
    assert.deepEqual(own.merges, theirs!.merges);
    const vocab = own.vocab as Record<string, number>;
    assert.deepEqual(Object.keys(vocab).toSorted((a, b) => vocab[a]! - vocab[b]!), theirs!.vocab);
  },
});

Deno.test({
  name: `BPE's merges of texts of all scripts are those of the package${without}`,
  ignore: without !== "",
  async fn(): Promise<void> {
    const texts = nastyTexts(400);
    const jobs = [
      { vocab_size: 2000, min_frequency: 1, special_tokens: ["<|endoftext|>", "\u0120the"] },
      { vocab_size: 100_000, min_frequency: 2, special_tokens: [] },
    ];
    const theirs = await runScript<Trained>(
      "train_tokenizer.py",
      jobs.map((options) => ({ type: "bpe", texts, options })),
    );
    for (const [i, options] of jobs.entries()) {
      const own = await modelOf(await train({ type: "bpe", ...options }, texts));
      assert.deepEqual(own.merges, theirs[i]!.merges);
    }
  },
});

/** Vocabularies but for the ids, of which the reference's hash table decides some. */
async function compareWordPieces(
  job: { readonly texts: readonly string[] } | { readonly file: string },
  { texts, sizes }: { readonly texts: readonly string[]; readonly sizes: readonly number[] },
): Promise<void> {
  const options = sizes.map((vocab_size) => ({
    vocab_size,
    min_frequency: 2,
    special_tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    limit_alphabet: 1000,
  }));
  const theirs = await runScript<Trained>(
    "train_tokenizer.py",
    options.map((each) => ({ type: "wordpiece", ...job, options: each })),
  );
  for (const [i, each] of options.entries()) {
    const { vocab } = await modelOf(await train({ type: "wordpiece", ...each }, texts));
    const own = new Set(Object.keys(vocab));
    const different = theirs[i]!.vocab.filter((token) => !own.has(token as string));
    // Two runs of the package differ as well: among equally frequent pairs, ids decide. Where the text
    // has no more pairs that shows at most.
    const isFull = own.size === sizes[i];
    assert.ok(Math.abs(own.size - theirs[i]!.vocab.length) <= (isFull ? 0 : own.size / 100));
    const most = own.size / (isFull ? 200 : 50);
    assert.ok(different.length <= most, `${sizes[i]}: ${different.join(" ")}`);
  }
}

Deno.test({
  name: `WordPiece's vocabulary is the package's${without}`,
  ignore: without !== "",
  async fn(): Promise<void> {
    const texts = nastyTexts(200);
    await compareWordPieces({ texts }, { texts, sizes: [5000] });
  },
});

Deno.test({
  name: `WordPiece's vocabulary of Shakespeare is the package's${withoutText}`,
  ignore: withoutText !== "",
  async fn(): Promise<void> {
    await compareWordPieces({ file: SHAKESPEARE }, {
      texts: shakespeare!,
      sizes: [200, 1000, 8000, 30_000],
    });
  },
});

for (const type of ["word", "char"]) {
  Deno.test({
    name: `the ids of a trained ${type} tokenizer are the package's${without}`,
    ignore: without !== "",
    async fn(): Promise<void> {
      const texts = nastyTexts(300);
      const options = { vocab_size: 500, special_tokens: ["<pad>", "<unk>"], min_frequency: 2 };
      const [theirs] = await runScript<Trained>("train_tokenizer.py", [{ type, texts, options }]);
      const { vocab } = await modelOf(await train({ type, ...options }, texts)) as {
        vocab: Record<string, number>;
      };
      assert.deepEqual(
        Object.keys(vocab).toSorted((a, b) => vocab[a]! - vocab[b]!),
        theirs!.vocab,
      );
    },
  });
}

/** The logarithm of how likely texts are by their best way of cutting, and how many tokens that has. */
function measure(
  pieces: readonly (readonly [string, number])[],
  words: ReadonlyMap<string, number>,
): { likelihood: number; tokens: number } {
  const scores = new Map(pieces.slice(3));
  let [likelihood, tokens] = [0, 0];
  for (const [word, count] of words) {
    const best = new Float64Array(word.length + 1).fill(-Infinity);
    const cuts = new Int32Array(word.length + 1);
    best[0] = 0;
    for (let from = 0; from < word.length; from++) {
      for (let to = from + 1; to <= Math.min(word.length, from + 16); to++) {
        const score = best[from]! + (scores.get(word.slice(from, to)) ?? -Infinity);
        if (score <= best[to]!) continue;
        best[to] = score;
        cuts[to] = cuts[from]! + 1;
      }
    }
    likelihood += count * best[word.length]!;
    tokens += count * cuts[word.length]!;
  }
  return { likelihood, tokens };
}

Deno.test({
  name: `Unigram makes Shakespeare as likely, in as few tokens, as the package does${withoutText}`,
  ignore: withoutText !== "",
  async fn(): Promise<void> {
    const special_tokens = ["<pad>", "</s>", "<unk>"];
    const sizes = [1000, 4000];
    const theirs = await runScript<Trained>(
      "train_tokenizer.py",
      sizes.map((vocab_size) => ({
        type: "unigram",
        file: SHAKESPEARE,
        options: { vocab_size, special_tokens, unk_token: "<unk>" },
      })),
    );
    const words = new Map<string, number>();
    for (const line of shakespeare!) {
      for (const word of line.split(" ")) {
        if (line !== "") words.set(`▁${word}`, (words.get(`▁${word}`) ?? 0) + 1);
      }
    }
    for (const [i, vocab_size] of sizes.entries()) {
      const { vocab } = await modelOf(await train({ type: "unigram", vocab_size }, shakespeare!));
      assert.equal((vocab as unknown[]).length, vocab_size);
      const own = measure(vocab as [string, number][], words);
      const other = measure(theirs[i]!.vocab as [string, number][], words);
      assert.ok(own.likelihood > other.likelihood * 1.01, JSON.stringify({ own, other }));
      assert.ok(own.tokens < other.tokens * 1.01, JSON.stringify({ own, other }));
    }
  },
});
