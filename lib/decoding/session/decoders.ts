/**
 * The two ways to go on with a batch: with a cache of keys and values, or reading everything again
 * at each step (slow, and the check that the cache is right). B sequences, T tokens, V vocabulary.
 *
 * Prompts of several lengths are padded on the right, where a causal model never looks, and every
 * token keeps the position it has by itself: a sequence is computed as if it were alone.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import { type AnyTensor, int32 } from "../../runtime/session/session.ts";
import { KeyValueCache } from "./cache.ts";
import type { Decoder, DecodingBatch } from "./decoder.ts";
import type { Programs } from "./programs.ts";

/** Reads each token once. */
export function cachedDecoder(programs: Programs): Decoder {
  const { model } = programs.weights;
  return {
    vocabSize: model.vocabSize,
    contextLength: model.positions,
    async start(prompts, { capacity }): Promise<DecodingBatch> {
      const lengths = Int32Array.from(prompts, (prompt) => prompt.length);
      const cache = new KeyValueCache({
        ...model.cache,
        batch: prompts.length,
      }, capacity);
      cache.reserve(Math.max(...lengths));
      const first = await prefill(programs, { sequences: prompts, keep: true });
      cache.write(first, { places: new Int32Array(prompts.length), counts: lengths });
      let logits = rowsOf(first, model.vocabSize);
      const ones = new Int32Array(prompts.length).fill(1);
      return {
        logits: (index) => logits(index),
        async advance(tokens): Promise<void> {
          // A finished sequence may have no place left; nobody looks at what it computes there.
          const places = lengths.map((length) => Math.min(length, capacity - 1));
          cache.reserve(Math.max(...places) + 1);
          const shape = { batch: prompts.length, capacity: cache.capacity };
          const session = await programs.step(shape);
          const outputs = await session.run({
            ...programs.weights.feeds,
            ...cache.feeds(),
            input_ids: int32(tokens, [prompts.length, 1]),
            position_ids: int32(places, [prompts.length, 1]),
          });
          cache.write(outputs, { places, counts: ones });
          logits = rowsOf(outputs, model.vocabSize);
          lengths.forEach((length, row) => lengths[row] = length + 1);
        },
      };
    },
  };
}

/** Reads every sequence from its start at each step. */
export function recomputingDecoder(programs: Programs): Decoder {
  const { model } = programs.weights;
  return {
    vocabSize: model.vocabSize,
    contextLength: model.positions,
    async start(prompts, { capacity }): Promise<DecodingBatch> {
      const sequences = prompts.map((prompt) => [...prompt]);
      const read = async (): Promise<(index: number) => Float32Array> =>
        rowsOf(await prefill(programs, { sequences, keep: false }), model.vocabSize);
      let logits = await read();
      return {
        logits: (index) => logits(index),
        async advance(tokens): Promise<void> {
          sequences.forEach((ids, row) => {
            if (ids.length < capacity) ids.push(tokens[row]!);
          });
          logits = await read();
        },
      };
    },
  };
}

async function prefill(
  programs: Programs,
  options: { readonly sequences: readonly (readonly number[])[]; readonly keep: boolean },
): Promise<Record<string, AnyTensor>> {
  const { sequences, keep } = options;
  const batch = sequences.length;
  const longest = Math.max(...sequences.map((ids) => ids.length));
  // A session is made for each length, so lengths are rounded up to a few.
  const length = Math.min(programs.weights.model.positions, Math.ceil(longest / 16) * 16);
  const ids = new Int32Array(batch * length);
  sequences.forEach((sequence, row) => ids.set(sequence, row * length));
  const last = Int32Array.from(sequences, (sequence) => sequence.length - 1);
  const session = await programs.prefill({ batch, length, keep });
  return await session.run({
    ...programs.weights.feeds,
    input_ids: int32(ids, [batch, length]),
    last: int32(last, [batch]),
  });
}

function rowsOf(
  outputs: Readonly<Record<string, AnyTensor>>,
  vocabSize: number,
): (index: number) => Float32Array {
  const { logits } = outputs;
  if (logits === undefined || !("data" in logits)) {
    throw new InternalError("a run returned no logits to the host");
  }
  const data = logits.data as Float32Array;
  return (index) => data.subarray(index * vocabSize, (index + 1) * vocabSize);
}
