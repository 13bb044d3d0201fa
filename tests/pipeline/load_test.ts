import assert from "node:assert/strict";
import { join } from "node:path";
import { UserErrors } from "../../lib/base/errors.ts";
import { loadPipeline } from "../../lib/pipeline/file/load.ts";
import { load, mistakes, REGISTRY, ROOT, stage, withStages } from "./loading.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

Deno.test("loadPipeline() reads a whole pipeline", async () => {
  const pipeline = await load([
    "name: imdb",
    "description: An example.",
    "seed: 7",
    "params: { rate: 2.0e-5, epochs: 2 }",
    "schedule: { cron: '0 3 * * 1', timezone: Europe/Berlin, overlap: queue, catch_up: all }",
    "stages:",
    "  tuned:",
    "    uses: train",
    "    description: Reads what comes later in the file.",
    "    inputs: { data: data, model: base }",
    "    with: { learning_rate: '${{ params.rate }}', epochs: '${{ params.epochs }}' }",
    "    timeout: 90s",
    "  data: { uses: download, with: { from: a } }",
    "  base: { uses: download, with: { from: b, model: true }, timeout: 0.5 }",
    "  scores: { uses: score, inputs: { models: [tuned, base] }, timeout: 2h }",
    "  none: { uses: download, with: { from: c }, timeout: 30m }",
  ].join("\n"));
  assert.equal(pipeline.name, "imdb");
  assert.equal(pipeline.seed, 7);
  assert.deepEqual(pipeline.params, { rate: 2e-5, epochs: 2 });
  assert.deepEqual(pipeline.schedule, {
    cron: "0 3 * * 1",
    timezone: "Europe/Berlin",
    overlap: "queue",
    catch_up: "all",
  });
  const ids = pipeline.stages.map(({ id }) => id);
  assert.deepEqual(ids, ["data", "base", "tuned", "scores", "none"]);
  const tuned = stage(pipeline, "tuned");
  assert.deepEqual(tuned.inputs, { data: ["data"], model: ["base"] });
  assert.deepEqual(tuned.options, {
    learning_rate: 2e-5,
    epochs: 2,
    strategy: "no",
    note: "",
    dropout: "auto",
  });
  assert.equal(tuned.output, "model");
  assert.equal(tuned.description.uses, "train");
  assert.equal(tuned.description.builtin, true);
  assert.deepEqual([tuned.at.line, tuned.at.column, tuned.at.length], [7, 3, 5]);
  assert.deepEqual(stage(pipeline, "scores").inputs, { models: ["tuned", "base"] });
  assert.deepEqual(stage(pipeline, "data").permissions, { net: ["example.com"] });
  assert.deepEqual(
    ["data", "tuned", "base", "scores", "none"].map((name) => stage(pipeline, name).timeout),
    [undefined, 90_000, 500, 7_200_000, 1_800_000],
  );
  assert.equal(stage(pipeline, "base").output, "model", "the kind follows from the options");
  assert.equal(stage(pipeline, "data").output, "rows");
});

Deno.test("loadPipeline() fills in what may be left out", async () => {
  const pipeline = await load(withStages("a: { uses: download, with: { from: x } }"));
  assert.equal(pipeline.seed, 42);
  assert.equal(pipeline.schedule, undefined);
  assert.deepEqual(pipeline.params, {});
  const text = "name: t\nschedule: { cron: '0 3 * * 1' }\n" +
    "stages: { a: { uses: download, with: { from: x } } }";
  assert.deepEqual((await load(text)).schedule, {
    cron: "0 3 * * 1",
    timezone: "UTC",
    overlap: "skip",
    catch_up: "latest",
  });
});

Deno.test("loadPipeline() resolves anchors, aliases and merge keys", async () => {
  const pipeline = await load([
    "name: t",
    "x-download: &download { uses: download, with: &with { from: a } }",
    "x-more: &more { timeout: 1, uses: nothing }",
    "stages:",
    "  plain: *download",
    "  merged: { <<: *download, timeout: 5 }",
    "  both:",
    "    <<: [*download, *more]",
    "    with: { <<: *with, model: true }",
    "  inline: { <<: { uses: download }, with: { from: '<<' } }",
  ].join("\n"));
  const read = (name: string) => [stage(pipeline, name).options, stage(pipeline, name).timeout];
  assert.deepEqual(read("plain"), [{ from: "a", model: false }, undefined]);
  assert.deepEqual(read("merged"), [{ from: "a", model: false }, 5000]);
  assert.deepEqual(read("both"), [{ from: "a", model: true }, 1000]);
  assert.deepEqual(read("inline"), [{ from: "<<", model: false }, undefined]);
});

Deno.test("loadPipeline() keeps keys such as __proto__ and constructor as keys", async () => {
  const text = withStages("a: { uses: download, with: { from: x, __proto__: { y: 1 } } }");
  assert.match((await mistakes(text))[0]!, /unknown option "__proto__"/);
  assert.match(
    (await mistakes(withStages("a: { uses: constructor }")))[0]!,
    /no built-in stage "constructor"/,
  );
});

Deno.test("loadPipeline() says that there is no such file, and which is near", async () => {
  const folder = await temporaryDirectory();
  await Deno.writeTextFile(join(folder, "imdb.yaml"), "");
  const messages = async (file: string): Promise<string[]> => {
    const options = { params: [], registry: REGISTRY, project: ROOT };
    const error = await loadPipeline(file, options).then(() => undefined, (error) => error);
    assert.ok(error instanceof UserErrors);
    return error.errors.map(({ message }) => message.replaceAll(folder, "<dir>"));
  };
  assert.deepEqual(await messages(join(folder, "imbd.yaml")), [
    'cannot read "<dir>/imbd.yaml": there is no such file; did you mean "<dir>/imdb.yaml"?',
  ]);
  assert.deepEqual(await messages(join(folder, "no", "imbd.yaml")), [
    'cannot read "<dir>/no/imbd.yaml": there is no folder "<dir>/no"',
  ]);
  assert.deepEqual(await messages(folder), [
    'cannot read "<dir>": it is a folder; a pipeline is one YAML file',
  ]);
});

Deno.test("loadPipeline() tells a hundred mistakes, and how many more there are", async () => {
  const stages = Array.from({ length: 5000 }, (_, i) => `s${i}: { uses: nothing }`);
  const told = await mistakes(withStages(...stages));
  assert.equal(told.length, 101);
  assert.match(told[0]!, /no built-in stage "nothing"/);
  assert.match(told.at(-1)!, /^4900 more mistakes; mend these first$/);
});
