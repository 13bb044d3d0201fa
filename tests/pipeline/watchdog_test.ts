import assert from "node:assert/strict";
import { relative } from "node:path";
import { STAGES } from "../../stages/mod.ts";
import { project, registryOf, ROOT } from "./project.ts";

/** A built-in stage whose reader loops for ever, as one of damaged files may. */
const STUCK = (folder: string): string =>
  `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Never comes back.",
  inputs: {},
  output: "texts",
  options: z.object({}),
  async run() {
    const { watch } = await import("${relative(folder, ROOT)}/lib/base/watchdog.ts");
    const parts = { what: "reading x.parquet comes to no end", remedy: "fetch it again" };
    await watch({ parts, deadline: 300 }, () => { for (;;); });
  },
});
`;

Deno.test("a reader that never comes back fails its stage, with the file's name", async () => {
  await using p = await project({
    "p.yaml": "name: p\nstages:\n  a: { uses: stuck }\n",
  });
  await p.write("stuck.ts", STUCK(p.folder));
  const stages = registryOf(p.folder, ["stuck"]);
  const told = await p.temper(["run", "p.yaml"], { context: { stages } });
  assert.equal(told.outcomes.a, "failed");
  assert.equal(told.failures.a!.what, "reading x.parquet comes to no end");
  assert.equal(told.failures.a!.remedy, "fetch it again");
});

/** A tokenizer whose pattern takes twice as long for each further letter. */
const TOKENIZER = {
  ...{ version: "1.0", truncation: null, padding: null, added_tokens: [], normalizer: null },
  pre_tokenizer: {
    type: "Split",
    pattern: { Regex: "(a+)+$" },
    behavior: "Isolated",
    invert: false,
  },
  ...{ post_processor: null, decoder: null },
  model: {
    type: "BPE",
    unk_token: null,
    vocab: { a: 0, b: 1, "<|endoftext|>": 2 },
    merges: [],
  },
};

const MODEL = `import { defineStage, z } from "temper";
const files = ${
  JSON.stringify({
    "tokenizer.json": TOKENIZER,
    "tokenizer_config.json": { eos_token: "<|endoftext|>" },
    "config.json": { model_type: "gpt2", vocab_size: 3 },
  })
};
export default defineStage({
  doc: "Makes the files of a tokenizer.",
  inputs: {},
  output: "model",
  options: z.object({}),
  async run({ output }) {
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeTextFile(output.path + "/" + name, JSON.stringify(content));
    }
  },
});
`;

Deno.test("a tokenizer whose pattern comes to no end fails its stage in words", async () => {
  await using p = await project({
    "p.yaml": `name: p
stages:
  rows: { uses: download, with: { from: rows.jsonl } }
  model: { uses: ./model.ts }
  tokens:
    uses: tokenize
    inputs: { data: rows, tokenizer: model }
    with: { template: "{{ text }}", truncation: false }
`,
    "rows.jsonl": JSON.stringify({ text: "ab" }) + "\n" +
      JSON.stringify({ text: "a".repeat(60) + "b" }) + "\n",
    "model.ts": MODEL,
  });
  const told = await p.temper(["run", "p.yaml"], { context: { stages: STAGES } });
  assert.equal(told.outcomes.tokens, "failed");
  assert.match(told.failures.tokens!.what, /^the tokenizer of .* comes to no end with a text$/);
  assert.match(told.failures.tokens!.remedy!, /another tokenizer/);
});

Deno.test("a tokenizer without a pattern is watched, too: its tokens may be as long as a word", async () => {
  const length = 150_000;
  const tokenizer = {
    ...{ version: "1.0", truncation: null, padding: null, added_tokens: [], normalizer: null },
    ...{ pre_tokenizer: null, post_processor: null, decoder: null },
    model: {
      ...{ type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##" },
      max_input_chars_per_word: 1e9,
      vocab: { "[UNK]": 0, a: 1, "##a": 2, "LONG": 3 },
    },
  };
  const model = MODEL.replace(JSON.stringify(TOKENIZER), JSON.stringify(tokenizer))
    .replace(
      "JSON.stringify(content)",
      `JSON.stringify(content).replace("LONG", "##" + "a".repeat(${length}) + "c")`,
    );
  await using p = await project({
    "p.yaml": `name: p
stages:
  rows: { uses: download, with: { from: rows.jsonl } }
  model: { uses: ./model.ts }
  tokens:
    uses: tokenize
    inputs: { data: rows, tokenizer: model }
    with: { template: "{{ text }}", truncation: false }
`,
    "rows.jsonl": JSON.stringify({ text: "a".repeat(length) }) + "\n",
    "model.ts": model,
  });
  const told = await p.temper(["run", "p.yaml"], { context: { stages: STAGES } });
  assert.equal(told.outcomes.tokens, "failed");
  assert.match(told.failures.tokens!.what, /^the tokenizer of .* comes to no end with a text$/);
});
