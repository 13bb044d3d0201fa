/**
 * Addresses of the internet protocol: IPv4 (RFC 791) as four numbers, IPv6 as RFC 4291 writes them. What looks
 * like one but is called a version, a section or the like is none; neither is a number with letters behind it.
 *
 * @module
 */
import type { Span } from "./span.ts";

const BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";

/** Four bytes that no number, letter, dot or hyphen goes on. */
const IPV4 = new RegExp(
  `(?<![\\p{L}\\p{N}_.-]|\\d,)${BYTE}(?:\\.${BYTE}){3}(?![\\p{L}\\p{N}_]|[.,]\\d|-[\\p{L}\\p{N}])`,
  "gu",
);

/** What is before four numbers that are no address. */
const NUMBERED =
  /(?:\b(?:v|ver|versions?|releases?|since|build|firmware|oid|section|sec|chapter|clause|figure|fig|table|appendix|item|no|kapitel|abschnitt)\b[.:]?|§{1,2})\s{0,3}$/iu;

/** And what is behind it. */
const RELEASED = /^\s(?:releases?|version|beta|alpha|rc\d?)\b/i;

/** What the one and the other holds; most texts don't. */
const BYTES = /\d\.\d{1,3}\.\d/, COLONS = /::|:[0-9a-f]{1,4}:/i;

/** The IPv6 addresses in a text, then its IPv4 addresses outside of these, each from left to right. */
export function* ipAddressesIn(text: string): Generator<Span, void> {
  const taken: Span[] = [];
  for (const { start, run } of COLONS.test(text) ? runsOf(text) : []) {
    // The full stop or colon of a sentence.
    let length = run.length;
    while (run[length - 1] === ".") length--;
    const address = run.slice(0, length).replace(/(?<!:):$/, "");
    if (!isIpv6(address)) continue;
    const span = { start, end: start + address.length };
    taken.push(span);
    yield span;
  }
  let next = 0;
  for (const { index, 0: address } of BYTES.test(text) ? text.matchAll(IPV4) : []) {
    const end = index + address.length;
    while (next < taken.length && taken[next]!.end <= index) next++;
    if (next < taken.length && taken[next]!.start < end) continue;
    const isNumbered = NUMBERED.test(text.slice(Math.max(0, index - 16), index)) ||
      RELEASED.test(text.slice(end, end + 16));
    if (!isNumbered) yield { start: index, end };
  }
}

/** Stretches of hexadecimal digits, colons and dots that hold two colons and nothing touches. */
function* runsOf(text: string): Generator<{ start: number; run: string }, void> {
  for (const { index, 0: run } of text.matchAll(/[0-9a-f:.]+/gi)) {
    const end = index + run.length;
    const isTouched = /[\p{L}\p{N}_]/u.test(text.slice(Math.max(0, index - 1), index)) ||
      /^[\p{L}\p{N}_]/u.test(text.slice(end, end + 1));
    if (!isTouched && run.length < 64 && run.indexOf(":") !== run.lastIndexOf(":")) {
      yield { start: index, run };
    }
  }
}

/**
 * Whether a text is an IPv6 address: eight groups, or fewer with one `::`. What `::` joins in programs (`a::b`)
 * is told apart by digits and the length of its groups.
 */
function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => half === "" ? [] : half.split(":"));
  const last = groups.at(-1);
  const hasIpv4 = last?.includes(".") ?? false;
  const hexadecimal = hasIpv4 ? groups.slice(0, -1) : groups;
  if (hasIpv4 && !new RegExp(`^${BYTE}(?:\\.${BYTE}){3}$`).test(last!)) return false;
  if (!hexadecimal.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
  const count = hexadecimal.length + (hasIpv4 ? 2 : 0);
  if (halves.length === 1) return count === 8;
  if (count > 7 || !/\d/.test(text)) return false;
  return groups.length > 2 || text.startsWith("::") || groups.some((group) => group.length > 2);
}
