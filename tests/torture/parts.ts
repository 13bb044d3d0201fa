/**
 * The parts of `deno task torture` by name. Each is imported when it runs.
 *
 * @module
 */
import type { Part } from "./part.ts";

/** Name -> how to load it; the module's default export is the part. */
export const PARTS: Readonly<Record<string, () => Promise<{ readonly default: Part }>>> = {
  kills: () => import("./kills.ts"),
  disk: () => import("./disk.ts"),
  flips: () => import("./flips.ts"),
  changes: () => import("./changes.ts"),
};

/** A part for tests of the command, which nobody sees. */
export const TRIAL: typeof PARTS = { trial: () => import("./command/trial.ts") };
