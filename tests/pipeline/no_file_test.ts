/**
 * What is no file, or no folder, where a pipeline or a stage of one's own has to do with one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { STAGES } from "../../stages/mod.ts";
import { project } from "./project.ts";

const ABOVE = "name: p\nstages:\n";

/** An own stage that does one thing and writes a text. */
function stage(body: string, { top = "", read = [] as readonly string[] } = {}): string {
  return `import { defineStage, z } from "temper";
${top}
export default defineStage({
  doc: "Writes a text.",
  inputs: {},
  output: "texts",
  permissions: { read: ${JSON.stringify(read)} },
  options: z.object({}),
  async run({ output }) {
    await Deno.writeTextFile(output.path + "/generations.jsonl", "x");
    ${body}
  },
});
`;
}

Deno.test("a stage that leaves no folder where its output was is told so", async () => {
  const remove = "await Deno.remove(output.path, { recursive: true });";
  const cases: Readonly<Record<string, readonly [body: string, told: RegExp]>> = {
    gone: [remove, /stage "gone" removed its output folder/],
    file: [
      `${remove} await Deno.writeTextFile(output.path, "x");`,
      /stage "file" put a file in the place of its output folder/,
    ],
  };
  await using p = await project(
    Object.fromEntries(Object.entries(cases).map(([id, [body]]) => [`${id}.ts`, stage(body)])),
  );
  const stages = Object.keys(cases).map((id) => `  ${id}: { uses: ./${id}.ts }\n`);
  await p.write("p.yaml", ABOVE + stages.join(""));
  const { failures } = await p.temper(["run", "p.yaml"]);
  for (const [id, [, told]] of Object.entries(cases)) {
    assert.match(failures[id]!.what, told);
    assert.match(failures[id]!.remedy!, /write the result into it/);
    assert.equal(failures[id]!.stack, undefined);
  }
});

Deno.test({
  name: "the system's own folders can't be granted, by whatever name",
  ignore: Deno.build.os !== "linux",
  fn: async (): Promise<void> => {
    await using p = await project();
    await Deno.symlink("/proc/self", join(p.folder, "link"));
    const up = `${"../".repeat(20)}proc/cpuinfo`;
    for (const path of ["/proc", "/proc/self/status", "/sys", "/dev", "/dev/shm/x", up, "link"]) {
      const read = [path];
      await p.write("s.ts", stage("", { read }));
      await p.write(
        "p.yaml",
        `${ABOVE}  s: { uses: ./s.ts, permissions: { read: ${JSON.stringify(read)} } }\n`,
      );
      const { code, err } = await p.temper(["plan", "p.yaml"]);
      assert.equal(code, 2, path);
      assert.ok(err.includes(`can't be granted to read ${path}, which lies in the system's`), err);
    }
    // Asked for, and not granted: nobody is told to grant it alone.
    await p.write("p.yaml", `${ABOVE}  s: { uses: ./s.ts }\n`);
    assert.match((await p.temper(["plan", "p.yaml"])).err, /can't be granted to read link/);
    const open = ["/dev/null"];
    await p.write("s.ts", stage("", { read: open }));
    await p.write("p.yaml", `${ABOVE}  s: { uses: ./s.ts, permissions: { read: [/dev/null] } }\n`);
    assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  },
});

Deno.test({
  name: "a source that is no data is told to be none",
  ignore: Deno.build.os !== "linux",
  fn: async (): Promise<void> => {
    await using p = await project();
    const at = (name: string): string => join(p.folder, name);
    await Deno.symlink("/proc/cpuinfo", at("link.txt"));
    await Deno.symlink("loop.txt", at("loop.txt"));
    await Deno.symlink("nowhere", at("dangling.txt"));
    assert.ok((await new Deno.Command("mkfifo", { args: [at("pipe.txt")] }).output()).success);
    const cases: readonly (readonly [from: string, told: RegExp])[] = [
      ["/proc/cpuinfo", /\/proc\/cpuinfo is no data: it lies in the system's own folders/],
      ["/sys/kernel/uevent_seqnum", /is no data: it lies in the system's own folders/],
      ["link.txt", /link\.txt is no data: it lies in the system's own folders/],
      ["/proc/*", /is no data: it lies in the system's own folders/],
      ["pipe.txt", /pipe\.txt is no data: it is a pipe/],
      ["/dev/null", /\/dev\/null is no data: it is a pipe, a socket or a device/],
      ["loop.txt", /loop\.txt is a link that leads back to itself/],
      ["dangling.txt", /dangling\.txt is a link that leads nowhere/],
    ];
    for (const [from, told] of cases) {
      await p.write("p.yaml", `${ABOVE}  s: { uses: download, with: { from: ${from} } }\n`);
      const { code, failures } = await p.temper(["run", "p.yaml"], { context: { stages: STAGES } });
      assert.equal(code, 1, from);
      assert.match(failures.s!.what, told);
    }
  },
});

Deno.test({
  name: "a module that is a pipe is refused at once, by whatever import",
  ignore: Deno.build.os === "windows",
  fn: async (): Promise<void> => {
    const imports = {
      "h.ts": 'import "./h.ts";',
      "sub/i.js": "const i = () => import('./sub/i.js');",
      "words.txt": 'import words from "./words.txt" with { type: "text" };',
      "t.d.ts": '// @deno-types="./t.d.ts"\nimport "./make.ts";',
      "k.ts": 'import "./between.ts";',
    };
    for (const [name, top] of Object.entries(imports)) {
      await using p = await project({ "s.ts": stage("", { top }) });
      await Deno.mkdir(join(p.folder, "sub"));
      await p.write("between.ts", 'export * from "./k.ts?version=1";');
      const pipe = join(p.folder, name);
      assert.ok((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
      await p.write("p.yaml", `${ABOVE}  s: { uses: ./s.ts }\n`);
      const { code, err } = await p.temper(["plan", "p.yaml"]);
      assert.equal(code, 2, name);
      assert.ok(err.includes(`imports "${pipe}", which is a pipe`), err);
    }
    await using p = await project({ "p.yaml": `${ABOVE}  s: { uses: ./s.ts }\n` });
    const args = [join(p.folder, "s.ts")];
    assert.ok((await new Deno.Command("mkfifo", { args }).output()).success);
    const { code, err } = await p.temper(["plan", "p.yaml"]);
    assert.equal(code, 2, err);
    assert.match(err, /s\.ts" is not a file/);
  },
});

Deno.test({
  name: "a link to the system's folders within a granted one is passed over",
  ignore: Deno.build.os !== "linux",
  fn: async (): Promise<void> => {
    await using p = await project({ "s.ts": stage("", { read: ["./data"] }) });
    await Deno.mkdir(join(p.folder, "data"));
    await p.write("data/a.txt", "a");
    await Deno.symlink("/proc", join(p.folder, "data/system"));
    await Deno.symlink("/proc/self/cwd/data", join(p.folder, "data/around"));
    await p.write("p.yaml", `${ABOVE}  s: { uses: ./s.ts, permissions: { read: [./data] } }\n`);
    assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { s: "done" });
    assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { s: "cached" });
  },
});
