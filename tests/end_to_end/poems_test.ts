/**
 * `pipelines/poems.yaml -p file=poems.txt`: a person's own file, one poem a line.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readDataset } from "../../lib/data/mod.ts";
import { startHub } from "../fixtures/hub_server.ts";
import { makeHubFolder } from "./hub_folder.ts";
import { byOutcome, resultOf, ROOT, runPipeline, temper, verses, workspace } from "./temper.ts";

const STAGES = ["poems", "base", "clean", "folds", "tokens", "tuned", "scores", "poem"];
const SMALL = ["max_length=32", "max_steps=2"].flatMap((p) => ["-p", p]);

Deno.test("poems.yaml takes a file from the folder that it is called from", async (t) => {
  await using space = await workspace();
  const hubFolder = join(space.folder, "hub");
  await makeHubFolder(hubFolder);
  await using hub = startHub(hubFolder);
  const [pipelines, here, there] = ["pipelines", "here", "there"].map((name) =>
    join(space.folder, name)
  );
  for (const folder of [pipelines!, here!, there!]) await Deno.mkdir(folder);
  await Deno.copyFile(join(ROOT, "pipelines/poems.yaml"), join(pipelines!, "poems.yaml"));
  // Sixty poems, one of them twice, and a blank line.
  const poems = verses(60);
  await Deno.writeTextFile(join(here!, "poems.txt"), `${poems}\n${poems.split("\n")[0]}\n`);
  const around = { ...space, from: here!, env: { HF_ENDPOINT: hub.url } };

  await t.step("a relative path counts from there, and a poem is a line", async () => {
    const run = await runPipeline(
      ["../pipelines/poems.yaml", "-p", "file=poems.txt", ...SMALL],
      around,
    );
    assert.equal(run.code, 0, JSON.stringify(run.failures) + run.stderr);
    assert.deepEqual(byOutcome(run), { done: STAGES });
    const { splits } = await readDataset(join(space.runs, "latest/artifacts/folds"));
    const texts = Object.values(splits).flat().map(({ text }) => String(text));
    assert.deepEqual(texts.sort(), poems.trim().split("\n").sort());
    assert.equal(splits.train!.length, 48);
    const lines = (await Deno.readTextFile(resultOf(space.runs, "poem", "generations.jsonl")))
      .trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ prompt }) => prompt), [
      "The moon",
      "O my heart",
      "In the garden",
    ]);
  });

  await t.step(
    "the same poems by an absolute path, or from elsewhere, lead to the same results",
    async () => {
      await Deno.copyFile(join(here!, "poems.txt"), join(there!, "my poems.txt"));
      const path = join(there!, "my poems.txt");
      for (
        const [file, from] of [[path, here!], ["my poems.txt", there!], [
          "../here/poems.txt",
          there!,
        ]]
      ) {
        const run = await runPipeline(
          [join(pipelines!, "poems.yaml"), "-p", `file=${file}`, ...SMALL],
          { ...around, from: from! },
        );
        // Its name is an option, so it is read again; what was read is the same.
        assert.deepEqual(byOutcome(run), { done: ["poems"], cached: STAGES.slice(1) });
      }
    },
  );

  await t.step("a file beside the pipeline comes first", async () => {
    await Deno.writeTextFile(join(pipelines!, "poems.txt"), verses(60, 2));
    const run = await runPipeline(
      [join(pipelines!, "poems.yaml"), "--only", "poems", "-p", "file=poems.txt"],
      around,
    );
    assert.equal(run.code, 0, JSON.stringify(run.failures));
    const { splits } = await readDataset(join(space.runs, "latest/artifacts/poems"));
    assert.equal(splits.data![0]!.text, verses(60, 2).split("\n")[0]);
  });

  await t.step("a file that is in neither is told with both, and with what is near", async () => {
    const { code, stderr } = await temper(
      [
        "run",
        join(pipelines!, "poems.yaml"),
        "--only",
        "poems",
        "-p",
        "file=peoms.txt",
      ],
      around,
    );
    assert.equal(code, 1);
    assert.match(stderr, /there is no file peoms\.txt/);
    assert.match(stderr, /did you mean "poems\.txt"\?/);
    assert.ok(stderr.includes(`${pipelines} holds `), stderr);
    assert.ok(stderr.includes(`${here} holds poems.txt`), stderr);
  });
});
