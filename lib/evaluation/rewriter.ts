/**
 * Texts written anew by language models, there and back: each way makes a prompt of a row, and what the model writes
 * after it is the row's text on the next way (back-translation: Sennrich, Haddow and Birch, "Improving Neural Machine
 * Translation Models with Monolingual Data", 2016; here with models that continue a text).
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { randomStream } from "../base/random.ts";
import type { Row } from "../data/formats/columns.ts";
import type { Rewriter } from "../data/rows/augment.ts";
import { generate } from "../decoding/generate.ts";
import type { Decoder } from "../decoding/session/session.ts";
import type { GenerationSettings } from "../decoding/settings.ts";

/** A way through a model. */
export interface Way {
  readonly decoder: Decoder;
  readonly settings: GenerationSettings;
  /** Makes the prompt of a row. */
  readonly prompt: (row: Row) => string;
  readonly encode: (prompt: string) => readonly number[];
  readonly decode: (ids: readonly number[]) => string;
  /** The text after a prompt of so many tokens. */
  readonly continuation: (ids: readonly number[], promptLength: number) => string;
}

/** How a rewriter works. */
export interface RewriterOptions {
  /** The column whose text is written anew. */
  readonly column: string;
  /** Texts computed side by side. */
  readonly batchSize: number;
  readonly signal?: AbortSignal;
}

/** A rewriter, and how it fared. */
export interface ModelRewriter extends Rewriter {
  /** Texts that were written to the end of the last way. */
  readonly written: number;
  /** Those whose prompt, or what was to follow it, doesn't fit into a model's window. */
  readonly tooLong: number;
  /** Those that a model wrote nothing for. */
  readonly empty: number;
}

/** A row on its way. */
interface Traveller {
  /** Its place among those that were given. */
  readonly at: number;
  readonly row: Row;
  readonly number: number;
}

/**
 * A rewriter of one way or several.
 *
 * @throws {UserError} From `rewrite`, what `generate` throws.
 */
export function modelRewriter(
  ways: readonly Way[],
  { column, batchSize, signal }: RewriterOptions,
): ModelRewriter {
  let [written, tooLong, empty] = [0, 0, 0];
  return {
    isDrawn: ways.some(({ settings }) => settings.do_sample),
    get written() {
      return written;
    },
    get tooLong() {
      return tooLong;
    },
    get empty() {
      return empty;
    },
    async rewrite(rows, { seed }): Promise<(string | undefined)[]> {
      let left: Traveller[] = rows.map(({ row, number }, at) => ({ at, row, number }));
      for (const [i, way] of ways.entries()) {
        const { settings, decoder } = way;
        const prompts = left.map((each) => ({ each, ids: way.encode(way.prompt(each.row)) }));
        const fitting = prompts.filter(({ ids }) => fits(ids.length, way));
        tooLong += prompts.length - fitting.length;
        const sequences = await generate(decoder, {
          prompts: fitting.map(({ ids }) => ids),
          numbers: fitting.map(({ each }) => each.number),
          settings,
          seed: randomStream(seed, i).nextUint32(),
          batchSize,
          decode: way.decode,
          ...(signal !== undefined && { signal }),
        });
        const arrived = sequences.map(({ prompt, ids, promptLength }) => {
          const { each } = fitting[prompt]!;
          const text = firstPart(way.continuation(ids, promptLength), settings.stop_strings).trim();
          return { ...each, row: { ...each.row, [column]: text } };
        });
        left = arrived.filter(({ row }) => row[column] !== "");
        empty += arrived.length - left.length;
      }
      written += left.length;
      const texts = new Array<string | undefined>(rows.length).fill(undefined);
      for (const { at, row } of left) texts[at] = String(row[column]);
      return texts;
    },
  };
}

/**
 * Refuses a run in which no text fit.
 *
 * @throws {UserError} Then.
 */
export function refuseNothingWritten({ written, tooLong }: ModelRewriter): void {
  if (written > 0 || tooLong === 0) return;
  throw new UserError({
    what:
      `none of ${tooLong} texts fits into the model's window with what is to be written after it`,
    requirement: "the prompt and max_new_tokens have to fit together",
    remedy: "cut texts into passages with the filter stage, or lower max_new_tokens",
  });
}

/** Whether a prompt leaves room for what is asked for. Too long rows are no reason to stop: they get no copy. */
function fits(length: number, { settings, decoder: { contextLength } }: Way): boolean {
  const longest = settings.max_length ?? length + (settings.max_new_tokens ?? 1);
  // The last token that is written is never read.
  return length <= contextLength && length < longest && longest <= contextLength + 1;
}

/** A text up to the first of some texts in it. */
function firstPart(text: string, ends: readonly string[]): string {
  const places = ends.map((end) => text.indexOf(end)).filter((place) => place >= 0);
  return text.slice(0, Math.min(text.length, ...places));
}
