/** Texts of continuations, decoded behind their prompts. */
import assert from "node:assert/strict";
import { continuationText } from "../../lib/tokenizers/continuation.ts";
import { loadTokenizer } from "../../lib/tokenizers/load.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { saveBpe } from "../../lib/tokenizers/save.ts";
import { trainBpe } from "../../lib/tokenizers/training/train_bpe.ts";
import { writeWordTokenizer } from "../stages/word_tokenizers.ts";
import { END } from "../decoding/fixtures/tiny_model.ts";

Deno.test("continuationText() is what the whole text has beside the prompt's", async () => {
  const dir = await temporaryDirectory();
  const table: [string, number[], number, string][] = [
    ["WordPiece", [2, 4, 5, 6], 2, "x5 w6"],
    ["WordPiece", [2, 4, 5, 6], 1, " w4x5 w6"],
    ["WordPiece", [END, 2, 4], 1, "w2 w4"],
    ["WordPiece", [2, 4], 2, ""],
    ["WordPiece", [2, 4, END], 1, " w4"],
    ["Unigram", [2, 4, 5], 1, " w4x5"],
    ["Unigram", [2, 4, 5], 0, "w2 w4x5"],
  ];
  for (const [kind, ids, promptLength, expected] of table) {
    await writeWordTokenizer(dir, kind);
    const tokenizer = await loadTokenizer(dir);
    const text = continuationText(tokenizer, ids, { promptLength, skipSpecialTokens: true });
    assert.equal(text, expected, `${kind} ${ids} from ${promptLength}`);
  }
});

Deno.test("continuationText() has the whole of a character that began in the prompt", async () => {
  const dir = await temporaryDirectory();
  await saveBpe(dir, trainBpe(["a"], { vocabSize: 256, specialTokens: [] }));
  const tokenizer = await loadTokenizer(dir);
  const ids = tokenizer.encode("aé🙂b");
  const from = (promptLength: number) => continuationText(tokenizer, ids, { promptLength });
  assert.deepEqual([2, 3, 5, 7].map(from), ["é🙂b", "🙂b", "🙂b", "b"]);
});
