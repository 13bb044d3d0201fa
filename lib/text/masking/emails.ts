/**
 * E-mail addresses, as people write them: those of RFC 5321 without quoted parts and addresses in brackets, and
 * with letters of all scripts (RFC 6531). Names end in a domain of two labels or more, the last of letters.
 *
 * @module
 */
import type { Span } from "./span.ts";

/** Longest local part, domain and label (RFC 5321, 4.5.3.1; RFC 1035). */
const LOCAL = 64, DOMAIN = 253, LABEL = 63;

const LOCAL_CHARACTER = /[\p{L}\p{M}\p{N}.!#$%&'*+/=?^_`{|}~-]/u;
const DOMAIN_CHARACTER = /[\p{L}\p{M}\p{N}.-]/u;

/** What stands before an address, of what a local part may begin with. */
const BEFORE = /^[.!#$%&'*+/=?^`{|}~-]+/;

/** `icon@2x.png` is a file. */
const FILE = /\.(?:png|jpe?g|gif|svg|webp|css|js)$/i;

/** The addresses in a text, from left to right. */
export function* emailsIn(text: string): Generator<Span, void> {
  let done = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    const start = localStart(text, { at, done });
    const end = domainEnd(text, at + 1);
    if (start === undefined || end === undefined || FILE.test(text.slice(at, end))) continue;
    yield { start, end };
    done = end;
  }
}

function localStart(text: string, { at, done }: { at: number; done: number }): number | undefined {
  const least = Math.max(done, at - LOCAL);
  let start = at;
  while (start > least && LOCAL_CHARACTER.test(text[start - 1]!)) start--;
  const local = text.slice(start, at);
  start += BEFORE.exec(local)?.[0].length ?? 0;
  // Text that goes on before the longest local part is no address.
  if (start === least && least > done && LOCAL_CHARACTER.test(text[start - 1]!)) return undefined;
  const isWhole = start < at && text[at - 1] !== "." && !text.slice(start, at).includes("..");
  return isWhole ? start : undefined;
}

function domainEnd(text: string, from: number): number | undefined {
  let end = from;
  const most = Math.min(text.length, from + DOMAIN + 1);
  while (end < most && DOMAIN_CHARACTER.test(text[end]!)) end++;
  if (end - from > DOMAIN) return undefined;
  const labels = text.slice(from, end).split(".");
  // A full stop behind it, or what follows one, isn't the address's: "me@x.org.", "me@x.org..now".
  const whole = labels.slice(0, labels.findIndex((label) => !isLabel(label)) >>> 0);
  while (whole.length > 0 && !/^(?:[\p{L}\p{M}]{2,}|xn--[a-z0-9-]+)$/iu.test(whole.at(-1)!)) {
    whole.pop();
  }
  return whole.length < 2 ? undefined : from + whole.join(".").length;
}

function isLabel(label: string): boolean {
  return label !== "" && label.length <= LABEL && !label.startsWith("-") && !label.endsWith("-");
}
