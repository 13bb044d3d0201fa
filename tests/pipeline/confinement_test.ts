/**
 * Where the modules of own stages may lie, and what their processes are started with.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { processEnvironment } from "../../lib/pipeline/code/environment.ts";
import { confinementOf, projectFolder, refusalOf } from "../../lib/pipeline/code/confinement.ts";
import { permissionMistake } from "../../lib/pipeline/file/stage_permissions.ts";
import { fileUrl } from "../../lib/base/paths.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { project } from "./project.ts";

const stage = (top: string, body = 'return "done";', permissions = "{}"): string =>
  `import { defineStage, z } from "temper";
${top}
export default defineStage({
  doc: "Says something.",
  inputs: {},
  output: "texts",
  permissions: ${permissions},
  options: z.object({}),
  async run({ output, env }) {
    const text = await (async () => { ${body} })();
    await Deno.writeTextFile(output.path + "/generations.jsonl", String(text));
  },
});
`;

const using = (more = ""): string => `name: own\nstages:\n  s: { uses: ./own.ts${more} }\n`;

Deno.test("projectFolder() is the nearest folder with deno.json, package.json or .git, else the pipeline's", async () => {
  const folder = await temporaryDirectory();
  const deep = join(folder, "a/b/c");
  await Deno.mkdir(deep, { recursive: true });
  assert.equal(await projectFolder(deep), deep);
  await Deno.mkdir(join(folder, ".git"));
  assert.equal(await projectFolder(deep), folder);
  await Deno.writeTextFile(join(folder, "a/package.json"), "{}");
  assert.equal(await projectFolder(deep), join(folder, "a"));
  await Deno.writeTextFile(join(deep, "deno.json"), "{}");
  assert.equal(await projectFolder(deep), deep);
});

Deno.test("refusalOf() judges the real path and the ending", async () => {
  const folder = await temporaryDirectory();
  const inside = join(folder, "inside");
  await Deno.mkdir(inside);
  for (const path of ["outside.ts", "inside/a.ts", "inside/b", "inside/..c.ts"]) {
    await Deno.writeTextFile(join(folder, path), "");
  }
  await Deno.symlink(join(folder, "outside.ts"), join(inside, "link.ts"));
  await Deno.symlink(join(inside, "b"), join(inside, "b.ts"));
  const confinement = await confinementOf(inside);
  const told = async (path: string, granted: readonly string[] = []): Promise<string> => {
    const module = { specifier: fileUrl(join(folder, path)) };
    return (await refusalOf(module, { ...confinement, granted }))?.what ?? "";
  };
  assert.equal(await told("inside/a.ts"), "");
  assert.equal(await told("inside/..c.ts"), "");
  assert.equal(await told("inside/gone.ts"), "", "what is not there has its own message");
  assert.match(await told("outside.ts"), /outside\.ts" lies outside of the project's folder/);
  assert.match(await told("inside/link.ts"), /link\.ts" is ".*outside\.ts" and lies outside/);
  assert.match(await told("inside/b"), /is no module/);
  assert.match(await told("inside/b.ts"), /is no module/);
  assert.equal(await told("outside.ts", [folder]), "");
  assert.equal(await told("inside/link.ts", [join(folder, "outside.ts")]), "");
});

Deno.test("node:sqlite is denied before anything of it runs: SQLite goes past permissions", async () => {
  await using p = await project({
    "own.ts": stage('import { DatabaseSync } from "node:sqlite"; new DatabaseSync(":memory:");'),
    "p.yaml": using(),
  });
  const { code, err } = await p.temper(["plan", "p.yaml"]);
  assert.equal(code, 2);
  assert.match(err, /"node:sqlite" is denied to stages of one's own/);
});

Deno.test("an import that leads out of the project is told with its place, the permission and what helps", async () => {
  await using p = await project({
    "own.ts": stage('import { words } from "../shared/words.ts"; words;'),
  });
  const shared = join(dirname(p.folder), `shared-${crypto.randomUUID()}`);
  const words = join(shared, "words.ts");
  await Deno.mkdir(shared);
  try {
    await Deno.writeTextFile(words, 'export const words = "theirs";');
    const top = `import { words } from "../${shared.split("/").at(-1)}/words.ts";`;
    await p.write("own.ts", stage(top, "return words;", `{ read: [${JSON.stringify(words)}] }`));
    await p.write("p.yaml", using());
    const denied = await p.temper(["plan", "p.yaml"]);
    assert.equal(denied.code, 2);
    const text = denied.err.replaceAll(/\s+/g, " ");
    assert.match(
      text,
      /own\.ts:2:23: cannot import "\.\.\/shared-.*words\.ts": the file ".*words\.ts" lies outside of the project's folder: denied \(permission: read\)/,
    );
    assert.ok(
      text.includes(
        `grant it in the pipeline: permissions: { read: ["${await Deno.realPath(words)}"] }`,
      ),
      text,
    );

    await p.write("p.yaml", using(`, permissions: { read: [${JSON.stringify(words)}] }`));
    const granted = await p.temper(["run", "p.yaml"]);
    assert.equal(granted.code, 0, granted.out + JSON.stringify(granted.failures));
    assert.equal(await p.result("s"), "theirs");
  } finally {
    await Deno.remove(shared, { recursive: true });
  }
});

Deno.test("the names of Temper's modules are what Temper says, whatever the project's deno.json says", async () => {
  for (
    const imports of [{ temper: "./fake.ts" }, {
      "temper/data": "./fake.ts",
      "./own.ts": "./fake.ts",
    }]
  ) {
    await using p = await project({
      "deno.json": JSON.stringify({ imports, scopes: { "./": imports } }),
      "fake.ts": "export const defineStage = 1, z = 2, readDataset = 3;",
      "own.ts": stage('import { readDataset } from "temper/data";', "return typeof readDataset;"),
      "p.yaml": using(),
    });
    const { code, err } = await p.temper(["run", "p.yaml"]);
    assert.equal(code, 0, err);
    assert.equal(await p.result("s"), "function");
  }
});

Deno.test("a pipeline in a folder of a project uses modules from all of it", async () => {
  await using p = await project({
    "package.json": "{}",
    "words.ts": 'export const words = "ours";',
  });
  await Deno.mkdir(join(p.folder, "pipelines"));
  await p.write("pipelines/own.ts", stage('import { words } from "../words.ts";', "return words;"));
  await p.write("pipelines/p.yaml", using());
  const { code, out } = await p.temper(["run", "pipelines/p.yaml"]);
  assert.equal(code, 0, out);
  assert.equal(await p.result("s"), "ours");
});

Deno.test("a stage sees one time zone, one language and the cores it is given, wherever it runs", async () => {
  const body = `return JSON.stringify([
    Intl.DateTimeFormat().resolvedOptions().timeZone, new Date(0).getHours(),
    navigator.language, navigator.hardwareConcurrency,
    (await import("node:os")).availableParallelism(),
  ]);`;
  await using p = await project({ "own.ts": stage("", body), "p.yaml": using() });
  const env = { TZ: "Asia/Tokyo", LANG: "de_DE.UTF-8", LC_ALL: "de_DE.UTF-8" };
  const { code, stderr } = await p.spawn(["run", "p.yaml"], env).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.equal(await p.result("s"), JSON.stringify(["UTC", 0, "en-US", 1, 1]));
});

Deno.test("processEnvironment() hands on what Deno needs and what was granted, no token", () => {
  const all = {
    HOME: "/home/a",
    DENO_DIR: "/deno",
    HF_TOKEN: "secret",
    AWS_SECRET_ACCESS_KEY: "secret",
    LD_PRELOAD: "/x.so",
    NODE_OPTIONS: "--x",
    DENO_V8_FLAGS: "--x",
    TZ: "Asia/Tokyo",
    HTTPS_PROXY: "http://proxy",
    npm_config_registry: "http://registry",
    LD_LIBRARY_PATH: "/lib",
  };
  const names = (needs: Parameters<typeof processEnvironment>[0]): string[] =>
    Object.keys(processEnvironment(needs, all)).sort();
  const always = ["DENO_DIR", "DENO_NO_UPDATE_CHECK", "HOME", "LANG", "LC_ALL", "NO_COLOR", "TZ"];
  const noGpu = [...always, "DENO_WEBGPU_BACKEND"];
  assert.deepEqual(names({}), noGpu.sort());
  assert.deepEqual(names({ network: true }), [...noGpu, "HTTPS_PROXY"].sort());
  assert.deepEqual(names({ registries: true }), [...noGpu, "npm_config_registry"].sort());
  assert.deepEqual(names({ engines: true }), [...noGpu, "LD_LIBRARY_PATH"].sort());
  assert.deepEqual(
    names({ engines: true, gpu: true }),
    [...always, "LD_LIBRARY_PATH"].sort(),
  );
  const granted = processEnvironment({ variables: { HF_TOKEN: "granted" } }, all);
  assert.equal(granted.HF_TOKEN, "granted");
  assert.equal(granted.TZ, "UTC");
});

Deno.test({
  name: "a native library finds no variable in a stage's process that was not granted",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const body =
      `const c = Deno.dlopen("libc.so.6", { getenv: { parameters: ["buffer"], result: "pointer" } });
      const get = (name) => c.symbols.getenv(new TextEncoder().encode(name + "\\0"));
      return ["TEMPER_TEST_SECRET", "TEMPER_TEST_GRANTED"].map((name) => get(name) === null ? "none" : "there").join();`;
    const permissions = '{ ffi: true, env: ["TEMPER_TEST_GRANTED"] }';
    await using p = await project({
      "own.ts": stage("", body, permissions),
      "p.yaml": using(`, permissions: { ffi: true, env: [TEMPER_TEST_GRANTED] }`),
    });
    const env = { TEMPER_TEST_SECRET: "secret", TEMPER_TEST_GRANTED: "granted" };
    const { code, stderr } = await p.spawn(["run", "p.yaml"], env).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.equal(await p.result("s"), "none,there");
  },
});

/** Kills the runner of a stage of one's own when that is caught in something, and waits for the stage's end. */
async function killAround(own: string, { running }: { readonly running: boolean }): Promise<void> {
  await using p = await project({ "own.ts": own, "p.yaml": using() });
  const temporary = join(p.folder, "temporary");
  await Deno.mkdir(temporary);
  const places = running ? [`${p.runs}/store/scratch/`] : [`${temporary}/`];
  const left = async (): Promise<string[]> => {
    const { stdout } = await new Deno.Command("ps", { args: ["-eo", "args="] }).output();
    return new TextDecoder().decode(stdout).split("\n")
      .filter((line) => places.some((each) => line.includes(each)) && line.includes("-P=stage"));
  };
  const child = p.spawn(["run", "p.yaml"], { TMPDIR: temporary });
  const output = child.output();
  while ((await left()).length === 0) await new Promise((go) => setTimeout(go, 50));
  // It is caught by then, or will be when nobody waits for it.
  await new Promise((go) => setTimeout(go, 1000));
  child.kill("SIGKILL");
  await output;
  const end = Date.now() + 20_000;
  while (Date.now() < end && (await left()).length > 0) {
    await new Promise((go) => setTimeout(go, 100));
  }
  assert.deepEqual(await left(), [], own);
}

