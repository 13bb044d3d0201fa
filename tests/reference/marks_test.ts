/** Labels that a template's marks make, against transformers' masks of what an assistant said. */
import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import type { Column } from "../../lib/data/rows/dataset.ts";
import { rowOf, tokenRow } from "../../lib/data/tokens/rows.ts";
import { tokenize } from "../stages/tokenizing.ts";
import { LINES, nastyText } from "./nasty_texts.ts";
import { hasPackages, runScript } from "./python.ts";

const without = await hasPackages("transformers", "jinja2")
  ? ""
  : " (skipped: no Python with transformers)";

/** As those of ChatML, with a line end after each turn. */
const TEMPLATE = "{% for message in messages %}<|{{ message.role }}|>\n" +
  "{% if message.role == 'assistant' %}{% generation %}{{ message.content }}<|end|>" +
  "{% endgeneration %}{% else %}{{ message.content }}<|end|>{% endif %}\n{% endfor %}";

interface Message {
  readonly role: string;
  readonly content: string;
}

function randomChats(count: number): Message[][] {
  const random = randomStream(4);
  const words = LINES.flatMap((line) => line.split(" "));
  const content = (): string =>
    random.nextBelow(3) === 0
      ? nastyText(random).toWellFormed()
      : Array.from({ length: random.nextBelow(6) }, () => words[random.nextBelow(words.length)])
        .join(" ");
  return Array.from(
    { length: count },
    () =>
      Array.from({ length: 1 + random.nextBelow(5) }, (_, i) => ({
        role: i % 2 === 0 ? "user" : "assistant",
        content: content(),
      })),
  );
}

const TRAINED: Record<string, unknown>[] = [
  { type: "bpe", vocab_size: 400 },
  { type: "wordpiece", vocab_size: 500, limit_alphabet: 150 },
  { type: "unigram", vocab_size: 400, limit_alphabet: 200 },
  { type: "word" },
  { type: "char" },
];

for (const train of TRAINED) {
  Deno.test({
    name:
      `the labels of a chat under ${train.type} are transformers' mask of the assistant${without}`,
    ignore: without !== "",
    async fn(): Promise<void> {
      const chats = randomChats(300);
      const columns: Column[] = [{ name: "messages", type: "json" }];
      const { dir, tokens } = await tokenize(
        { data: chats.map((messages) => ({ messages: messages as never })) },
        { template: TEMPLATE, train, add_special_tokens: false },
        { columns },
      );
      const [theirs] = await runScript<[number[], number[]][]>("marks.py", [
        { folder: dir, template: TEMPLATE, chats },
      ]);
      const rows = tokens.splits["data"]!;
      const { labels } = rows.columns;
      assert.ok(labels?.per === "token");
      for (const [i, [ids, mask]] of theirs!.entries()) {
        assert.deepEqual([...tokenRow(rows, i)], ids, JSON.stringify(chats[i]));
        const own: number[] = Array.from(rowOf(labels, i), (label) => label === -100 ? 0 : 1);
        assert.deepEqual(own, mask, JSON.stringify(chats[i]));
      }
    },
  });
}
