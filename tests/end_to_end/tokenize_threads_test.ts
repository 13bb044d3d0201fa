/**
 * Tokenizes more than one core is asked to, with the permissions of a run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { tokenRow, type TokenRows } from "../../lib/data/tokens/rows.ts";
import { readTokens } from "../../lib/data/tokens/tokens.ts";
import { loadTokenizer } from "../../lib/tokenizers/load.ts";
import { resultOf, runPipeline, verses, workspace } from "./temper.ts";

Deno.test("tokenize starts threads where there is much to do, and puts out the same without", async () => {
  const lines = verses(60).trim().split("\n");
  // Over what is encoded before threads are worth their start, with time for them to begin.
  const text = Array.from({ length: 300_000 }, (_, i) => `${lines[i % lines.length]} ${i % 977}`);
  await using space = await workspace({
    "verses.txt": text.join("\n") + "\n",
    "p.yaml": `name: p
stages:
  verses: { uses: download, with: { from: verses.txt } }
  tokens:
    uses: tokenize
    inputs: { data: verses }
    with: { train: { type: bpe, vocab_size: 300 }, max_length: 8 }
`,
  });
  const run = await runPipeline([join(space.folder, "p.yaml")], space);
  assert.equal(run.outcomes.tokens, "done", run.stderr);
  const logs = run.events.flatMap((event) => event.type === "log" ? event.message : []);
  const cores = Math.min(navigator.hardwareConcurrency, 8);
  assert.equal(logs.includes(`tokenizing on ${cores} threads`), cores > 1, logs.join("\n"));
  const folder = dirname(resultOf(space.runs, "tokens", "tokens.json"));
  const { splits } = await readTokens(folder);
  const tokenizer = await loadTokenizer(folder);
  const [[, rows]] = Object.entries(splits) as [[string, TokenRows]];
  assert.equal(rows.rows, text.length);
  for (let i = 0; i < text.length; i += 97) {
    assert.deepEqual([...tokenRow(rows, i)], tokenizer.encode(text[i]!).slice(0, 8), text[i]);
  }
});
