/** What stages leave in their folders: it ends no run, and no later one. */
import assert from "node:assert/strict";
import { project } from "./project.ts";

const stage = (body: string): string =>
  `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Leaves something behind.",
  inputs: {},
  output: "texts",
  resumable: true,
  options: z.object({}),
  async run({ output, resume }) {
    ${body}
    await Deno.writeTextFile(output.path + "/generations.jsonl", "{}");
  },
});
`;

/** Folders in one another by the thousand, which no path reaches: each thousand goes under the one before. */
const DEEP = `let top = "";
    for (let n = 0; n < 15; n++) {
      const name = FOLDER + "/c" + n;
      Deno.mkdirSync(name + "/a".repeat(1000), { recursive: true });
      if (top !== "") Deno.renameSync(top, name + "/a".repeat(1000) + "/b");
      top = name;
    }`;

Deno.test("folders in one another by the thousand end in words, and no run of the store by them", async () => {
  await using p = await project({
    "output.ts": stage(DEEP.replaceAll("FOLDER", "output.path")),
    "failed.ts": stage(
      `${DEEP.replaceAll("FOLDER", "output.path")} throw new Error("on purpose");`,
    ),
    "resume.ts": stage(DEEP.replaceAll("FOLDER", "resume.path")),
    "ok.ts": stage(""),
  });
  for (const name of ["output", "failed", "resume", "ok"]) {
    await p.write(`${name}.yaml`, `name: ${name}\nstages:\n  s: { uses: ./${name}.ts }\n`);
  }
  // Each in a process of its own, which it could end.
  const run = async (name: string): Promise<{ code: number; told: string }> => {
    const { code, stderr } = await p.spawn(["run", `${name}.yaml`]).output();
    return { code, told: new TextDecoder().decode(stderr) };
  };
  const output = await run("output");
  assert.equal(output.code, 1, output.told);
  assert.match(output.told, /a path of more than 1024 bytes/);
  const failed = await run("failed");
  assert.equal(failed.code, 1, failed.told);
  assert.match(failed.told, /on purpose/);
  for (const name of ["resume", "ok"]) {
    const { code, told } = await run(name);
    assert.equal(code, 0, told);
  }
});
