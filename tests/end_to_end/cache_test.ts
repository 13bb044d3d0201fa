/**
 * What runs again, and what `plan` says about it: the small pipeline, changed in one thing at a time.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { filePath } from "../../lib/base/paths.ts";
import type { StagePlan } from "../../lib/pipeline/run/plan.ts";
import {
  byOutcome,
  copyProject,
  digests,
  latest,
  planOf,
  runPipeline,
  SMALL_STAGES,
  smallProject,
  temper,
} from "./temper.ts";

/** Stage -> what a plan says of it, in short: the status, and the reasons where there are any. */
function short(plan: Record<string, StagePlan>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(plan).map(([id, { status, reasons }]) => [id, [status, ...reasons].join(": ")]),
  );
}

const CACHED = Object.fromEntries(SMALL_STAGES.map((id) => [id, "cached"]));

Deno.test("a second run does nothing; a changed option, parameter or seed reruns what it reaches", async (t) => {
  await using p = await smallProject();
  const write = async (from: string, to: string): Promise<void> => {
    const text = await Deno.readTextFile(p.file);
    assert.ok(text.includes(from), from);
    await Deno.writeTextFile(p.file, text.replace(from, to));
  };
  let before: Record<string, string | undefined> = {};

  await t.step("the first run does everything, in order", async () => {
    assert.deepEqual(
      short(await planOf([p.file], p)),
      Object.fromEntries(
        SMALL_STAGES.map((id) => [id, "run: never ran before"]),
      ),
    );
    const first = await runPipeline([p.file], p);
    assert.equal(first.code, 0, first.stderr + first.stdout);
    assert.deepEqual(byOutcome(first), { done: [...SMALL_STAGES] });
    before = await digests(p.runs);
    const { status, device, seed, params, stages } = await latest(p.runs);
    assert.deepEqual({ status, device, seed }, { status: "done", device: "cpu", seed: 7 });
    assert.deepEqual(params, { max_steps: 6, learning_rate: 1e-3, top_k: 20 });
    assert.deepEqual(Object.keys(stages), [...SMALL_STAGES]);
  });

  await t.step("the second does nothing, and says so to a person too", async () => {
    assert.deepEqual(short(await planOf([p.file], p)), CACHED);
    const second = await runPipeline([p.file], p);
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(byOutcome(second), { cached: [...SMALL_STAGES] });
    assert.deepEqual(await digests(p.runs), before);
    const plain = await temper(["run", p.file, "--device", "cpu"], p);
    assert.equal(plain.code, 0);
    assert.match(plain.stdout, /every stage was cached/);
    for (const id of SMALL_STAGES) assert.match(plain.stdout, new RegExp(`= ${id} +cached`));
  });

  await t.step("plan --json is one document, with a key and an artifact where known", async () => {
    const { stdout, stderr, code } = await temper(
      ["plan", p.file, "--json", "--device", "cpu", "-p", "top_k=3"],
      p,
    );
    assert.deepEqual([code, stderr], [0, ""]);
    const { stages, ...rest } = JSON.parse(stdout);
    assert.deepEqual(rest, { type: "plan", pipeline: "small", file: p.file });
    assert.deepEqual(stages.map((stage: StagePlan) => stage.stage), [...SMALL_STAGES]);
    const records = (await latest(p.runs)).stages;
    for (const { stage, uses, status, reasons, waits_for, key, artifact } of stages) {
      assert.match(key, /^[0-9a-f]{64}$/);
      const samples = stage === "samples";
      assert.equal(status, samples ? "run" : "cached");
      assert.deepEqual(reasons, samples ? ["option top_k changed: 20 -> 3"] : []);
      assert.deepEqual(waits_for, []);
      assert.equal(artifact, samples ? undefined : before[stage]);
      assert.equal(uses, records[stage]!.uses);
      if (!samples) assert.equal(key, records[stage]!.key);
    }
  });

  await t.step("one option of train reruns train, evaluate and generate alone", async () => {
    await write("learning_rate: 1.0e-3, top_k", "learning_rate: 3.0e-3, top_k");
    const expected = {
      ...CACHED,
      model: "run: option learning_rate changed: 0.001 -> 0.003",
      scores: "waits",
      samples: "waits",
    };
    const plan = await planOf([p.file], p);
    assert.deepEqual(short(plan), expected);
    assert.deepEqual(plan.scores!.waits_for, ["model"]);
    const text = await temper(["plan", p.file, "--device", "cpu"], p);
    assert.equal(
      text.stdout.match(/^ +- .*$/gm)!.join("\n").trim(),
      "- " +
        "option learning_rate changed: 0.001 -> 0.003",
    );
    const run = await runPipeline([p.file], p);
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(byOutcome(run), {
      cached: ["verses", "clean", "folds", "tokens"],
      done: ["model", "scores", "samples"],
    });
    assert.deepEqual(run.reasons, {
      model: ["option learning_rate changed: 0.001 -> 0.003"],
      scores: ["input model changed (from stage model)"],
      samples: ["input model changed (from stage model)"],
    });
  });

  await t.step("back again nothing runs: results of both are kept", async () => {
    const back = await runPipeline([p.file, "-p", "learning_rate=0.001"], p);
    assert.deepEqual(byOutcome(back), { cached: [...SMALL_STAGES] });
    assert.deepEqual(await digests(p.runs), before);
    assert.equal((await latest(p.runs)).params.learning_rate, 1e-3);
    await write("learning_rate: 3.0e-3, top_k", "learning_rate: 1.0e-3, top_k");
  });

  await t.step("-p overrides a parameter, and each reason is named", async () => {
    const args = [p.file, "-p", "max_steps=2", "-p", "top_k=5"];
    assert.deepEqual(short(await planOf(args, p)), {
      ...CACHED,
      model: "run: option max_steps changed: 6 -> 2",
      scores: "waits",
      samples: "run: option top_k changed: 20 -> 5",
    });
    const run = await runPipeline(args, p);
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(byOutcome(run).done, ["model", "scores", "samples"]);
    assert.deepEqual(run.reasons.samples, [
      "option top_k changed: 20 -> 5",
      "input model changed (from stage model)",
    ]);
    const state = JSON.parse(
      await Deno.readTextFile(join(p.runs, "latest/artifacts/model/trainer_state.json")),
    );
    assert.equal(state.global_step, 2);
    assert.equal((await runPipeline([p.file], p)).code, 0);
  });

  await t.step("what is written differently and means the same runs nothing", async () => {
    const text = await Deno.readTextFile(p.file);
    const same = text
      .replace(
        "with: { drop_empty: true, dedupe: exact }",
        "with:\n      dedupe: 'exact'\n" +
          "      drop_empty: yes # a comment".replace("yes", "true"),
      )
      .replace("n_layer: 1, n_embd: 32", "n_embd: 32, n_layer: 1");
    assert.notEqual(same, text);
    await Deno.writeTextFile(p.file, same);
    assert.deepEqual(short(await planOf([p.file], p)), CACHED);
    await Deno.writeTextFile(p.file, text);
  });

  await t.step(
    "another seed reruns every stage, and says so",
    async () => {
      await write("seed: 7", "seed: 8");
      const plan = short(await planOf([p.file], p));
      for (const id of SMALL_STAGES) assert.equal(plan[id], "run: seed changed: 7 -> 8", id);
      const run = await runPipeline([p.file], p);
      assert.equal(run.code, 0, run.stderr);
      assert.deepEqual(byOutcome(run), { done: [...SMALL_STAGES] });
      const now = await digests(p.runs);
      for (const id of ["verses", "clean"]) {
        assert.equal(
          now[id],
          before[id],
          `${id} draws nothing`,
        );
      }
      for (const id of ["folds", "tokens", "model", "samples"]) {
        assert.notEqual(now[id], before[id], `${id} is drawn anew`);
      }
    },
  );

  await t.step("--force and --from rerun, and come to the same", async () => {
    const args = [p.file, "--from", "tokens", "--force", "clean"];
    const now = await digests(p.runs);
    const run = await runPipeline(args, p);
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(byOutcome(run), {
      cached: ["verses", "folds"],
      done: ["clean", "tokens", "model", "scores", "samples"],
    });
    assert.deepEqual(await digests(p.runs), now, "the native engine is deterministic");
  });
});

