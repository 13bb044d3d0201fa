/**
 * An own stage beside a pipeline, for tests of what its module may do while it is loaded.
 *
 * @module
 */
import { type Loading, withStages } from "./loading.ts";

/** An own stage that does something at its top level. */
export function module(topLevel: string, more = ""): Loading {
  const text = `import { defineStage, z } from "temper";
${topLevel}
export default defineStage({
  doc: "Keeps some rows.",
  inputs: { data: "rows" },
  output: "rows",
  options: z.object({
    step: z.int().min(2).default(2).describe("keep one row in this many"),
    inner: z.object({ name: z.string() }).optional(),
  }),
  ${more}
  async run() {},
});
`;
  return { files: { "own.ts": text } };
}

/** A pipeline that uses it between two built-in stages; `more` goes to its entry. */
export function using(more = ""): string {
  return withStages(
    "d: { uses: download, with: { from: x } }",
    `o: { uses: ./own.ts, inputs: { data: d }${more} }`,
    "t: { uses: train, inputs: { data: o } }",
  );
}
