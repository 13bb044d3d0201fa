/**
 * Names of hosts: what one looks like, and which are of this machine or its network.
 *
 * @module
 */

/** A label of a name in ASCII; names in other letters are written as `xn--…`. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/**
 * Whether a text is a host as a permission names it: `NAME`, `*.NAME`, an address, each with or
 * without `:PORT`. Deno ends a process that is started with anything else, and takes an empty one for all.
 */
export function isHost(text: string): boolean {
  const [, name = "", port] = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (name === "" || (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65535))) {
    return false;
  }
  if (name.startsWith("[")) return URL.canParse(`http://${name}/`);
  const labels = name.replace(/^\*\./, "").split(".");
  if (name.length > 253 || !labels.every((label) => LABEL.test(label))) return false;
  // A wildcard over all of `com` is one over everybody.
  if (name.startsWith("*.") && labels.length < 2) return false;
  return URL.canParse(`http://${labels.join(".")}/`);
}

/**
 * Addresses of IPv4 that are no public host's: this machine, its network or nobody (IANA's registry of
 * special-purpose addresses, RFC 6890, and multicast), as first bits.
 */
const LOCAL_IPV4: readonly [first: number, bits: number][] = [
  [0x00000000, 8],
  [0x0a000000, 8],
  [0x64400000, 10],
  [0x7f000000, 8],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0000000, 24],
  [0xc0000200, 24],
  [0xc0586300, 24],
  [0xc0a80000, 16],
  [0xc6120000, 15],
  [0xc6336400, 24],
  [0xcb007100, 24],
  [0xe0000000, 3],
];

/**
 * The same of IPv6, as groups and bits: but for `2000::/3` nothing is public, and in there are some that
 * are not. `embeds`: the group where an address of IPv4 begins, which decides.
 */
const NOT_GLOBAL_IPV6: readonly {
  readonly groups: readonly number[];
  readonly bits: number;
  readonly embeds?: number;
}[] = [
  // IPv4 within IPv6: mapped, and translated by anybody's translator or by one of this network (RFC 8215).
  { groups: [0, 0, 0, 0, 0, 0xffff], bits: 96, embeds: 6 },
  { groups: [0x64, 0xff9b, 0, 0, 0, 0], bits: 96, embeds: 6 },
  { groups: [0x64, 0xff9b, 1], bits: 48 },
  // 6to4.
  { groups: [0x2002], bits: 16, embeds: 1 },
  // Protocols (Teredo, ORCHID, benchmarks), and documentation.
  { groups: [0x2001, 0], bits: 23 },
  { groups: [0x2001, 0xdb8], bits: 32 },
  { groups: [0x3fff, 0], bits: 20 },
];

/** Names that only a local server resolves (RFC 6761, 6762, 8375, 9476, and what routers are delivered with). */
const LOCAL_NAME =
  /\.(?:localhost|localdomain[46]?|local|localnet|internal|intranet|private|lan|home|corp|mail|domain|workgroup|dhcp|arpa|test|invalid|example|alt)$/;

/**
 * Whether a host is of this machine or its network by its name: loopback, private, link-local (where
 * clouds hand out credentials, 169.254.169.254) and names that only a local server resolves.
 *
 * @param hostname As `URL` gives it: numbers in any spelling are four by then.
 */
export function isLocalHost(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  if (name.startsWith("[")) return isLocalIpv6(name.slice(1, -1));
  if (/^\d+\.\d+\.\d+\.\d+$/.test(name)) return isLocalIpv4(name);
  return !name.includes(".") || LOCAL_NAME.test(name);
}

function isLocalIpv4(address: string): boolean {
  const value = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return LOCAL_IPV4.some(([first, bits]) => {
    const size = 2 ** (32 - bits);
    return Math.floor(value / size) === Math.floor(first / size);
  });
}

function isLocalIpv6(address: string): boolean {
  const groups = groupsOf(address);
  if (groups === undefined) return true;
  const special = NOT_GLOBAL_IPV6.find((range) => isIn(groups, range));
  if (special?.embeds !== undefined) {
    const [high = 0, low = 0] = groups.slice(special.embeds);
    return isLocalIpv4([high >> 8, high & 255, low >> 8, low & 255].join("."));
  }
  return special !== undefined || !isIn(groups, { groups: [0x2000], bits: 3 });
}

/** The eight groups of an address as `URL` writes it; undefined where it is none. */
function groupsOf(address: string): number[] | undefined {
  const [head = "", tail] = address.split("::");
  const numbers = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const [first, last] = [numbers(head), numbers(tail ?? "")];
  const gap = Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0);
  const groups = tail === undefined ? first : [...first, ...gap, ...last];
  return groups.length === 8 && !groups.some(Number.isNaN) ? groups : undefined;
}

function isIn(
  address: readonly number[],
  { groups, bits }: { readonly groups: readonly number[]; readonly bits: number },
): boolean {
  for (let at = 0; at * 16 < bits; at++) {
    const shift = Math.max(0, 16 - (bits - at * 16));
    if ((address[at]! >> shift) !== ((groups[at] ?? 0) >> shift)) return false;
  }
  return true;
}
