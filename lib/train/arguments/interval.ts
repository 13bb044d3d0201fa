/**
 * When something that happens during training happens.
 *
 * @module
 */
import { z } from "zod";

/** Never, every so many steps, every epoch. */
export const intervalStrategy = z.enum(["no", "steps", "epoch"]);

/** A number of steps, or a share of all steps. */
export const intervalSteps = z.union([z.int().min(1), z.number().gt(0).lt(1)]);
