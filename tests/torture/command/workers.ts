/**
 * Runs cases in a process of their own, and sees to it that nothing of one is left: neither a process
 * nor a mount nor a folder. What is left, and what has no end, is a broken promise.
 *
 * @module
 */
import { join } from "node:path";
import type { TortureCase } from "../part.ts";
import { TextLineStream } from "./text_lines.ts";
import { leftMounts, leftProcesses, treeOf } from "./leftovers.ts";
import { MARK } from "./worker.ts";

/** A case and its part's name. */
export type Asked = Omit<TortureCase, "folder"> & { readonly part: string };

/** What became of it. */
export type Answer =
  | { readonly label: string; readonly broken?: never }
  | { readonly broken: string; readonly label?: never };

/** A process that answers one case after the other. */
interface Process {
  readonly child: Deno.ChildProcess;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly answers: ReadableStreamDefaultReader<string>;
}

const WORKER = join(import.meta.dirname!, "worker.ts");
const CONFIG = join(import.meta.dirname!, "../../../deno.json");

/** A case that was quicker has started no process of its own. In milliseconds. */
const STARTS_NOTHING = 100;
/** A process may need a moment to hear that its runner is gone. In milliseconds. */
const PATIENCE = 15_000;

/** The process for cases; started at the first and again after one that took it along. */
export class Workers implements AsyncDisposable {
  readonly #folder: string;
  readonly #limit: number;
  #process: Process | undefined;

  /** @param options `folder`: for the cases' folders. `limit`: how long a case may take, in seconds. */
  constructor({ folder, limit }: { readonly folder: string; readonly limit: number }) {
    this.#folder = folder;
    this.#limit = limit;
  }

  /** Runs a case in a folder of its own, which is gone afterwards. */
  async run({ part, index, seed }: Asked): Promise<Answer> {
    const folder = join(this.#folder, `${part}-${index}`);
    await Deno.mkdir(folder, { recursive: true });
    const began = performance.now();
    let answer = await this.#ask(JSON.stringify({ part, index, seed, folder }));
    if (performance.now() - began > STARTS_NOTHING) {
      const left = [...await this.#waitForProcesses(folder), ...await leftMounts(folder)];
      if (left.length > 0 && answer.broken === undefined) {
        answer = { broken: `left behind:\n${left.join("\n")}` };
      }
    }
    await removeFolder(folder);
    return answer;
  }

  async #ask(request: string): Promise<Answer> {
    const { child, writer, answers } = this.#process ??= start();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), this.#limit * 1000);
    });
    try {
      await writer.write(new TextEncoder().encode(`${request}\n`)).catch(() => {});
      for (;;) {
        const line = await Promise.race([answers.read(), late]);
        if (line === "late") {
          await this.#end();
          return { broken: `it had no end after ${this.#limit} s` };
        }
        if (line.done) {
          const { code, signal } = await child.status;
          await this.#end();
          return { broken: `its process ended with code ${code}, signal ${signal}` };
        }
        if (line.value.startsWith(MARK)) return JSON.parse(line.value.slice(MARK.length));
        console.error(line.value);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Processes that still use a folder after a while, as sentences; they are ended. */
  async #waitForProcesses(folder: string): Promise<string[]> {
    const end = Date.now() + PATIENCE;
    let left = await leftProcesses(folder);
    while (left.length > 0 && Date.now() < end) {
      await new Promise((go) => setTimeout(go, 50));
      left = await leftProcesses(folder);
    }
    for (const { pid } of left) kill(pid);
    return left.map(({ pid, command }) => `process ${pid}: ${command}`);
  }

  /** Ends the process with all that it started. */
  async #end(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    for (const pid of await treeOf(process.child.pid)) kill(pid);
    await process.child.status;
    await process.answers.cancel().catch(() => {});
    await process.writer.close().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

function start(): Process {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-P=test", "--no-check", "--quiet", "--config", CONFIG, WORKER],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  return { child, writer: child.stdin.getWriter(), answers: lines.getReader() };
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

/** Removes a folder, even where a case took away its own rights to it. */
async function removeFolder(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch {
    if (Deno.build.os !== "windows") {
      await new Deno.Command("chmod", { args: ["-R", "u+rwx", folder], stderr: "null" }).output();
    }
    await Deno.remove(folder, { recursive: true });
  }
}
