/**
 * The marker of a check across several options of a zod schema.
 *
 * @module
 */

/**
 * For the second argument of `.refine()` on a stage's options: a check across options is made even
 * where one of them is wrong by itself, so that all mistakes are told in one pass. The function must
 * then stand options of any type.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { acrossOptions } from "./across_options.ts";
 * const options = z.object({ least: z.int(), most: z.int(), name: z.string() }).refine(
 *   ({ least, most }) => !(least > most),
 *   { path: ["least"], message: "at most `most`", ...acrossOptions },
 * );
 * const { error } = options.safeParse({ least: 2, most: 1, name: 3 });
 * if (error?.issues.length !== 2) throw new Error();
 * ```
 */
export const acrossOptions: {
  readonly when: (payload: { readonly value: unknown }) => boolean;
  readonly params: { readonly across: true };
} = {
  when: ({ value }) => typeof value === "object" && value !== null,
  // Known by this, so that it is not told where it is likely the consequence of a slip in a name.
  params: { across: true },
};
