/** What a stage prints and reports without end: bounded, told, and no stop comes late for it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { kill } from "node:process";
import { eachLine, MAX_LINE } from "../../lib/pipeline/code/lines.ts";
import { processEnvironment } from "../../lib/pipeline/code/environment.ts";
import { runProcess } from "../../lib/pipeline/code/process.ts";
import { StageLog } from "../../lib/pipeline/run/run_log.ts";
import {
  cutText,
  MAX_ENTRIES,
  MAX_MESSAGE_TEXT,
  MAX_MESSAGES,
  MAX_SUMMARY,
  ReportBounds,
} from "../../lib/pipeline/sandbox/bounds.ts";
import type { Report } from "../../lib/pipeline/sandbox/protocol.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { project } from "./project.ts";

const MARK = "\x1emark:";

/** Characters of the longest message. */
const MAX_MESSAGE = 1 << 23;

async function linesOf(chunks: Iterable<string | Uint8Array>, mark?: string): Promise<string[]> {
  const encoder = new TextEncoder();
  const stream = ReadableStream.from(
    Iterator.from(chunks).map((chunk) => typeof chunk === "string" ? encoder.encode(chunk) : chunk),
  );
  const lines: string[] = [];
  await eachLine(stream, {
    count: () => true,
    each: (line) => lines.push(line),
    ...{ mark, maxMessage: MAX_MESSAGE },
  });
  return lines;
}

Deno.test("eachLine() gives lines however they come in", async () => {
  assert.deepEqual(await linesOf(["a\nb\r\n\nc", "d", "\ne"]), ["a", "b", "", "cd", "e"]);
  const bytes = new TextEncoder().encode("é中🐳\n");
  assert.deepEqual(await linesOf([...bytes].map((byte) => Uint8Array.of(byte))), ["é中🐳"]);
  assert.deepEqual(await linesOf([]), []);
});

Deno.test("eachLine() passes on a line without end in pieces, and a message whole", async () => {
  const chunk = "x".repeat(1 << 16);
  const pieces = await linesOf(Array(100).fill(chunk), MARK);
  assert.equal(pieces.join(""), chunk.repeat(100));
  assert.ok(pieces.every((piece) => piece.length <= MAX_LINE + chunk.length), "bounded pieces");
  assert.ok(pieces.length > 3);
  const long = await linesOf(
    [...Array(100).fill(chunk), MARK, ...Array(40).fill(chunk), "\nend\n"],
    MARK,
  );
  assert.equal(long.at(-1), "end");
  assert.equal(long.at(-2)!.slice(long.at(-2)!.indexOf(MARK)), MARK + chunk.repeat(40));
  assert.equal(long.slice(0, -1).join(""), chunk.repeat(100) + MARK + chunk.repeat(40));
  const count = Math.ceil(MAX_MESSAGE / chunk.length) + 1;
  const endless = await linesOf([MARK, ...Array(count).fill(chunk), "\nend\n"], MARK);
  assert.match(endless.join("|"), /^a message of more than 8388608 characters was left out\|end$/);
});

Deno.test("300 MB without a line end take time that grows with them", async () => {
  const chunk = new Uint8Array(1 << 16).fill(0x61);
  let length = 0;
  let most = 0;
  const stream = ReadableStream.from(Array(4800).fill(chunk) as Uint8Array[]);
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  await eachLine(stream, {
    count: () => true,
    each: (line) => {
      length += line.length;
      most = Math.max(most, line.length);
    },
    mark: MARK,
  });
  clearInterval(timer);
  assert.equal(length, 4800 * chunk.length);
  assert.ok(most <= MAX_LINE + chunk.length);
  assert.ok(turns > 0, "timers had their turns");
});

/** Runs code in a process of its own. */
async function process(
  code: string,
  options: { timeout?: number; patience?: number } = {},
): Promise<{ type: string; bytes: number; seconds: number }> {
  const folder = await temporaryDirectory();
  await Deno.writeTextFile(join(folder, "a.ts"), code);
  let bytes = 0;
  const began = performance.now();
  const { type } = await runProcess({
    args: ["run", "--quiet", "--no-check", "--no-config", join(folder, "a.ts")],
    cwd: folder,
    environment: processEnvironment({}),
    onStdout: (line) => void (bytes += line.length),
    onStderr: () => {},
    patience: 300,
    ...options,
  });
  return { type, bytes, seconds: (performance.now() - began) / 1000 };
}

