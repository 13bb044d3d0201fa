/** Templates that mark what is learned: labels of the tokenize stage, and what later stages make of them. */
import assert from "node:assert/strict";
import { UserError } from "../../lib/base/errors.ts";
import type { Column, Row } from "../../lib/data/rows/dataset.ts";
import { IGNORED_LABEL, rowOf, tokenRow } from "../../lib/data/tokens/rows.ts";
import { TokenStore } from "../../lib/tokenizers/dataset/token_store.ts";
import { readTokens, writeTokens } from "../../lib/data/tokens/tokens.ts";
import stage from "../../stages/tokenize.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import {
  makeTokenizer,
  makeWrappingTokenizer,
  type Options,
  refusal,
  type Result,
  tokenize,
} from "./tokenizing.ts";

const COLUMNS: Column[] = [{ name: "q", type: "string" }, { name: "a", type: "string" }];
const TEMPLATE = "{{ q }}={% generation %}{{ a }}{% endgeneration %}";

const pairs = (...list: [string, string][]): Row[] => list.map(([q, a]) => ({ q, a }));

/** Each row with what is learned of it in brackets. */
function shown(result: Result, split = "train"): string[] {
  const rows = result.tokens.splits[split]!;
  const { labels } = rows.columns;
  assert.ok(labels?.per === "token");
  return Array.from({ length: rows.rows }, (_, i) => {
    let text = "";
    const own = rowOf(labels, i);
    for (const [k, id] of tokenRow(rows, i).entries()) {
      const word = result.tokenizer.decode([id]);
      assert.ok(own[k] === id || own[k] === IGNORED_LABEL);
      text += own[k] === id ? `[${word}]` : word;
    }
    return text.replaceAll("][", "");
  });
}

async function marked(
  rows: Row[],
  options: Options = {},
  setup: { tokenizer?: string; template?: string; columns?: Column[] } = {},
): Promise<Result> {
  const { tokenizer = await makeTokenizer(), template = TEMPLATE, columns = COLUMNS } = setup;
  return await tokenize({ train: rows }, { template, ...options }, { tokenizer, columns });
}

Deno.test("tokens of what a template marks are labels, all others are left out of the loss", async () => {
  const result = await marked(pairs(["xy", "bcd"], ["k", "z"]));
  assert.deepEqual(shown(result), ["xy=[bcd]", "k=[z]"]);
  assert.deepEqual(result.tokens.info.columns["labels"], {
    per: "token",
    type: "int32",
    pad: -100,
  });
  const { learned, unlearned } = result.tokens.info.splits.train!;
  assert.deepEqual([learned, unlearned], [4, 0]);
  assert.match(result.note, /^train 2 rows, 9 tokens, 4 of them learned$/);
});

Deno.test("a token that touches what is marked is learned whole", async () => {
  // "the" and " sea" are tokens of this tokenizer; the mark begins behind the space.
  const template = "a the {% generation %}sea{{ a }}{% endgeneration %}";
  const result = await marked(pairs(["", "q"]), {}, { template });
  assert.match(shown(result)[0]!, /^a the\[ seaq\]$/);
  const emoji = await marked(pairs(["🙂é", "🙂"]));
  assert.equal(
    rowOf(emoji.tokens.splits.train!.columns.labels as never, 0).filter((l) => l >= 0).length,
    4,
  );
});

Deno.test("marks are found in turns of a chat, in conditions, and around white space", async () => {
  const template = "{% for m in turns %}<{{ m.role }}>{% if m.role == 'bot' %}" +
    "{% generation %}{{ m.text }}.{% endgeneration %}{% else %}{{ m.text }}{% endif %}{% endfor %}";
  const turns = [
    { role: "me", text: "bc" },
    { role: "bot", text: "df" },
    { role: "me", text: "gj" },
    { role: "bot", text: "" },
  ];
  const columns: Column[] = [{ name: "turns", type: "json" }];
  const result = await marked([{ turns }], {}, { template, columns });
  assert.deepEqual(shown(result), ["<me>bc<bot>[df.]<me>gj<bot>[.]"]);
});

