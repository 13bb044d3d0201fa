/**
 * How much a server may take of this machine's time, disk and memory, and where it may send us.
 *
 * A server may be broken or hostile: bodies that never end, listings whose pages link to themselves, a
 * byte a minute. Each bound ends in an error that names the URL, the bound and what to do.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { isHost, isLocalHost } from "../../base/outside/hosts.ts";

/** Bounds on what servers send. */
export interface Limits {
  /** Bytes of a file whose size nobody announced. */
  readonly maxBytes: number;
  /** Milliseconds until an answer begins. */
  readonly answer: number;
  /** Milliseconds of a body in which at least `stallBytes` have to arrive. */
  readonly stall: number;
  readonly stallBytes: number;
  /** Requests for one file, all tries together. */
  readonly requests: number;
  /** Requests for one listing. */
  readonly pages: number;
  /** Bytes of a listing, over all its pages, and of any other JSON. */
  readonly listingBytes: number;
  /** What the waits between tries are multiplied with. */
  readonly patience: number;
}

/** The bounds where nothing else is said. */
export const LIMITS: Limits = {
  maxBytes: 100e9,
  answer: 60_000,
  stall: 60_000,
  stallBytes: 65_536,
  requests: 10_000,
  pages: 2000,
  listingBytes: 256e6,
  patience: 1,
};

/** The bounds with some of them changed. */
export function limitsWith(changes: Partial<Limits> = {}): Limits {
  return { ...LIMITS, ...changes };
}

/**
 * Checks where a redirect leads.
 *
 * @throws {UserError} Where it leaves HTTP or its encryption, carries a password, or leads from a public host
 * to this machine or its network.
 */
export function checkRedirect(from: URL, to: URL): void {
  const why = !/^https?:$/.test(to.protocol)
    ? `to a ${to.protocol} address`
    : from.protocol === "https:" && to.protocol !== "https:"
    ? "from https to http, where anybody may read and change it"
    : to.username !== "" || to.password !== ""
    ? "to an address with a user or password"
    : !isHost(to.host)
    ? `to "${to.host}", which is no host`
    : isLocalHost(to.hostname) && !isLocalHost(from.hostname)
    ? `to ${to.host}, which is on this machine or its network`
    : undefined;
  if (why === undefined) return;
  throw new UserError({
    what: `${addressOf(from)} redirects ${why}`,
    requirement: "a redirect leads from https to https, from http to either, and not inwards",
    remedy: "the server is not to be trusted; if it is, name the address that it redirects to",
  });
}

/** An address without what may be secret or long: its parameters. */
export function addressOf(url: URL | string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname.length > 500 ? pathname.slice(0, 500) + "…" : pathname}`;
}

/**
 * A size that somebody announced, in bytes.
 *
 * @param value A number or its digits; null and undefined stand for none.
 * @throws {UserError} Where it is something else, or below 0.
 */
export function announcedSize(value: unknown, of: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const size = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof size === "number" && Number.isSafeInteger(size) && size >= 0) return size;
  throw new UserError({
    what: `${of} announces the size ${JSON.stringify(value)?.slice(0, 60)}`,
    requirement: "a size is a whole number of bytes, at least 0",
    remedy: "the server is broken: try again later, or another mirror",
  });
}
