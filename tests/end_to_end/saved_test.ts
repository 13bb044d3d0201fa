/**
 * A person goes on working while a pipeline runs: what was saved after its keys were made changes the
 * next run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readDataset } from "../../lib/data/rows/dataset.ts";
import { until } from "../fixtures/until.ts";
import { resultOf, runPipeline, workspace } from "./temper.ts";

const SLOW = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Waits.", inputs: {}, output: "texts", options: z.object({}),
  async run({ output }) {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await Deno.writeTextFile(output.path + "/generations.jsonl", "");
  },
});`;

const PIPELINE = `name: p
stages:
  slow: { uses: ./slow.ts }
  poems: { uses: download, with: { from: "poems/*.txt" } }
`;

Deno.test("a local source that is saved while its stage waits for a place changes the next run", async () => {
  await using w = await workspace({ "slow.ts": SLOW, "p.yaml": PIPELINE });
  const folder = join(w.folder, "poems");
  const write = async (text: string): Promise<void> => {
    await Deno.mkdir(folder, { recursive: true });
    for (const name of ["a.txt", "b.txt"]) {
      await Deno.writeTextFile(join(folder, name), `${text} ${name}\n`);
    }
  };
  const rows = async (): Promise<unknown[]> => {
    const { splits } = await readDataset(resultOf(w.runs, "poems", ""));
    return splits.data!.map((row) => row.text);
  };
  await write("one");
  const running = runPipeline([join(w.folder, "p.yaml"), "--jobs", "1"], w);
  await until(() => hasCopies(join(w.runs, "store/scratch")));
  await write("two");
  const first = await running;
  assert.deepEqual(first.outcomes, { slow: "done", poems: "done" });
  assert.deepEqual(await rows(), ["one a.txt", "one b.txt"]);

  const second = await runPipeline([join(w.folder, "p.yaml")], w);
  assert.deepEqual(second.outcomes, { slow: "cached", poems: "done" });
  assert.deepEqual(await rows(), ["two a.txt", "two b.txt"]);
  await write("one");
  const third = await runPipeline([join(w.folder, "p.yaml")], w);
  assert.deepEqual(third.outcomes, { slow: "cached", poems: "cached" });
  assert.deepEqual(await rows(), ["one a.txt", "one b.txt"]);
});

Deno.test("a file that a pattern matched is renamed: its name says how it is read", async () => {
  await using w = await workspace({
    "p.yaml": 'name: p\nstages: { s: { uses: download, with: { from: "src/*" } } }\n',
  });
  const rows = async (name: string): Promise<[outcome: string | undefined, rows: number]> => {
    await Deno.remove(join(w.folder, "src"), { recursive: true }).catch(() => {});
    await Deno.mkdir(join(w.folder, "src"));
    await Deno.writeTextFile(join(w.folder, "src", name), "text\none\n");
    const { outcomes } = await runPipeline([join(w.folder, "p.yaml")], w);
    const { splits } = await readDataset(resultOf(w.runs, "s", ""));
    return [outcomes.s, splits.data!.length];
  };
  assert.deepEqual(await rows("a.csv"), ["done", 1]);
  assert.deepEqual(await rows("a.txt"), ["done", 2]);
  assert.deepEqual(await rows("a.csv"), ["cached", 1]);
});

/** Whether some stage's local sources were copied. */
async function hasCopies(scratch: string): Promise<boolean> {
  for await (const { name } of Deno.readDir(scratch)) {
    const last = join(scratch, name, "sources/1/b.txt");
    if (await Deno.readTextFile(last).catch(() => "") !== "") return true;
  }
  return false;
}
