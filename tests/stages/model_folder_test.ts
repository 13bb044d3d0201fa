/** A tokenizer alone, as the stages after a download see it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { STAGES } from "../../stages/mod.ts";
import { project } from "../pipeline/project.ts";
import { writeWordTokenizer } from "./word_tokenizers.ts";

Deno.test("a folder with a tokenizer alone is downloaded, and tokenizes", async () => {
  await using p = await project({
    "a.jsonl": Array.from({ length: 8 }, (_, i) => JSON.stringify({ text: `w${2 * i}` })).join(
      "\n",
    ),
    "p.yaml": `name: p
stages:
  rows: { uses: download, with: { from: { train: a.jsonl } } }
  tok: { uses: download, with: { from: tok/ } }
  tokens: { uses: tokenize, inputs: { data: rows, tokenizer: tok } }
`,
  });
  await Deno.mkdir(join(p.folder, "tok"));
  await writeWordTokenizer(join(p.folder, "tok"), "WordPiece");
  const told = await p.temper(["run", "p.yaml"], { context: { stages: STAGES } });
  assert.deepEqual(
    [told.outcomes.tok, told.outcomes.tokens],
    ["done", "done"],
    JSON.stringify(told.failures),
  );
  const tokens = JSON.parse(await p.result("tokens", "tokens.json"));
  assert.equal(tokens.splits.train.rows, 8);
});
