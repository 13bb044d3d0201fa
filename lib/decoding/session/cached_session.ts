/**
 * Decoding with a cache of keys and values: every token is read once.
 *
 * Prompts of several lengths are padded on the right, where a causal model never looks, and every
 * token keeps the position it has by itself: a row is computed as if it were alone.
 *
 * @module
 */
import { int32 } from "../../runtime/session/session.ts";
import { KeyValueCache } from "./cache.ts";
import { logitsRows, readSequences } from "./prefill.ts";
import type { Programs } from "./programs.ts";
import type { Decoder, DecodingSession } from "./session.ts";

/** Reads each token once. */
export function cachedDecoder(programs: Programs): Decoder {
  const { vocabSize, contextLength, slots } = programs;
  return {
    vocabSize,
    contextLength,
    async start(prompts, { capacity }): Promise<DecodingSession> {
      const cache = new KeyValueCache(slots, { batch: prompts.length, limit: capacity });
      const lengths = prompts.map((prompt) => prompt.length);
      cache.reserve(Math.max(...lengths));
      const first = await readSequences(programs, { sequences: prompts, keep: true });
      cache.append(first, lengths);
      let logits = logitsRows(first, vocabSize);
      return {
        logits: (row) => logits(row),
        async advance(tokens, parents): Promise<void> {
          if (parents !== undefined) cache.reorder(parents);
          const places = cache.places();
          cache.reserve(Math.max(...places) + 1);
          const { batch, capacity } = cache;
          const step = await programs.step({ batch, capacity });
          const outputs = await step({
            ...cache.feeds(),
            input_ids: int32(tokens, [batch, 1]),
            position_ids: int32(places, [batch, 1]),
          });
          cache.append(outputs, new Int32Array(batch).fill(1));
          logits = logitsRows(outputs, vocabSize);
        },
        rewind: (length) => cache.truncate(length),
      };
    },
  };
}
