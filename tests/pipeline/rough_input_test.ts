/** Input that nobody means: paths that no file has, places where no folder can be, names that every object has. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../lib/base/errors.ts";
import { checkOutput } from "../../lib/pipeline/sandbox/output_check.ts";
import { temper } from "../end_to_end/temper.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { project } from "./project.ts";

const NUL = '"\\0"';
const ABOVE = "name: p\nstages:\n";

Deno.test("a path with NUL is told wherever it stands", async (t) => {
  await using p = await project({
    "plain.txt": "a\n",
    "reads.ts": `import { defineStage, z } from "temper";
export default defineStage({
  doc: "d", inputs: {}, output: "texts", options: z.object({}), permissions: { read: ["a\\0b"] },
  async run() {},
});
`,
  });
  const files: Record<string, string> = {
    uses: `${ABOVE}  s: { uses: "./a\\0b.ts" }\n`,
    "uses above": `${ABOVE}  s: { uses: "../\\0/b.ts" }\n`,
    "uses built in": `${ABOVE}  s: { uses: ${NUL} }\n`,
    grant: `${ABOVE}  s: { uses: ./make.ts, permissions: { read: ["a\\0b"] } }\n`,
    asked: `${ABOVE}  s: { uses: ./reads.ts }\n`,
    inputs: `${ABOVE}  s: { uses: ./make.ts, inputs: { "a\\0b": "c\\0d" } }\n`,
    env:
      `env: ["A\\0B"]\n${ABOVE}  s: { uses: ./make.ts, with: { text: "\${{ env['A\\0B'] }}" } }\n`,
    name: `name: "a\\0b"\nstages: { s: { uses: ./make.ts } }\n`,
    stage: `${ABOVE}  "a\\0b": { uses: ./make.ts }\n`,
    timezone:
      `${ABOVE}  s: { uses: ./make.ts }\nschedule: { cron: "* * * * *", timezone: "a\\0b" }\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    await t.step(name, async () => {
      await p.write("p.yaml", text);
      const { code, err } = await p.temper(["plan", "p.yaml"]);
      assert.equal(code, 2, err);
      assert.doesNotMatch(err, /fault of Temper/);
      assert.match(err, /p\.yaml:\d+:\d+: /);
    });
  }
  await t.step("from", async () => {
    for (const from of ['"a\\0b"', '"dir\\0/*.txt"', '"file:///a%00b"', '["plain.txt", "a\\0b"]']) {
      await p.write("d.yaml", `${ABOVE}  s: { uses: download, with: { from: ${from} } }\n`);
      const { code, stderr } = await temper(["run", join(p.folder, "d.yaml")], p);
      assert.ok(code === 1 || code === 2, stderr);
      assert.doesNotMatch(stderr, /fault of Temper|TypeError|Internal error|Maximum call/, from);
      assert.match(stderr, /NUL|no file/, from);
    }
  });
  await t.step("command line", async () => {
    await p.write("ok.yaml", `${ABOVE}  s: { uses: ./make.ts }\n`);
    for (
      const args of [["plan", "a\0b"], ["plan", "\0/p.yaml"], ["plan", "ok.yaml", "--runs", "a\0b"]]
    ) {
      const { code, err } = await p.temper(args);
      assert.equal(code, 2, err);
      assert.match(err, /NUL/);
    }
    const { code, err } = await p.temper(["stages", "./a\0b.ts"]);
    assert.equal(code, 2);
    assert.match(err, /NUL/);
  });
});

Deno.test("a place where no runs can be kept is told, with what helps", async (t) => {
  await using p = await project({ "file": "", "p.yaml": `${ABOVE}  s: { uses: make }\n` });
  await Deno.symlink("nowhere", join(p.folder, "loose"));
  await Deno.symlink("loop", join(p.folder, "loop"));
  await Deno.mkdir(join(p.folder, "busy"));
  await Deno.writeTextFile(join(p.folder, "busy/store"), "");
  const places = [
    "file",
    "file/runs",
    "file/a/b",
    "loose",
    "loose/a",
    "loop",
    "busy",
    "/proc/runs",
    "/proc/a/b/c",
    "/proc/self/runs",
    "/sys/runs",
    "/dev/null",
    "/dev/null/runs",
    "x".repeat(300),
    "x/".repeat(3000),
    "loop/a",
  ];
  for (const place of places) {
    await t.step(place.slice(0, 40), async () => {
      const planned = await p.temper(["plan", "p.yaml", "--runs", place]);
      assert.doesNotMatch(planned.out + planned.err, /fault of Temper|"internal":true/);
      const { code, out, err } = await p.temper(["run", "p.yaml", "--runs", place]);
      assert.ok(code === 2 || code === 1, `${code} ${err}`);
      assert.doesNotMatch(out + err, /fault of Temper|"internal":true/);
      const told = out.split("\n").filter((line) =>
        line.includes('"errors"') || line.includes('"failure"')
      );
      assert.match(told.join(""), /"remedy":"/, out);
    });
  }
});

Deno.test("a file that the system does not let us read is told wherever it is named", async (t) => {
  await using p = await project({ "p.yaml": `${ABOVE}  s: { uses: make }\n`, "a.txt": "a\n" });
  const long = "x".repeat(300);
  await Deno.mkdir(join(p.folder, "folder"));
  for (const suffix of ["", ".ts", ".yaml"]) {
    await Deno.symlink(`loop${suffix}`, join(p.folder, `loop${suffix}`));
  }
  const files = [
    "loop.yaml",
    "loop/p.yaml",
    "folder",
    `${long}.yaml`,
    `${"x/".repeat(3000)}p.yaml`,
  ];
  const cases = files.map((file) => ["plan", file]);
  for (const module of ["./loop.ts", "./loop/x.ts", "./folder", `./${long}.ts`]) {
    await p.write(`uses${cases.length}.yaml`, `${ABOVE}  s: { uses: ${module} }\n`);
    cases.push(["plan", `uses${cases.length}.yaml`], ["stages", module]);
  }
  for (const from of ["./loop", "./loop/x", "./loop/*", "./folder", `./${long}`, `./${long}/*`]) {
    await p.write(
      `from${cases.length}.yaml`,
      `${ABOVE}  s: { uses: download, with: { from: "${from}" } }\n`,
    );
    cases.push(["plan", `from${cases.length}.yaml`]);
  }
  for (const [command = "", file = ""] of cases) {
    await t.step(`${command} ${file.slice(0, 40)}`, async () => {
      const { code, out, err } = await p.temper([command, file]);
      assert.doesNotMatch(out + err, /fault of Temper|"internal":true/);
      assert.ok(code === 2 || /cannot|there is no file|is a folder/.test(out), out + err);
    });
  }
  await t.step("without the right to", async () => {
    const within = Deno.uid() === 0
      ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]
      : [];
    await Deno.mkdir(join(p.folder, "secret"));
    await p.write("d.yaml", `${ABOVE}  s: { uses: download, with: { from: ./a.txt } }\n`);
    const isAble = within.length === 0 ||
      await new Deno.Command("setpriv", { args: [...within.slice(1), "true"] }).output()
        .then(({ success }) => success, () => false);
    if (!isAble || Deno.build.os === "windows") return;
    await Deno.chmod(join(p.folder, "a.txt"), 0);
    await Deno.chmod(join(p.folder, "secret"), 0o311);
    for (const file of ["secret/none.yaml", "d.yaml"]) {
      const { stdout, stderr } = await temper(["plan", join(p.folder, file)], { ...p, within });
      assert.doesNotMatch(stdout + stderr, /fault of Temper/);
      assert.match(stdout + stderr, /there is no such file|cannot read .*a\.txt/);
    }
    await Deno.chmod(join(p.folder, "secret"), 0o755);
  });
});

Deno.test("names that every object has are kept or refused, and never vanish", async (t) => {
  const names = Object.getOwnPropertyNames(Object.prototype);
  await using p = await project();
  await t.step("stages", async () => {
    await p.write(
      "p.yaml",
      `${ABOVE}  constructor: { uses: make }\n  b: { uses: join, inputs: { data: [constructor] } }\n`,
    );
    const { outcomes } = await p.temper(["run", "p.yaml"]);
    assert.deepEqual(outcomes, { constructor: "done", b: "done" });
    const record = JSON.parse(await Deno.readTextFile(join(p.runs, "latest/run.json")));
    assert.deepEqual(Object.keys(record.stages), ["constructor", "b"]);
    await p.write("p.yaml", `${ABOVE}  __proto__: { uses: make }\n  b: { uses: make }\n`);
    const refused = await p.temper(["plan", "p.yaml"]);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /stage "__proto__" has a name that cannot be used/);
  });
  await t.step("uses, only, from and commands", async () => {
    await p.write("ok.yaml", `${ABOVE}  s: { uses: make }\n`);
    for (const name of names) {
      await p.write("u.yaml", `${ABOVE}  s: { uses: ${name} }\n`);
      const cases = [["plan", "u.yaml"], ["plan", "ok.yaml", "--only", name], [name]];
      cases.push(["plan", "ok.yaml", "--from", name], ["plan", "ok.yaml", "--force", name]);
      cases.push(["stages", name], ["plan", "ok.yaml", "-p", `${name}=1`]);
      cases.push(["plan", "ok.yaml", "-p", `${name}.${name}=1`], [
        "plan",
        "ok.yaml",
        "--device",
        name,
      ]);
      for (const args of cases) {
        const { code, err } = await p.temper(args);
        assert.equal(code, 2, args.join(" "));
        assert.doesNotMatch(err, /fault of Temper/, args.join(" "));
      }
    }
  });
  for (const name of names) {
    await t.step(name, async () => {
      const isKept = name !== "__proto__";
      const texts = {
        params: `name: p\nparams: { ${name}: hello }\nstages:\n` +
          `  s: { uses: make, with: { text: "\${{ params['${name}'] }}" } }\n`,
        matrix: `${ABOVE}  s:\n    uses: make\n    matrix: { ${name}: [hello, b] }\n` +
          `    with: { text: "\${{ matrix.${name} }}" }\n`,
      };
      for (const [what, text] of Object.entries(texts)) {
        await p.write("p.yaml", text);
        const { code, err, outcomes } = await p.temper(["run", "p.yaml"]);
        assert.equal(code, isKept ? 0 : 2, `${what} ${err}`);
        if (isKept) assert.equal(Object.keys(outcomes).length, what === "params" ? 1 : 2);
      }
      if (isKept) {
        await p.write("p.yaml", texts.params);
        await p.temper(["run", "p.yaml", "-p", `${name}=given`]);
        assert.equal(await p.result("s"), "given");
      }
      for (const wrong of [`inputs: { ${name}: x }`, `with: { ${name}: 1 }`, `${name}: 1`]) {
        await p.write("w.yaml", `${ABOVE}  s: { uses: make, ${wrong} }\n`);
        const { code, err } = await p.temper(["plan", "w.yaml"]);
        assert.equal(code, 2, `${wrong} ${err}`);
        assert.doesNotMatch(err, /fault of Temper/, wrong);
      }
    });
  }
  await t.step("splits", async () => {
    for (const name of [...names, "con", "nul"]) {
      const cases = [
        `download, with: { from: { ${name}: a.txt } }`,
        `split, inputs: { data: d }, with: { parts: { ${name}: 0.5, b: 0.5 } }`,
      ];
      for (const text of cases) {
        await p.write(
          "p.yaml",
          `${ABOVE}  d: { uses: download, with: { from: a.txt } }\n  s: { uses: ${text} }\n`,
        );
        const { code, stderr } = await temper(["plan", join(p.folder, "p.yaml")], p);
        assert.equal(code, 2, text);
        assert.ok(stderr.includes(`${name}" of stage "`) && stderr.includes("name"), stderr);
      }
    }
  });
  await t.step("add_columns", async () => {
    const text = "filter, inputs: { data: d }, with: { add_columns: { __proto__: x } }";
    await p.write(
      "p.yaml",
      `${ABOVE}  d: { uses: download, with: { from: a.txt } }\n  s: { uses: ${text} }\n`,
    );
    const { code, stderr } = await temper(["plan", join(p.folder, "p.yaml")], p);
    assert.equal(code, 2);
    assert.match(stderr, /add_columns\.__proto__/);
  });
});

Deno.test("a file that is called __proto__ is in the key of whoever reads it", async (t) => {
  const reader = (read: string): string =>
    `import { defineStage, z } from "temper";
export default defineStage({
  doc: "d", inputs: {}, output: "texts", options: z.object({}), permissions: { read: ["${read}"] },
  async run({ output }) { await Deno.writeTextFile(output.path + "/generations.jsonl", "{}"); },
});
`;
  for (const read of ["__proto__", "folder"]) {
    await t.step(read, async () => {
      await using p = await project({ "reads.ts": reader(read), "__proto__": "one" });
      await Deno.mkdir(join(p.folder, "folder"));
      await Deno.writeTextFile(join(p.folder, "folder/__proto__"), "one");
      await p.write(
        "p.yaml",
        `${ABOVE}  s: { uses: ./reads.ts, permissions: { read: [${read}] } }\n`,
      );
      assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { s: "done" });
      assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { s: "cached" });
      const file = read === "folder" ? "folder/__proto__" : read;
      await Deno.writeTextFile(join(p.folder, file), "two");
      assert.deepEqual((await p.temper(["run", "p.yaml"])).outcomes, { s: "done" });
    });
  }
  await t.step("a source", async () => {
    await using p = await project({ "__proto__": "one\n", "other": "x\n" });
    await p.write(
      "p.yaml",
      `${ABOVE}  s: { uses: download, with: { from: "[_o]*", format: txt } }\n`,
    );
    const file = join(p.folder, "p.yaml");
    for (const [text, outcome] of [["one\n", /./], ["two\n", /"outcome":"done"/]] as const) {
      await Deno.writeTextFile(join(p.folder, "__proto__"), text);
      const { code, stdout } = await temper(["run", file, "--json"], p);
      assert.equal(code, 0, stdout);
      assert.match(stdout, outcome);
    }
  });
});

Deno.test("an output is checked for what readers start from: files, and a list of splits", async (t) => {
  const entry = (file: unknown): string => JSON.stringify({ splits: { a: { file, rows: 1 } } });
  const cases: [
    kind: "rows" | "texts" | "model" | "metrics" | "tokens",
    Record<string, string | null>,
    RegExp,
  ][] = [
    ["texts", { "generations.jsonl": null }, /made generations\.jsonl, and that is no file/],
    ["model", { "config.json": null }, /made config\.json, and that is no file/],
    ["metrics", { "metrics.json": null }, /no file/],
    ["rows", { "dataset.json": null }, /no file/],
    ["tokens", { "tokens.json": null }, /no file/],
    ["rows", { "dataset.json": "{" }, /a dataset\.json that is no JSON object/],
    ["rows", { "dataset.json": "[]" }, /a dataset\.json that is no JSON object/],
    ["rows", { "dataset.json": "null" }, /a dataset\.json that is no JSON object/],
    ["rows", { "dataset.json": "[".repeat(5000) }, /a dataset\.json that is no JSON object/],
    ["rows", { "dataset.json": "{}" }, /lists no splits/],
    ["rows", { "dataset.json": '{"splits":{"a":null}}' }, /names no file of the split "a"/],
    ["rows", { "dataset.json": entry(7) }, /names no file of the split "a"/],
    ["rows", { "dataset.json": entry("../x") }, /names \.\.\/x, and no such file/],
    ["rows", { "dataset.json": entry("constructor") }, /names constructor, and no such file/],
    [
      "rows",
      { "dataset.json": entry("a.parquet"), "a.parquet": null },
      /a\.parquet, and that is no/,
    ],
  ];
  for (const [kind, files, message] of cases) {
    await t.step(`${kind} ${message.source}`, async () => {
      const folder = await temporaryDirectory();
      for (const [name, text] of Object.entries(files)) {
        if (text === null) await Deno.mkdir(join(folder, name));
        else await Deno.writeTextFile(join(folder, name), text);
      }
      await assert.rejects(
        checkOutput(folder, { kind, stage: "s" }),
        (error) => error instanceof UserError && message.test(error.message),
      );
    });
  }
  await t.step("one that would fill the memory is not read", async () => {
    const path = join(await temporaryDirectory(), "dataset.json");
    await Deno.writeTextFile(path, "{}");
    // A hole, which takes no place on the disk.
    await Deno.truncate(path, 2 ** 33);
    await assert.rejects(
      checkOutput(join(path, ".."), { kind: "rows", stage: "s" }),
      /wrote a dataset\.json of more than 16 MiB/,
    );
  });
});

Deno.test({
  name: "a pipe in place of a file is told at once: nobody writes into it",
  ignore: Deno.build.os === "windows",
  fn: async (t): Promise<void> => {
    const pipe = async (path: string): Promise<void> => {
      assert.ok((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    };
    await using p = await project({
      "ok.yaml": `${ABOVE}  a: { uses: make, with: { text: x } }\n`,
    });
    await t.step("pipeline", async () => {
      await pipe(join(p.folder, "pipe.yaml"));
      const { code, err } = await p.temper(["plan", "pipe.yaml"]);
      assert.equal(code, 2);
      assert.match(err, /pipe\.yaml" is a pipe or a device/);
    });
    await t.step("lock file", async () => {
      await pipe(join(p.folder, "ok.lock"));
      const { code, err } = await p.temper(["plan", "ok.yaml"]);
      assert.equal(code, 2);
      assert.match(err, /ok\.lock: it is a pipe or a device/);
      await Deno.remove(join(p.folder, "ok.lock"));
    });
    await t.step("record", async () => {
      await p.temper(["run", "ok.yaml"]);
      const { stages } = JSON.parse(await Deno.readTextFile(join(p.runs, "latest/run.json")));
      const record = join(p.runs, `store/actions/${stages.a.key}.json`);
      await Deno.remove(record);
      await pipe(record);
      assert.deepEqual((await p.temper(["run", "ok.yaml"])).outcomes, { a: "done" });
    });
  },
});
