/**
 * A Deno process with bounds on its time and on what it prints.
 *
 * @module
 */

/** What a module may print while it is loaded. */
const MAX_OUTPUT_BYTES = 16 << 20;

/** What a process left behind. */
export interface ProcessOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
  /** Why it was killed, if it was. */
  readonly killed: "timeout" | "output" | undefined;
}

/**
 * Runs Deno to its end.
 *
 * @param args Its arguments.
 * @param options `input` for its standard input; `timeout` in milliseconds; `cwd`, its folder.
 * @returns What it printed and how it ended.
 */
export async function runDeno(
  args: readonly string[],
  options: { input: string; timeout: number; cwd: string },
): Promise<ProcessOutput> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: options.cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let killed: ProcessOutput["killed"];
  const kill = (why: NonNullable<ProcessOutput["killed"]>): void => {
    killed ??= why;
    try {
      child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      // It ended by itself in the meantime.
    }
  };
  const timer = setTimeout(() => kill("timeout"), options.timeout);
  try {
    const [stdout, stderr, status] = await Promise.all([
      readAll(child.stdout, () => kill("output")),
      readAll(child.stderr, () => kill("output")),
      child.status,
      new Blob([options.input]).stream().pipeTo(child.stdin).catch(() => {
        // The process died before it read everything; its status says more.
      }),
    ]);
    return { stdout, stderr, code: status.code, killed };
  } finally {
    clearTimeout(timer);
  }
}

async function readAll(stream: ReadableStream<Uint8Array>, onTooMuch: () => void): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > MAX_OUTPUT_BYTES) {
      onTooMuch();
      continue;
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