Deno.test("truncation cuts labels as it cuts ids, and says where nothing is left to learn", async () => {
  const rows = pairs(["bcdf", "gjkq"], ["b", "xyzv"]);
  const cut = await marked(rows, { max_length: 5 });
  assert.deepEqual(shown(cut), ["bcdf=", "b=[xyz]"]);
  assert.deepEqual(cut.tokens.info.splits.train!.unlearned, 1);
  assert.match(cut.note, /3 of them learned, 1 texts with nothing to learn/);
  const pieces = await marked(rows, { max_length: 5, return_overflowing_tokens: true });
  assert.deepEqual(shown(pieces), ["bcdf=", "[gjkq]", "b=[xyz]", "[v]"]);
  const overlapping = await marked(rows.slice(1), {
    ...{ max_length: 5, return_overflowing_tokens: true, stride: 2 },
  });
  assert.deepEqual(shown(overlapping), ["b=[xyz]", "[yzv]"]);
});

Deno.test("what ends a text is learned where a mark reaches to its end", async () => {
  const rows = pairs(["b", "cd"]);
  const after = `${TEMPLATE}!`;
  const wrapping = await makeWrappingTokenizer();
  const ended = await marked(rows, { add_eos: true });
  assert.deepEqual(shown(ended), ["b=[cd<|endoftext|>]"]);
  const open = await marked(rows, { add_eos: true }, { template: after });
  assert.deepEqual(shown(open), ["b=[cd]!<|endoftext|>"]);
  const around = await marked(rows, {}, { tokenizer: wrapping });
  assert.deepEqual(shown(around), ["<s>b=[cd</s>]"]);
  const cut = await marked(rows, { max_length: 5 }, { tokenizer: wrapping });
  assert.deepEqual(shown(cut), ["<s>b=[c]</s>"]);
});

Deno.test("packed blocks have the labels of their texts, and the end token between as it belongs", async () => {
  const rows = pairs(["b", "cd"], ["f", "g"], ["jk", "q"]);
  const wrapped = await marked(rows, { packing: true, max_length: 6 });
  assert.deepEqual(shown(wrapped), ["b=[cd<|endoftext|>]f", "=[g<|endoftext|>]jk=", "[q]"]);
  const dropped = { packing: true, max_length: 6, drop_remainder: true };
  for (const [length, learned] of [[6, 5], [5, 5], [13, 6]] as const) {
    const full = await marked(rows, { ...dropped, max_length: length });
    assert.equal(full.tokens.info.splits.train!.learned, learned, shown(full).join("|"));
  }
  const options = { packing: true, max_length: 8 };
  for (const packing_strategy of ["bfd", "bfd_split"]) {
    const fitted = await marked(rows, { ...options, packing_strategy });
    assert.deepEqual(shown(fitted), ["b=[cd]", "f=[g<|endoftext|>]jk=[q]"]);
    // An empty end is no end.
    const template = `${TEMPLATE}{{ '' }}`;
    const open = await marked(rows, { ...options, packing_strategy }, { template });
    assert.deepEqual(shown(open), shown(fitted));
  }
  const long = await marked(pairs(["bcd", "fgjkqvx"]), { ...options, packing_strategy: "bfd" });
  assert.deepEqual(shown(long), ["bcd=[fgjk]"]);
  const split = await marked(pairs(["bcd", "fgjkqvx"]), {
    ...options,
    packing_strategy: "bfd_split",
  });
  assert.deepEqual(shown(split), ["bcd=[fgjk]", "[qvx]"]);
});

