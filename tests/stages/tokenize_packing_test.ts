/** Packing of the tokenize stage: texts cut where blocks end, or whole. */
import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import { tokenRow } from "../../lib/data/tokens/rows.ts";
import { bestFit, BestFitPacker, type Piece } from "../../lib/tokenizers/dataset/best_fit.ts";
import stage from "../../stages/tokenize.ts";
import {
  makeTokenizer,
  makeWrappingTokenizer,
  type Result,
  texts,
  tokenize,
} from "./tokenizing.ts";

const END = "<|endoftext|>";

/** Token counts of the blocks. */
function sizes(result: Result): number[] {
  const rows = result.tokens.splits.train!;
  return Array.from({ length: rows.rows }, (_, i) => tokenRow(rows, i).length);
}

Deno.test("bfd_split never cuts a text that fits, and puts the end token between", async () => {
  const tokenizer = await makeTokenizer();
  const splits = { train: texts("bcdf", "gj", "kqvxzbcdfgjk", "", "q", "vx", "z") };
  const options = { packing: true, packing_strategy: "bfd_split", max_length: 7 };
  const packed = await tokenize(splits, options, { tokenizer });
  assert.deepEqual(packed.texts(), [
    `bcdf${END}gj`,
    "kqvxzbc",
    `dfgjk${END}q`,
    `vx${END}z`,
  ]);
  assert.deepEqual(sizes(packed), [7, 7, 7, 4]);
  const { info } = packed.tokens;
  assert.deepEqual([info.packed, info.max_length, info.splits.train!.dropped], [true, 7, 1]);
  assert.equal(info.splits.train!.truncated, 0);
  const again = await tokenize(splits, options, { tokenizer });
  assert.deepEqual(again.texts(), packed.texts());
});

Deno.test("bfd cuts off what is longer than a block, and tells how many", async () => {
  const splits = { train: texts("bcdf", "kqvxzbcdfgjk", "gj") };
  const options = { packing: true, packing_strategy: "bfd", max_length: 7 };
  const packed = await tokenize(splits, options, { tokenizer: await makeTokenizer() });
  assert.deepEqual(packed.texts(), [`bcdf${END}gj`, "kqvxzbc"]);
  assert.equal(packed.tokens.info.splits.train!.truncated, 1);
  assert.match(packed.note, /33\.3 % of texts longer than 7 tokens/);
  // What stands around a text stays, also where it is cut.
  const wrapped = await tokenize(splits, options, { tokenizer: await makeWrappingTokenizer() });
  assert.deepEqual(wrapped.texts(), ["<s>bcdf</s>", "<s>kqvxz</s>", "<s>gj</s>"]);
});

Deno.test("a text that fills a block alone, and texts that end themselves, are packed as they are", async () => {
  const tokenizer = await makeTokenizer();
  const options = { packing: true, packing_strategy: "bfd_split", max_length: 4 };
  const full = await tokenize({ train: texts("bcdf", "gjkq", "v", "x") }, options, { tokenizer });
  assert.deepEqual(full.texts(), ["bcdf", "gjkq", `v${END}x`]);
  const ended = await tokenize({ train: texts("bc", "d", "fgj") }, { ...options, add_eos: true }, {
    tokenizer,
  });
  assert.deepEqual(ended.texts(), [`bc${END}`, `d${END}`, `fgj${END}`]);
  const mixed = await tokenize({ train: texts(`b${END}`, "cd", `f${END}`, "gjkq") }, options, {
    tokenizer,
  });
  assert.deepEqual(mixed.texts(), [`b${END}f${END}`, "cd", "gjkq"]);
});

Deno.test("every text is in one block, in its order, and blocks are nearly full", () => {
  const random = randomStream(8);
  const lengths = Array.from(
    { length: 5000 },
    () => 1 + random.nextBelow(random.nextBelow(64) + 1),
  );
  const blocks = bestFit(lengths, 64);
  assert.deepEqual(blocks.flat().toSorted((a, b) => a - b), [...lengths.keys()]);
  for (const block of blocks) {
    assert.ok(block.reduce((sum, i) => sum + lengths[i]!, 0) <= 64);
    assert.deepEqual(block, block.toSorted((a, b) => a - b));
  }
  const firsts = blocks.map(([first]) => first!);
  assert.deepEqual(firsts, firsts.toSorted((a, b) => a - b));
  const tokens = lengths.reduce((a, b) => a + b, 0);
  assert.ok(blocks.length <= Math.ceil(tokens / 64) + 1, `${blocks.length} for ${tokens} tokens`);
});

Deno.test("best fit works through windows, so that memory is bounded", () => {
  const piece = (id: number, length: number): Piece => ({
    ids: new Int32Array(length).fill(id),
    isOpen: true,
    isEndLearned: false,
  });
  const blocks: number[][] = [];
  const packer = new BestFitPacker({
    size: 10,
    window: 12,
    emit: (pieces) => blocks.push(pieces.map(({ ids }) => ids[0]!)),
  });
  for (const [id, length] of [4, 3, 6, 5, 3].entries()) packer.add(piece(id, length));
  packer.finish();
  assert.deepEqual(blocks, [[0], [1, 2], [3, 4]]);
});

Deno.test("a strategy of packing without packing, or with what it does not do, is refused", () => {
  const table: [Record<string, unknown>, RegExp][] = [
    [{ packing_strategy: "bfd" }, /go with packing: true/],
    [{ packing: true, packing_strategy: "ffd" }, /packing_strategy/],
    [{ packing: true, packing_strategy: "bfd_split", drop_remainder: true }, /seldom full/],
    [{ packing: true, packing_strategy: "bfd", truncation: false }, /bfd_split with truncation/],
  ];
  for (const [given, message] of table) {
    assert.match(stage.options.safeParse(given).error?.message ?? "", message);
  }
  assert.equal(stage.options.safeParse({ packing: true }).success, true);
});