Deno.test({
  name: "kill -9 of the runner ends what is loaded, whatever the module is caught in",
  ignore: Deno.build.os === "windows",
  async fn(): Promise<void> {
    const tops = [
      "while (true);",
      "await new Promise((go) => setTimeout(go, 50)); while (true);",
      // In the pause of the watch from within.
      `const began = performance.now();
       const tick = () => { if (performance.now() - began > 515) for (;;); setTimeout(tick, 2); };
       await new Promise(() => setTimeout(tick, 2));`,
      "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
    ];
    for (const top of tops) await killAround(stage(top), { running: false });
  },
});

Deno.test({
  name: "kill -9 of the runner ends a stage that stopped itself",
  ignore: Deno.build.os === "windows",
  async fn(): Promise<void> {
    for (const signal of ["SIGSTOP", "SIGTSTP"]) {
      const stop = `process.kill(process.pid, "${signal}"); for (;;);`;
      const top = 'import process from "node:process";';
      await killAround(stage(top, stop), { running: true });
      await killAround(stage(`${top} ${stop}`), { running: false });
    }
  },
});

Deno.test("a folder for temporary files that is not there is told in words", async () => {
  await using p = await project({ "own.ts": stage(""), "p.yaml": using() });
  const TMPDIR = join(p.folder, "nowhere");
  const { code, stderr } = await p.spawn(["run", "p.yaml"], { TMPDIR }).output();
  const told = new TextDecoder().decode(stderr);
  assert.equal(code, 2, told);
  assert.match(told, /there is no folder \S+nowhere, where temporary files are to be/);
  assert.doesNotMatch(told, /fault of Temper|\n\s+at /);
});

Deno.test("grants and what is asked count from the pipeline's folder, wherever the runner stands", () => {
  const baseDir = "/home/ann/project";
  const cwd = Deno.cwd();
  const cases: [granted: string, asked: string, isCovered: boolean][] = [
    [".", `${cwd}/secret.txt`, false],
    ["..", `${dirname(cwd)}/secret.txt`, false],
    ["..", `${cwd}/secret.txt`, false],
    [cwd, "secret.txt", false],
    [dirname(cwd), "secret.txt", false],
    [".", "data/a.txt", true],
    [".", "../a.txt", false],
    ["..", "../a.txt", true],
    ["data", "./data/a.txt", true],
    ["data", "database", false],
    [baseDir, "data/a.txt", true],
    ["./data/", `${baseDir}/data/a.txt`, true],
    ["data/b", `${baseDir}/data/a.txt`, false],
    ["/", "data/a.txt", true],
  ];
  for (const [granted, asked, isCovered] of cases) {
    const mistake = permissionMistake("s", { read: [asked] }, {
      granted: { read: [granted] },
      baseDir,
    });
    assert.equal(mistake === undefined, isCovered, `${granted} ${asked}`);
  }
});
