/**
 * What has to hold between options of generation, in `generate` and `evaluate`.
 *
 * @module
 */
import { acrossOptions, type z } from "temper";
import { CONFLICTS } from "../lib/decoding/conflicts.ts";
import { type GenerationOptions, type SettingName, SETTINGS } from "../lib/decoding/settings.ts";

/**
 * Refuses settings that contradict each other or would do nothing. The model's folder may switch sampling on, but
 * a pipeline should not depend on that unseen.
 *
 * @param names Those that a stage takes from generation; default all. Others of a like name are its own.
 */
export function withoutConflicts<S extends z.ZodType<GenerationOptions>>(
  options: S,
  names: readonly SettingName[] = Object.keys(SETTINGS) as SettingName[],
): S {
  return CONFLICTS.filter(({ name }) => names.includes(name)).reduce(
    (schema, { name, requirement, find }) =>
      schema.refine((given) => find(given) === undefined, {
        path: [name],
        message: requirement,
        ...acrossOptions,
      }),
    options,
  );
}
