import assert from "node:assert/strict";
import { join } from "node:path";
import { project } from "./project.ts";

Deno.test("a result that was edited where a person opens it is made again; touching it costs nothing", async () => {
  await using p = await project({
    "p.yaml": `name: p
stages:
  a: { uses: make, with: { text: first } }
  b: { uses: join, inputs: { data: [a] }, with: { first: true } }
`,
  });
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  const file = join(p.runs, "latest/artifacts/b/generations.jsonl");
  await Deno.chmod(file, 0o644);
  await Deno.writeTextFile(file, "F");

  const planned = await p.temper(["plan", "p.yaml", "--json"]);
  const { stages } = JSON.parse(planned.out) as { stages: { status: string; reasons: string[] }[] };
  const edited = /^its result was edited \(generations\.jsonl, blob [0-9a-f]{12}\)$/;
  assert.deepEqual(stages.map(({ status }) => status), ["cached", "run"]);
  assert.match(stages[1]!.reasons.join(), edited);
  assert.equal(await p.result("b"), "F", "plan leaves everything as it is");

  const again = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(again.outcomes, { a: "cached", b: "done" });
  assert.match(again.reasons.b!.join(), edited);
  assert.match(
    again.notes.join(),
    /a result is damaged: generations\.jsonl .* set aside as .*damaged/,
  );
  assert.equal(await p.result("b"), "f");

  const later = new Date(Date.now() + 60_000);
  await Deno.utime(join(p.runs, "latest/artifacts/b/generations.jsonl"), later, later);
  assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { a: "cached", b: "cached" });
});
