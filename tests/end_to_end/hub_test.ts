/**
 * `pipelines/imdb.yaml` as it is, against a hub on this machine: to its end, through a hub that goes
 * away or sends something else than it has, and without any.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { startHub } from "../fixtures/hub_server.ts";
import { DATASET, makeHubFolder, MODEL } from "./hub_folder.ts";
import {
  byOutcome,
  ROOT,
  type Run,
  runPipeline,
  type Surroundings,
  temper,
  type Workspace,
  workspace,
} from "./temper.ts";

const STAGES = ["reviews", "base", "clean", "folds", "tokens", "tuned", "scores", "samples"];
const SMALL = ["rows=150", "max_length=32", "max_steps=4", "examples=4"].flatMap((p) => ["-p", p]);

/** A workspace with a hub's folder and a copy of imdb.yaml, so that its lock file is the test's. */
async function scene(): Promise<Workspace & { readonly hub: string }> {
  const space = await workspace();
  const hub = join(space.folder, "hub");
  await makeHubFolder(hub);
  await Deno.copyFile(join(ROOT, "pipelines/imdb.yaml"), join(space.folder, "imdb.yaml"));
  return { ...space, hub };
}

/** The same surroundings with a hub; variables of the machine's own hub stay outside. */
function at(space: Surroundings, url: string, env: Record<string, string> = {}): Surroundings {
  return { ...space, env: { HF_ENDPOINT: url, HF_TOKEN: "", ...env } };
}

/** Runs imdb.yaml, made small. */
async function imdb(around: Surroundings, ...args: string[]): Promise<Run> {
  return await runPipeline(["imdb.yaml", ...SMALL, ...args], around);
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(path));
}

Deno.test("imdb.yaml runs to its end against a hub, then again without one", async (t) => {
  await using space = await scene();
  const hub = startHub(space.hub);
  const around = at(space, hub.url);
  const results = join(space.runs, "latest/artifacts");

  await t.step("-p makes it small, and every stage runs", async () => {
    const run = await imdb(around);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(byOutcome(run), { done: STAGES });
  });

  await t.step("imdb.lock beside the pipeline pins both sources to a commit", async () => {
    const lock = await Deno.readTextFile(join(space.folder, "imdb.lock"));
    const { pins } = JSON.parse(lock) as { pins: Record<string, { commit: string }> };
    const sources = {
      [`hf://${DATASET}/plain_text/train-00000-of-00001.parquet`]: DATASET,
      [`hf://${MODEL}`]: `models/${MODEL}`,
    };
    assert.deepEqual(Object.keys(pins).sort(), Object.keys(sources).sort(), lock);
    for (const [source, repo] of Object.entries(sources)) {
      const answer = await fetch(`${hub.url}/api/${repo}/revision/main`);
      assert.equal(pins[source]!.commit, (await answer.json()).sha);
    }
  });

  await t.step("evaluation before and after is in metrics.json, with signatures", async () => {
    const { metrics, baseline } = await readJson(`${results}/scores/metrics.json`) as {
      metrics: Record<string, { value: number; signature: string }>;
      baseline: typeof metrics;
    };
    for (const name of ["perplexity", "bleu", "rouge1", "rouge2", "rougeL"]) {
      for (const scores of [metrics, baseline]) {
        assert.ok(Number.isFinite(scores[name]!.value), name);
        assert.ok(scores[name]!.signature.length > 0, name);
      }
    }
    assert.notEqual(metrics.perplexity!.value, baseline.perplexity!.value);
    assert.ok(metrics.perplexity!.value < baseline.perplexity!.value, "four steps help a little");
  });

  await t.step("the samples say with which settings they were drawn", async () => {
    const lines = (await Deno.readTextFile(`${results}/samples/generations.jsonl`)).trim()
      .split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ prompt }) => prompt), [
      "The movie was",
      "I have never seen",
      "The acting",
    ]);
    for (const { settings, ids } of lines) {
      const { max_length, do_sample, top_k, top_p, temperature } = settings;
      assert.deepEqual(
        { max_length, do_sample, top_k, top_p, temperature },
        { max_length: 50, do_sample: true, top_k: 50, top_p: 0.95, temperature: 0.7 },
      );
      assert.ok(ids.length <= 50);
    }
  });

  await t.step(
    "the model has the settings of the notebook and is a Hugging Face folder",
    async () => {
      const { options } = (await actionOf(space, "tuned")).components as {
        options: Record<string, unknown>;
      };
      assert.equal(options.learning_rate, 2e-5);
      assert.equal(options.per_device_train_batch_size, 2);
      assert.equal(options.num_train_epochs, 3);
      assert.equal(options.max_steps, 4);
      const names = Array.from(Deno.readDirSync(`${results}/tuned`), ({ name }) => name).sort();
      assert.deepEqual(names, [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "trainer_state.json",
      ]);
      const state = await readJson(`${results}/tuned/trainer_state.json`);
      assert.equal(state.global_step, 4);
    },
  );

  await hub[Symbol.asyncDispose]();
  await t.step("with the hub gone, a complete run and its plan need nobody", async () => {
    for (const offline of [[], ["--offline"]]) {
      const run = await imdb(around, ...offline);
      assert.equal(run.code, 0, run.stdout + run.stderr);
      assert.deepEqual(byOutcome(run), { cached: STAGES });
    }
  });

  await t.step("--offline with nothing downloaded says what is missing", async () => {
    const fresh = { ...around, runs: join(space.folder, "fresh") };
    const run = await imdb(fresh, "--offline");
    assert.equal(run.code, 1);
    assert.match(run.failures.base!.what, /not on this machine.*--offline|--offline.*forbids/);
    assert.match(run.failures.reviews!.what, /not on this machine.*--offline|--offline.*forbids/);
  });
});

