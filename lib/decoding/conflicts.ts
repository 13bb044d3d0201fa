/**
 * Settings that contradict each other, told alike of a stage's options and of what they come to together with a
 * model's folder.
 *
 * Stricter than transformers, which warns or keeps silent: a setting that would do nothing is a mistake.
 *
 * @module
 */
import { type GenerationOptions, NEEDS, type SettingName, SETTINGS } from "./settings.ts";

/** A rule between settings. */
export interface Conflict {
  /** The setting that is told of. */
  readonly name: SettingName;
  /** The end of the sentence "it must be …". */
  readonly requirement: string;
  /** What is wrong, or undefined. Stands values of any type. */
  find(given: GenerationOptions): string | undefined;
}

/** Every rule. */
export const CONFLICTS: readonly Conflict[] = [
  ...idle(),
  {
    name: "num_return_sequences",
    requirement: "1, or go with do_sample: true or as many num_beams, else all would be equal",
    find({ num_return_sequences: count = 1, num_beams: beams = 1, do_sample }): string | undefined {
      if (count <= 1) return undefined;
      if (beams > 1) {
        return count <= beams ? undefined : `num_return_sequences ${count} of num_beams ${beams}`;
      }
      return do_sample === true ? undefined : `num_return_sequences ${count} without do_sample`;
    },
  },
  {
    name: "max_length",
    requirement: "left out where max_new_tokens is set: it counts the prompt too",
    find: ({ max_length, max_new_tokens }) =>
      max_length === undefined || max_new_tokens === undefined
        ? undefined
        : "both max_length and max_new_tokens are set",
  },
];

/** Settings without the switch that they need. */
function idle(): Conflict[] {
  return (Object.keys(SETTINGS) as SettingName[]).flatMap((name) => {
    const row = SETTINGS[name];
    if (row.needs === undefined) return [];
    const { words, met } = NEEDS[row.needs];
    return [{
      name,
      requirement: `left out, or go with ${words}`,
      find: (given) =>
        given[name] === undefined || met(given)
          ? undefined
          : `${name} has no effect without ${words}`,
    }];
  });
}
