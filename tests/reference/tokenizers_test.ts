/** Tokenizers of every family against the Rust package. */
import { fileURLToPath } from "node:url";
import { check, WITHOUT_TOKENIZERS as without } from "./tokenizer_check.ts";

const SHARED = fileURLToPath(new URL("../../../shared/data/tokenizers", import.meta.url));

const FAMILIES = [
  ...[
    "gpt2",
    "roberta",
    "llama3",
    "qwen",
    "o200k",
    "deepseek",
    "clip",
    "llama2",
    "mistral",
    "gemma",
  ],
  ...[
    "unknown_bpe",
    "bert",
    "bert_cased",
    "bert_accents",
    "openai_gpt",
    "prefixed_bpe",
    "t5",
    "xlnet",
  ],
  ...["unigram_bytes", "word_level", "characters"],
];

for (const [seed, family] of FAMILIES.entries()) {
  Deno.test({
    name: `a tokenizer like ${family} gives the reference's ids, offsets and texts${without}`,
    ignore: without !== "",
    fn: () => check({ family }, { seed }),
  });
}

for (const [seed, name] of ["gpt2", "roberta-base", "bert-base-uncased", "t5-small"].entries()) {
  const from = `${SHARED}/${name}/tokenizer.json`;
  let isThere = without === "";
  try {
    await Deno.stat(from);
  } catch {
    isThere = false;
  }
  Deno.test({
    name: `${name} gives the reference's ids, offsets and texts${
      isThere ? "" : " (skipped: no Python with tokenizers, or no such file in ../shared)"
    }`,
    ignore: !isThere,
    fn: () => check({ from }, { seed: 100 + seed }),
  });
}
