/**
 * Signatures: the string beside a score that says how it was computed, after sacrebleu
 * (Post, "A Call for Clarity in Reporting BLEU Scores", WMT 2018, https://aclanthology.org/W18-6319).
 * Two scores compare only where their signatures are equal.
 *
 * @module
 */

/**
 * What the signatures end with: the version of `deno.json`, which a test holds it to. Importing the file
 * would put all of it into the key of `evaluate`, so that a new task or package evaluated everything again.
 */
export const METRICS_VERSION = "temper-0.1.0";

/**
 * Writes a signature.
 *
 * @param fields Settings in the order to print; undefined ones are left out, booleans become yes and no.
 * @returns `key:value|key:value|version:…`.
 *
 * @example
 * ```ts
 * import { METRICS_VERSION, signature } from "./signature.ts";
 * const text = signature({ nrefs: 1, case: "mixed", eff: false, bs: undefined });
 * if (text !== `nrefs:1|case:mixed|eff:no|version:${METRICS_VERSION}`) throw new Error(text);
 * ```
 */
export function signature(
  fields: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const pairs = Object.entries({ ...fields, version: METRICS_VERSION }).flatMap(([key, value]) => {
    if (value === undefined) return [];
    return [`${key}:${typeof value === "boolean" ? (value ? "yes" : "no") : value}`];
  });
  return pairs.join("|");
}