/** The record of what made a stage's newest result. */
async function actionOf(space: Workspace, stage: string): Promise<Record<string, unknown>> {
  const run = await readJson(join(space.runs, "latest/run.json")) as {
    stages: Record<string, { key: string }>;
  };
  return await readJson(join(space.runs, "store/actions", `${run.stages[stage]!.key}.json`));
}

Deno.test("a hub that goes away costs what was not there yet, and nothing else", async (t) => {
  await using space = await scene();
  let port = 0;
  let url = "";
  {
    await using hub = startHub(space.hub);
    url = hub.url;
    port = Number(new URL(url).port);
  }
  const around = at(space, url);

  await t.step(
    "down from the start: exit 1, the URL and what to do, nothing in the store",
    async () => {
      const run = await imdb(around);
      assert.equal(run.code, 1);
      assert.deepEqual(byOutcome(run), { failed: ["reviews", "base"], blocked: STAGES.slice(2) });
      for (const [stage, repo] of [["reviews", DATASET], ["base", MODEL]] as const) {
        const { what, remedy } = run.failures[stage]!;
        assert.ok(what.includes(url), what);
        assert.ok(what.includes(repo), what);
        assert.match(remedy!, /network/);
        assert.match(remedy!, /HF_ENDPOINT/);
        assert.match(remedy!, /again/);
        assert.match(remedy!, /--offline/);
      }
      assert.deepEqual(await artifactsOf(space.runs), []);
      const plain = await temper(["run", "imdb.yaml", "--device", "cpu"], around);
      assert.equal(plain.code, 1);
      assert.ok(plain.stderr.includes(`cannot reach ${url}`), plain.stderr);
      assert.match(plain.stderr, /run the same command again/);
    },
  );

  await t.step(
    "it dies in the middle of the weights: the other branch is made and kept",
    async () => {
      await using _hub = startHub(space.hub, {
        port,
        faults: [{ match: /model\.safetensors$/, dieAfter: 20_000, times: 1 }, {
          match: /model\.safetensors$/,
          dieAfter: 0,
        }],
      });
      const run = await imdb(around);
      assert.equal(run.code, 1);
      assert.deepEqual(byOutcome(run), {
        done: ["reviews", "clean", "folds"],
        failed: ["base"],
        blocked: ["tokens", "tuned", "scores", "samples"],
      });
      assert.match(run.failures.base!.what, /model\.safetensors/);
    },
  );

  await t.step("down again: what was made stays, the pins are known", async () => {
    const run = await imdb(around);
    assert.equal(run.code, 1);
    assert.deepEqual(byOutcome(run).cached, ["reviews", "clean", "folds"]);
    assert.ok(run.failures.base!.what.includes(url), run.failures.base!.what);
    assert.ok(run.failures.base!.what.includes("model.safetensors"), run.failures.base!.what);
  });

  await t.step(
    "up again: the weights go on from where they broke off, the rest follows",
    async () => {
      await using hub = startHub(space.hub, { port, largeFrom: Infinity });
      const run = await imdb(around);
      assert.equal(run.code, 0, run.stdout + run.stderr);
      assert.deepEqual(byOutcome(run).cached, ["reviews", "clean", "folds"]);
      const asked = hub.requests.filter(({ method, path }) =>
        method === "GET" && path.endsWith("model.safetensors")
      );
      assert.ok(
        asked.some(({ range }) => /^bytes=[1-9]\d*-/.test(range ?? "")),
        JSON.stringify(asked),
      );
      assert.ok(!hub.requests.some(({ path }) => path.endsWith(".parquet")), "it is there already");
      const [got, sent] = await Promise.all(
        [join(space.runs, "latest/artifacts/base"), join(space.hub, MODEL)].map((folder) =>
          Deno.readFile(join(folder, "model.safetensors"))
        ),
      );
      assert.deepEqual(got, sent);
    },
  );
});

