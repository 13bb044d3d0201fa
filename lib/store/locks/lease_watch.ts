/**
 * Watches files whose holders can't be judged by their pids, until their leases run out.
 *
 * Time is counted by this process's own monotonic clock, and only between looks that follow each
 * other closely: where this process, or the whole machine, was stopped between two looks, the
 * holder may have been as well, and nothing was watched.
 *
 * @module
 */
import type { Look } from "./held_file.ts";

/** At most so much of the time between two looks counts, in milliseconds. */
const LONGEST_GAP = 1000;

interface Watched {
  readonly text: string;
  readonly renewed: number;
  looked: number;
  /** Milliseconds for which it was watched without a change. */
  quiet: number;
}

/** What one process has seen of files that others hold. */
export class LeaseWatch {
  readonly #files = new Map<string, Watched>();

  /**
   * Tells what a file looks like now.
   *
   * @returns Whether it did not change while it was watched for the length of its lease.
   */
  sees(path: string, { text, renewed, lease }: Look): boolean {
    const now = performance.now();
    const before = this.#files.get(path);
    if (before === undefined || before.text !== text || before.renewed !== renewed) {
      this.#files.set(path, { text, renewed, looked: now, quiet: 0 });
      return false;
    }
    before.quiet += Math.min(now - before.looked, LONGEST_GAP);
    before.looked = now;
    return lease !== undefined && before.quiet >= lease;
  }

  /** Forgets a file that is watched no longer. */
  forget(path: string): void {
    this.#files.delete(path);
  }
}
