/**
 * What chance decides in a run, and from which seed.
 *
 * @module
 */
import { z } from "zod";

/** Options of seeds and of the order of rows. */
export const seedOptions = {
  seed: z.int().min(0).optional()
    .describe("decides first weights, order of rows and dropout; default the pipeline's seed"),
  data_seed: z.int().min(0).optional()
    .describe("decides the order of rows in place of `seed`"),
  group_by_length: z.boolean().default(false)
    .describe("batches of rows of like length, with less padding; random but for that"),
};
