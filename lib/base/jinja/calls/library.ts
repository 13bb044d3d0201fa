/**
 * Every filter and test of Jinja 3.1 that a template may use, by name.
 *
 * Left out: `pprint` and `urlize`, which write for people to read, and `random`, which would give a
 * dataset other rows each time it is made.
 *
 * @module
 */
import { TemplateError } from "../values/template_error.ts";
import type { Value } from "../values/value.ts";
import type { Filter, Library } from "./filter.ts";
import { NUMBER_FILTERS } from "./number_filters.ts";
import { SEQUENCE_FILTERS } from "./sequence_filters.ts";
import { TESTS } from "./tests.ts";
import { TEXT_FILTERS } from "./text_filters.ts";

const FILTERS: ReadonlyMap<string, Filter> = new Map([
  ...TEXT_FILTERS,
  ...NUMBER_FILTERS,
  ...SEQUENCE_FILTERS,
]);

/** The names of all filters. */
export const FILTER_NAMES: readonly string[] = [...FILTERS.keys()];

/** The names of all tests. */
export const TEST_NAMES: readonly string[] = [...TESTS.keys()];

/** Applies filters and tests by name. */
export const LIBRARY: Library = {
  filter(name, value, given): Value {
    const found = FILTERS.get(name);
    if (found === undefined) throw new TemplateError(`there is no filter "${name}"`);
    return found(value, given, LIBRARY);
  },
  test(name, value, given): boolean {
    const found = TESTS.get(name);
    if (found === undefined) throw new TemplateError(`there is no test "${name}"`);
    return found(value, given, LIBRARY);
  },
  hasFilter: (name) => FILTERS.has(name),
  hasTest: (name) => TESTS.has(name),
};

/** The filter of a name. */
export function filterOf(name: string): Filter | undefined {
  return FILTERS.get(name);
}
