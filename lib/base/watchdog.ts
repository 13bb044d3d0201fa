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

/** What may take how long. */
export interface Watched {
  /** What is said where it takes longer. */
  readonly parts: UserErrorParts;
  /** Milliseconds from one step to the next. */
  readonly deadline: number;
}

/** It looks at the counter four times a deadline, and kills where it stood still for one. */
const WATCHER = `
self.onmessage = ({ data: { steps, deadline, words } }) => {
  const counter = new Int32Array(steps);
  let seen = -1, since = 0;
  setInterval(() => {
    const now = Atomics.load(counter, 0);
    if (now !== seen) [seen, since] = [now, performance.now()];
    if (performance.now() - since < deadline) return;
    try { Deno.stdout.writeSync(new TextEncoder().encode(words)); } catch { /* nobody listens */ }
    try { Deno.kill(Deno.pid, "SIGKILL"); } catch { Deno.exit(1); }
  }, Math.min(500, deadline / 4));
  self.postMessage("watching");
};`;

/**
 * Does something that has to make steps.
 *
 * @param work Gets a function to call at every step.
 * @returns What `work` does. Where a step takes too long the process ends.
 */
export async function watch<T>(
  { parts, deadline }: Watched,
  work: (step: () => void) => Promise<T>,
): Promise<T> {
  const steps = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Thread("data:text/javascript," + encodeURIComponent(WATCHER), {
    type: "module",
  });
  try {
    await new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage({ steps: steps.buffer, deadline, words: spell(parts) });
    });
    return await work(() => void Atomics.add(steps, 0, 1));
  } finally {
    worker.terminate();
  }
}
