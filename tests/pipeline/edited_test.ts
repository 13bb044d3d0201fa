import assert from "node:assert/strict";
import { join } from "node:path";
import { project } from "./project.ts";

const TWO = `name: p
stages:
  a: { uses: make, with: { text: first } }
  b: { uses: join, inputs: { data: [a] }, with: { first: true } }
`;

/** The blob of the only file of a stage's result. */
async function blobOf(runs: string, stage: string): Promise<string> {
  const { stages } = JSON.parse(await Deno.readTextFile(join(runs, "latest/run.json")));
  const manifest = join(runs, `store/artifacts/${stages[stage].artifact}.json`);
  const { digest } = JSON.parse(await Deno.readTextFile(manifest)).files[0];
  return join(runs, "store/blobs", digest.slice(0, 2), digest);
}

Deno.test("an edit where a person opens a small result changes no later run", async () => {
  await using p = await project({ "p.yaml": TWO });
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  const file = join(p.runs, "latest/artifacts/a/generations.jsonl");
  await Deno.chmod(file, 0o644);
  await Deno.writeTextFile(file, "FORGED");
  const again = await p.temper(["run", "p.yaml", "--force", "b"]);
  assert.deepEqual(again.outcomes, { a: "cached", b: "done" });
  assert.deepEqual([await p.result("a"), await p.result("b")], ["first", "f"]);
});

Deno.test("a result whose bytes changed is made again, with its times kept, too; touching it costs nothing", async () => {
  await using p = await project({ "p.yaml": TWO });
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  const blob = await blobOf(p.runs, "b");
  const { atime, mtime } = await Deno.stat(blob);
  await Deno.chmod(blob, 0o644);
  await Deno.writeTextFile(blob, "F");
  await Deno.utime(blob, atime!, mtime!);

  const planned = await p.temper(["plan", "p.yaml", "--json"]);
  const { stages } = JSON.parse(planned.out) as { stages: { status: string; reasons: string[] }[] };
  const edited = /^its result was edited \(generations\.jsonl, blob [0-9a-f]{12}\)$/;
  assert.deepEqual(stages.map(({ status }) => status), ["cached", "run"]);
  assert.match(stages[1]!.reasons.join(), edited);
  assert.equal(await Deno.readTextFile(blob), "F", "plan leaves everything as it is");

  const again = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(again.outcomes, { a: "cached", b: "done" });
  assert.match(again.reasons.b!.join(), edited);
  assert.match(
    again.notes.join(),
    /a result is damaged: generations\.jsonl .* set aside as .*damaged/,
  );
  assert.equal(await p.result("b"), "f");

  const later = new Date(Date.now() + 60_000);
  await Deno.utime(await blobOf(p.runs, "b"), later, later);
  assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { a: "cached", b: "cached" });
});

Deno.test("a record of which anything was changed is no record: neither a figure nor the artifact", async () => {
  await using p = await project({ "p.yaml": TWO });
  await p.temper(["run", "p.yaml"]);
  const { stages } = JSON.parse(await Deno.readTextFile(join(p.runs, "latest/run.json")));
  const record = join(p.runs, `store/actions/${stages.a.key}.json`);
  const text = await Deno.readTextFile(record);
  const other = JSON.parse(text);
  const forgeries: ((action: Record<string, unknown>) => void)[] = [
    (action) => (action.summary as { value: number }[])[0]!.value = 1,
    (action) => action.artifact = stages.b.artifact,
    (action) => action.seconds = 0,
    (action) => action.stage = "b",
    (action) => action.device = "cpu",
    (action) => delete action.digest,
  ];
  for (const forge of forgeries) {
    const action = structuredClone(other);
    forge(action);
    await Deno.writeTextFile(record, JSON.stringify(action));
    const again = await p.temper(["run", "p.yaml"]);
    assert.deepEqual(again.outcomes, { a: "done", b: "cached" }, String(forge));
    assert.deepEqual(again.reasons.a, ["the record of its result is damaged"]);
    const end = again.events.find((event) => event.type === "stage_end" && event.stage === "a");
    assert.ok(end?.type === "stage_end");
    assert.deepEqual(end.summary, other.summary);
  }
});

Deno.test("an artifact of another kind is no result, whatever its record says", async () => {
  await using p = await project({ "p.yaml": TWO });
  await p.temper(["run", "p.yaml"]);
  const { stages } = JSON.parse(await Deno.readTextFile(join(p.runs, "latest/run.json")));
  const { sealed } = await import("../../lib/store/records/sealed.ts");
  const { openStore } = await import("../../lib/store/mod.ts");
  using store = openStore(p.runs);
  await Deno.writeTextFile(join(p.folder, "rows.txt"), "x");
  const folder = join(p.folder, "other");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(join(folder, "generations.jsonl"), "first");
  const { digest } = await store.artifacts.publish(folder, { kind: "rows" });
  const record = join(p.runs, `store/actions/${stages.a.key}.json`);
  const action = JSON.parse(await Deno.readTextFile(record));
  await Deno.writeTextFile(record, sealed({ ...action, artifact: digest }));
  const again = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(again.reasons.a, ["its result is of kind rows, not texts"]);
  assert.equal(await p.result("a"), "first");
});