Deno.test("tokenizers that change texts know where the marked characters went", async () => {
  const rows = pairs(["Née  ｆｕｌｌ", "Été ①"], ["a", "b"]);
  const table: [Options, string][] = [
    [{ type: "wordpiece", vocab_size: 100 }, "ete ①"],
    [{ type: "unigram", vocab_size: 40 }, "Été 1"],
    [{ type: "char" }, "Été ①"],
  ];
  for (const [train, expected] of table) {
    const result = await tokenize({ train: rows }, { template: TEMPLATE, train }, {
      columns: COLUMNS,
    });
    const { labels } = result.tokens.splits.train!.columns;
    assert.ok(labels?.per === "token");
    const own = rowOf(labels, 0).filter((label) => label !== IGNORED_LABEL);
    const learned = result.tokenizer.decode(own, { skipSpecialTokens: true });
    assert.equal(learned.trim(), expected, String(train.type));
  }
});

Deno.test("a template that marks what is not there, or what nobody can place, is refused", async () => {
  const nothing = "nothing is left to learn in any of the 2 rows";
  const rows = pairs(["bcdf", ""], ["bcdf", ""]);
  await assert.rejects(
    marked(rows),
    (error: Error) => error instanceof UserError && error.message.includes(nothing),
  );
  await assert.rejects(
    marked(pairs(["bcdf", "g"], ["bcdf", "g"]), { max_length: 3 }),
    /nothing is left/,
  );
  const table: [string, RegExp][] = [
    [
      "{% macro m() %}{% generation %}a{% endgeneration %}{% endmacro %}{{ m() }}",
      /within {% macro %}/,
    ],
    ["{% set x %}{% generation %}a{% endgeneration %}{% endset %}{{ x }}", /within {% set %}/],
    [
      "{% filter upper %}{% generation %}a{% endgeneration %}{% endfilter %}",
      /within {% filter %}/,
    ],
    [
      "{% generation %}a{% generation %}b{% endgeneration %}{% endgeneration %}",
      /within another {% generation %}/,
    ],
  ];
  for (const [template, message] of table) {
    const args = [{ train: pairs(["a", "b"]) }, { template }, {
      tokenizer: await makeTokenizer(),
      columns: COLUMNS,
    }] as const;
    assert.match(await refusal(...args), message);
  }
  const { error } = stage.options.safeParse({ template: TEMPLATE, label_column: "a" });
  assert.match(error?.message ?? "", /label_column/);
});

Deno.test("what is set within a mark is gone behind it, as in transformers", async () => {
  const template =
    "{% set x = 'b' %}{% generation %}{% set x = 'c' %}{{ x }}{% endgeneration %}{{ x }}";
  const result = await marked(pairs(["", ""]), {}, { template });
  assert.deepEqual(shown(result), ["[c]b"]);
});

Deno.test("labels too many for the memory lie in a file, as ids do", async () => {
  const dir = await temporaryDirectory();
  const store = new TokenStore(`${dir}/ids`, { hasLabels: true, held: 4 });
  store.append([1, 2, 3], true);
  store.append(Int32Array.of(4, 5), Uint8Array.of(0, 1));
  store.append([6, 7, 8, 9, 10], false);
  assert.deepEqual([store.length, store.learned(10)], [10, 4]);
  const stored = store.finish(9);
  assert.ok("file" in stored);
  const info = {
    ...{ vocab_size: 20, max_length: null, packed: false, eos_token_id: null, bos_token_id: null },
    ...{ pad_token_id: null, tokenizer: { source: "input" as const, type: "BPE" } },
  };
  const offsets = Float64Array.of(0, 4, 9);
  const rows = { rows: 2, stored: { ...stored, length: 9, offsets, pad: 0 } };
  await writeTokens(dir, { info, splits: { train: rows } });
  const { labels, input_ids } = (await readTokens(dir)).splits["train"]!.columns;
  assert.deepEqual([...input_ids.data], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual([...labels!.data], [1, 2, 3, -100, 5, -100, -100, -100, -100]);
});
