/**
 * What functions, methods, filters and tests take, and how what is given to them finds its place.
 *
 * @module
 */
import { wholeOf } from "../values/numbers.ts";
import { aOrAn } from "../values/sequences.ts";
import { TemplateError } from "../values/template_error.ts";
import { type Given, typeName, Undefined, type Value } from "../values/value.ts";

/** What was given, by place; undefined where it was left out. */
export type Args = readonly (Value | undefined)[];

/** The parameters of something that is called. */
export interface Signature {
  readonly names: readonly string[];
  /** So many have to be given. */
  readonly required: number;
}

/** A signature in short: `"old new count?"`; a question mark stands behind what may be left out. */
export function signature(parameters: string): Signature {
  const names = parameters === "" ? [] : parameters.split(" ");
  const optional = names.findIndex((name) => name.endsWith("?"));
  return {
    names: names.map((name) => name.replace("?", "")),
    required: optional < 0 ? names.length : optional,
  };
}

/**
 * Puts what was given in the places of a signature.
 *
 * @param callee What is called, for messages.
 * @throws {TemplateError} Where something is missing, too much, or of an unknown name.
 */
export function bound(
  { positional, keywords }: Given,
  { names, required }: Signature,
  callee: string,
): Args {
  if (positional.length > names.length) {
    throw new TemplateError(`${callee} takes at most ${names.length} values`);
  }
  const args: (Value | undefined)[] = [...positional];
  for (const [name, value] of keywords) {
    const place = names.indexOf(name);
    if (place < 0) throw new TemplateError(`${callee} has no parameter "${name}"`);
    if (args[place] !== undefined) throw new TemplateError(`${callee} got "${name}" twice`);
    args[place] = value;
  }
  for (let i = 0; i < required; i++) {
    if (args[i] === undefined) throw new TemplateError(`${callee} lacks "${names[i]}"`);
  }
  return args;
}

/** What is wrong with the type of a value. */
export function wrongType(value: Value, wanted: string): never {
  if (value instanceof Undefined) throw new TemplateError(value.why);
  throw new TemplateError(`${aOrAn(typeName(value))} is given where it takes ${wanted}`);
}

/** A text that was given. */
export function textArg(value: Value | undefined, otherwise?: string): string {
  if (value === undefined && otherwise !== undefined) return otherwise;
  return typeof value === "string" ? value : wrongType(value ?? null, "a text");
}

/** An int that was given, within what any text or list can be long. */
export function intArg(value: Value | undefined, otherwise?: number): number {
  if (value === undefined && otherwise !== undefined) return otherwise;
  const whole = wholeOf(value ?? null);
  if (whole === undefined) return wrongType(value ?? null, "an int");
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(whole)));
}
