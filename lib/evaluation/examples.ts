/**
 * Held-out rows as a test of writing: the start of a row is the prompt, what really follows is the
 * reference that a model's continuation is compared with.
 *
 * @module
 */
import { IGNORED_LABEL } from "../data/tokens/rows.ts";
import { UserError } from "../base/errors.ts";
import { uniformAt } from "../base/random.ts";

/** A row cut in two. */
export interface Example {
  /** Index of the row in its split. */
  readonly row: number;
  readonly prompt: readonly number[];
  /** What follows in the row, up to the longest continuation or the end of the text; not empty. */
  readonly reference: readonly number[];
  /** Whether the reference ends where the text does, rather than where the row was cut. */
  readonly complete: boolean;
}

/** How rows are cut and chosen. */
export interface ExampleOptions {
  /**
   * Tokens of a prompt; rows that are not longer are left out. Default: half of the row, at most 32; of a
   * row with labels what stands before the first that counts, and what they name is the reference.
   */
  readonly promptTokens?: number | undefined;
  /** Most tokens of a prompt before such a label: the last ones. Default: all. */
  readonly longestPrompt?: number;
  /** Most tokens of a reference. */
  readonly maxNewTokens: number;
  /** How many rows to take. */
  readonly count: number;
  /** Which rows: the same seed takes the same ones. */
  readonly seed: number;
  /** Ids that end a text: a packed row goes on with the next text there. */
  readonly eosTokenIds: readonly number[];
}

/** A row, and the label of each of its ids where not all count. */
export interface ExampleRow {
  readonly ids: ArrayLike<number>;
  readonly labels?: ArrayLike<number> | undefined;
}

/** Longest prompt where no length is asked for. */
export const DEFAULT_PROMPT_TOKENS = 32;

/**
 * Chooses rows and cuts them.
 *
 * @param rows Token ids by row, with or without labels.
 * @returns At most `count` examples in the order of the rows.
 * @throws {UserError} where no row is long enough.
 *
 * @example
 * ```ts
 * import { chooseExamples } from "./examples.ts";
 * const [example] = chooseExamples([[5, 6, 7, 8, 9]], {
 *   promptTokens: 2, maxNewTokens: 2, count: 1, seed: 0, eosTokenIds: [],
 * });
 * if (example?.prompt.join() !== "5,6" || example.reference.join() !== "7,8") throw new Error();
 * ```
 */
export function chooseExamples(
  rows: readonly (ArrayLike<number> | ExampleRow)[],
  options: ExampleOptions,
): Example[] {
  const given = rows.map((row): ExampleRow => "ids" in row ? row : { ids: row });
  const examples = given.flatMap(({ ids, labels }, row) =>
    (labels === undefined || options.promptTokens !== undefined
      ? cut(Array.from(ids), { row, ...options })
      : cutAtMark({ ids, labels }, { row, ...options })) ?? []
  );
  if (examples.length === 0) {
    const longest = given.reduce((most, { ids }) => Math.max(most, ids.length), 0);
    throw new UserError({
      what: `no row is long enough for a prompt of ${options.promptTokens ?? 1} tokens and a ` +
        `continuation to compare with`,
      requirement: `the longest of ${rows.length} rows has ${longest} tokens`,
      remedy: "lower prompt_tokens",
    });
  }
  // Each row has its own key, so that rows are not chosen for their neighbours' sake.
  const key = (example: Example): number => uniformAt(options.seed, [0, 0, example.row]);
  return examples.toSorted((a, b) => key(a) - key(b)).slice(0, options.count)
    .toSorted((a, b) => a.row - b.row);
}

function cut(
  ids: readonly number[],
  options: ExampleOptions & { readonly row: number },
): Example | undefined {
  const length = options.promptTokens ??
    Math.min(DEFAULT_PROMPT_TOKENS, Math.max(1, Math.floor(ids.length / 2)));
  const rest = ids.slice(length, length + options.maxNewTokens);
  const end = rest.findIndex((id) => options.eosTokenIds.includes(id));
  const reference = end === -1 ? rest : rest.slice(0, end);
  if (reference.length === 0) return undefined;
  return { row: options.row, prompt: ids.slice(0, length), reference, complete: end !== -1 };
}

/** The first marked stretch of a row, and what stands before it. */
function cutAtMark(
  { ids, labels }: Required<ExampleRow>,
  options: ExampleOptions & { readonly row: number },
): Example | undefined {
  const marks = Array.from(labels!, (label) => label !== IGNORED_LABEL);
  const begin = marks.indexOf(true);
  if (begin < 1) return undefined;
  const all = Array.from(ids);
  const stop = marks.indexOf(false, begin);
  const marked = all.slice(begin, stop === -1 ? undefined : stop);
  const rest = marked.slice(0, options.maxNewTokens);
  const end = rest.findIndex((id) => options.eosTokenIds.includes(id));
  const reference = end === -1 ? rest : rest.slice(0, end);
  if (reference.length === 0) return undefined;
  const first = Math.max(0, begin - (options.longestPrompt ?? begin));
  return { row: options.row, prompt: all.slice(first, begin), reference, complete: end !== -1 };
}

/**
 * The part of a continuation that its reference can be compared with: where the row was cut before
 * its text ended, what lies beyond that place has no counterpart.
 */
export function comparable(example: Example, continuation: readonly number[]): readonly number[] {
  return example.complete ? continuation : continuation.slice(0, example.reference.length);
}
