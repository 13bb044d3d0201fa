/**
 * Masking of what tells who somebody is: e-mail addresses, IP addresses, card and telephone numbers, each
 * replaced by a tag and counted.
 *
 * Found by form (see `emails.ts`, `addresses.ts`, `cards.ts`, `phones.ts`), in a time in proportion to a text.
 * Names and postal addresses are not found: that takes a model.
 *
 * @module
 */
import { cardsIn } from "./cards.ts";
import { emailsIn } from "./emails.ts";
import { ipAddressesIn } from "./addresses.ts";
import { phonesIn } from "./phones.ts";
import type { Span } from "./span.ts";

/** How each kind is found, in the order in which they are looked for: what is one is no other. */
const FINDERS = { email: emailsIn, ip: ipAddressesIn, card: cardsIn, phone: phonesIn } as const;

/** What can be masked. */
export type MaskKind = keyof typeof FINDERS;

/** All kinds. */
export const MASK_KINDS = Object.keys(FINDERS) as readonly MaskKind[];

/** What takes the place of each kind, where nothing else is said. */
export const MASK_TAGS: Readonly<Record<MaskKind, string>> = {
  email: "<EMAIL>",
  ip: "<IP>",
  card: "<CARD>",
  phone: "<PHONE>",
};

/** A text after masking. */
export interface Masked {
  readonly text: string;
  /** How many of each kind were replaced. */
  readonly counts: Readonly<Record<MaskKind, number>>;
}

/**
 * Masks a text.
 *
 * @param tags What takes the place of each kind; a kind that is absent stays. Default all, {@linkcode MASK_TAGS}.
 *
 * @example
 * ```ts
 * import { maskPersonalData } from "./mask.ts";
 * const { text, counts } = maskPersonalData("Write to me@x.org or call +49 30 1234567.");
 * if (text !== "Write to <EMAIL> or call <PHONE>." || counts.email !== 1) throw new Error(text);
 * ```
 */
export function maskPersonalData(
  text: string,
  tags: Readonly<Partial<Record<MaskKind, string>>> = MASK_TAGS,
): Masked {
  const counts = { email: 0, ip: 0, card: 0, phone: 0 };
  const found: (Span & { kind: MaskKind })[] = [];
  let rest = text;
  for (const kind of MASK_KINDS) {
    if (tags[kind] === undefined) continue;
    const spans = Array.from(FINDERS[kind](rest)).sort((a, b) => a.start - b.start);
    counts[kind] = spans.length;
    for (const span of spans) found.push({ ...span, kind });
    // What was found is hidden from the next: a telephone number in an e-mail address is none.
    rest = replaceSpans(rest, spans, ({ start, end }) => "\ufffc".repeat(end - start));
  }
  if (found.length === 0) return { text, counts };
  found.sort((a, b) => a.start - b.start);
  return { text: replaceSpans(text, found, ({ kind }) => tags[kind]!), counts };
}

/** The text with other texts in place of some spans, which are in order and apart. */
function replaceSpans<S extends Span>(
  text: string,
  spans: readonly S[],
  by: (span: S) => string,
): string {
  if (spans.length === 0) return text;
  const parts: string[] = [];
  let done = 0;
  for (const span of spans) {
    parts.push(text.slice(done, span.start), by(span));
    done = span.end;
  }
  return parts.join("") + text.slice(done);
}
