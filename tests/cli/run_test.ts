import assert from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../lib/cli/mod.ts";
import type { CommandContext } from "../../lib/cli/context.ts";
import { project } from "../pipeline/project.ts";

const PIPELINE = "name: cli\nstages:\n  a: { uses: make, with: { text: words } }\n";

Deno.test("every mistake on the command line is told in one sentence, exit 2, nothing runs", async () => {
  await using p = await project({ "p.yaml": PIPELINE });
  const cases: [args: string[], message: RegExp][] = [
    [["rum", "p.yaml"], /unknown command "rum"\n {2}did you mean "run"\?\n {2}commands: run, plan/],
    [["plan"], /deno task plan needs <file>/],
    [["plan", "p.yaml", "more"], /too many arguments/],
    [
      ["plan", "p.yaml", "--devise", "cpu"],
      /unknown option "--devise"\n {2}did you mean "--device"\?/,
    ],
    [["plan", "p.yaml", "--device", "gpu"], /Allowed choices are auto, cpu, webgpu, wasm/],
    [["plan", "p.yaml", "--jobs", "2"], /unknown option "--jobs"/],
    [["run", "p.yaml", "--dry-run", "--jobs", "0"], /whole number from 1/],
    [["run", "p.yaml", "--dry-run", "--jobs", "1.5"], /whole number from 1/],
    [["plan", "p.yaml", "--only", "a", "--only", "b"], /It was given before, as 'a'/],
    [["plan", "p.yaml", "--from", "a", "--from", "b"], /It was given before, as 'a'/],
    [["run", "p.yaml", "--dry-run", "-p"], /argument missing/],
    [["run", "p.yaml", "--dry-run", "-p", "tex=1"], /tex/],
    [
      ["plan", "q.yaml"],
      /cannot read ".*q\.yaml": there is no such file\n {2}did you mean ".*p\.yaml"/,
    ],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await p.temper(args);
    assert.equal(code, 2, args.join(" "));
    assert.match(err, message);
    assert.doesNotMatch(err, /\n\s+at /, "no stack for a user's mistake");
    assert.equal(out, "");
  }
  await assert.rejects(Deno.stat(join(p.runs, "latest")), Deno.errors.NotFound);
});

Deno.test("--json prints mistakes as one document on stdout", async () => {
  await using p = await project({
    "p.yaml": "name: cli\nstages:\n  a: { uses: mak }\n  b: { uses: make, with: { txt: 1 } }\n",
  });
  const { code, out, err } = await p.temper(["plan", "p.yaml", "--json"]);
  assert.equal(code, 2);
  assert.equal(err, "");
  const document = JSON.parse(out);
  assert.equal(document.type, "error");
  assert.deepEqual(
    document.errors.map((e: { nearest: string; at: { line: number } }) => [e.nearest, e.at.line]),
    [["make", 3], ["text", 4]],
  );
});

Deno.test("a fault of the program is told with an apology and its stack", async () => {
  let err = "";
  const context = {
    env: () => {
      throw new TypeError("a bug");
    },
    out: { write: () => {}, isTerminal: false, size: () => ({ columns: 80, rows: 24 }) },
    err: {
      write: (text: string) => void (err += text),
      isTerminal: false,
      size: () => ({ columns: 80, rows: 24 }),
    },
    stages: {},
    root: "/",
    cwd: "/",
  } as unknown as CommandContext;
  assert.equal(await main(["plan", "p.yaml"], context), 1);
  assert.match(err, /^Sorry, this is a fault of Temper.*\nTypeError: a bug\n\s+at /);
});

Deno.test("help lists the commands and what each takes", async () => {
  await using p = await project();
  const all = await p.temper(["--help"]);
  assert.equal(all.code, 0);
  assert.match(all.out, /deno task run +run a pipeline/);
  const run = await p.temper(["run", "--help"]);
  assert.equal(run.code, 0);
  for (
    const option of [
      "-p, --param <key=value>",
      "--only <stage>",
      "--from <stage>",
      "--force <stage>",
      "--dry-run",
      "--jobs <number>",
      "--device <device>",
      "--update",
      "--offline",
      "--json",
    ]
  ) assert.ok(run.out.includes(option), option);
});

Deno.test("run --json tells the events that it writes down; --runs says where results lie", async () => {
  await using p = await project({ "p.yaml": PIPELINE });
  let out = "";
  const output = {
    write: (text: string) => void (out += text),
    isTerminal: false,
    size: () => ({ columns: 80, rows: 24 }),
  };
  const elsewhere = join(p.folder, "elsewhere");
  const plain = await p.temper(["run", "p.yaml", "--runs", elsewhere], {
    context: { out: output },
  });
  assert.equal(plain.code, 0);
  assert.ok((await Deno.stat(join(elsewhere, "latest/run.json"))).isFile);
  await assert.rejects(Deno.stat(p.runs), Deno.errors.NotFound);
  const types = out.trim().split("\n").map((line) => JSON.parse(line).type);
  assert.deepEqual(
    types.filter((type) => type !== "progress"),
    ["run_start", "stage_start", "log", "summary", "stage_end", "run_end"],
  );
  const { folder } = JSON.parse(out.trim().split("\n").at(-1)!);
  const written = await Deno.readTextFile(join(folder, "events.ndjson"));
  for (const line of written.split("\n")) assert.ok(out.includes(line), line);
});

Deno.test("from outside: exit codes, plain lines on stdout, failures on stderr, a warm run is quick", async () => {
  await using p = await project({
    "p.yaml": `name: cli
params: { what: write }
stages:
  a: { uses: ./make.ts, with: { text: words } }
  b: { uses: ./make.ts, with: { text: more, what: "\${{ params.what }}" } }
`,
  });
  const call = async (...args: string[]) => {
    const began = performance.now();
    const { code, stdout, stderr } = await p.spawn(args).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out: out!, err: err!, seconds: (performance.now() - began) / 1000 };
  };
  const first = await call("run", "p.yaml");
  assert.equal(first.code, 0, first.err);
  assert.match(first.out, /^a: started \(never ran before\)$/m);
  assert.match(first.out, /^✓ a {2}/m);
  assert.match(first.out, /^a\n {2}length 5$/m);
  assert.match(first.out, /^latest +.*runs\/latest$/m);
  assert.equal(first.err, "");

  const failed = await call("run", "p.yaml", "-p", "what=throw");
  assert.equal(failed.code, 1);
  assert.match(failed.err, /^\.\/make\.ts:\d+:\d+: stage "b" failed: Error: it broke$/m);
  assert.match(failed.err, /log: .*logs\/b\.log/);

  const times = [await call("run", "p.yaml"), await call("run", "p.yaml")];
  for (const { code, out } of times) {
    assert.equal(code, 0);
    assert.match(out, /= a {2}cached\n= b {2}cached/);
    assert.match(out, /every stage was cached/);
  }
  // 0.2 s on an idle machine; this one may be busy with other tests.
  assert.ok(Math.min(...times.map(({ seconds }) => seconds)) < 1.5);
});
