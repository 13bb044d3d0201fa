/**
 * Cutting encodings to a length.
 *
 * Follows `truncate_encodings` of Hugging Face tokenizers.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { Draft } from "./draft.ts";

/** How an encoding is cut. */
export interface Truncation {
  /** Most tokens, special ones among them. */
  readonly maxLength: number;
  /** Which of a pair gives way; default the longer one, token by token. */
  readonly strategy?: "longest_first" | "only_first" | "only_second";
  /** The end that is cut off; default right. */
  readonly direction?: "left" | "right";
  /** Tokens that a piece that was cut off shares with the one before it; default 0. */
  readonly stride?: number;
}

/**
 * Cuts one draft or a pair; what is cut off is in `overflowing` of each.
 *
 * @param truncation `maxLength` without the special tokens that are still to come.
 * @throws {UserError} where that cannot be done.
 */
export function truncate(drafts: readonly Draft[], truncation: Truncation): Draft[] {
  const { maxLength, strategy = "longest_first" } = truncation;
  if (!Number.isInteger(maxLength) || maxLength < 0) {
    throw new UserError({
      what: `cannot cut to ${maxLength} tokens beside the special ones`,
      requirement: "max_length is to leave room for special tokens",
    });
  }
  const [first, second] = drafts as [Draft, Draft?];
  const cut = (draft: Draft, length: number): Draft => cutDraft(draft, length, truncation);
  if (maxLength === 0) return drafts.map((draft) => cut(draft, 0));
  const total = first.length + (second?.length ?? 0);
  if (total <= maxLength) return [...drafts];
  if (strategy === "longest_first") {
    if (second === undefined) return [cut(first, maxLength)];
    const [one, other] = sharedLengths(first.length, second.length, maxLength);
    return [cut(first, one), cut(second, other)];
  }
  const target = strategy === "only_first" ? first : second;
  if (target === undefined) {
    throw new UserError({
      what: 'cannot cut "only_second"',
      requirement: "there is no second text",
    });
  }
  const length = target.length - (total - maxLength);
  if (length <= 0) {
    throw new UserError({
      what: `cannot cut ${total} tokens to ${maxLength} by "${strategy}"`,
      requirement: `the text that gives way has ${target.length} tokens`,
      remedy: "cut longest_first, or allow more tokens",
    });
  }
  return drafts.map((draft) => draft === target ? cut(draft, length) : draft);
}

/** How long each of a pair may be. */
function sharedLengths(first: number, second: number, most: number): [number, number] {
  let [less, more] = first > second ? [second, first] : [first, second];
  more = less > most ? less : Math.max(less, most - less);
  if (less + more > most) {
    less = Math.floor(most / 2);
    more = less + most % 2;
  }
  return first > second ? [more, less] : [less, more];
}

function cutDraft(
  draft: Draft,
  most: number,
  { direction = "right", stride = 0 }: Truncation,
): Draft {
  const { length } = draft;
  if (most >= length) return draft;
  if (most === 0) {
    const none = new Draft();
    none.overflowing = [draft];
    return none;
  }
  if (stride >= most) {
    throw new UserError({
      what: `cannot cut to ${most} tokens with a stride of ${stride}`,
      requirement: "the stride is to be less than the tokens of a piece",
    });
  }
  const parts: Draft[] = [];
  const step = most - stride;
  if (direction === "right") {
    for (let start = 0;; start += step) {
      parts.push(draft.slice(start, Math.min(start + most, length)));
      if (start + most >= length) break;
    }
  } else {
    for (let stop = length;; stop -= step) {
      parts.push(draft.slice(Math.max(0, stop - most), stop));
      if (stop <= most) break;
    }
  }
  const [kept, ...rest] = parts as [Draft, ...Draft[]];
  kept.overflowing = rest;
  return kept;
}
