/**
 * Who holds a lock or a scratch folder, and whether that process still lives.
 *
 * A pid alone is not enough: after a reboot, or a few hours, the number belongs to someone else. So
 * an owner is pid and start time of the process, the start counted in clock ticks since the boot
 * that is named with it. Source: proc_pid_stat(5), field 22.
 *
 * Deno lets a process read `/proc` only with every permission, which the runner does not have, so
 * `cat` reads it; where there is no `/proc`, `ps` tells the start. Left out: owners on other
 * machines cannot be judged and count as alive.
 *
 * @module
 */
import { hostname } from "node:os";
import process from "node:process";
import { systemCode } from "../disk/failure.ts";

/** A process of this or another machine. */
export interface Owner {
  readonly pid: number;
  /** When it started, in the system's own terms; empty where the system does not tell. */
  readonly start: string;
  readonly host: string;
}

/** `elsewhere`: on another machine, so nobody here can tell. */
export type OwnerState = "alive" | "dead" | "elsewhere";

let own: Promise<Owner> | undefined;

/** This process. The start time is found once. */
export function thisOwner(): Promise<Owner> {
  own ??= processStart(Deno.pid).then((start) => ({
    pid: Deno.pid,
    start: start ?? "",
    host: hostname(),
  }));
  return own;
}

/** Whether an owner's process still runs; a process that merely has its pid does not count. */
export async function ownerState(owner: Owner): Promise<OwnerState> {
  if (owner.host !== hostname()) return "elsewhere";
  if (!pidExists(owner.pid)) return "dead";
  if (owner.start === "") return "alive";
  const start = owner.pid === Deno.pid
    ? (await thisOwner()).start
    : await processStart(owner.pid) ?? (pidExists(owner.pid) ? "" : "gone");
  // An unknown start, or one told by another tool, proves nothing: better to wait for a dead owner
  // than to break a living one.
  if (start !== "gone" && start.split(" ")[0] !== owner.start.split(" ")[0]) return "alive";
  return start === owner.start ? "alive" : "dead";
}

/** A readable name for messages. */
export function describeOwner(owner: Owner): string {
  return owner.host === hostname()
    ? `process ${owner.pid}`
    : `process ${owner.pid} on ${owner.host}`;
}

/** Reads an {@linkcode Owner} out of parsed JSON, or undefined where it is none. */
export function parseOwner(value: unknown): Owner | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { pid, start, host } = value as Readonly<Record<string, unknown>>;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (typeof start !== "string" || typeof host !== "string") return undefined;
  return { pid, start, host };
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    return systemCode(error) !== "ESRCH";
  }
}

/** Start of a process, or undefined where it is gone or the system does not tell. */
async function processStart(pid: number): Promise<string | undefined> {
  if (Deno.build.os === "linux") {
    const stat = await procText([BOOT_ID, `/proc/${pid}/stat`]);
    if (stat !== undefined) {
      const [boot = "", line = ""] = stat.split("\n");
      // The command's name in parentheses may hold spaces and parentheses: count from its end.
      const ticks = line.slice(line.lastIndexOf(")") + 2).split(" ")[19];
      return ticks === undefined ? undefined : `ticks ${ticks} of boot ${boot.slice(0, 8)}`;
    }
  }
  if (Deno.build.os === "windows") return undefined;
  const started = await output("ps", ["-o", "lstart=", "-p", String(pid)]);
  return started === undefined ? undefined : `date ${started}`;
}

const BOOT_ID = "/proc/sys/kernel/random/boot_id";

async function procText(paths: readonly string[]): Promise<string | undefined> {
  try {
    return paths.map((path) => Deno.readTextFileSync(path)).join("");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  }
  return await output("cat", paths);
}

async function output(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stderr: "null",
      env: { LC_ALL: "C", TZ: "UTC" },
    }).output();
    const text = new TextDecoder().decode(stdout).trim();
    return success && text !== "" ? text : undefined;
  } catch {
    return undefined;
  }
}
