/**
 * An encoding while it is made: what post-processors, truncation and padding work on.
 *
 * Follows `Encoding` of Hugging Face tokenizers.
 *
 * @module
 */

/** Lists of one length, an entry a token, and the pieces that were cut off. */
export class Draft {
  ids: number[] = [];
  typeIds: number[] = [];
  /** The token as it stood in the text where it is an added one, else as the vocabulary spells it. */
  tokens: string[] = [];
  /** Code points of the original. */
  starts: number[] = [];
  ends: number[] = [];
  special: number[] = [];
  attention: number[] = [];
  overflowing: Draft[] = [];

  get length(): number {
    return this.ids.length;
  }

  push(
    id: number,
    { token, start = 0, end = 0, typeId = 0, special = 0, attention = 1 }: {
      readonly token: string;
      readonly start?: number;
      readonly end?: number;
      readonly typeId?: number;
      readonly special?: number;
      readonly attention?: number;
    },
  ): void {
    this.ids.push(id);
    this.tokens.push(token);
    this.starts.push(start);
    this.ends.push(end);
    this.typeIds.push(typeId);
    this.special.push(special);
    this.attention.push(attention);
  }

  /** A part of it, without what was cut off. */
  slice(from: number, to: number): Draft {
    const part = new Draft();
    for (const name of LISTS) copyInto(part, this, { name, from, to });
    return part;
  }

  copy(): Draft {
    const copied = this.slice(0, this.length);
    copied.overflowing = this.overflowing.map((other) => other.copy());
    return copied;
  }

  /** Gives all its tokens a type. */
  setType(typeId: number): void {
    this.typeIds.fill(typeId);
  }

  /** Appends another; each piece that either lost goes with each of the other, as in the reference. */
  append(other: Draft): void {
    const overflowing: Draft[] = [];
    for (const own of this.overflowing) {
      for (const after of [other, ...other.overflowing]) overflowing.push(joined(own, after));
    }
    for (const after of other.overflowing) overflowing.push(joined(this, after));
    for (const name of LISTS) {
      copyInto(this, other, { name, from: 0, to: other.length });
    }
    this.overflowing = overflowing;
  }
}

const LISTS = ["ids", "typeIds", "tokens", "starts", "ends", "special", "attention"] as const;

function copyInto(
  into: Draft,
  from: Draft,
  range: { readonly name: typeof LISTS[number]; readonly from: number; readonly to: number },
): void {
  // Of one name, both lists hold the same.
  const [source, target] = [from[range.name], into[range.name]] as [unknown[], unknown[]];
  for (let i = range.from; i < range.to; i++) target.push(source[i]);
}

/** One after the other, without what was cut off of either. */
function joined(first: Draft, second: Draft): Draft {
  const both = first.slice(0, first.length);
  both.append(second.slice(0, second.length));
  return both;
}

/** One after the other. */
export function join(drafts: readonly Draft[]): Draft {
  const all = new Draft();
  for (const draft of drafts) all.append(draft);
  return all;
}