Deno.test("changed data reruns what depends on it, and stops where a result stays the same", async (t) => {
  await using p = await smallProject();
  const first = await runPipeline([p.file], p);
  assert.equal(first.code, 0, first.stderr);
  const before = await digests(p.runs);
  const text = await Deno.readTextFile(p.verses);

  await t.step("a file that was written again with the same bytes is the same", async () => {
    await Deno.writeTextFile(p.verses, text);
    assert.deepEqual(short(await planOf([p.file], p)), CACHED);
  });

  await t.step("a line that the filter drops again goes no further than the split", async () => {
    await Deno.writeTextFile(p.verses, text + text.split("\n")[0] + "\n");
    const plan = await planOf([p.file], p);
    assert.match(short(plan).verses!, /^run: .*verses\.txt/);
    assert.deepEqual(
      SMALL_STAGES.slice(1).map((id) => plan[id]!.status),
      Array(6).fill("waits"),
    );
    const run = await runPipeline([p.file], p);
    assert.equal(run.code, 0, run.stderr);
    const now = await digests(p.runs);
    assert.notEqual(now.verses, before.verses);
    // The filter's result counts what it dropped, so the split may run; what it puts out is the same.
    assert.deepEqual([run.outcomes.verses, run.outcomes.clean], ["done", "done"]);
    for (const id of ["tokens", "model", "scores", "samples"]) {
      assert.equal(run.outcomes[id], "cached", id);
      assert.equal(now[id], before[id]);
    }
  });

  await t.step("a changed line reruns all that depends on it", async () => {
    const lines = text.split("\n");
    lines[5] = "A line that nobody has written before, in which the sea is loud.";
    await Deno.writeTextFile(p.verses, lines.join("\n"));
    const run = await runPipeline([p.file], p);
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(byOutcome(run), { done: [...SMALL_STAGES] });
    assert.match(run.reasons.verses!.join(), /verses\.txt/);
    for (const [id, role] of [["clean", "data"], ["folds", "data"], ["model", "data"]] as const) {
      assert.match(run.reasons[id]!.join(), new RegExp(`^input ${role} changed \\(from stage`));
    }
  });

  await t.step("the old data brings the old results back without work", async () => {
    await Deno.writeTextFile(p.verses, text);
    const back = await runPipeline([p.file], p);
    assert.deepEqual(byOutcome(back), { cached: [...SMALL_STAGES] });
    assert.deepEqual(await digests(p.runs), before);
  });
});

