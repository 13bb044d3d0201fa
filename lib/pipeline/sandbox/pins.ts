/**
 * The pins that the `resolve` of an own stage sets: JSON, and not without end, as they go into a file
 * that people commit. Checked where they are set, so that the stage's author hears of it, and again
 * where they arrive, for that process runs code that nobody has looked at.
 *
 * They travel as texts: members such as `__proto__` come through as they are.
 *
 * @module
 */
import { canonicalJson } from "../../base/canonical_json.ts";
import { UserError } from "../../base/errors.ts";
import { type Json, parseJson } from "../../base/json.ts";

/** Pins that one stage may have. */
export const MOST_PINS = 1000;
/** Characters of a source's name. */
const LONGEST_SOURCE = 4096;
/** Characters of all pins that one `resolve` sets, as JSON. */
const LONGEST_PINS = 4 * 1024 * 1024;
/** Objects and lists within each other. */
const DEEPEST = 32;

/**
 * A pin as it travels.
 *
 * @throws {UserError} Where it is no JSON, or its name or itself is too long or too deep.
 */
export function pinText(source: unknown, pin: unknown): string {
  if (typeof source !== "string" || source.length > LONGEST_SOURCE || !source.isWellFormed()) {
    const shown = typeof source === "string" ? `${source.slice(0, 40)}…` : typeof source;
    throw refused(`the name of a source is ${shown}`);
  }
  if (!isNestedAtMost(pin, DEEPEST)) {
    throw refused(`the pin of ${shownSource(source)} is nested deeper`);
  }
  let text: string;
  try {
    text = canonicalJson(pin);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refused(`the pin of ${shownSource(source)} is no JSON (${why})`);
  }
  if (text.length > LONGEST_PINS) throw refused(`the pin of ${shownSource(source)} is longer`);
  return text;
}

/**
 * The pins that a stage's process sent.
 *
 * @throws {UserError} Where there are too many, or one is not as {@linkcode pinText} writes it.
 */
export function receivedPins(
  entries: readonly (readonly [source: string, text: string])[],
): Map<string, Json> {
  if (entries.length > MOST_PINS) throw refused(`it sets ${entries.length} pins`);
  if (entries.reduce((sum, [, text]) => sum + text.length, 0) > LONGEST_PINS) {
    throw refused("its pins are longer together");
  }
  return new Map(entries.map(([source, text]) => {
    let pin: Json;
    try {
      pin = parseJson(text) as Json;
    } catch {
      throw refused(`the pin of ${shownSource(source)} is no JSON`);
    }
    pinText(source, pin);
    return [source, pin];
  }));
}

/** @throws {UserError} Where a stage would come to have too many pins, those of earlier runs included. */
export function checkPinCount(count: number): void {
  if (count > MOST_PINS) throw refused(`it has ${count} pins with those of earlier runs`);
}

/**
 * Whether a value has at most so many objects and lists within each other. One that holds itself, or
 * one thing so often that its text would never end, has not.
 */
export function isNestedAtMost(value: unknown, depth: number): boolean {
  let seen = 0;
  const within = (part: unknown, left: number): boolean => {
    if (++seen > LONGEST_PINS) return false;
    if (typeof part !== "object" || part === null) return true;
    return left > 0 && Object.values(part).every((member) => within(member, left - 1));
  };
  return within(value, depth);
}

function shownSource(source: string): string {
  return JSON.stringify(source.length > 80 ? `${source.slice(0, 80)}…` : source);
}

function refused(what: string): UserError {
  return new UserError({
    what: `cannot keep the pins of the stage: ${what}`,
    requirement: `a stage has at most ${MOST_PINS} pins: JSON of at most ${DEEPEST} levels and ` +
      `${LONGEST_PINS / 1024 ** 2} MiB in all, by names of at most ${LONGEST_SOURCE} characters`,
    remedy: "pin what decides the bytes of a source: a commit, an ETag, a digest",
  });
}