Deno.test("a hub whose files moved to another host says what helps, and that helps", async () => {
  await using space = await scene();
  let port = 0;
  {
    await using hub = startHub(space.hub);
    port = Number(new URL(hub.url).port);
    const run = await imdb(at(space, hub.url), "--only", "base");
    assert.equal(run.code, 0, JSON.stringify(run.failures));
  }
  await using hub = startHub(space.hub, { port });
  const elsewhere = { ...at(space, hub.url), runs: join(space.folder, "elsewhere") };
  const refused = await imdb(elsewhere, "--only", "base");
  assert.equal(refused.code, 1);
  assert.match(refused.failures.base!.remedy!, /--update/);
  const run = await imdb(elsewhere, "--only", "base", "--update");
  assert.equal(run.code, 0, JSON.stringify(run.failures));
});

/** Names of the manifests in a store. */
async function artifactsOf(runs: string): Promise<string[]> {
  try {
    const folder = Deno.readDir(join(runs, "store/artifacts"));
    return (await Array.fromAsync(folder)).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test("what a hub cuts off or changes is refused, and the next good answer is taken", async () => {
  await using space = await scene();
  const cases = [
    { stage: "base", file: "model.safetensors", harm: { flip: 60_000 } },
    { stage: "base", file: "model.safetensors", harm: { truncate: 60_000 } },
    { stage: "base", file: "tokenizer.json", harm: { flip: 500 } },
    { stage: "base", file: "config.json", harm: { truncate: 50 } },
    { stage: "reviews", file: "train-00000-of-00001.parquet", harm: { flip: 4000 } },
    { stage: "reviews", file: "train-00000-of-00001.parquet", harm: { truncate: 4000 } },
  ];
  await Promise.all(cases.map(async ({ stage, file: name, harm }, i) => {
    // A hub each, since its faults are its own; the folder and its commits are the same.
    await using hub = startHub(space.hub, {
      faults: [{ match: new RegExp(`/${name}$`), ...harm }],
    });
    const around = at({ ...space, runs: join(space.folder, `runs${i}`) }, hub.url);
    const file = join(space.folder, `imdb${i}.yaml`);
    await Deno.copyFile(join(space.folder, "imdb.yaml"), file);
    const args = [file, ...SMALL, "--only", stage];
    const run = await runPipeline(args, around);
    const what = JSON.stringify([name, harm, run.failures]);
    assert.equal(run.code, 1, what);
    assert.equal(run.outcomes[stage], "failed", what);
    assert.ok(run.failures[stage]!.what.includes(name), what);
    assert.deepEqual(await artifactsOf(around.runs), [], what);

    hub.faults.length = 0;
    const good = await runPipeline(args, around);
    assert.equal(good.code, 0, JSON.stringify(good.failures));
    assert.equal((await artifactsOf(around.runs)).length, 1);
  }));
});

Deno.test("HF_TOKEN opens what is gated, goes to the hub alone, and is written nowhere", async () => {
  await using space = await scene();
  await using hub = startHub(space.hub, { token: "hf_secret7" });
  const refused = await imdb(at(space, hub.url), "--only", "base");
  assert.equal(refused.code, 1);
  assert.match(
    `${refused.failures.base!.what} ${refused.failures.base!.remedy}`,
    /40[13].*HF_TOKEN/,
  );
  const run = await imdb(at(space, hub.url, { HF_TOKEN: "hf_secret7" }), "--only", "base");
  assert.equal(run.code, 0, JSON.stringify(run.failures));
  const tokens = (server: string): Set<string | null> =>
    new Set(
      hub.requests.filter((request) => request.server === server)
        .map(({ authorization }) => authorization),
    );
  assert.deepEqual(tokens("cdn"), new Set([null]));
  assert.deepEqual(tokens("hub"), new Set([null, "Bearer hf_secret7"]));
  assert.ok(!(run.stdout + run.stderr).includes("hf_secret7"));
  for (const path of ["imdb.lock", "runs/latest/run.json", "runs/latest/events.ndjson"]) {
    const text = await Deno.readTextFile(join(space.folder, path));
    assert.ok(!text.includes("hf_secret7"), path);
  }
});
