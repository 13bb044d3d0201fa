/** What takes the runner longer to read, or more memory, than a stage to say. */
import assert from "node:assert/strict";
import { project } from "./project.ts";

/** Says what takes the runner long to read, or much memory, and then never comes back. */
const DEARER = `import { defineStage, z } from "temper";
const say = (text: string): void => {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};
export default defineStage({
  doc: "Costs more than it says.",
  inputs: {},
  output: "texts",
  options: z.object({ what: z.string() }),
  async run({ options: { what }, log }) {
    const texts: Record<string, () => void> = {
      schemes: () => log("@" + "ws:".repeat(1_000_000)),
      printed: () => console.log("@" + "ws:".repeat(340_000)),
      causes: () =>
        say('\\x1etemper:{"type":"error","error":{"name":"","message":"","causes":[""' +
          ',""'.repeat(10_000_000) + "]}}\\n"),
      objects: () => say('\\x1etemper:{"type":"result","value":[{}' + ",{}".repeat(10_000_000) + "]}\\n"),
    };
    texts[what]!();
    for (;;);
  },
});
`;

Deno.test("no text is so dear to read that a time limit comes late, or the memory is full", async () => {
  const cases = ["schemes", "printed", "causes", "objects"];
  const stages = cases.map((what) =>
    `  ${what}: { uses: ./dearer.ts, timeout: 3s, with: { what: ${what} } }`
  );
  await using p = await project({
    "dearer.ts": DEARER,
    "p.yaml": `name: dear\nstages:\n${stages.join("\n")}\n`,
  });
  const began = performance.now();
  const { outcomes, failures } = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(outcomes, Object.fromEntries(cases.map((what) => [what, "failed"])));
  for (const what of cases) assert.match(failures[what]!.what, /time limit of 3 s/);
  // It took minutes.
  assert.ok(performance.now() - began < 60_000, `${performance.now() - began} ms`);
});
