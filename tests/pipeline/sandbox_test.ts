import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { project } from "./project.ts";

/** An own stage that does one thing. */
function stage(body: string, permissions = "{}"): string {
  return `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Tries something.",
  inputs: { data: "texts?" },
  output: "texts",
  permissions: ${permissions},
  options: z.object({ path: z.string().default(""), host: z.string().default("") }),
  async run({ inputs, output, options, env }) {
    const text = await (async () => { ${body} })();
    await Deno.writeTextFile(output.path + "/generations.jsonl", String(text ?? ""));
  },
});
`;
}

const ATTEMPTS = {
  read: 'return await Deno.readTextFile(options.path + "/secret.txt");',
  node_read: 'return (await import("node:fs")).readFileSync(options.path + "/secret.txt", "utf8");',
  env: 'return Deno.env.get("HOME");',
  all_env: "return JSON.stringify(Deno.env.toObject());",
  net: "return await (await fetch(`http://${options.host}/`)).text();",
  write: 'await Deno.writeTextFile(options.path + "/stolen.txt", "x");',
  up: 'await Deno.writeTextFile(output.path + "/../up.txt", "x");',
  inputs: 'await Deno.writeTextFile(inputs.data.path + "/generations.jsonl", "x");',
  spawn: 'await new Deno.Command("ls").output();',
  node_spawn: '(await import("node:child_process")).execSync("ls");',
  sys: "return Deno.hostname();",
  ffi: 'Deno.dlopen("/lib/none.so", {});',
  kept: 'localStorage.setItem("a", "b");',
  cached: 'await caches.open("a");',
  symlink_sync: 'Deno.symlinkSync("../x", output.path + "/link");',
  symlink: 'await Deno.symlink(options.path + "/secret.txt", output.path + "/link");',
  remote: "return (await import('https://esm.sh/' + options.host)).default;",
  other_code: 'return (await import("file://" + options.path + "/make.ts")).default.doc;',
  swallowed: 'try { Deno.env.get("HOME"); } catch { return "went on"; }',
};

Deno.test("what an own stage was not granted is denied, and the message says how to declare it", async () => {
  await using server = serve();
  const files = Object.fromEntries(
    Object.entries(ATTEMPTS).map(([name, body]) => [`${name}.ts`, stage(body)]),
  );
  await using p = await project({ ...files, "secret.txt": "secret" });
  const stages = Object.keys(ATTEMPTS).map((name) =>
    `  ${name}: { uses: ./${name}.ts, inputs: { data: given }, ` +
    `with: { path: "${p.folder}", host: "${server.host}" } }`
  );
  await p.write(
    "p.yaml",
    `name: sandbox\nstages:\n  given: { uses: make }\n${stages.join("\n")}\n`,
  );
  const { code, failures, outcomes } = await p.temper(["run", "p.yaml"]);
  assert.equal(code, 1);
  const told = Object.fromEntries(
    Object.entries(failures).map(([name, { what, remedy }]) => [name, `${what} | ${remedy}`]),
  );

  assert.match(
    told.read!,
    /^stage "read" tried to read ".*\/secret\.txt": denied \(permission: read\) \| declare permissions: \{ read: \["\.\/secret\.txt"\] \} in read\.ts and grant it in the pipeline: stage "read", permissions: \{ read: \["\.\/secret\.txt"\] \}$/,
  );
  assert.match(told.node_read!, /\(permission: read\).*\{ read: \["\.\/secret\.txt"\] \}/);
  assert.match(
    told.env!,
    /environment variable "HOME".*\(permission: env\).*\{ env: \["HOME"\] \}/,
  );
  assert.match(told.all_env!, /\(permission: env\)/);
  assert.match(
    told.net!,
    new RegExp(`network.*\\(permission: net\\).*net: \\["${server.host}"\\]`),
  );
  assert.match(told.symlink_sync!, /symbolic link: denied \(permission: write\)/);
  assert.match(told.kept!, /keep data in localStorage: denied \(permission: write\)/);
  assert.match(told.cached!, /keep data in caches: denied \(permission: write\)/);
  for (const name of ["write", "up", "inputs"]) {
    assert.match(told[name]!, /tried to write ".*": denied \(permission: write\)/);
    assert.match(failures[name]!.requirement!, /output folder alone/);
  }
  assert.match(told.spawn!, /start the process "ls": denied \(permission: run\)/);
  assert.match(told.node_spawn!, /start a process: denied \(permission: run\)/);
  assert.match(failures.spawn!.requirement!, /no stage can be granted this/);
  assert.match(told.sys!, /system information: "hostname": denied \(permission: sys\)/);
  assert.match(told.ffi!, /native library.*\(permission: ffi\).*\{ ffi: true \}/);
  assert.match(told.symlink!, /symbolic link: denied \(permission: write\)/);
  assert.match(told.remote!, /import "esm\.sh:443": denied \(permission: import\)/);
  assert.match(told.other_code!, /read ".*make\.ts": denied \(permission: read\)/);
  assert.equal(outcomes.swallowed, "done");
  assert.equal(server.requests(), 0, "nothing reached the network");
  for (const name of ["stolen.txt", "up.txt"]) {
    await assert.rejects(Deno.stat(join(p.folder, name)), Deno.errors.NotFound);
  }
});

