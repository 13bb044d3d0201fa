/**
 * What has to hold between the options of a training run. Options that would do nothing beside others are
 * refused.
 *
 * @module
 */

/** One thing that has to hold, and where the mistake is if it does not. */
export interface Rule<Given> {
  /** The option to blame. */
  readonly path: readonly string[];
  /** What it must be. */
  readonly message: string;
  /** Must stand options of any type, null too: it is asked even where some are wrong by themselves. */
  readonly holds: (given: Given) => boolean;
}
