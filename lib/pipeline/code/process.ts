/**
 * A Deno process with bounds: on its time, on what it prints, and on how long it may take to stop.
 *
 * @module
 */
import { after, type Timer } from "../../base/timer.ts";
import { guard } from "./guardian.ts";
import { eachLine } from "./lines.ts";

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
  /** What begins a message on standard output, which is passed on whole however long its line is. */
  readonly mark?: string;
  /** Characters of the longest message, which is left out where it is longer; no bound where absent. */
  readonly maxMessage?: number;
  /** Milliseconds after which it is stopped, from a fraction of one to years; no limit where absent. */
  readonly timeout?: number | undefined;
  /** Bytes that it may print; no limit where absent. */
  readonly maxOutput?: number;
  /** Whether it is killed from outside when the runner dies, too: for what cannot watch for that all of the time. */
  readonly guarded?: boolean;
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

/**
 * Runs Deno to its end.
 *
 * @returns How it ended, when everything that it printed was passed on.
 * @throws What taking a line throws, when the process is dead.
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

  using _ = options.guarded ? guard(child.pid) : undefined;
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
  let patience: Timer | undefined;
  let killAt = Infinity;
  const end = (why: NonNullable<typeof reason>, name: "SIGTERM" | "SIGKILL"): void => {
    reason ??= why;
    signal(name);
    if (name !== "SIGTERM" || patience !== undefined) return;
    patience = after(options.patience, () => signal("SIGKILL"));
    killAt = performance.now() + options.patience;
  };
  const onStop = (): void => end("interrupted", "SIGTERM");
  const onKill = (): void => end("interrupted", "SIGKILL");
  stop?.addEventListener("abort", onStop);
  kill?.addEventListener("abort", onKill);
  const { timeout = Infinity } = options;
  const deadline = performance.now() + timeout;
  const limit = after(timeout, () => end("timeout", "SIGTERM"));
  let printed = 0;
  const count = (bytes: number): boolean => {
    printed += bytes;
    // Beside the timers: no flood of output can hold these off.
    const now = performance.now();
    if (now >= deadline) end("timeout", "SIGTERM");
    if (now >= killAt) signal("SIGKILL");
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
      eachLine(child.stdout, {
        count,
        each: options.onStdout,
        mark: options.mark,
        maxMessage: options.maxMessage,
      }),
      eachLine(child.stderr, { count, each: options.onStderr }),
      sent,
    ]);
    return reason === undefined
      ? { type: "ended", code, signal: signal ?? undefined }
      : { type: reason };
  } catch (error) {
    // Whoever takes the lines could not go on, as on a full disk: the process may not either.
    signal("SIGKILL");
    await child.status;
    throw error;
  } finally {
    ended = true;
    limit.clear();
    patience?.clear();
    stop?.removeEventListener("abort", onStop);
    kill?.removeEventListener("abort", onKill);
    await stdin.close().catch(() => {});
  }
}
