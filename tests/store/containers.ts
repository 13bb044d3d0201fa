/**
 * Other process namespaces, as containers have them, where this machine lets a test make one.
 *
 * @module
 */

const UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];

let works: boolean | undefined;

/**
 * What to put before a command so that it runs in a process namespace of its own, as a container
 * does that has the same host name; a kill of it reaches all in it. Undefined where that is not
 * allowed here: only root may, and on Linux alone.
 */
export function container(): readonly string[] | undefined {
  works ??= tryOnce([...UNSHARE, "true"]);
  return works ? UNSHARE : undefined;
}

/** As {@linkcode container}, with a host name of its own. */
export function namedContainer(host: string): readonly string[] | undefined {
  if (container() === undefined) return undefined;
  return ["unshare", "--uts", "sh", "-c", `hostname ${host}; exec "$@"`, "sh", ...UNSHARE];
}

function tryOnce([command = "", ...args]: readonly string[]): boolean {
  try {
    const options = { args, stdout: "null", stderr: "null" } as const;
    return new Deno.Command(command, options).outputSync().success;
  } catch {
    return false;
  }
}
