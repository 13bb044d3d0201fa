import assert from "node:assert/strict";
import { join } from "node:path";
import type { StagePlan } from "../../lib/pipeline/run/plan.ts";
import { type Project, project } from "./project.ts";

const PIPELINE = `name: plan
params: { text: abc, linger: 0 }
stages:
  a: { uses: make, with: { text: "\${{ params.text }}" } }
  b: { uses: join, inputs: { data: [a] }, with: { linger: "\${{ params.linger }}" } }
  c: { uses: join, inputs: { data: [b] } }
  d: { uses: make, with: { text: d } }
  many: { uses: make, matrix: { text: [x, y] } }
`;

async function planOf(p: Project, ...args: string[]): Promise<Record<string, StagePlan>> {
  const { code, out, err } = await p.temper(["plan", "p.yaml", "--json", ...args]);
  assert.equal(code, 0, err);
  const document = JSON.parse(out) as { stages: StagePlan[] };
  return Object.fromEntries(document.stages.map((stage) => [stage.stage, stage]));
}

const statuses = (plans: Record<string, StagePlan>): Record<string, string> =>
  Object.fromEntries(Object.entries(plans).map(([id, { status }]) => [id, status]));

Deno.test("plan says what would run, what waits, and why, and runs nothing", async () => {
  await using p = await project({ "p.yaml": PIPELINE });
  const fresh = await planOf(p);
  assert.deepEqual(new Set(Object.values(fresh).map(({ status }) => status)), new Set(["run"]));
  assert.deepEqual(fresh.c!.reasons, ["never ran before"]);
  await assert.rejects(Deno.stat(join(p.runs, "latest")), Deno.errors.NotFound);

  await p.temper(["run", "p.yaml"]);
  const ids = ["a", "b", "c", "d", "many@text=x", "many@text=y"];
  assert.deepEqual(statuses(await planOf(p)), Object.fromEntries(ids.map((id) => [id, "cached"])));

  const changed = await planOf(p, "-p", "text=xyz");
  assert.deepEqual(changed.a!.reasons, ['option text changed: "abc" -> "xyz"']);
  assert.deepEqual([changed.b!.status, changed.b!.waits_for], ["waits", ["a"]]);
  assert.deepEqual([changed.c!.status, changed.d!.status], ["waits", "cached"]);

  const both = await planOf(p, "-p", "text=xyz", "-p", "linger=1");
  assert.equal(both.b!.status, "run", "its own option changed, whatever a comes to");
  assert.deepEqual(both.b!.reasons, ["option linger changed: 0 -> 1"]);
  assert.deepEqual(both.b!.waits_for, ["a"]);

  const text = await p.temper(["plan", "p.yaml", "-p", "text=xyz"]);
  assert.match(
    text.out,
    /^› a +runs\n +- option text changed: "abc" -> "xyz"\n\? b +runs if the output of a changes$/m,
  );
  const dry = await p.temper(["run", "p.yaml", "-p", "text=xyz", "--dry-run"]);
  assert.equal(dry.out, text.out);
});

Deno.test("--force and --from rerun, --only runs one stage on what is there", async () => {
  await using p = await project({ "p.yaml": PIPELINE });
  const early = await p.temper(["run", "p.yaml", "--only", "b"]);
  assert.equal(early.code, 2);
  assert.match(early.out, /its input a is not there/);
  assert.equal((await p.temper(["run", "p.yaml", "--only", "a"])).outcomes.a, "done");
  const only = await p.temper(["run", "p.yaml", "--only", "b"]);
  assert.deepEqual(only.outcomes, { a: "cached", b: "done" });

  await p.temper(["run", "p.yaml"]);
  const force = await p.temper(["run", "p.yaml", "--force", "a", "--force", "d"]);
  assert.deepEqual(force.reasons, { a: ["forced by --force a"], d: ["forced by --force d"] });
  assert.equal(force.outcomes.b, "cached", "its output did not change");
  const from = await p.temper(["run", "p.yaml", "--from", "b"]);
  assert.deepEqual(from.reasons, { b: ["forced by --from b"], c: ["forced by --from b"] });
  assert.deepEqual(statuses(await planOf(p, "--from", "b")), {
    ...statuses(await planOf(p)),
    b: "run",
    c: "run",
  });

  const cells = await p.temper(["run", "p.yaml", "--only", "many", "--force", "many@text=y"]);
  assert.deepEqual(cells.outcomes, { "many@text=x": "cached", "many@text=y": "done" });
  const cell = await p.temper(["run", "p.yaml", "--only", "many@text=x"]);
  assert.deepEqual(cell.outcomes, { "many@text=x": "cached" });
});