Deno.test("what was declared and granted works, and nothing beside it", async () => {
  await using server = serve();
  await using p = await project({
    "with, comma.txt": "granted",
    "reads.ts": stage(
      'return await Deno.readTextFile(options.path + "/with, comma.txt");',
      '{ read: ["./with, comma.txt"] }',
    ),
    "asks.ts": stage(
      "return env.TEMPER_TEST_NAME + Object.keys(env).length;",
      '{ env: ["TEMPER_TEST_NAME"] }',
    ),
    "calls.ts": stage(
      "return await (await fetch(`http://${options.host}/`)).text();",
      `{ net: ["${server.host}"] }`,
    ),
  });
  await p.write(
    "p.yaml",
    `name: granted
stages:
  reads: { uses: ./reads.ts, with: { path: "${p.folder}" }, permissions: { read: ["./with, comma.txt"] } }
  asks: { uses: ./asks.ts, permissions: { env: [TEMPER_TEST_NAME] } }
  calls: { uses: ./calls.ts, with: { host: "${server.host}" }, permissions: { net: ["${server.host}"] } }
`,
  );
  Deno.env.set("TEMPER_TEST_NAME", "value");
  const { code, failures } = await p.temper(["run", "p.yaml"]);
  Deno.env.delete("TEMPER_TEST_NAME");
  assert.equal(code, 0, JSON.stringify(failures));
  assert.equal(await p.result("reads"), "granted");
  assert.equal(await p.result("asks"), "value1");
  assert.equal(await p.result("calls"), "hello");
});

Deno.test("data that an own stage imports needs a grant, though Deno asks for none", async () => {
  const imports = (line: string, permissions = "{}"): string =>
    line + stage("return JSON.stringify(data);", permissions);
  await using p = await project({
    "secret.json": '{"is":"secret"}',
    "secret.txt": "secret",
    "json.ts": imports('import data from "./secret.json" with { type: "json" };\n'),
    "text.ts": imports('import data from "./secret.txt" with { type: "text" };\n'),
    "behind.ts": 'export { default } from "./secret.json" with { type: "json" };\n',
    "deep.ts": imports('import data from "./behind.ts";\n'),
    "granted.ts": imports(
      'import data from "./secret.json" with { type: "json" };\n',
      '{ read: ["./secret.json"] }',
    ),
    "p.yaml": `name: imports
stages:
  json: { uses: ./json.ts }
  text: { uses: ./text.ts }
  deep: { uses: ./deep.ts }
  granted: { uses: ./granted.ts, permissions: { read: [./secret.json] } }
`,
  });
  const { code, out } = await p.temper(["run", "p.yaml"]);
  assert.equal(code, 2, "before anything runs, and before it is described");
  const { errors } = JSON.parse(out) as { errors: { what: string; remedy: string }[] };
  assert.equal(errors.length, 3, out);
  for (const [i, [name, file]] of [["json", "json"], ["text", "txt"], ["deep", "json"]].entries()) {
    assert.match(
      `${errors[i]!.what} | ${errors[i]!.remedy}`,
      new RegExp(
        `"./${name}.ts" imports the data of ".*/secret.${file}": denied \\(permission: read\\) \\| ` +
          `declare permissions: \\{ read: \\["./secret.${file}"\\] \\} in ${name}.ts and grant it`,
      ),
    );
  }
  await p.write(
    "p.yaml",
    `name: imports
stages:
  granted: { uses: ./granted.ts, permissions: { read: [./secret.json] } }
  second: { uses: ./granted.ts }
`,
  );
  const second = await p.temper(["run", "p.yaml"]);
  assert.equal(second.code, 2, "each use of a stage needs its grant");
  await p.write(
    "p.yaml",
    `name: imports
stages:
  granted: { uses: ./granted.ts, permissions: { read: [./secret.json] } }
`,
  );
  const granted = await p.temper(["run", "p.yaml"]);
  assert.equal(granted.code, 0, JSON.stringify(granted.failures));
  assert.equal(await p.result("granted"), '{"is":"secret"}');
});

