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

/** Parts that have tests of their own beside them, and every part that fuzzes. */
const OTHERS: typeof PARTS = {
  runners: async () => ({ default: (await import("./runners.ts")).runners }),
  escapes: async () => ({ default: (await import("./escapes.ts")).escapes }),
  servers: async () => ({ default: (await import("./servers.ts")).servers }),
  ...Object.fromEntries(
    [
      "canonical-json",
      "cron",
      "fingerprint",
      "language",
      "names",
      "parquet",
      "records",
      "safetensors",
      "options",
      "templates",
      "text-files",
      "tokenizer-files",
      "tokens",
    ].map((name) => [`fuzz-${name}`, () => fuzzPart(`fuzz-${name}`)]),
  ),
};

/** Every part. */
export const ALL_PARTS: typeof PARTS = { ...PARTS, ...OTHERS };

async function fuzzPart(name: string): Promise<{ readonly default: Part }> {
  const { FUZZ } = await import("./fuzz/parts.ts");
  const part = FUZZ.find((each) => each.name === name);
  if (part === undefined) throw new Error(`there is no part ${name}`);
  return { default: part };
}

/** A part for tests of the command, which nobody sees. */
export const TRIAL: typeof PARTS = { trial: () => import("./command/trial.ts") };
