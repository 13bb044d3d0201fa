/**
 * Where names have their values while a template is rendered. A loop's turn, a macro and a few blocks have
 * scopes of their own: what they set is gone behind them. `if` has none.
 *
 * @module
 */
import type { Value } from "../values/value.ts";

/** Reads what no scope has set: a cell, a function. Undefined for what is not there. */
export type ReadName = (name: string) => Value | undefined;

/** A scope within others. */
export class Scope {
  readonly #parent: Scope | undefined;
  readonly #read: ReadName;
  #values: Map<string, Value> | undefined;

  constructor(from: Scope | ReadName) {
    if (from instanceof Scope) {
      this.#parent = from;
      this.#read = from.#read;
    } else this.#read = from;
  }

  set(name: string, value: Value): void {
    (this.#values ??= new Map()).set(name, value);
  }

  /** What the template itself has set; undefined where it has not. */
  local(name: string): Value | undefined {
    const value = this.#values?.get(name);
    return value === undefined && this.#parent !== undefined ? this.#parent.local(name) : value;
  }

  /** What comes from without: a cell or a function. */
  given(name: string): Value | undefined {
    return this.#read(name);
  }
}
