/**
 * Waiting for longer than a timer can: `setTimeout` counts to 2^31 - 1 milliseconds, 24.8 days, and fires
 * at once for anything above.
 *
 * @module
 */

/** The longest wait of `setTimeout`, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** A wait that has begun. */
export interface Timer {
  /** Ends it; what it waits with does not happen any more. Again is harmless. */
  readonly clear: () => void;
}

/**
 * Calls a function after a time that may be a year, or never.
 *
 * @param milliseconds How long to wait; `Infinity` never ends, what is below 0 or no number ends at once.
 * @param act What to do then.
 * @param options `longest`: how long one timer of the system waits, in milliseconds.
 *
 * @example
 * ```ts
 * import { after } from "./timer.ts";
 * const year = after(365 * 24 * 3600 * 1000, () => {
 *   throw new Error();
 * });
 * await new Promise<void>((go) => after(5, go));
 * year.clear();
 * ```
 */
export function after(
  milliseconds: number,
  act: () => void,
  { longest = LONGEST_MS }: { readonly longest?: number } = {},
): Timer {
  const end = performance.now() + (milliseconds > 0 ? milliseconds : 0);
  let timer: ReturnType<typeof setTimeout>;
  const wait = (): void => {
    const left = end - performance.now();
    timer = left > longest ? setTimeout(wait, longest) : setTimeout(act, Math.max(0, left));
  };
  wait();
  return { clear: () => clearTimeout(timer) };
}
