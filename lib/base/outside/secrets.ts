/**
 * Secrets are cut out of everything that is shown or kept: messages, logs, events, records.
 *
 * They are known by their form (a user and password in a URL, a parameter such as `token` or a signature,
 * a token of the hub) and by their value, once somebody said {@linkcode keepSecret}. What would be
 * kept for good, as a pin in a lock file that is committed, is refused instead ({@linkcode secretIn}).
 *
 * Left out: secrets in other spellings, as base64 of them.
 *
 * @module
 */

/** What stands in the place of a secret. */
const MASK = "***";

/**
 * Schemes whose addresses have something else before an `@`: `hf://NAME@REVISION`. In all others a user
 * alone is a token.
 */
const WITHOUT_USER = /(?:hf|npm|jsr|docker|pkg|file|mailto)$/i;

/** Who is let in everywhere: no token. */
const NOBODY = /^(?:git|hg|svn|anonymous)$/i;

/**
 * What follows a scheme up to the path: `user:password@host`. The web's own schemes need no slashes for a
 * browser, or take three. A quote belongs to it unless it ends a text; so may any text have parts that look
 * like the beginning of an address: each run is looked at once, as a whole.
 */
const AUTHORITY =
  /((?:https?|wss?|ftp):[\\/]*|:[\\/]{2,}|(?<![\w:\\/])\/\/)((?:[^\s/?#"'<>\\:]|:(?!\\?\/)|\\(?![/"'])|["'<>](?![\s)\]}<>"'\\]|[,;:.](?:[\s"'<>]|$)|$))+)/gi;

/** Characters of a scheme. */
const LONGEST_SCHEME = 40;

/** How names of parameters end that let in whoever has them; `tokens` and `page` are none. */
const IS_SECRET = new RegExp(
  "(?:" + [
    "token",
    "secret",
    "passw(?:or)?d",
    "passphrase",
    "signature",
    "credentials?",
    "authorization",
    "jwt",
    "(?:api|access|private|secret|subscription|account)[-_]?key(?:[-_]?id)?",
    "key-pair-id",
    // Short ones are ends of many words.
    "(?:^|[-_.])(?:sig|pwd|pass|auth)",
  ].join("|") + ")[-_]?\\d*\\]?(?:\\[\\w*\\])*$",
  "i",
);

/** A parameter: its name, in which letters may be escaped, and its value; a quote that ends a text is no part of it. */
const PARAMETER =
  /([?&;#]|\\u0026)([^\s?&;#="'<>\\]+)=((?:[^&;#\s"'<>\\]|["'<>](?![\s)\]}<>"'\\]|[,;:.](?:[\s"'<>]|$)|$))+)/g;

/** An address in a text, from the slashes on: what is refused must be no prose. */
const ADDRESS = /:\/\/[^\s"<>\\]+/g;

/** Tokens by their form, and headers that carry one. */
const TOKENS =
  /hf_[A-Za-z0-9]{16,}|(?<=\bauthorization["']?[:=] ?["']?)(?:Bearer|Basic) +[\w.~+/=-]+/gi;

/** Shorter values stand in ordinary words: to cut them out would say what they are. */
const MIN_LENGTH = 5;

/** Names of variables that hold a secret; TOKENIZERS_PARALLELISM is none. */
const VARIABLE =
  /(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|(?:API|ACCESS|SECRET|PRIVATE)_?KEY)(?:_|\d|$)|_(?:KEY|PAT|PASS|PWD|AUTH|CREDS|COOKIE)$|^SSHPASS$/i;

/** Names that tell where a secret lies instead. */
const PLACE = /_(?:FILE|PATH|DIR|URL|ID|NAME)$/i;

/** Values of such variables that are none: switches. */
const PLAIN = /^(?:true|false|enabled?|disabled?|required?|optional|default)$/i;

const values = new Set<string>();
/** Those of them that are numbers, which may stand in JSON without quotes. */
const numbers = new Set<number>();

/** Has a value cut out of all text from now on, in this process; lines of it one by one as well. */
export function keepSecret(value: string | undefined): void {
  for (const part of [value ?? "", ...(value ?? "").split(/[\r\n]+/)].map((each) => each.trim())) {
    if (part.length < MIN_LENGTH) continue;
    if (/^[\d.+-]/.test(part) && Number.isFinite(Number(part))) numbers.add(Number(part));
    for (const spelt of [part, encodeURIComponent(part.toWellFormed()), escaped(part)]) {
      values.add(spelt);
    }
  }
}

/** Has the variables of an environment cut out whose names say that they are secret. */
export function keepSecretsOf(environment: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(environment)) {
    if (VARIABLE.test(name) && !PLACE.test(name) && !PLAIN.test(value)) keepSecret(value);
    keepSecretsOfUrl(value);
  }
}

/** Has the secrets of an address cut out wherever they stand: its user's password, and parameters. */
export function keepSecretsOfUrl(address: string): void {
  for (const { value } of secretsOfUrl(address)) {
    keepSecret(value);
    keepSecret(unescaped(value));
  }
}

/** The secrets of a text that is an address as a whole, in all spellings that a browser takes. */
function secretsOfUrl(text: string): { readonly what: string; readonly value: string }[] {
  const url = URL.parse(text);
  if (url === null) return [];
  const found: { what: string; value: string }[] = [];
  // A user without a password is a token; one with a password is a name.
  if (isLetIn({ scheme: url.protocol.slice(0, -1), user: url.username, password: url.password })) {
    const value = url.password === "" ? url.username : url.password;
    found.push({ what: "a user or password in the address", value });
  }
  // As it was written, and as browsers write it.
  for (const written of [text, url.href]) {
    for (const part of written.split(/[?&;#]/).slice(1)) {
      const [name = "", value = ""] = divided(part);
      if (value === "" || !IS_SECRET.test(unescaped(name))) continue;
      found.push({ what: `the parameter "${unescaped(name)}"`, value });
    }
  }
  return found;
}

/** Whether what stands before the host of an address lets somebody in. */
function isLetIn(
  { scheme, user, password }: {
    readonly scheme: string;
    readonly user: string;
    readonly password: string;
  },
): boolean {
  return password !== "" || (user !== "" && !WITHOUT_USER.test(scheme) && !NOBODY.test(user));
}

/** The text with a mask in the place of what stands before the hosts of its addresses. */
function withoutUsers(text: string): string {
  return text.replace(AUTHORITY, (whole: string, begin: string, run: string, at: number) => {
    const end = run.lastIndexOf("@");
    if (end < 0) return whole;
    const scheme = begin.startsWith(":") ? schemeBefore(text, at) : /^[a-z]*/i.exec(begin)![0];
    const user = run.slice(0, end);
    const colon = user.indexOf(":");
    const known = {
      scheme,
      user: colon < 0 ? user : user.slice(0, colon),
      password: colon < 0 ? "" : user.slice(colon + 1),
    };
    // Behind slashes alone an `@` may stand in any comment.
    if (scheme === "" && begin === "//" && known.password === "") return whole;
    return isLetIn(known) ? `${begin}${MASK}${run.slice(end)}` : whole;
  });
}

/** The characters of a scheme that end at an index. */
function schemeBefore(text: string, end: number): string {
  let start = end;
  while (start > 0 && end - start < LONGEST_SCHEME && /[a-z0-9+.-]/i.test(text[start - 1]!)) {
    start--;
  }
  return text.slice(start, end);
}

/** `a=b=c` -> `a`, `b=c`. */
function divided(part: string): readonly string[] {
  const at = part.indexOf("=");
  return at < 0 ? [part] : [part.slice(0, at), part.slice(at + 1)];
}

/** A part of an address without its escapes; as it is where they are none. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * A text without its secrets.
 *
 * @example
 * ```ts
 * import { withoutSecrets } from "./secrets.ts";
 * const shown = withoutSecrets("cannot reach https://ann:s3cret@host/file?token=abc&page=2");
 * if (shown !== "cannot reach https://***@host/file?token=***&page=2") throw new Error(shown);
 * ```
 */
export function withoutSecrets(text: string): string {
  let clean = withoutValues(text);
  if (clean.includes("@")) clean = withoutUsers(clean);
  if (clean.includes("=")) {
    clean = clean.replace(
      PARAMETER,
      (whole, sign, name) => IS_SECRET.test(unescaped(name)) ? `${sign}${name}=${MASK}` : whole,
    );
  }
  return clean.replace(TOKENS, (token) => `${/^hf_|^\w+ +/i.exec(token)![0]}${MASK}`);
}

/** A text with a mask in the place of known values; one for those that overlap, of which else a part would be left. */
function withoutValues(text: string): string {
  const found: [from: number, to: number][] = [];
  for (const value of values) {
    let last: [from: number, to: number] | undefined;
    for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1)) {
      if (last !== undefined && at < last[1]) last[1] = at + value.length;
      else found.push(last = [at, at + value.length]);
    }
  }
  if (found.length === 0) return text;
  found.sort(([a], [b]) => a - b);
  let clean = "";
  let done = 0;
  for (const [i, [from, to]] of found.entries()) {
    if (i === 0 || from >= done) clean += text.slice(done, from) + MASK;
    done = Math.max(done, to);
  }
  return clean + text.slice(done);
}

/** A value of JSON without the secrets in its texts and the names of its members. A number stays: it may be a count. */
export function valueWithoutSecrets<T>(value: T): T {
  const clean = (inner: unknown): unknown => {
    // Half a character is none: no record can hold it.
    if (typeof inner === "string") return withoutSecrets(inner).toWellFormed();
    if (typeof inner !== "object" || inner === null) return inner;
    if (Array.isArray(inner)) return inner.map(clean);
    const members = new Map<string, unknown>();
    for (const [name, member] of Object.entries(inner)) {
      let shown = withoutSecrets(name);
      // Two secrets as names are two members still.
      while (members.has(shown)) shown += "*";
      members.set(shown, clean(member));
    }
    return Object.fromEntries(members);
  };
  return clean(value) as T;
}

/**
 * Which secret a text would tell.
 *
 * @returns In words, without the secret; undefined where there is none.
 */
export function secretIn(text: string): string | undefined {
  for (const value of values) if (text.includes(value)) return "a secret of the environment";
  if (text.includes("@") && withoutUsers(text) !== text) {
    return "a user or password in the address";
  }
  const parameter = parameterIn(text);
  if (parameter !== undefined) return `the parameter "${parameter}"`;
  // The whole text may be an address that no pattern knows for one.
  const [first] = secretsOfUrl(text);
  if (first !== undefined) return first.what;
  TOKENS.lastIndex = 0;
  return TOKENS.test(text) ? "a token" : undefined;
}

/** The name of a parameter with a secret in an address in a text. */
function parameterIn(text: string): string | undefined {
  if (!text.includes("=")) return undefined;
  for (const [address] of text.matchAll(ADDRESS)) {
    for (const [, , name] of address.matchAll(PARAMETER)) {
      if (IS_SECRET.test(unescaped(name!))) return unescaped(name!);
    }
  }
  return undefined;
}

/** Which secret a value of JSON would tell, in its texts and the names of its members. */
export function secretInValue(value: unknown): string | undefined {
  if (typeof value === "string") return secretIn(value);
  if (typeof value === "number" && numbers.has(value)) return "a secret of the environment";
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const found = (Array.isArray(value) ? undefined : secretIn(name)) ?? secretInValue(member);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A text as it stands in JSON. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
