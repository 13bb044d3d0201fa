/**
 * The functions that templates know. Left out: `lipsum`, which makes text up, and any clock.
 *
 * @module
 */
import { listOf } from "../values/sequences.ts";
import { TemplateError } from "../values/template_error.ts";
import { Callable, Dict, type Given, Range, Undefined, type Value } from "../values/value.ts";
import { written } from "../values/written.ts";
import { bound, intArg, signature } from "../calls/signature.ts";
import { Cycler, Joiner, Namespace } from "./things.ts";

/** As many numbers as Jinja's own sandbox makes. */
const MOST_NUMBERS = 100_000;

/** More numbers than a pipeline file can need. */
const MOST_NUMBERS_OF_EXPRESSIONS = 10_000;

const RANGE = signature("start stop? step?");

function rangeUpTo(most: number): Callable {
  return new Callable("range", (given) => {
    const [first, second, by] = bound(given, RANGE, "range()");
    const [start, stop] = second === undefined
      ? [0, intArg(first)]
      : [intArg(first), intArg(second)];
    const step = intArg(by, 1);
    if (step === 0) throw new TemplateError("the step of range() cannot be 0");
    const range = new Range(start, stop, step);
    if (range.length > most) throw new TemplateError(`range() makes at most ${most} numbers`);
    return range;
  });
}

/** The entries of `dict(pairs, a=1)`. */
function entriesOf({ positional, keywords }: Given, callee: string): Dict {
  if (positional.length > 1) throw new TemplateError(`${callee} takes one value at most`);
  const dict = new Dict();
  const [from] = positional;
  if (from instanceof Undefined) throw new TemplateError(from.why);
  if (from instanceof Dict) { for (const [key, value] of from.entries()) dict.set(key, value); }
  else if (from !== undefined) {
    for (const pair of listOf(from).map(listOf)) {
      if (pair.length !== 2) throw new TemplateError(`${callee} takes pairs of a key and a value`);
      dict.set(pair[0]!, pair[1]!);
    }
  }
  for (const [key, value] of keywords) dict.set(key, value);
  return dict;
}

/** What every row template knows besides its columns. A column of the same name goes before. */
export const TEMPLATE_GLOBALS: ReadonlyMap<string, Value> = new Map(
  [
    rangeUpTo(MOST_NUMBERS),
    new Callable("dict", (given) => entriesOf(given, "dict()")),
    new Callable("namespace", (given) => {
      const members = new Map<string, Value>();
      for (const [key, value] of entriesOf(given, "namespace()").entries()) {
        members.set(written(key), value);
      }
      return new Namespace(members);
    }),
    new Callable("cycler", ({ positional }) => new Cycler(positional)),
    new Callable("joiner", (given) => {
      const [separator = ", "] = bound(given, signature("sep?"), "joiner()");
      return new Joiner(separator);
    }),
    new Callable("raise_exception", (given) => {
      const [message] = bound(given, signature("message"), "raise_exception()");
      throw new TemplateError(written(message!));
    }),
  ].map((one) => [one.name, one]),
);

/** What every `${{ }}` knows besides the pipeline's values. */
export const EXPRESSION_GLOBALS: ReadonlyMap<string, Value> = new Map(
  [rangeUpTo(MOST_NUMBERS_OF_EXPRESSIONS)].map((one) => [one.name, one]),
);
