/**
 * A Deno process with bounds: on its time, on what it prints, and on how long it may take to stop.
 *
 * @module
 */

/** What {@linkcode runProcess} needs. */
export interface ProcessOptions {
  /** Deno's arguments. */
  readonly args: readonly string[];
  readonly cwd: string;
  /** All variables that it is started with: it inherits none. */
  readonly environment: Readonly<Record<string, string>>;
  /** Written to its standard input, which then stays open: its end tells the process that the runner is dead. */
  readonly input?: string;
  /** A line that it printed, without its end. */
  readonly onStdout: (line: string) => void;
  readonly onStderr: (line: string) => void;
  /** Milliseconds after which it is stopped; no limit where absent. */
  readonly timeout?: number | undefined;
  /** Bytes that it may print; no limit where absent. */
  readonly maxOutput?: number;
  /** Milliseconds between asking it to stop and killing it. */
  readonly patience: number;
  /** Stop: politely, then when the patience is at its end for good. */
  readonly stop?: AbortSignal | undefined;
  /** Stop for good, now. */
  readonly kill?: AbortSignal | undefined;
}

/** How a process ended: stopped from here, or by itself. */
export type ProcessEnd =
  | { readonly type: "timeout" | "flood" | "interrupted" }
  | { readonly type: "ended"; readonly code: number; readonly signal: string | undefined };

/** Longer lines are passed on in pieces: a process that never ends its line must not fill this one's memory. */
const MAX_LINE = 1 << 24;

/**
 * Runs Deno to its end.
 *
 * @returns How it ended, when everything that it printed was passed on.
 */
export async function runProcess(options: ProcessOptions): Promise<ProcessEnd> {
  const { stop, kill } = options;
  if (stop?.aborted || kill?.aborted) return { type: "interrupted" };
  const child = new Deno.Command(Deno.execPath(), {
    args: [...options.args],
    cwd: options.cwd,
    env: { ...options.environment },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();

  let ended = false;
  let reason: "timeout" | "flood" | "interrupted" | undefined;
  const signal = (name: Deno.Signal): void => {
    if (ended) return;
    try {
      child.kill(name);
    } catch {
      // It ended between the check and the call.
    }
  };
  let patience: ReturnType<typeof setTimeout> | undefined;
  const end = (why: NonNullable<typeof reason>, name: "SIGTERM" | "SIGKILL"): void => {
    reason ??= why;
    signal(name);
    if (name === "SIGTERM") patience ??= setTimeout(() => signal("SIGKILL"), options.patience);
  };
  const onStop = (): void => end("interrupted", "SIGTERM");
  const onKill = (): void => end("interrupted", "SIGKILL");
  stop?.addEventListener("abort", onStop);
  kill?.addEventListener("abort", onKill);
  const limit = options.timeout === undefined
    ? undefined
    : setTimeout(() => end("timeout", "SIGTERM"), options.timeout);
  let printed = 0;
  const count = (bytes: number): boolean => {
    printed += bytes;
    if (printed <= (options.maxOutput ?? Infinity)) return true;
    end("flood", "SIGKILL");
    return false;
  };

  const stdin = child.stdin.getWriter();
  try {
    const sent = stdin.write(new TextEncoder().encode(options.input ?? "")).catch(
      () => {/* The process died early; its status says more. */},
    );
    const [{ code, signal }] = await Promise.all([
      child.status,
      eachLine(child.stdout, { count, each: options.onStdout }),
      eachLine(child.stderr, { count, each: options.onStderr }),
      sent,
    ]);
    return reason === undefined
      ? { type: "ended", code, signal: signal ?? undefined }
      : { type: reason };
  } finally {
    ended = true;
    clearTimeout(limit);
    clearTimeout(patience);
    stop?.removeEventListener("abort", onStop);
    kill?.removeEventListener("abort", onKill);
    await stdin.close().catch(() => {});
  }
}

/** Calls `each` for every line of a stream; the last one needs no newline. What `count` refuses is dropped. */
async function eachLine(
  stream: ReadableStream<Uint8Array>,
  { count, each }: {
    readonly count: (bytes: number) => boolean;
    readonly each: (line: string) => void;
  },
): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    if (!count(chunk.length)) continue;
    const [first = "", ...more] = decoder.decode(chunk, { stream: true }).split("\n");
    rest += first;
    for (const line of more) {
      each(rest.endsWith("\r") ? rest.slice(0, -1) : rest);
      rest = line;
    }
    if (rest.length > MAX_LINE) {
      each(rest);
      rest = "";
    }
  }
  rest += decoder.decode();
  if (rest !== "") each(rest);
}
