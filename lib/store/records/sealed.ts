/**
 * Records that carry a digest of themselves, so that what is shown of one is what was written.
 *
 * It tells accidents and edits by hand, not a forger who computes it anew: whoever can write into the
 * store can write whole records of their own.
 *
 * @module
 */
import { canonicalDigest } from "../../base/canonical_json.ts";
import { parseJsonObject } from "../../base/json.ts";

/** The member that holds the digest: SHA-256 of the rest in canonical JSON. */
const SEAL = "digest";

/** The text of a record, with its digest as the last member. */
export function sealed(record: object): string {
  const { [SEAL]: _, ...content } = JSON.parse(JSON.stringify(record)) as Record<string, unknown>;
  const whole = { ...content, [SEAL]: canonicalDigest(content) };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

/** The members of a record, less its digest; undefined where that is not theirs, or missing. */
export function unsealed(text: string): Readonly<Record<string, unknown>> | undefined {
  const { [SEAL]: digest, ...content } = parseJsonObject(text) ?? {};
  if (typeof digest !== "string") return undefined;
  try {
    return canonicalDigest(content) === digest ? content : undefined;
  } catch {
    return undefined;
  }
}
