/**
 * Ends a process whose runner is dead, from outside of both: a process that cannot watch for that itself all
 * of the time would go on for nobody, if it was caught in a loop just then.
 *
 * @module
 */

/**
 * A shell that waits for the end of its standard input, which comes when the runner dies. A Ctrl-C of the
 * terminal, which the runner answers, is not for it.
 */
const WAIT_AND_KILL = 'trap "" INT TERM HUP; read -r _; kill -9 "$0" 2>/dev/null';

/**
 * Has a process killed when this one dies before it says that it is done with it.
 *
 * @param pid Of the process.
 * @returns What ends the watch; done with it twice is harmless.
 */
export function guard(pid: number): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]: () => {} };
  let guardian: Deno.ChildProcess;
  try {
    guardian = new Deno.Command("/bin/sh", {
      args: ["-c", WAIT_AND_KILL, String(pid)],
      env: {},
      clearEnv: true,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
  } catch (error) {
    // A system without a shell: the process still watches for itself, if not all of the time.
    if (error instanceof Deno.errors.NotFound) return { [Symbol.dispose]: () => {} };
    throw error;
  }
  let isOver = false;
  return {
    [Symbol.dispose]: () => {
      if (isOver) return;
      isOver = true;
      // Before its input ends, which it would take for the runner's end.
      guardian.kill("SIGKILL");
      guardian.stdin.close().catch(() => {});
    },
  };
}
