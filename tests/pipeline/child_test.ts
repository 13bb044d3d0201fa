import assert from "node:assert/strict";
import { join } from "node:path";
import { fileUrl } from "../../lib/base/paths.ts";
import { type ChildOutcome, runChild } from "../../lib/pipeline/sandbox/child.ts";
import {
  MARK,
  type Message,
  parseLine,
  type Report,
  type RunRequest,
} from "../../lib/pipeline/sandbox/protocol.ts";
import { project, ROOT } from "./project.ts";

const encode = (message: unknown): string => MARK + JSON.stringify(message);

Deno.test("parseLine() finds a message behind what a stage printed without a newline", () => {
  const message: Message = { type: "log", message: "a\nb" };
  assert.deepEqual(parseLine(encode(message)), { message });
  assert.deepEqual(parseLine(`printed${encode(message)}`), { text: "printed", message });
  assert.deepEqual(parseLine("plain"), { text: "plain" });
  assert.deepEqual(parseLine(encode(message).slice(0, -2)).message, undefined);
});

Deno.test("parseLine() takes what has the mark and not the form of a message for text", () => {
  const forms = [
    null,
    5,
    [],
    {},
    { type: "stage_end", outcome: "done" },
    { type: "progress", done: null, total: 1, unit: "s" },
    { type: "log" },
    { type: "summary", entry: null },
    { type: "summary", entry: { type: "figure", label: {}, value: 1 } },
    { type: "summary", entry: { type: "text", prompt: "a" } },
    { type: "result" },
    { type: "error" },
    { type: "error", error: { name: "E", message: {}, causes: [] } },
    { type: "error", error: { name: "E", message: "m", causes: 3 } },
    { type: "error", error: { name: "E", message: "m", causes: [], parts: { what: 7 } } },
  ];
  for (const form of forms) {
    const line = encode(form);
    assert.deepEqual(parseLine(line), { text: line }, JSON.stringify(form));
  }
});

/** Runs the stage `make` with options; `after` is called at its first message. */
async function make(
  options: Record<string, string | number>,
  { timeout, after, patience = 5000 }: {
    timeout?: number;
    patience?: number;
    after?: (stop: AbortController, kill: AbortController) => void;
  } = {},
): Promise<{ outcome: ChildOutcome<null>; messages: Report[]; lines: string[]; seconds: number }> {
  await using p = await project();
  const output = join(p.folder, "output");
  const scratch = join(p.folder, "scratch");
  await Deno.mkdir(output);
  await Deno.mkdir(scratch);
  const stop = new AbortController();
  const kill = new AbortController();
  const messages: Report[] = [];
  const lines: string[] = [];
  const began = performance.now();
  const request: RunRequest = {
    task: "run",
    inputs: {},
    lists: {},
    output,
    options: { text: "text", what: "write", linger: 0, busy: 0, ...options },
    seed: 1,
    sources: null,
    device: "cpu",
    threads: 1,
    offline: false,
    env: [],
    places: {},
  };
  const outcome = await runChild(request, {
    module: fileUrl(join(p.folder, "make.ts")),
    project: ROOT,
    grants: { read: [output], write: [output], net: [], env: [], ffi: [], import: [] },
    folder: scratch,
    timeout,
    patience,
    onReport: (message) => {
      if (messages.push(message) === 1) after?.(stop, kill);
    },
    onLine: (line) => lines.push(line),
    stop: stop.signal,
    kill: kill.signal,
  });
  return { outcome, messages, lines, seconds: (performance.now() - began) / 1000 };
}

Deno.test("runChild() passes on progress, a few times a second and always the last", async () => {
  const { outcome, messages, lines } = await make({ linger: 500 });
  assert.deepEqual(outcome, { type: "done", value: null });
  const progress = messages.filter((message) => message.type === "progress");
  assert.ok(progress.length >= 2 && progress.length <= 8, `${progress.length} messages`);
  assert.deepEqual(lines, ["made with seed 1"]);
  assert.ok(
    messages.some((message) => message.type === "summary" && message.entry.type === "figure"),
  );
  const last = progress.at(-1);
  assert.ok(
    last?.type === "progress" && last.done !== null && last.done >= 250,
    `${last?.done} ms`,
  );
});

Deno.test("runChild() kills a stage that does not hear that its time is up", async () => {
  const { outcome, seconds } = await make({ busy: 30_000 }, { timeout: 1000, patience: 300 });
  assert.deepEqual(outcome, { type: "timeout" });
  assert.ok(seconds < 10, `${seconds} s`);
});

Deno.test("runChild() stops a stage politely, and a deaf one at once when asked to kill", async () => {
  const polite = await make({ linger: 30_000 }, { after: (stop) => stop.abort() });
  assert.deepEqual(polite.outcome, { type: "interrupted" });
  assert.ok(polite.seconds < 5, `${polite.seconds} s`);
  const deaf = await make({ busy: 30_000 }, {
    after: (stop, kill) => {
      stop.abort();
      setTimeout(() => kill.abort(), 100);
    },
  });
  assert.deepEqual(deaf.outcome, { type: "interrupted" });
  assert.ok(deaf.seconds < 5, `${deaf.seconds} s`);
});

Deno.test("runChild() tells of a process that was killed from outside", async () => {
  const { outcome } = await make({ what: "die" });
  assert.ok(outcome.type === "died");
  assert.equal(outcome.code, 7);
  assert.deepEqual(outcome.lastLines, ["made with seed 1", "last words"]);
});
