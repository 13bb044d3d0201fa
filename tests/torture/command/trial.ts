/**
 * A part on which the command itself is tried: it holds, breaks, hangs and dies.
 *
 * @module
 */
import type { Part } from "../part.ts";

export default {
  name: "trial",
  promise: "there is none",
  cases: { short: 1, long: 8 },
  run({ index }): Promise<string> {
    if (index === 5) throw new Error("it broke");
    if (index === 6) { for (;;); }
    if (index === 7) Deno.exit(3);
    return Promise.resolve(index < 3 ? "fewer than three" : "three or more");
  },
} satisfies Part;
