/**
 * A small trained tokenizer, and a way to change its file.
 *
 * @module
 */
import { saveBpe } from "../../lib/tokenizers/save.ts";
import { trainBpe } from "../../lib/tokenizers/training/train_bpe.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** What it is trained on. */
export const SEA: readonly string[] = [
  "the sea and the ship and the whale and the sea again",
  "It's a whale's tale, isn't it?  They'll  see\n\n42 ships; 421 whales.",
];

/** A tokenizer of 277 tokens; `change` edits its tokenizer.json. */
export async function makeTokenizer(
  change: (document: Record<string, unknown>) => void = () => {},
  specialTokens: readonly string[] = ["<|endoftext|>"],
): Promise<string> {
  const dir = await temporaryDirectory();
  await saveBpe(dir, trainBpe(SEA, { vocabSize: 300, specialTokens }));
  const document = JSON.parse(await Deno.readTextFile(`${dir}/tokenizer.json`));
  change(document);
  await Deno.writeTextFile(`${dir}/tokenizer.json`, JSON.stringify(document));
  return dir;
}