const FLOOD =
  "const bytes = new Uint8Array(65536).fill(97); for (;;) Deno.stdout.writeSync(bytes);";

Deno.test("a time limit of months is one, a fraction of a millisecond too", async () => {
  for (const timeout of [25 * 24 * 3600 * 1000, 2 ** 31, 2 ** 53, Infinity]) {
    assert.equal((await process("", { timeout })).type, "ended", String(timeout));
  }
  assert.equal((await process(FLOOD, { timeout: 0.5 })).type, "timeout");
});

Deno.test("a process whose lines nobody can take is dead when that is told", async () => {
  let pid = 0;
  const running = runProcess({
    args: ["eval", "console.log(Deno.pid); setInterval(() => {}, 1000);"],
    cwd: await temporaryDirectory(),
    environment: processEnvironment({}),
    onStdout: (line) => {
      pid = Number(line);
      throw new Error("the disk is full");
    },
    onStderr: () => {},
    patience: 0,
  });
  await assert.rejects(running, /the disk is full/);
  assert.throws(() => kill(pid, 0), { code: "ESRCH" });
});

Deno.test("a time limit stops what floods, deaf or not", async () => {
  const deaf = 'Deno.addSignalListener("SIGTERM", () => {});';
  for (const code of [FLOOD, `${deaf}\n${FLOOD}`, `${deaf}\n${FLOOD.replace("97", "10")}`]) {
    const { type, bytes, seconds } = await process(code, { timeout: 700 });
    assert.equal(type, "timeout");
    assert.ok(bytes >= 0);
    assert.ok(seconds < 20, `${seconds} s`);
  }
});

Deno.test("reports are bounded in number and size, and say what was left out", () => {
  const passed: Report[] = [];
  const bounds = new ReportBounds((report) => passed.push(report));
  const note = (text: string): Report => ({ type: "summary", entry: { type: "note", text } });
  for (let i = 0; i < 1000; i++) bounds.take(note(`n${i}`));
  const label = "l".repeat(10_000);
  bounds.take({ type: "summary", entry: { type: "figure", label, value: 1 } });
  for (let i = 0; i < 2 * MAX_MESSAGES; i++) bounds.take({ type: "log", message: "m" });
  for (let i = 0; i < 100_000; i++) {
    bounds.take({ type: "progress", done: i, total: 10, unit: "u".repeat(1000) });
  }
  bounds.end();
  const entries = passed.filter((report) => report.type === "summary");
  assert.equal(entries.length, MAX_ENTRIES + 1);
  assert.deepEqual(
    entries.at(-1),
    note(`${1001 - MAX_ENTRIES} more entries of this summary were left out`),
  );
  const messages = passed.filter((report) => report.type === "log");
  assert.equal(messages.length, MAX_MESSAGES + 1);
  assert.match(messages.at(-1)!.message, new RegExp(`^${MAX_MESSAGES} more log messages`));
  const progress = passed.filter((report) => report.type === "progress");
  assert.ok(progress.length < 10_000 && progress.every(({ unit }) => unit.length < 300));
});

Deno.test("a text of 50 MB and a label of 10 MB are cut, and a summary has a size", () => {
  const passed: Report[] = [];
  const bounds = new ReportBounds((report) => passed.push(report));
  const big = "x".repeat(50_000_000);
  bounds.take({ type: "summary", entry: { type: "text", prompt: big, text: big } });
  bounds.take({
    type: "summary",
    entry: { type: "figure", label: big, value: 1, compare: { label: big, value: 2 } },
  });
  for (let i = 0; i < 100; i++) {
    bounds.take({ type: "summary", entry: { type: "note", text: big } });
  }
  bounds.take({ type: "log", message: big });
  bounds.end();
  assert.ok(JSON.stringify(passed).length < MAX_SUMMARY + 2 * MAX_MESSAGE_TEXT);
  assert.match(JSON.stringify(passed[0]), /more characters left out/);
  assert.match(JSON.stringify(passed.at(-1)), /more entries of this summary were left out/);
  assert.equal(cutText("a🐳b", 2), "a… (3 more characters left out)");
});

