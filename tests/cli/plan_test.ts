import assert from "node:assert/strict";
import { planLines } from "../../lib/report/terminal/plan.ts";
import { styleFor } from "../../lib/report/terminal/text.ts";
import { project } from "../pipeline/project.ts";

const page = { width: 40, style: styleFor(false) };

Deno.test("planLines() shows every reason under its stage, wrapped", () => {
  const base = { uses: "make", reasons: [], waits_for: [] };
  assert.deepEqual(
    planLines([
      { ...base, stage: "a", status: "cached" },
      {
        ...base,
        stage: "bb",
        status: "run",
        reasons: ["one", "two words that are too long for a line"],
      },
      { ...base, stage: "c", status: "waits", waits_for: ["bb"] },
      { ...base, stage: "d", status: "unknown", reasons: ["no network"] },
      { ...base, stage: "e", status: "skipped" },
    ], page),
    [
      "= a   cached",
      "› bb  runs",
      "      - one",
      "      - two words that are too long for",
      "        a line",
      "? c   runs if the output of bb changes",
      "! d   cannot be planned now",
      "      - no network",
      "",
      "1 to run, 1 waiting to see, 1 unknown, 1 cached, 1 not selected",
    ],
  );
});

Deno.test("plan leaves no trace: no run, no lock file", async () => {
  await using p = await project({ "p.yaml": "name: cli\nstages:\n  a: { uses: make }\n" });
  const { code, out } = await p.temper(["plan", "p.yaml"]);
  assert.equal(code, 0);
  assert.match(out, /^› a {2}runs\n {5}- never ran before\n\n1 to run\n$/);
  const names = [...Deno.readDirSync(p.folder)].map(({ name }) => name);
  assert.ok(!names.includes("p.lock"));
  const runs = names.includes("runs") ? [...Deno.readDirSync(p.runs)].map(({ name }) => name) : [];
  assert.deepEqual(runs.filter((name) => name !== "store"), [], "only the index remembers");
});
