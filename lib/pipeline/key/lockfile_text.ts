/**
 * The text of a `<pipeline>.lock`.
 *
 * ```json
 * {
 *   "version": 1,
 *   "pins": { "hf://datasets/imdb@main": { "commit": "…" } },
 *   "own": { "crawl": { "news": { "etag": "…" } } }
 * }
 * ```
 *
 * `pins` are those of built-in stages, which share one for a source. `own` has those of each own
 * stage by its name in the pipeline, which the cells of a matrix share: its code is not trusted with
 * another's.
 *
 * @module
 */
import { canonicalJson } from "../../base/canonical_json.ts";
import { UserError } from "../../base/errors.ts";
import { isJsonObject, type Json, type JsonObject, parseJson } from "../../base/json.ts";
import { isNestedAtMost } from "../sandbox/pins.ts";

const VERSION = 1;
/** Far more than a pin has; a file that is deeper would exhaust the stack of whoever walks it. */
const DEEPEST = 100;

/** Pins by {@linkcode pinKey}. */
export type Pins = Map<string, Json>;

/** Names a pin: its source, and for an own stage's the stage. */
export function pinKey(source: string, stage?: string): string {
  // No name of a stage has this character; a source may have any.
  return `${stage ?? ""}\0${source}`;
}

/** Takes a {@linkcode pinKey} apart. */
export function pinKeyParts(key: string): { readonly source: string; readonly stage?: string } {
  const end = key.indexOf("\0");
  const source = key.slice(end + 1);
  return end === 0 ? { source } : { source, stage: key.slice(0, end) };
}

/**
 * Reads a lock file's text.
 *
 * @throws {UserError} Where it is not what {@linkcode formatPins} writes.
 */
export function parsePins(text: string, path: string): Pins {
  const pins: Pins = new Map();
  const take = (members: JsonObject, stage?: string): void => {
    for (const [source, pin] of Object.entries(members)) pins.set(pinKey(source, stage), pin);
  };
  try {
    const value = parseJson(text) as Json;
    const isOurs = isJsonObject(value) && value.version === VERSION &&
      isNestedAtMost(value, DEEPEST) && isExact(value);
    if (isOurs && isJsonObject(value.pins) && isJsonObject(value.own ?? {})) {
      take(value.pins);
      for (const [stage, members] of Object.entries(value.own ?? {})) {
        if (!isJsonObject(members)) throw new TypeError("pins are no list");
        take(members, stage);
      }
      return pins;
    }
  } catch {
    // Told below.
  }
  throw new UserError({
    what: `${path} is not a lock file of this version`,
    requirement: `JSON: {"version":${VERSION},"pins":{source: pin},"own":{stage: {source: pin}}}`,
    remedy: "restore it from version control, or delete it and run with --update",
  });
}

/** Whether it can be written as it was read: 1e999 is read as a number that JSON has not. */
function isExact(value: Json): boolean {
  try {
    canonicalJson(value);
    return true;
  } catch {
    return false;
  }
}

/** The text for pins, sorted, so that a change of one changes its lines alone. */
export function formatPins(pins: Pins): string {
  const shared: [string, Json][] = [];
  const own = new Map<string, [string, Json][]>();
  for (const [key, pin] of pins) {
    const { source, stage } = pinKeyParts(key);
    if (stage === undefined) shared.push([source, pin]);
    else {
      const known = own.get(stage);
      if (known === undefined) own.set(stage, [[source, pin]]);
      else known.push([source, pin]);
    }
  }
  const value = {
    version: VERSION,
    pins: sorted(Object.fromEntries(shared)),
    ...(own.size === 0 ? {} : {
      own: sorted(
        Object.fromEntries([...own].map(([stage, of]) => [stage, Object.fromEntries(of)])),
      ),
    }),
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Whether two pins say the same. */
export function samePin(a: Json | undefined, b: Json | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value as JsonObject);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}