Deno.test("a stage that the pipeline does not have is an error before anything runs", async () => {
  await using p = await project({ "p.yaml": PIPELINE });
  for (const option of ["--only", "--from", "--force"]) {
    const { code, err } = await p.temper(["plan", "p.yaml", option, "mny"]);
    assert.equal(code, 2);
    assert.match(
      err,
      new RegExp(`${option}: the pipeline has no stage "mny"\n  did you mean "many"`),
    );
  }
  const both = await p.temper(["plan", "p.yaml", "--only", "a", "--from", "b"]);
  assert.match(both.err, /--only and --from cannot be used together/);
  const idle = await p.temper(["run", "p.yaml", "--only", "a", "--force", "b"]);
  assert.equal(idle.code, 2);
  assert.match(
    idle.out + idle.err,
    /--force has no effect on .*b.*: --only a runs that stage alone/,
  );
  await assert.rejects(Deno.stat(join(p.runs, "latest")), Deno.errors.NotFound);
});

Deno.test("plan names a result that is gone, a failure and sources that cannot be found", async () => {
  const fetches = `import { defineStage, UserError, z } from "temper";
export default defineStage({
  doc: "Looks far away.",
  inputs: {},
  output: "texts",
  options: z.object({ fail: z.boolean().default(false) }),
  resolve() {
    throw new UserError({ what: "cannot reach example.org", remedy: "try again" });
  },
  async run() {},
});
`;
  await using p = await project({
    "far.ts": fetches,
    "p.yaml": `name: plan
stages:
  a: { uses: make }
  bad: { uses: make, with: { what: throw } }
  far: { uses: ./far.ts }
  after: { uses: join, inputs: { data: [far] } }
`,
  });
  const run = await p.temper(["run", "p.yaml"]);
  assert.equal(run.code, 1);
  assert.match(run.failures.far!.what, /cannot reach example\.org/);
  assert.deepEqual(run.outcomes, { a: "done", bad: "failed", far: "failed", after: "blocked" });
  await Deno.remove(join(p.runs, "store/artifacts"), { recursive: true });
  const plans = await planOf(p);
  assert.match(plans.a!.reasons[0]!, /^its result is gone \(artifact [0-9a-f]{12}\)$/);
  assert.deepEqual(plans.bad!.reasons, ["it failed last time"]);
  assert.equal(plans.far!.status, "unknown");
  assert.match(plans.far!.reasons[0]!, /cannot reach example\.org; try again/);
  assert.deepEqual(plans.after!.waits_for, ["far"]);
});

Deno.test("a stage may be a link to a file; plan names the place of what breaks later", async () => {
  await using p = await project({
    "p.yaml": "name: link\nstages:\n  s: { uses: ./link.ts, with: { path: a } }\n",
  });
  await Deno.mkdir(join(p.folder, "far"));
  await p.write("far/lazy.ts", 'export default "lazy";\n');
  await p.write(
    "far/own.ts",
    `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Imports late.",
  inputs: {},
  output: "texts",
  options: z.object({ path: z.string() }),
  async run({ output }) {
    const { default: text } = await import("./lazy.ts");
    await Deno.writeTextFile(output.path + "/generations.jsonl", text);
  },
});
`,
  );
  await Deno.symlink("far/own.ts", join(p.folder, "link.ts"));
  const { code, failures } = await p.temper(["run", "p.yaml"]);
  assert.equal(code, 0, JSON.stringify(failures));
  assert.equal(await p.result("s"), "lazy");

  await p.write("far/lazy.ts", "\nexport syntax;\n");
  const { s } = await planOf(p);
  assert.equal(s!.status, "unknown");
  assert.match(s!.reasons[0]!, /lazy\.ts:2:8: cannot read the module: SyntaxError/);
});
