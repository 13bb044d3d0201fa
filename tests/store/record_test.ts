import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { type FoundRun, type Runs, type RunStart, thisOwner } from "../../lib/store/mod.ts";
import { temporaryName } from "../../lib/store/disk/durable.ts";
import { filesUnder, withStore } from "./folders.ts";

function start(pipeline: string): RunStart {
  return {
    pipeline,
    file: "/project/pipelines/imdb.yaml",
    seed: 42,
    params: { max_length: 512 },
    command: ["run", "pipelines/imdb.yaml"],
    versions: { temper: "0.1.0" },
    device: null,
    stages: { clean: { status: "waiting" } },
  };
}

/** The newest run of a pipeline. */
async function lastRunOf(runs: Runs, pipeline: string): Promise<FoundRun | undefined> {
  return (await runs.list({ pipeline, limit: 1 }))[0];
}

Deno.test("create() makes a folder named by time, pipeline and id, and points latest to it", async () => {
  await withStore(async ({ runs, layout }) => {
    const before = Date.now();
    const run = await runs.create(start("imdb"));
    assert.match(basename(run.path), /^\d{8}T\d{6}Z-imdb-[0-9a-z]{6}$/);
    assert.ok(Math.abs(Date.parse(run.record.started) - before) < 10_000);
    assert.equal(
      basename(run.path).slice(0, 16),
      run.record.started.replaceAll(/[-:]|\.\d+/g, ""),
    );
    assert.equal(await Deno.readLink(join(layout.runs, "latest")), basename(run.path));
    assert.deepEqual(await filesUnder(run.path), [".running", "run.json"]);
    await run.update({ status: "done" });
    assert.deepEqual(await filesUnder(run.path), ["run.json"]);

    const second = await runs.create(start("imdb"));
    assert.equal(await Deno.readLink(join(layout.runs, "latest")), basename(second.path));
    const names = [...Deno.readDirSync(layout.runs)].map((entry) => entry.name);
    assert.ok(names.every((name) => !name.startsWith(".")), "nothing temporary is left");
  });
});

Deno.test("update() replaces parts of the record", async () => {
  await withStore(async ({ runs }) => {
    const run = await runs.create(start("imdb"));
    await run.update({ status: "done", seconds: 2, stages: { clean: { status: "cached" } } });
    const [found] = await runs.list();
    assert.deepEqual(found?.record, {
      ...start("imdb"),
      id: basename(run.path),
      status: "done",
      started: run.record.started,
      owner: await thisOwner(),
      seconds: 2,
      stages: { clean: { status: "cached" } },
    });
  });
});

Deno.test("list() gives the newest first, also within a second", async () => {
  await withStore(async ({ runs, layout }) => {
    const ids: string[] = [];
    for (const name of ["imdb", "poems", "imdb", "imdb-large", "a b/c", "imdb"]) {
      ids.push(basename((await runs.create(start(name))).path));
    }
    assert.deepEqual((await runs.list()).map(({ id }) => id), ids.toReversed());
    assert.deepEqual((await runs.list({ limit: 2 })).map(({ id }) => id), [ids[5], ids[4]]);
    assert.deepEqual((await runs.list({ pipeline: "imdb" })).length, 3);
    assert.equal((await lastRunOf(runs, "imdb-large"))?.id, ids[3]);
    assert.equal((await lastRunOf(runs, "a b/c"))?.record.pipeline, "a b/c");
    assert.equal(await lastRunOf(runs, "large"), undefined);

    await Deno.writeTextFile(join(layout.runs, ids[5]!, "run.json"), "{ cut o");
    assert.equal((await lastRunOf(runs, "imdb"))?.id, ids[2], "an unreadable record is skipped");
  });
});

