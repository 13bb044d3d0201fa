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

/** Schemes whose addresses may begin with a user and a password. `hf://NAME@REVISION` is none. */
const SCHEMES =
  "(?:https?|wss?|ftps?|sftp|ssh|git|s3|gs|socks[45]h?|postgres(?:ql)?|mysql|mongodb(?:\\+srv)?|rediss?|amqps?)";

/** `https://user:password@`: to the last `@` before the path. */
const USERINFO = new RegExp(`\\b(${SCHEMES}:\\/\\/)[^\\s\\/?#"'<>\\\\]*@`, "gi");

/** Parameters of a URL that let in whoever has them. */
const PARAMETERS = [
  "x-amz-(?:signature|credential|security-token)",
  "x-goog-(?:signature|credential)",
  "sig(?:nature)?",
  "(?:access|auth|id|refresh|private|job|session|api|security|bearer|secret|hf|user|oauth)?[-_.]?token",
  "(?:api|access|private|subscription|account|secret)[-_]?key(?:[-_]?id)?",
  "awsaccesskeyid",
  "key-pair-id",
  "(?:client[-_]?)?secret",
  "pass(?:word|wd|phrase)?",
  "pwd",
  "auth(?:orization)?",
  "credentials?",
  "jwt",
].join("|");
const PARAMETER = new RegExp(`([?&;#])(${PARAMETERS})=[^&;#\\s"'<>\\\\]+`, "gi");

/** The same where it is certain to be one of a URL: what is refused must be no prose. */
const OF_URL = new RegExp(`:\\/\\/[^\\s"'<>\\\\]*[?&;#](${PARAMETERS})=[^&;#\\s"'<>\\\\]`, "i");

/** Tokens by their form, and headers that carry one. */
const TOKENS =
  /\bhf_[A-Za-z0-9]{16,}|(?<=\bauthorization["']?[:=] ?["']?)(?:Bearer|Basic) +[\w.~+/=-]+/gi;

/** Shorter values stand in ordinary words: to cut them out would say what they are. */
const MIN_LENGTH = 5;

/** Names of variables that hold a secret; TOKENIZERS_PARALLELISM is none. */
const VARIABLE =
  /(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|API_?KEY|ACCESS_?KEY)(?:_|$)|_(?:KEY|PAT|COOKIE)$/i;

/** Names that tell where a secret lies instead. */
const PLACE = /_(?:FILE|PATH|DIR|URL|ID|NAME)$/i;

/** Values of such variables that are none: switches. */
const PLAIN = /^(?:true|false|enabled?|disabled?|required?|optional|default)$/i;

const values = new Set<string>();

/** Has a value cut out of all text from now on, in this process; lines of it one by one as well. */
export function keepSecret(value: string | undefined): void {
  for (const part of [value ?? "", ...(value ?? "").split(/[\r\n]+/)].map((each) => each.trim())) {
    if (part.length < MIN_LENGTH) continue;
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

/** Has the user's password of a URL cut out wherever it stands. */
export function keepSecretsOfUrl(url: string): void {
  if (!/:\/\/[^/]*@/.test(url) || !URL.canParse(url)) return;
  const { username, password } = new URL(url);
  // A user without a password is a token; one with a password is a name, as "git".
  const secret = password === "" ? username : password;
  keepSecret(secret);
  try {
    keepSecret(decodeURIComponent(secret));
  } catch {
    // No escape after all: the value as it is was the whole of it.
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
  let clean = text;
  // The longest first: one secret may begin with another.
  for (const value of [...values].sort((a, b) => b.length - a.length)) {
    if (clean.includes(value)) clean = clean.replaceAll(value, MASK);
  }
  if (clean.includes("@")) clean = clean.replace(USERINFO, `$1${MASK}@`);
  if (clean.includes("=")) clean = clean.replace(PARAMETER, `$1$2=${MASK}`);
  return clean.replace(TOKENS, (token) => `${/^hf_|^\w+ +/.exec(token)![0]}${MASK}`);
}

/** A value of JSON without the secrets in its texts. Names of members stay, but for addresses. */
export function valueWithoutSecrets<T>(value: T): T {
  const clean = (inner: unknown): unknown => {
    if (typeof inner === "string") return withoutSecrets(inner);
    if (typeof inner !== "object" || inner === null) return inner;
    if (Array.isArray(inner)) return inner.map(clean);
    return Object.fromEntries(
      Object.entries(inner).map(([name, member]) => [
        name.includes("://") ? withoutSecrets(name) : name,
        clean(member),
      ]),
    );
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
  USERINFO.lastIndex = 0;
  if (text.includes("@") && USERINFO.test(text)) {
    return "a user or password in the address";
  }
  const parameter = OF_URL.exec(text)?.[1];
  if (parameter !== undefined) return `the parameter "${parameter}"`;
  TOKENS.lastIndex = 0;
  return TOKENS.test(text) ? "a token" : undefined;
}

/** Which secret a value of JSON would tell, in its texts and the names of its members. */
export function secretInValue(value: unknown): string | undefined {
  if (typeof value === "string") return secretIn(value);
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
