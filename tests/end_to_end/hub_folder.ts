/**
 * A folder as a hub would serve it, made here: reviews in the shape of IMDB, and a GPT-2 too small to
 * know anything, with a tokenizer trained on the reviews.
 *
 * @module
 */
import { join } from "node:path";
import { writeParquet } from "../fixtures/parquet_files.ts";
import { openModel } from "../../lib/models/open.ts";
import { saveCheckpoint } from "../../lib/checkpoint/save.ts";
import { saveBpe } from "../../lib/tokenizers/save.ts";
import { trainBpe } from "../../lib/tokenizers/training/train_bpe.ts";
import { initializeParameter } from "../../lib/train/state/initialize.ts";

/** Names as in pipelines/imdb.yaml. */
export const MODEL = "openai-community/gpt2";
/** As in pipelines/imdb.yaml. */
export const DATASET = "datasets/stanfordnlp/imdb";

/** Makes the folder. */
export async function makeHubFolder(folder: string): Promise<void> {
  const texts = reviews(240);
  const data = join(folder, DATASET, "plain_text");
  await Deno.mkdir(data, { recursive: true });
  writeParquet(
    join(data, "train-00000-of-00001.parquet"),
    [{ name: "text", type: "string" }, { name: "label", type: "int" }],
    { rows: texts.map((text, i) => ({ text, label: i % 2 })) },
  );

  const model = join(folder, MODEL);
  await Deno.mkdir(model, { recursive: true });
  const vocabSize = 512;
  const trained = trainBpe(texts, { vocabSize, specialTokens: ["<|endoftext|>"] });
  await saveBpe(model, trained, { modelMaxLength: 128 });
  const json = {
    model_type: "gpt2",
    architectures: ["GPT2LMHeadModel"],
    vocab_size: trained.tokens.length,
    n_positions: 128,
    n_embd: 32,
    n_layer: 2,
    n_head: 2,
    bos_token_id: 0,
    eos_token_id: 0,
  };
  const tensors = openModel(json).parameters.map((parameter, index) => {
    const values = new Float32Array(parameter.shape.reduce((a, b) => a * b, 1));
    initializeParameter(parameter, { values, seed: 5, index });
    return [parameter.name, { shape: parameter.shape, data: values }] as const;
  });
  await saveCheckpoint(model, { config: json, tensors });
}

/** Reviews with markup, as IMDB has them; every tenth is one that was there before. */
function reviews(count: number): string[] {
  const kinds = ["film", "movie", "story", "plot", "cast", "ending", "director", "music"];
  const verdicts = ["wonderful", "dreadful", "slow", "charming", "forgettable", "moving", "loud"];
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    if (i % 10 === 9) {
      texts.push(texts[i - 7]!);
      continue;
    }
    const a = kinds[i % kinds.length];
    const b = kinds[(i * 5 + 3) % kinds.length];
    const verdict = verdicts[(i * 3) % verdicts.length];
    const other = verdicts[(i * 11 + 2) % verdicts.length];
    texts.push(
      `The ${a} was ${verdict} and the ${b} &amp; the rest were ${other}.<br /><br />I have seen it ` +
        `${i} times, and the acting in part ${i % 13} is ${verdict}, but never ${other}.`,
    );
  }
  return texts;
}
