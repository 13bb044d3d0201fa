import assert from "node:assert/strict";
import { join } from "node:path";
import { digest, type Project, project } from "./project.ts";

const SLOW = `name: slow
stages:
  quick: { uses: ./make.ts, with: { text: quick } }
  slow: { uses: ./make.ts, with: { text: slow, linger: LINGER, busy: BUSY } }
  last: { uses: ./join.ts, inputs: { data: [quick, slow] } }
`;

/** A run in a process of its own, up to the first progress of `slow`, with `quick` done. */
async function startSlow(p: Project, busy = 0): Promise<{
  child: Deno.ChildProcess;
  finish(): Promise<{ code: number; signal: Deno.Signal | null; out: string; err: string }>;
}> {
  await p.write("p.yaml", slow(30_000, busy));
  const child = p.spawn(["run", "p.yaml", "--json", "--jobs", "2"]);
  let out = "";
  let seen = (): void => {};
  const ready = new Promise<void>((resolve) => seen = resolve);
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      out += text;
      const started = out.includes(busy > 0 ? '"made with' : '"type":"progress"');
      if (started && /"stage":"slow"/.test(out) && /"stage":"quick","outcome":"done"/.test(out)) {
        seen();
      }
    }
    seen();
  })();
  const err = new Response(child.stderr).text();
  await ready;
  return {
    child,
    finish: async () => {
      const [{ code, signal }] = await Promise.all([child.status, reading]);
      return { code, signal, out, err: await err };
    },
  };
}

/** Processes whose command line names a folder. */
async function processesIn(folder: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pid=,args="] }).output();
  return new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line.includes(`${folder}/runs/store/scratch`));
}

async function noneLeft(folder: string): Promise<void> {
  for (let i = 0; i < 50; i++) {
    if ((await processesIn(folder)).length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(await processesIn(folder), []);
}

const posix = Deno.build.os !== "windows";

Deno.test({
  name: "Ctrl-C stops the stages, keeps what is done, and says how to go on",
  ignore: !posix,
  async fn(): Promise<void> {
    await using p = await project();
    const { child, finish } = await startSlow(p);
    child.kill("SIGINT");
    const { code, out, err } = await finish();
    assert.equal(code, 130);
    assert.match(err, /run the same command to go on: finished stages are kept/);
    const { outcomes } = digest(out.trim().split("\n").map((line) => JSON.parse(line)));
    assert.deepEqual(outcomes, { quick: "done", slow: "interrupted", last: "interrupted" });
    const record = JSON.parse(await Deno.readTextFile(join(p.runs, "latest/run.json")));
    assert.equal(record.status, "interrupted");
    await noneLeft(p.folder);

    await p.write("p.yaml", slow(0, 0));
    const on = await p.temper(["run", "p.yaml"]);
    assert.deepEqual(on.outcomes, { quick: "cached", slow: "done", last: "done" });
    assert.deepEqual(on.reasons.slow, ["it was interrupted last time"]);
  },
});

Deno.test({
  name: "a second Ctrl-C does not wait for a stage that does not listen",
  ignore: !posix,
  async fn(): Promise<void> {
    await using p = await project();
    const { child, finish } = await startSlow(p, 60_000);
    const began = performance.now();
    child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.kill("SIGINT");
    assert.equal((await finish()).code, 130);
    assert.ok(performance.now() - began < 4500, "without the second it takes five seconds");
    await noneLeft(p.folder);
  },
});

Deno.test({
  name: "Ctrl-C while an own stage is loaded ends the command, and the stage's process with it",
  ignore: !posix,
  async fn(): Promise<void> {
    await using p = await project({
      "loops.ts": "while (true);",
      "p.yaml": "name: loading\nstages:\n  a: { uses: ./loops.ts }\n",
    });
    const loading = async (): Promise<string[]> => {
      const { stdout } = await new Deno.Command("ps", { args: ["-eo", "args="] }).output();
      return new TextDecoder().decode(stdout).split("\n")
        .filter((line) => line.includes(`${p.folder}/temporary/`) && line.includes("-P=stage"));
    };
    await Deno.mkdir(join(p.folder, "temporary"));
    const child = p.spawn(["run", "p.yaml"], { TMPDIR: join(p.folder, "temporary") });
    while ((await loading()).length === 0) await new Promise((go) => setTimeout(go, 50));
    child.kill("SIGINT");
    const { code, stderr } = await child.output();
    assert.equal(code, 130, new TextDecoder().decode(stderr));
    assert.deepEqual(await loading(), []);
  },
});

Deno.test({
  name: "kill -9 of a stage fails that stage, with what helps",
  ignore: !posix,
  async fn(): Promise<void> {
    await using p = await project();
    const { finish } = await startSlow(p);
    for (const line of await processesIn(p.folder)) {
      Deno.kill(Number.parseInt(line), "SIGKILL");
    }
    const { code, out } = await finish();
    assert.equal(code, 1);
    const { outcomes, failures } = digest(out.trim().split("\n").map((line) => JSON.parse(line)));
    assert.deepEqual(outcomes, { quick: "done", slow: "failed", last: "blocked" });
    assert.match(failures.slow!.what, /the process of stage "slow" was killed by SIGKILL/);
    assert.match(failures.slow!.remedy!, /out of memory/);
    assert.deepEqual(failures.slow!.lastLines, ["made with seed 42"]);
  },
});

for (const busy of [0, 60_000]) {
  Deno.test({
    name: `kill -9 of the runner leaves no ${
      busy > 0 ? "busy" : "waiting"
    } stage behind, and the next run goes on`,
    ignore: !posix,
    async fn(): Promise<void> {
      await using p = await project();
      const { child, finish } = await startSlow(p, busy);
      assert.ok((await processesIn(p.folder)).length > 0);
      child.kill("SIGKILL");
      assert.equal((await finish()).signal, "SIGKILL");
      await noneLeft(p.folder);

      await p.write("p.yaml", slow(0, 0));
      const on = await p.temper(["run", "p.yaml"]);
      assert.equal(on.code, 0, JSON.stringify(on.failures));
      assert.deepEqual(on.outcomes, { quick: "cached", slow: "done", last: "done" });
      assert.equal(await p.result("last"), "quick+slow");
      const left = [...Deno.readDirSync(join(p.runs, "store/scratch"))].map(({ name }) => name);
      assert.deepEqual(left, [], "what the dead run left in scratch is swept");
    },
  });
}

function slow(linger: number, busy: number): string {
  return SLOW.replace("LINGER", String(busy > 0 ? 0 : linger)).replace("BUSY", String(busy));
}