Deno.test("a run whose process died reads as interrupted, one that lives as running", async () => {
  await withStore(async ({ runs }) => {
    const run = await runs.create(start("imdb"));
    const status = async (): Promise<string | undefined> =>
      (await lastRunOf(runs, "imdb"))?.record.status;
    assert.equal(await status(), "running");
    const self = await thisOwner();
    await run.update({ owner: { ...self, start: self.start.replace(/\d+/, "1") } });
    assert.equal(await status(), "interrupted");
    await run.update({ status: "done" });
    assert.equal(await status(), "done");
  });
});

Deno.test("events are lines", async () => {
  await withStore(async ({ runs }) => {
    const run = await runs.create(start("imdb"));
    run.appendEvent({ type: "start", stage: "clean" });
    run.appendEvent({ type: "log", text: "two\nlines" });
    const lines = (await Deno.readTextFile(run.eventsPath)).split("\n");
    assert.deepEqual(lines.slice(0, -1).map((line) => JSON.parse(line)), [
      { type: "start", stage: "clean" },
      { type: "log", text: "two\nlines" },
    ]);
  });
});

Deno.test("stage ids become safe names in the run's folder", async () => {
  await withStore(async ({ runs }) => {
    const run = await runs.create(start("imdb"));
    const id = "tuned@learning_rate=1e-5";
    assert.equal(run.artifactOf(id), join(run.path, "artifacts", id));
    assert.equal(run.logOf(id), join(run.path, "logs", `${id}.log`));
    assert.equal(run.artifactOf("a/../../b"), join(run.path, "artifacts", "a~2F..~2F..~2Fb"));
  });
});

Deno.test("create() says so where a folder named latest stands in the way", async () => {
  await withStore(async ({ runs, layout }) => {
    await Deno.mkdir(join(layout.runs, "latest", "mine"), { recursive: true });
    await assert.rejects(runs.create(start("imdb")), /a folder stands there; move that folder/);
  });
});

Deno.test("sweep() removes temporary files that a kill left a day ago among the runs, and nothing else", async () => {
  await withStore(async ({ runs, layout, sweep }) => {
    const killed = await runs.create(start("p"));
    const ended = await runs.create(start("p"));
    await ended.update({ status: "done" });
    const old = new Date(Date.now() - 25 * 3600 * 1000);
    const leave = async (path: string, time = old): Promise<string> => {
      await Deno.mkdir(path, { recursive: true });
      await Deno.writeTextFile(join(path, "x"), "x");
      await Deno.utime(path, time, time);
      return path;
    };
    const gone = [
      await leave(join(layout.runs, temporaryName("latest"))),
      await leave(join(killed.path, temporaryName("write"))),
      await leave(join(killed.path, "artifacts", temporaryName("model@lr=1"))),
    ];
    const stays = [
      await leave(join(killed.path, temporaryName("write")), new Date()),
      await leave(join(killed.path, "artifacts", "model")),
      await leave(join(layout.runs, ".mine.tmp")),
      await leave(join(layout.runs, "notes", temporaryName("write"))),
    ];
    await sweep();
    const isThere = (path: string): Promise<boolean> =>
      Deno.lstat(path).then(() => true, () => false);
    assert.deepEqual(await Promise.all(gone.map(isThere)), gone.map(() => false));
    assert.deepEqual(await Promise.all(stays.map(isThere)), stays.map(() => true));
    await killed.update({ status: "done" });
  });
});

Deno.test("sweep() leaves temporary files while another process has a run that goes on", async () => {
  await withStore(async ({ runs, layout, sweep }) => {
    const run = await runs.create(start("p"));
    const left = join(layout.runs, temporaryName("write"));
    await Deno.writeTextFile(left, "x");
    const old = new Date(Date.now() - 25 * 3600 * 1000);
    await Deno.utime(left, old, old);
    const path = join(run.path, ".running");
    const held = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(
      path,
      JSON.stringify({ ...held, pid: 1, host: "far.example", boot: "b" }),
    );
    await sweep();
    assert.ok((await Deno.lstat(left)).isFile);
    await Deno.remove(path);
    await sweep();
    await assert.rejects(() => Deno.lstat(left), Deno.errors.NotFound);
    await run.update({ status: "done" });
  });
});