Deno.test("what a stage was granted to read is part of its key", async () => {
  await using p = await project({
    "words.txt": "one",
    "reads.ts": stage(
      `const read = (name) => Deno.readTextFile(options.path + name).catch(() => "none");
      return [await read("/words.txt"), await read("/folder/deep/a"), env.TEMPER_TEST_KEY].join();`,
      '{ read: ["./words.txt", "./folder"], env: ["TEMPER_TEST_KEY"] }',
    ),
  });
  const grants = "read: [./words.txt, ./folder], env: [TEMPER_TEST_KEY]";
  await p.write(
    "p.yaml",
    `name: keyed\nstages:\n  s: { uses: ./reads.ts, with: { path: "${p.folder}" }, permissions: { ${grants} } }\n`,
  );
  const steps: [() => Promise<void> | void, string[], string][] = [
    [() => {}, ["never ran before"], "one,none,"],
    [() => p.write("words.txt", "two"), ["granted path ./words.txt changed"], "two,none,"],
    [
      async () => {
        await Deno.mkdir(join(p.folder, "folder/deep"), { recursive: true });
        await Deno.symlink("..", join(p.folder, "folder/deep/up"));
        await p.write("folder/deep/a", "A");
      },
      ["granted path ./folder is there now"],
      "two,A,",
    ],
    [() => p.write("folder/deep/a", "B"), ["granted path ./folder changed"], "two,B,"],
    [
      () => Deno.env.set("TEMPER_TEST_KEY", "a-key-of-tests"),
      ["granted environment variable TEMPER_TEST_KEY is there now"],
      "two,B,a-key-of-tests",
    ],
  ];
  try {
    for (const [change, reasons, result] of steps) {
      await change();
      const { failures, reasons: told } = await p.temper(["run", "p.yaml"]);
      assert.deepEqual(failures, {});
      assert.deepEqual(told.s, reasons);
      assert.equal(await p.result("s"), result);
      assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { s: "cached" });
    }
  } finally {
    Deno.env.delete("TEMPER_TEST_KEY");
  }
  const records = join(p.runs, "store/actions");
  for await (const { name } of Deno.readDir(records)) {
    assert.ok(
      !(await Deno.readTextFile(join(records, name))).includes("a-key-of-tests"),
      "no secrets",
    );
  }
});

Deno.test("whatever a stage says of itself, the run goes on", async () => {
  await using p = await project({
    "fake.ts": stage(`console.log("\\x1etemper:null");
      console.log("\\x1etemper:" + JSON.stringify({ type: "summary", entry: null }));
      console.log("\\x1etemper:" + JSON.stringify({ type: "error" }));
      return "went on";`),
    "odd.ts": stage("return 1;").replace("env })", "env, progress, summary })").replace(
      "const text",
      'progress(NaN, Infinity, "s"); summary({ type: "figure", label: "perplexity", value: Infinity }); const text',
    ),
    "bogus.ts": stage("return 1;").replace("env })", "env, summary })").replace(
      "const text",
      'summary({ type: "bogus" }); const text',
    ),
    "p.yaml": `name: fakes
stages: { fake: { uses: ./fake.ts }, odd: { uses: ./odd.ts }, bogus: { uses: ./bogus.ts } }
`,
  });
  const { outcomes, failures, events } = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(outcomes, { fake: "done", odd: "done", bogus: "failed" });
  assert.match(failures.bogus!.what, /summary\(\) cannot show \{"type":"bogus"\}/);
  const odd = events.find((event) => event.type === "stage_end" && event.stage === "odd");
  assert.deepEqual(odd?.type === "stage_end" && odd.summary, [
    { type: "note", text: "perplexity Infinity" },
  ]);
});

