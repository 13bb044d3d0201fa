/**
 * Runs one batch of a fuzz: `child.ts MODULE SEED FOLDER`, where MODULE exports `fuzz`.
 *
 * @module
 */
import fc from "fast-check";
import { keepWatcher } from "../../../lib/base/watchdog.ts";
import { BEGIN, type Fuzz } from "./fuzzing.ts";

const [module, seed, folder] = Deno.args;
const { fuzz } = await import(module!) as { fuzz: Fuzz<unknown> };
// Readers are watched, and inputs are small: most of the time would go into starting the thread.
using _ = keepWatcher();
const line = new TextEncoder().encode(`${BEGIN}\n`);
try {
  await fc.assert(
    fc.asyncProperty(fuzz.arbitrary, async (input) => {
      Deno.stdout.writeSync(line);
      await fuzz.check(input, folder!);
    }),
    { seed: Number(seed), numRuns: fuzz.perCase, includeErrorInReport: true },
  );
} catch (error) {
  // The runner of the part reads this; an exit code alone would not tell the input.
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
// Handles that a broken reader left open must not keep the process.
Deno.exit(0);
