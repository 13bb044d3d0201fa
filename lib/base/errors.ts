/**
 * The one error a user ever sees: what was being done, with which value, what is required, how to
 * mend it and, where there is one, the place in the file. Everything else that throws is a bug.
 *
 * A `UserError` is data first and text second: commands with `--json` print its fields, a terminal
 * prints {@linkcode formatUserError}. Several are reported at once through {@linkcode UserErrors}.
 *
 * @module
 */
import { withoutSecrets } from "./outside/secrets.ts";
import { indented, visible, visibleKeepingTabs, visibleLine } from "./outside/text.ts";

/** A place in a text file. Lines and columns count from 1, as editors do. */
export interface Location {
  /** Path as the user wrote it, or relative to the working folder. */
  readonly file: string;
  /** Line, from 1. */
  readonly line: number;
  /** Column in characters, from 1. */
  readonly column: number;
  /** How many characters to underline; 1 where unknown. */
  readonly length?: number;
  /** The text of the line, so that the message can point into it. */
  readonly text?: string;
}

/** The parts of a {@linkcode UserError}. */
export interface UserErrorParts {
  /** What could not be done and why, one sentence without a full stop at its end: "unknown stage \"tran\"". */
  readonly what: string;
  /** What is required or accepted there. */
  readonly requirement?: string;
  /** What to do about it. */
  readonly remedy?: string;
  /** The valid name nearest to the one given; printed as `did you mean "…"?`. */
  readonly nearest?: string | undefined;
  /** Where in a file. */
  readonly at?: Location | undefined;
  /** The failure underneath, kept for `--json` and logs. */
  readonly cause?: unknown;
}

/**
 * An error that the user can mend. Its `message` is the whole readable text without the place.
 *
 * Secrets are cut out here, once, whoever put them into a sentence.
 */
export class UserError extends Error {
  /** The fields that the message was made of. */
  readonly parts: UserErrorParts;
  override readonly name = "UserError";

  constructor(given: UserErrorParts) {
    const parts = partsWithoutSecrets(given);
    const tail = [
      parts.nearest === undefined ? undefined : `did you mean "${parts.nearest}"?`,
      parts.requirement,
      parts.remedy,
    ].filter((part) => part !== undefined);
    super([parts.what, ...tail].join("; "), { cause: parts.cause });
    this.parts = parts;
  }
}

function partsWithoutSecrets(parts: UserErrorParts): UserErrorParts {
  const { what, requirement, remedy, nearest, at } = parts;
  return {
    ...parts,
    what: withoutSecrets(what),
    ...(requirement === undefined ? {} : { requirement: withoutSecrets(requirement) }),
    ...(remedy === undefined ? {} : { remedy: withoutSecrets(remedy) }),
    ...(nearest === undefined ? {} : { nearest: withoutSecrets(nearest) }),
    ...(at?.text === undefined ? {} : { at: { ...at, text: withoutSecrets(at.text) } }),
  };
}

/** Several mistakes found in one pass. Holds at least one. */
export class UserErrors extends Error {
  readonly errors: readonly UserError[];
  override readonly name = "UserErrors";

  constructor(errors: readonly UserError[]) {
    super(errors.map((error) => error.message).join("\n"));
    this.errors = errors;
  }
}

/** Names that are longer were never typed; to compare two takes time and room of the product of both. */
const LONGEST_NAME = 500;

/**
 * The candidate closest to `name` by edit distance, if it is close enough to be a slip.
 *
 * @param name What was written.
 * @param candidates What would have been right.
 * @returns The nearest candidate, or undefined where none is within a third of the name's length (at least 2 edits).
 *
 * @example
 * ```ts
 * import { nearest } from "./errors.ts";
 * if (nearest("lerning_rate", ["learning_rate", "seed"]) !== "learning_rate") throw new Error();
 * if (nearest("x", ["learning_rate"]) !== undefined) throw new Error();
 * ```
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const limit = Math.max(2, Math.ceil(name.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    // A name that would have to change in every letter is no slip, however short it is.
    if (distance < bestDistance && distance < Math.max(name.length, candidate.length)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Damerau-Levenshtein distance (optimal string alignment): insert, delete, replace, swap neighbours. */
function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  const d = new Uint32Array((a.length + 1) * width);
  for (let i = 0; i <= a.length; i++) d[i * width] = i;
  for (let j = 0; j <= b.length; j++) d[j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min(
        d[(i - 1) * width + j]! + 1,
        d[i * width + j - 1]! + 1,
        d[(i - 1) * width + j - 1]! + cost,
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        value = Math.min(value, d[(i - 2) * width + j - 2]! + 1);
      }
      d[i * width + j] = value;
    }
  }
  return d[a.length * width + b.length]!;
}

/**
 * A {@linkcode UserError} as a person reads it: place, sentence, the line with a pointer, then remedies.
 *
 * ```text
 * pipelines/imdb.yaml:12:7: unknown option "lerning_rate" of stage "train"
 *   12 |       lerning_rate: 2e-5
 *      |       ^^^^^^^^^^^^
 *   did you mean "learning_rate"?
 * ```
 */
export function formatUserError(error: UserError): string {
  const { what, requirement, remedy, nearest, at } = error.parts;
  const sentence = indented(visible(what));
  const lines = [at === undefined ? sentence : `${placeOf(at)}: ${sentence}`];
  if (at?.text !== undefined) {
    const gutter = String(at.line);
    const shown = (from: number, to?: number): string =>
      visibleKeepingTabs(at.text!.slice(from, to)).replaceAll("\n", "\\n");
    const pad = [...shown(0, at.column - 1)].map((c) => (c === "\t" ? "\t" : " ")).join("");
    const marked = shown(at.column - 1, at.column - 1 + Math.max(1, at.length ?? 1)).length;
    lines.push(`  ${gutter} | ${shown(0)}`);
    lines.push(`  ${" ".repeat(gutter.length)} | ${pad}${"^".repeat(Math.max(1, marked))}`);
  }
  if (nearest !== undefined) lines.push(`  did you mean "${visibleLine(nearest)}"?`);
  if (requirement !== undefined) lines.push(`  ${indented(visible(requirement))}`);
  if (remedy !== undefined) lines.push(`  ${indented(visible(remedy))}`);
  return lines.join("\n");
}

/** A place as editors and terminals know it: `file:line:column`. */
export function placeOf({ file, line, column }: Location): string {
  return `${visibleLine(file)}:${line}:${column}`;
}

/** Marks a state that only a bug can reach. */
export class InternalError extends Error {
  override readonly name = "InternalError";
  constructor(message: string, options?: ErrorOptions) {
    super(`Internal error: ${message}`, options);
  }
}

/** For the end of an exhaustive switch: the type checker proves it is never called. */
export function unreachable(value: never): never {
  throw new InternalError(`unexpected value ${JSON.stringify(value)}`);
}