Deno.test("a grant holds where links lead to the project", async () => {
  await using p = await project({
    "reads.ts": stage(
      "return await Deno.readTextFile(options.path);",
      '{ read: ["./data.txt"] }',
    ),
    "data.txt": "linked",
  });
  await Deno.mkdir(join(p.folder, "real"));
  for (const name of ["reads.ts", "data.txt"]) {
    await Deno.rename(join(p.folder, name), join(p.folder, "real", name));
  }
  await Deno.symlink(join(p.folder, "real"), join(p.folder, "link"));
  for (const folder of ["real", "link"]) {
    const path = join(p.folder, folder, "data.txt");
    await p.write(
      "link/p.yaml",
      `name: linked
stages:
  s: { uses: ./reads.ts, with: { path: "${path}" }, permissions: { read: ["./data.txt"] } }
`,
    );
    const { code, failures } = await p.temper(["run", "link/p.yaml"]);
    assert.equal(code, 0, JSON.stringify(failures));
    assert.equal(await p.result("s"), "linked");
  }
});

Deno.test("a stage reads the folders of its inputs and no other artifact", async () => {
  await using p = await project({
    "peek.ts": stage(
      `const found = [];
      for (const up of ["..", "../..", "../../..", "../../../.."]) {
        try { for (const e of Deno.readDirSync(inputs.data.path + "/" + up)) found.push(e.name); } catch {}
      }
      return found.join() + await Deno.readTextFile(inputs.data.path + "/generations.jsonl");`,
    ),
    "p.yaml": `name: peek
stages:
  other: { uses: make, with: { text: other } }
  given: { uses: make, with: { text: given } }
  peek: { uses: ./peek.ts, inputs: { data: given } }
`,
  });
  const { code, failures } = await p.temper(["run", "p.yaml"]);
  assert.equal(code, 0, JSON.stringify(failures));
  assert.equal(await p.result("peek"), "given");
  assert.equal(dirname(p.runs), p.folder);
});

Deno.test("the resolve of an own stage is confined, too, and its pins are kept", async () => {
  const source = (permissions: string) =>
    `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Reads a file.",
  inputs: {},
  output: "texts",
  permissions: ${permissions},
  options: z.object({ file: z.string() }),
  async resolve({ options, baseDir, pins, digestFile, update }) {
    const path = baseDir + "/" + options.file;
    const digest = await digestFile(path);
    if (update || pins.get(options.file) === undefined) pins.set(options.file, { digest });
    return { key: { [options.file]: pins.get(options.file) }, data: { path } };
  },
  async run({ sources, output }) {
    await Deno.copyFile(sources.path, output.path + "/generations.jsonl");
  },
});
`;
  await using p = await project({ "own.ts": source("{}"), "data.txt": "one" });
  const pipeline = (permissions: string): string =>
    `name: own\nstages:\n  s: { uses: ./own.ts, with: { file: data.txt }${permissions} }\n`;
  await p.write("p.yaml", pipeline(""));
  const denied = await p.temper(["run", "p.yaml"]);
  assert.equal(denied.code, 1);
  assert.match(
    denied.failures.s!.what,
    /resolving its sources: .*data\.txt": denied \(permission: read\)/,
  );

  await p.write("own.ts", source('{ read: ["./data.txt"] }'));
  await p.write("p.yaml", pipeline(", permissions: { read: [./data.txt] }"));
  const granted = await p.temper(["run", "p.yaml"]);
  assert.equal(granted.code, 0, JSON.stringify(granted.failures));
  assert.equal(await p.result("s"), "one");
  const lock = JSON.parse(await Deno.readTextFile(join(p.folder, "p.lock")));
  assert.deepEqual([Object.keys(lock.pins), Object.keys(lock.own.s)], [[], ["data.txt"]]);

  await p.write("data.txt", "two");
  const pinned = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(pinned.outcomes, { s: "cached" }, "the pin holds");
  const moved = await p.temper(["run", "p.yaml", "--update"]);
  assert.match(moved.reasons.s![0]!, /source data\.txt moved: digest/);
  assert.equal(await p.result("s"), "two");
});

/** A server on this machine that counts. */
function serve(): AsyncDisposable & { readonly host: string; requests(): number } {
  let count = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    count++;
    return new Response("hello");
  });
  return {
    host: `127.0.0.1:${server.addr.port}`,
    requests: () => count,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