Deno.test("edited code reruns the stages that import it, wherever the project lies", async (t) => {
  await using p = await smallProject();
  const root = join(p.folder, "a copy of the project");
  const copied = { ...p, root };
  await copyProject(root);
  const first = await runPipeline([p.file], p);
  assert.equal(first.code, 0, first.stderr);
  const before = await digests(p.runs);

  await t.step("the same code elsewhere finds every result", async () => {
    assert.deepEqual(short(await planOf([p.file], copied)), CACHED);
  });

  await t.step("a module that only generate imports reruns generate only", async () => {
    const module = await moduleOf(root, "generate");
    await edit(join(root, module));
    assert.deepEqual(short(await planOf([p.file], copied)), {
      ...CACHED,
      samples: `run: code changed: ${module}`,
    });
    const run = await runPipeline([p.file], copied);
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(byOutcome(run), {
      cached: SMALL_STAGES.slice(0, -1),
      done: ["samples"],
    });
    assert.deepEqual(run.reasons, { samples: [`code changed: ${module}`] });
    assert.deepEqual(await digests(p.runs), before, "a comment changes no result");
  });

  await t.step("a module that train and others import reruns those, and stops there", async () => {
    const module = "lib/models/gpt2.ts";
    await edit(join(root, module));
    const reason = `code changed: ${module}`;
    assert.deepEqual(short(await planOf([p.file], copied)), {
      ...CACHED,
      model: `run: ${reason}`,
      scores: `run: ${reason}`,
      samples: `run: ${reason}`,
    });
    const run = await runPipeline([p.file], copied);
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(run.reasons, { model: [reason], scores: [reason], samples: [reason] });
  });

  await t.step("the runner's own code is in no key", async () => {
    for (const module of ["lib/report/terminal/terminal.ts", "lib/cli/run.ts", "main.ts"]) {
      await edit(join(root, module));
    }
    assert.deepEqual(short(await planOf([p.file], copied)), CACHED);
  });
});

/** Adds a comment. */
async function edit(path: string): Promise<void> {
  await Deno.writeTextFile(path, "\n// Edited.\n", { append: true });
}

/** A module of the project that one stage's graph holds and no other's; one of lib, if there is one. */
async function moduleOf(root: string, stage: string): Promise<string> {
  const others = ["download", "filter", "split", "tokenize", "train", "evaluate"];
  const taken = new Set((await Promise.all(others.map((name) => modulesOf(root, name)))).flat());
  const own = (await modulesOf(root, stage)).filter((name) => !taken.has(name)).sort();
  const module = own.find((name) => name.startsWith("lib/")) ?? own[0];
  assert.ok(module !== undefined, `${stage} shares every module`);
  return module;
}

async function modulesOf(root: string, stage: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", `stages/${stage}.ts`],
    cwd: root,
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { specifier: string }[];
  };
  return modules.filter(({ specifier }) => specifier.startsWith("file:"))
    .map(({ specifier }) => relative(root, filePath(specifier)))
    .filter((path) => !path.startsWith(".."));
}