Deno.test("the log of a stage ends where it is full, and says so", async () => {
  const path = join(await temporaryDirectory(), "a.log");
  for (let again = 0; again < 2; again++) {
    using log = await StageLog.open(path, { limit: 1000 });
    for (let i = 0; i < 10_000; i++) log.line("ten bytes");
  }
  const text = await Deno.readTextFile(path);
  assert.ok(text.length < 1300, `${text.length}`);
  assert.match(text, /\(the log ends here/);
});

/** Forges whatever its option says straight to standard output. */
const FORGER = `import { defineStage, z } from "temper";
const mark = "\\x1etemper:";
const say = (text: string): void => {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};
const message = (value: unknown): void => say(mark + JSON.stringify(value) + "\\n");
const deep = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));
export default defineStage({
  doc: "Says too much.",
  inputs: {},
  output: "texts",
  options: z.object({ what: z.string() }),
  async run({ options, output, summary, log }) {
    const big = "x".repeat(50_000_000);
    if (options.what === "entries") {
      for (let i = 0; i < 100_000; i++) summary({ type: "note", text: "entry " + i });
    }
    if (options.what === "texts") summary({ type: "text", prompt: big, text: big });
    if (options.what === "forged") message({ type: "summary", entry: { type: "note", text: big } });
    if (options.what === "label") summary({ type: "figure", label: big.slice(0, 10_000_000), value: 1 });
    if (options.what === "messages") for (let i = 0; i < 150_000; i++) log("m" + i);
    if (options.what === "progress") {
      for (let i = 0; i < 100_000; i++) message({ type: "progress", done: i, total: 3, unit: "s" });
    }
    if (options.what === "line") for (let i = 0; i < 6; i++) say(big);
    if (options.what === "deep") for (const d of [5000, 1_000_000]) message({ type: "log", message: deep(d) });
    if (options.what === "throws") throw new Error(big, { cause: new Error(big) });
    await Deno.writeTextFile(output.path + "/generations.jsonl", "{}\\n");
  },
});
`;

Deno.test("a stage that says too much ends, and the records of its run stay small", async () => {
  const cases = [
    "entries",
    "texts",
    "forged",
    "label",
    "messages",
    "progress",
    "line",
    "deep",
    "throws",
  ];
  const stages = cases.map((what) => `  ${what}: { uses: ./forger.ts, with: { what: ${what} } }`);
  await using p = await project({
    "forger.ts": FORGER,
    "p.yaml": `name: floods\nstages:\n${stages.join("\n")}\n`,
  });
  const { outcomes, failures, events } = await p.temper(["run", "p.yaml"]);
  assert.deepEqual(outcomes, {
    ...Object.fromEntries(cases.map((what) => [what, "done"])),
    throws: "failed",
  });
  assert.ok(failures.throws!.what.length < 200_000);
  const size = async (path: string): Promise<number> => (await Deno.stat(join(p.runs, path))).size;
  assert.ok(await size("latest/run.json") < 3_000_000, `${await size("latest/run.json")}`);
  assert.ok(
    await size("latest/events.ndjson") < 40_000_000,
    `${await size("latest/events.ndjson")}`,
  );
  for await (const { name } of Deno.readDir(join(p.runs, "store/actions"))) {
    assert.ok(await size(`store/actions/${name}`) < 2_000_000, name);
  }
  const summary = events.filter((event) => event.type === "summary" && event.stage === "entries");
  assert.equal(summary.length, MAX_ENTRIES + 1);
  assert.match(JSON.stringify(summary.at(-1)), /99800 more entries/);
  assert.equal(await size("latest/logs/line.log") >= 300_000_000, true);
});

const ANSWERS: Record<string, string> = {
  deep: 'JSON.parse("[".repeat(5000) + "]".repeat(5000))',
  deeper: 'JSON.parse("[".repeat(1_000_000) + "]".repeat(1_000_000))',
  "a little too deep": 'JSON.parse("[".repeat(600) + "]".repeat(600))',
  circular: "(() => { const a = {}; a.a = a; return a; })()",
  bigint: "1n",
};

Deno.test("sources that JSON can't hold are told in words", async (t) => {
  for (const [name, value] of Object.entries(ANSWERS)) {
    for (const part of ["key", "data", "pin"]) {
      await t.step(`${name} as ${part}`, async () => {
        const sources = part === "pin" ? "{ key: 1 }" : `{ key: 1, ${part}: ${value} }`;
        await using p = await project({
          "s.ts": `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Resolves.", inputs: {}, output: "texts", options: z.object({}),
  async resolve({ pins }) {
    ${part === "pin" ? `pins.set("s", ${value});` : ""}
    return ${sources};
  },
  async run({ output }) { await Deno.writeTextFile(output.path + "/generations.jsonl", "{}"); },
});
`,
          "p.yaml": "name: p\nstages: { s: { uses: ./s.ts } }\n",
        });
        const { code, failures } = await p.temper(["run", "p.yaml"]);
        assert.equal(code, 1);
        assert.match(
          failures.s!.what,
          part === "pin"
            ? /cannot keep the pins of the stage: the pin of "s" is (nested deeper|no JSON)/
            : /answer to "resolve" cannot be written as JSON: /,
        );
        assert.doesNotMatch(failures.s!.what, /Maximum call stack/);
      });
    }
  }
});

Deno.test("an option whose default is nested without end is told in words", async () => {
  for (const depth of [600, 5000, 1_000_000]) {
    await using p = await project({
      "s.ts": `import { defineStage, z } from "temper";
const deep = JSON.parse("[".repeat(${depth}) + "]".repeat(${depth}));
export default defineStage({
  doc: "d", inputs: {}, output: "texts", options: z.object({ a: z.any().default(deep) }),
  async run() {},
});
`,
      "p.yaml": "name: p\nstages: { s: { uses: ./s.ts } }\n",
    });
    const { code, err } = await p.temper(["plan", "p.yaml"]);
    assert.equal(code, 2);
    assert.doesNotMatch(err, /Maximum call stack/, err);
    assert.match(err, /option "a" becomes something that JSON cannot hold|nested too deeply/);
  }
});

Deno.test("YAML and -p that are nested too deeply are told in words", async (t) => {
  await using p = await project();
  const texts: Record<string, string> = {};
  for (const depth of [150, 5000, 1_000_000]) {
    texts[`lists ${depth}`] = "[".repeat(depth) + "]".repeat(depth);
    texts[`open ${depth}`] = "[".repeat(depth);
    texts[`items ${depth}`] = "- ".repeat(depth);
    if (depth <= 5000) texts[`mappings ${depth}`] = "{a: ".repeat(depth) + "}".repeat(depth);
  }
  for (const [name, text] of Object.entries(texts)) {
    await t.step(name, async () => {
      await p.write(
        "p.yaml",
        `name: p\nparams:\n  a: ${
          text.startsWith("-") ? "\n   " : ""
        }${text}\nstages: { s: { uses: make } }\n`,
      );
      const file = await p.temper(["plan", "p.yaml"]);
      assert.equal(file.code, 2);
      assert.match(file.err, /nested too deeply|not valid YAML/);
      await p.write("q.yaml", "name: p\nparams: { a: [1] }\nstages: { s: { uses: make } }\n");
      const given = await p.temper(["plan", "q.yaml", "-p", `a=${text}`]);
      assert.equal(given.code, 2);
      assert.match(given.err, /-p a=.*(nested too deeply|not valid YAML)/);
      assert.ok(given.err.length < 2000, `${given.err.length}`);
    });
  }
  await t.step("an expression", async () => {
    for (const depth of [5000, 100_000]) {
      for (const [open, close] of [["(", ")"], ["[", "]"], ["not ", ""], ["-", ""]]) {
        const text = `"\${{ ${open!.repeat(depth)}1${close!.repeat(depth)} }}"`;
        await p.write(
          "e.yaml",
          `name: p\nstages: { s: { uses: make, with: { text: ${text} } } }\n`,
        );
        const { code, err } = await p.temper(["plan", "e.yaml"]);
        assert.equal(code, 2);
        assert.doesNotMatch(err, /fault of Temper|Maximum call stack/, err.slice(-300));
      }
    }
  });
  await t.step("a file without end", async () => {
    const { code, err } = await p.temper(["plan", "/dev/zero"]);
    assert.equal(code, 2);
    assert.match(err, /is a pipe or a device/);
    await p.write("large.yaml", `# ${"x".repeat(5 << 20)}`);
    assert.match((await p.temper(["plan", "large.yaml"])).err, /larger than 4 MiB/);
  });
});
