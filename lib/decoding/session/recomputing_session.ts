/**
 * Decoding without a cache: every row is read from its start at each step. Slow, and the check that the cache is
 * right.
 *
 * @module
 */
import { logitsRows, readSequences } from "./prefill.ts";
import type { Programs } from "./programs.ts";
import type { Decoder, DecodingSession } from "./session.ts";

/** Reads every row from its start at each step. */
export function recomputingDecoder(programs: Programs): Decoder {
  const { vocabSize, contextLength } = programs;
  return {
    vocabSize,
    contextLength,
    async start(prompts, { capacity }): Promise<DecodingSession> {
      let sequences = prompts.map((prompt) => [...prompt]);
      const read = async (): Promise<(row: number) => Float32Array> =>
        logitsRows(await readSequences(programs, { sequences, keep: false }), vocabSize);
      let logits = await read();
      return {
        logits: (row) => logits(row),
        async advance(tokens, parents): Promise<void> {
          if (parents !== undefined) {
            sequences = Array.from(parents, (parent) => [...sequences[parent]!]);
          }
          sequences.forEach((ids, row) => {
            if (ids.length < capacity) ids.push(tokens[row]!);
          });
          logits = await read();
        },
        rewind(length): void {
          sequences = sequences.map((ids) => ids.slice(0, length));
        },
      };
    },
  };
}
