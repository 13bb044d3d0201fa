/**
 * Special tokens that a post-processor puts beside a text.
 *
 * @module
 */
import type { Settings } from "../components/settings.ts";
import { Draft } from "../encodings/draft.ts";

/** A token with its id. */
export interface SpecialToken {
  readonly token: string;
  readonly id: number;
}

/** A setting of the form `["</s>", 2]`. */
export function specialToken(settings: Settings, name: string): SpecialToken {
  const [token, id, ...more] = settings.list(name);
  if (typeof token === "string" && isId(id) && more.length === 0) return { token, id };
  throw settings.wrong(
    `has a setting that is of a wrong form: ${name} is to be a token and its id`,
  );
}

/** Whether a value is the id of a token. */
export function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

/** A draft, and each piece that was cut off it, with a token before it and one after it. */
export function around(
  draft: Draft,
  { before, after, beforeType = 0, afterType = 0 }: {
    readonly before?: SpecialToken;
    readonly after: SpecialToken;
    readonly beforeType?: number;
    readonly afterType?: number;
  },
): Draft {
  const whole = new Draft();
  if (before !== undefined) {
    whole.push(before.id, { token: before.token, typeId: beforeType, special: 1 });
  }
  whole.append(draft.slice(0, draft.length));
  whole.special.fill(0, before === undefined ? 0 : 1);
  whole.push(after.id, { token: after.token, typeId: afterType, special: 1 });
  whole.overflowing = draft.overflowing.map((piece) =>
    around(piece, { ...before === undefined ? {} : { before }, after, beforeType, afterType })
  );
  return whole;
}
