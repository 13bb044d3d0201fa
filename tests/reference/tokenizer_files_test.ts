/** Tokenizers of folders without tokenizer.json against those that transformers makes of them. */
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { LINES } from "./nasty_texts.ts";
import { hasPackages, runScript } from "./python.ts";
import { check } from "./tokenizer_check.ts";

const SHARED = fileURLToPath(new URL("../../../shared/data/tokenizers", import.meta.url));

interface Saved {
  readonly model: { readonly vocab: Record<string, number>; readonly merges?: [string, string][] };
}

/** A folder without tokenizer.json, with the files that a trained tokenizer would have had of old. */
async function oldFolder(family: string, tokenizer_class: string): Promise<string> {
  const [made, folder] = [await temporaryDirectory(), await temporaryDirectory()];
  const file = `${made}/tokenizer.json`;
  await runScript("encode.py", [{ family, file, lines: LINES, texts: [], pairs: [] }]);
  const { model }: Saved = JSON.parse(await Deno.readTextFile(file));
  const write = (name: string, text: string): Promise<void> =>
    Deno.writeTextFile(`${folder}/${name}`, text);
  await write("tokenizer_config.json", JSON.stringify({ tokenizer_class }));
  const tokens = Object.entries(model.vocab).toSorted(([, a], [, b]) => a - b);
  if (model.merges === undefined) {
    await write("vocab.txt", tokens.map(([token]) => `${token}\n`).join(""));
  } else {
    await write("vocab.json", JSON.stringify(model.vocab));
    const lines = model.merges.map((merge) => merge.join(" "));
    await write("merges.txt", ["#version: 0.2", ...lines, ""].join("\n"));
  }
  return folder;
}

const withoutTransformers = await hasPackages("transformers")
  ? ""
  : " (skipped: no Python with transformers)";
const OLD = [["bert", "BertTokenizer"], ["gpt2", "GPT2Tokenizer"], ["roberta", "RobertaTokenizer"]];

for (const [seed, [family = "", tokenizerClass = ""]] of OLD.entries()) {
  Deno.test({
    name:
      `the files of a ${tokenizerClass} make the tokenizer of transformers${withoutTransformers}`,
    ignore: withoutTransformers !== "",
    async fn(): Promise<void> {
      const folder = await oldFolder(family, tokenizerClass);
      await check({ pretrained: folder }, { seed: 200 + seed, folder });
    },
  });
}

for (const [seed, name] of ["t5-small", "xlnet"].entries()) {
  const file = `${SHARED}/${name}/spiece.model`;
  let isThere = withoutTransformers === "" && await hasPackages("google.protobuf");
  try {
    await Deno.stat(file);
  } catch {
    isThere = false;
  }
  Deno.test({
    name: `the spiece.model of ${name} makes the tokenizer of transformers${
      isThere ? "" : " (skipped: no transformers and protobuf, or no such file in ../shared)"
    }`,
    ignore: !isThere,
    async fn(): Promise<void> {
      const folder = await temporaryDirectory();
      const tokenizer_class = name === "xlnet" ? "XLNetTokenizer" : "T5Tokenizer";
      await Deno.copyFile(file, `${folder}/spiece.model`);
      await Deno.writeTextFile(
        `${folder}/tokenizer_config.json`,
        JSON.stringify({ tokenizer_class }),
      );
      await check({ pretrained: folder }, { seed: 300 + seed, folder });
    },
  });
}

const withoutSentencePiece = await hasPackages("transformers", "google.protobuf", "sentencepiece")
  ? ""
  : " (skipped: no Python with transformers, protobuf and sentencepiece)";
const TRAINED = [["bpe", "tokenizer.model", "Llama"], ["unigram", "spiece.model", "T5"]] as const;

for (const [seed, [spm, name, kind]] of TRAINED.entries()) {
  Deno.test({
    name: `a trained ${name} makes transformers' tokenizer of ${kind}${withoutSentencePiece}`,
    ignore: withoutSentencePiece !== "",
    async fn(): Promise<void> {
      const folder = await temporaryDirectory();
      await runScript("encode.py", [{ spm, file: `${folder}/${name}`, lines: LINES }]);
      const config = { tokenizer_class: `${kind}Tokenizer`, add_bos_token: true };
      await Deno.writeTextFile(`${folder}/tokenizer_config.json`, JSON.stringify(config));
      await check({ pretrained: folder }, { seed: 400 + seed, folder });
    },
  });
}
