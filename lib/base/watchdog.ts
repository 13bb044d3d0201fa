/**
 * An end for code that may never come back: a thread of its own watches, and ends the process.
 *
 * A reader of damaged files may loop without yielding to the event loop; then no timer of this thread
 * fires, no signal is answered, and nothing but a kill helps. The thread shares a counter with this one:
 * where that stands still for too long while something is watched, it says what hangs and kills.
 *
 * @module
 */
import type { UserErrorParts } from "./errors.ts";

// The process of a stage takes workers from the stage's code, which is loaded later.
const Thread = Worker;

/** How the last words are written to standard output; the host of a stage sets its own form. */
let spell = (parts: UserErrorParts): string => `${parts.what}\n${parts.remedy ?? ""}\n`;

/** Sets how the watchdog says its last words. */
export function sayLastWordsAs(form: (parts: UserErrorParts) => string): void {
  spell = form;
}

/** The last words about something; for a thread, which knows nothing of the form. */
export function lastWordsOf(parts: UserErrorParts): string {
  return spell(parts);
}

/** What may take how long. */
export interface Watched {
  /** What is said where it takes longer. */
  readonly parts: UserErrorParts;
  /** Milliseconds from one step to the next. */
  readonly deadline: number;
}

/** A thread that watches. */
export interface Watch extends Disposable {
  /** Says that there is progress; from here on the next step is waited for. */
  step(): void;
  /** Says that nothing is waited for until the next step. */
  rest(): void;
  /**
   * Does something and returns what it does; before the first and between two nothing is watched.
   *
   * @param more Milliseconds that it may take beyond the deadline.
   */
  during<T>(work: () => T, more?: number): T;
}

/** Numbers that the threads share: a counter of steps, whether one is waited for, milliseconds more for it. */
const STEPS = 0;
const WAITING = 1;
const MORE = 2;

/** It looks at each counter four times a deadline, and kills where one stood still for a whole one. */
const WATCHER = `
const looks = new Map();
self.onmessage = ({ data: { id, shared, deadline, words } }) => {
  if (shared === undefined) {
    clearInterval(looks.get(id));
    looks.delete(id);
    return;
  }
  const numbers = new Int32Array(shared);
  let seen = -1, since = 0;
  looks.set(id, setInterval(() => {
    const now = Atomics.load(numbers, ${STEPS});
    if (now !== seen || !Atomics.load(numbers, ${WAITING})) [seen, since] = [now, performance.now()];
    if (performance.now() - since < deadline + Atomics.load(numbers, ${MORE})) return;
    try { Deno.stdout.writeSync(new TextEncoder().encode(words)); } catch { /* nobody listens */ }
    try { Deno.kill(Deno.pid, "SIGKILL"); } catch { Deno.exit(1); }
  }, Math.min(500, deadline / 4)));
};
self.postMessage("watching");`;

/** The thread of this process, as long as there is something to watch or somebody keeps it. */
let thread: Promise<Worker> | undefined;
let keepers = 0;
let watches = 0;

/**
 * Keeps the thread for the watches to come: it takes longer to start than a small file to read.
 *
 * @returns What lets it go.
 *
 * @example
 * ```ts
 * import { keepWatcher } from "./watchdog.ts";
 * {
 *   using _ = keepWatcher();
 *   // Read a thousand small files.
 * }
 * ```
 */
export function keepWatcher(): Disposable {
  keepers++;
  let isKept = true;
  return {
    [Symbol.dispose]: () => {
      if (isKept) release();
      isKept = false;
    },
  };
}

function release(): void {
  keepers--;
  if (keepers > 0 || thread === undefined) return;
  thread.then((worker) => worker.terminate(), () => {});
  thread = undefined;
}

async function startThread(): Promise<Worker> {
  const worker = new Thread("data:text/javascript," + encodeURIComponent(WATCHER), {
    type: "module",
  });
  try {
    await new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => reject(new Error(event.message));
    });
    return worker;
  } catch (error) {
    worker.terminate();
    thread = undefined;
    throw error;
  }
}

/**
 * Starts a watch.
 *
 * @returns It, when the thread runs. Where a step takes too long the process ends.
 */
export async function startWatch({ parts, deadline }: Watched): Promise<Watch> {
  const numbers = new Int32Array(new SharedArrayBuffer(12));
  const kept = keepWatcher();
  const id = watches++;
  let worker: Worker;
  try {
    worker = await (thread ??= startThread());
  } catch (error) {
    kept[Symbol.dispose]();
    throw error;
  }
  worker.postMessage({ id, shared: numbers.buffer, deadline, words: lastWordsOf(parts) });
  const step = (): void => {
    Atomics.add(numbers, STEPS, 1);
    Atomics.store(numbers, WAITING, 1);
  };
  const rest = (): void => void Atomics.store(numbers, WAITING, 0);
  return {
    step,
    rest,
    during: (work, more = 0) => {
      Atomics.store(numbers, MORE, Math.min(more, MAX_MORE));
      step();
      try {
        return work();
      } finally {
        rest();
      }
    },
    [Symbol.dispose]: () => {
      worker.postMessage({ id });
      kept[Symbol.dispose]();
    },
  };
}

/** More than a week is no bound, and must be a number of 32 bits. */
const MAX_MORE = 7 * 24 * 3600 * 1000;

/**
 * Does something that has to make steps.
 *
 * @param work Gets a function to call at every step.
 * @returns What `work` does. Where a step takes too long the process ends.
 */
export async function watch<T>(
  watched: Watched,
  work: (step: () => void) => Promise<T>,
): Promise<T> {
  using watch = await startWatch(watched);
  watch.step();
  return await work(watch.step);
}
