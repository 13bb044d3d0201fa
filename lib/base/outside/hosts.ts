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

/** Addresses that mean this machine, its network or nobody (RFC 6890), as the first bits of IPv4. */
const LOCAL_IPV4: readonly [first: number, bits: number][] = [
  [0x00000000, 8],
  [0x0a000000, 8],
  [0x64400000, 10],
  [0x7f000000, 8],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0000000, 24],
  [0xc0a80000, 16],
  [0xc6120000, 15],
  [0xe0000000, 3],
];

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
  return !name.includes(".") ||
    /\.(?:localhost|local|internal|intranet|lan|home|corp|arpa)$/.test(name);
}

function isLocalIpv4(address: string): boolean {
  const value = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return LOCAL_IPV4.some(([first, bits]) => {
    const size = 2 ** (32 - bits);
    return Math.floor(value / size) === Math.floor(first / size);
  });
}

function isLocalIpv6(address: string): boolean {
  if (address === "::" || address === "::1") return true;
  // IPv4 within IPv6: mapped, translated (64:ff9b::) and 6to4 (2002:).
  const embedded = /^(?:::ffff:|64:ff9b::|2002:)([\da-f]{1,4}):([\da-f]{1,4})/.exec(address);
  if (embedded !== null) {
    const [high, low] = [parseInt(embedded[1]!, 16), parseInt(embedded[2]!, 16)];
    return isLocalIpv4([high >> 8, high & 255, low >> 8, low & 255].join("."));
  }
  return /^(?:::|f[cd]|fe[89a-f]|ff)/.test(address);
}
