/**
 * A bounded pool: at most `jobs` tasks at once, and never more threads in use than there are cores.
 *
 * A task that does not compute asks for no threads and takes only a place. Tasks start in the order
 * in which they came, except that one which does not fit yet lets smaller ones pass.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";

interface Waiting {
  readonly threads: number;
  readonly start: () => void;
}

/** Runs tasks side by side within bounds. */
export class Pool {
  readonly #jobs: number;
  readonly #cores: number;
  readonly #queue: Waiting[] = [];
  #running = 0;
  #threads = 0;

  /**
   * @param bounds `jobs`: tasks at once; `cores`: threads at once. Both at least 1.
   */
  constructor(bounds: { readonly jobs: number; readonly cores: number }) {
    if (!(bounds.jobs >= 1) || !(bounds.cores >= 1)) {
      throw new InternalError(`a pool needs room, got ${JSON.stringify(bounds)}`);
    }
    this.#jobs = bounds.jobs;
    this.#cores = bounds.cores;
  }

  /**
   * Runs `task` as soon as there is room for it.
   *
   * @param task What to do; its failure is the caller's.
   * @param need `threads`: how many it keeps busy, 0 for work that mostly waits.
   * @returns What the task returned.
   */
  async run<T>(task: () => Promise<T>, need: { readonly threads: number }): Promise<T> {
    const threads = Math.min(need.threads, this.#cores);
    await new Promise<void>((start) => {
      this.#queue.push({ threads, start });
      this.#admit();
    });
    try {
      return await task();
    } finally {
      this.#running--;
      this.#threads -= threads;
      this.#admit();
    }
  }

  #admit(): void {
    for (let i = 0; i < this.#queue.length && this.#running < this.#jobs;) {
      const next = this.#queue[i]!;
      if (this.#threads + next.threads > this.#cores) {
        i++;
        continue;
      }
      this.#queue.splice(i, 1);
      this.#running++;
      this.#threads += next.threads;
      next.start();
    }
  }
}
