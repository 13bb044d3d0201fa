import assert from "node:assert/strict";
import { type AugmentOptions, augmentRows } from "../../lib/data/rows/augment.ts";
import { resolveSettings } from "../../lib/decoding/resolve.ts";
import type { Decoder, DecodingSession } from "../../lib/decoding/session/session.ts";
import type { GenerationOptions } from "../../lib/decoding/settings.ts";
import { modelRewriter, refuseNothingWritten, type Way } from "../../lib/evaluation/rewriter.ts";
import { streamOf, written } from "../fixtures/row_stream.ts";

const END = 0;

/**
 * A model without weights, whose tokens are ASCII: after `>` it writes what stood before it backwards, each letter
 * small or large as it is drawn.
 */
class BackwardDecoder implements Decoder {
  readonly vocabSize = 128;
  readonly contextLength: number = 40;
  readonly prompts: string[] = [];

  start(prompts: readonly (readonly number[])[]): Promise<DecodingSession> {
    const rows = prompts.map((prompt) => [...prompt]);
    this.prompts.push(...prompts.map(decode));
    return Promise.resolve({
      logits: (index) => {
        const text = decode(rows[index]!);
        const [source, target] = text.split(">") as [string, string];
        const next = source.at(-1 - target.length);
        const scores = new Float32Array(128).fill(-100);
        if (next === undefined) scores[END] = 100;
        else {scores[next.toLowerCase().charCodeAt(0)] =
            scores[next.toUpperCase().charCodeAt(0)] =
              100;}
        return scores;
      },
      rewind: () => {},
      advance: (tokens) => {
        rows.forEach((row, i) => row.push(tokens[i]!));
        return Promise.resolve();
      },
    });
  }
}

const encode = (text: string): number[] => [...text].map((char) => char.charCodeAt(0));

function decode(ids: readonly number[]): string {
  return String.fromCharCode(...ids.filter((id) => id !== END));
}

function way(decoder: Decoder, options: GenerationOptions = {}, suffix = ""): Way {
  return {
    decoder,
    settings: resolveSettings({ max_new_tokens: 12, eos_token_id: END, ...options }),
    prompt: ({ text }) => `${text}${suffix}>`,
    encode,
    decode,
    continuation: (ids, promptLength) => decode(ids.slice(promptLength)),
  };
}

const DRAWN = { do_sample: true, top_k: 0 };

const rewrite = (ways: readonly Way[], texts: readonly string[], seed = 1, first = 0) =>
  modelRewriter(ways, { column: "text", batchSize: 2 })
    .rewrite(texts.map((text, i) => ({ row: { text }, number: first + i })), { seed });

Deno.test("a rewriter takes each text through all ways, the last of which it ends up with", async () => {
  const decoder = new BackwardDecoder();
  const texts = ["abc", "Ishmael", "x"];
  assert.deepEqual(await rewrite([way(decoder)], texts), ["CBA", "LEAMHSI", "X"]);
  assert.deepEqual(await rewrite([way(decoder), way(decoder, {}, "!")], texts), [
    "!ABC",
    "!ISHMAEL",
    "!X",
  ]);
  assert.deepEqual(decoder.prompts.slice(3).toSorted(), [
    ...["CBA!>", "Ishmael>", "LEAMHSI!>", "X!>", "abc>", "x>"],
  ]);
});

Deno.test("a draw depends on the seed and the text's number, not on the other texts", async () => {
  const ways = [way(new BackwardDecoder(), DRAWN)];
  const [, second, third] = await rewrite(ways, ["abcdefgh", "abcdefgh", "abcdefgh"]);
  assert.notEqual(second, third);
  assert.deepEqual(await rewrite(ways, ["abcdefgh"], 1, 2), [third]);
  assert.notDeepEqual(await rewrite(ways, ["abcdefgh"], 2, 2), [third]);
  // There and back are two draws.
  const [twice] = await rewrite([...ways, ...ways], ["aaaaaaaaaaaa"]);
  const [once] = await rewrite(ways, ["aaaaaaaaaaaa"]);
  assert.notEqual([...once!].reverse().join(""), twice);
});

Deno.test("texts end before a stop string; those too long and those without an answer are counted", async () => {
  const decoder = new BackwardDecoder();
  const rewriter = modelRewriter([way(decoder, { stop_strings: ["B"] })], {
    column: "text",
    batchSize: 8,
  });
  const texts = ["abcd", "ab", "x".repeat(28), "x".repeat(29), "x".repeat(60), "c b"];
  const found = await rewriter.rewrite(texts.map((text, number) => ({ row: { text }, number })), {
    seed: 1,
  });
  // 28 and the mark leave room for 12 tokens in a window of 40, of which the last is not read.
  assert.deepEqual(found, ["DC", undefined, "X".repeat(12), undefined, undefined, undefined]);
  assert.deepEqual([rewriter.written, rewriter.tooLong, rewriter.empty], [2, 2, 2]);
  refuseNothingWritten(rewriter);
  const long = modelRewriter([way(decoder)], { column: "text", batchSize: 8 });
  assert.deepEqual(
    await long.rewrite([{ row: { text: "x".repeat(50) }, number: 0 }], { seed: 1 }),
    [
      undefined,
    ],
  );
  assert.throws(() => refuseNothingWritten(long), /none of 1 texts fits into the model's window/);
});

Deno.test("augmentRows() has copies written anew, before the other rules and as one of them in turn", async () => {
  const base: AugmentOptions = {
    ...{ column: "text", source: ["train"], rates: {}, apply: "all", copies: 2 },
    ...{ keepOriginal: false, provenance: "by", seed: 1, synonymsOf: () => [] },
  };
  const train = ["ab cd", "ef gh ij", "", "kl"].map((text) => ({ text }));
  const columns = [{ name: "text", type: "string" as const }];
  const asked: number[] = [];
  const run = async (
    options: Partial<AugmentOptions>,
    drawn: boolean,
    size = 7,
  ): Promise<string[]> => {
    const decoder = new BackwardDecoder();
    const rewriter = modelRewriter([way(decoder, drawn ? DRAWN : {})], {
      column: "text",
      batchSize: 3,
    });
    const sink = await written();
    const stream = streamOf({ columns, splits: { train } }, size);
    await augmentRows(stream, { ...base, rewriter, ...options }, sink);
    asked.push(decoder.prompts.length);
    return sink.splits.train!.map(({ text, by }) => `${text} ${by}`);
  };
  // Without draws the second copy would be the first again: it is not written, and left out.
  assert.deepEqual(await run({}, false), [
    ...["DC BA back_and_forth", "JI HG FE back_and_forth", " none", "LK back_and_forth"],
  ]);
  const drawn = await run({}, true);
  assert.deepEqual(asked, [3, 6]);
  assert.deepEqual(drawn.map((each) => each.toLowerCase()).slice(0, 2), [
    "dc ba back_and_forth",
    "dc ba back_and_forth",
  ]);
  assert.notEqual(drawn[0], drawn[1]);
  for (const size of [1, 3]) assert.deepEqual(await run({}, true, size), drawn);
  const swapped = await run({ rates: { swap: 0.1 }, copies: 1 }, false);
  assert.equal(swapped[0], "BA DC back_and_forth+swap");
  const inTurn = await run({ rates: { swap: 0.1 }, apply: "in_turn" }, false);
  assert.deepEqual(inTurn.slice(0, 2), ["DC BA back_and_forth", "cd ab swap"]);
});
