/**
 * What a run tells of itself: the entries of `log_history`, and files beside it.
 *
 * @module
 */
import { z } from "zod";
import { intervalSteps, intervalStrategy } from "./interval.ts";

/** Options of `log_history`. */
export const loggingOptions = {
  logging_strategy: intervalStrategy.default("steps")
    .describe("when `log_history` gets an entry: never, every `logging_steps`, every epoch"),
  logging_steps: intervalSteps.default(500)
    .describe(
      "steps between entries with `logging_strategy: steps`, below 1 a share of all steps; " +
        "the last step then always has one",
    ),
  logging_first_step: z.boolean().default(false).describe("an entry for the first step too"),
  include_tokens_per_second: z.boolean().default(false)
    .describe(
      "writes `tokens_per_second` into `log_history`; the log has it anyway. " +
        "With it the artifact differs from run to run",
    ),
};

/** Options of what is written besides. */
export const reportOptions = {
  report_to: z.union([z.enum(["none", "tensorboard"]), z.array(z.enum(["tensorboard"]))])
    .default("none")
    .describe(
      "tensorboard writes an event file beside `trainer_state.json`; the time of an event is its step, " +
        "in seconds, so that the same run gives the same bytes",
    ),
};

/** These options, checked. */
export type LoggingGiven = z.output<z.ZodObject<typeof loggingOptions>>;
