import assert from "node:assert/strict";
import { UserError } from "../../lib/base/errors.ts";
import { loadTokenizer } from "../../lib/tokenizers/load.ts";
import { EncoderThreads } from "../../lib/tokenizers/parallel/encoder_threads.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { makeTokenizer, SEA } from "./trained.ts";

/** Lists of texts of random lengths, empty and odd ones among them. */
function randomLists(seed: number): string[][] {
  const random = randomNumbers(seed);
  const text = (): string => {
    const from = Math.floor(random() * 40);
    return [
      SEA[0]!.slice(from, from + Math.floor(random() * 30)),
      random() < 0.2 ? "\ud800 é 𝄞" : SEA[1]!.slice(from),
    ].join(random() < 0.5 ? " " : "\n");
  };
  return Array.from(
    { length: 30 },
    () => Array.from({ length: Math.floor(random() * 8) }, () => random() < 0.1 ? "" : text()),
  );
}

/** Encodes texts until the threads have begun to. */
async function untilReady(threads: EncoderThreads): Promise<void> {
  while (threads.depth === 1) {
    await threads.encode(["a"]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

Deno.test("threads give the ids that one gives, in the order of the texts", async () => {
  const folder = await makeTokenizer();
  const tokenizer = await loadTokenizer(folder);
  const log: string[] = [];
  using threads = new EncoderThreads({
    ...{ tokenizer, folder, threads: 3, worthThreads: 1 },
    log: (message) => log.push(message),
  });
  await untilReady(threads);
  assert.deepEqual(log, ["tokenizing on 3 threads"]);
  for (const seed of [1, 2]) {
    const lists = randomLists(seed);
    const encoded = await Promise.all(lists.map((texts) => threads.encode(texts)));
    for (const [i, { ids, ends }] of encoded.entries()) {
      const own = lists[i]!.map((text) => tokenizer.encode(text, { addSpecialTokens: false }));
      const got = lists[i]!.map((_, k) => [...ids.subarray(ends[k - 1] ?? 0, ends[k])]);
      assert.deepEqual(got, own);
    }
  }
});

Deno.test("few texts are encoded without threads, and so are all of them on one core", async () => {
  const folder = await makeTokenizer();
  const tokenizer = await loadTokenizer(folder);
  for (const bounds of [{ threads: 3, worthThreads: 1000 }, { threads: 1, worthThreads: 1 }]) {
    const log: string[] = [];
    using threads = new EncoderThreads({
      ...{ tokenizer, folder, ...bounds },
      log: (message) => log.push(message),
    });
    for (let i = 0; i < 20; i++) {
      await threads.encode([SEA[0]!.slice(0, 20)]);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assert.deepEqual([threads.depth, log], [1, []]);
  }
});

Deno.test("what a thread cannot load or encode is told as it is in this one", async () => {
  const folder = await makeTokenizer();
  const tokenizer = await loadTokenizer(folder);
  await Deno.writeTextFile(`${folder}/tokenizer.json`, `{"model": {"type": "Unknown"}}`);
  const expected = await loadTokenizer(folder).then(
    () => assert.fail("it loads"),
    (error: Error) => error,
  );
  using threads = new EncoderThreads({ tokenizer, folder, threads: 2, worthThreads: 1 });
  await threads.encode(["the sea"]);
  await assert.rejects(async () => {
    for (;;) {
      await threads.encode(["the sea"]);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }, (error: Error) => error instanceof UserError && error.message === expected.message);
});

Deno.test("threads say which tokens are learned as one does", async () => {
  const folder = await makeTokenizer();
  const tokenizer = await loadTokenizer(folder);
  const texts = randomLists(3).flat();
  const marks = texts.map((text, i) =>
    i % 3 === 0 ? [] : [i % 4, Math.max(i % 4, text.length >> 1)]
  );
  using threads = new EncoderThreads({ tokenizer, folder, threads: 2, worthThreads: 1 });
  await untilReady(threads);
  const { ids, ends, learned } = await threads.encode(texts, marks);
  for (const [i, text] of texts.entries()) {
    const encoding = tokenizer.encodeWithOffsets(text, { addSpecialTokens: false });
    const range = [ends[i - 1] ?? 0, ends[i]!] as const;
    assert.deepEqual([...ids.subarray(...range)], [...encoding.ids]);
    const [from = 0, to = 0] = marks[i]!;
    const characters = [...text.toWellFormed()];
    // A character is marked where its first unit is.
    const isMarked: boolean[] = [];
    for (let at = 0, c = 0; c < characters.length; at += characters[c++]!.length) {
      isMarked.push(at >= from && at < to);
    }
    const expected = [...encoding.ids].map((_, k) =>
      isMarked.slice(encoding.offsets[2 * k], encoding.offsets[2 * k + 1]).includes(true) ? 1 : 0
    );
    assert.deepEqual([...learned!.subarray(...range)], expected, JSON.stringify(text));
  }
});
