/**
 * What the system tells of a process: when it started, in which boot, among which processes.
 *
 * Deno lets a process read `/proc` only with every permission, which the runner does not have, so a
 * shell reads it, in one process: `sh` itself and `readlink` in its place. Where there is no `/proc`,
 * `ps` tells the start and nothing tells the rest. Sources: proc_pid_stat(5) field 22,
 * pid_namespaces(7).
 *
 * @module
 */
import process from "node:process";
import { systemCode } from "../disk/failure.ts";

/** What is known of a process; empty where the system does not tell. */
export interface ProcessFacts {
  /** When it started, in the system's own terms. */
  readonly start: string;
  /** Linux: the id of the boot of the kernel that this process runs on. */
  readonly boot: string;
  /**
   * Linux: the namespace in which this process's pids count, `pid:[4026531836]`, and the one in which it sees
   * the times when processes started, ` time:[4026531834]`, where the kernel has such.
   */
  readonly namespace: string;
}

/** Whether a process with this pid exists, among the processes that this one can see. */
export function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    return systemCode(error) !== "ESRCH";
  }
}

/** What the system tells of a process of this one's namespace, and of the namespace. */
export async function processFacts(pid: number): Promise<ProcessFacts> {
  if (Deno.build.os === "linux") {
    const [boot = "", stat = "", ...namespaces] = (await procText(pid)).split("\n");
    // The command's name in parentheses may hold spaces and parentheses: count from its end.
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    const start = boot === "" || ticks === undefined
      ? ""
      : `ticks ${ticks} of boot ${boot.slice(0, 8)}`;
    if (boot !== "") return { start, boot, namespace: namespaces.join(" ").trim() };
  }
  if (Deno.build.os === "windows") return NOTHING;
  const started = await output("ps", ["-o", "lstart=", "-p", String(pid)]);
  return started === undefined ? NOTHING : { ...NOTHING, start: `date ${started.trim()}` };
}

const NOTHING: ProcessFacts = { start: "", boot: "", namespace: "" };
const BOOT_ID = "/proc/sys/kernel/random/boot_id";
const NAMESPACES = ["/proc/self/ns/pid", "/proc/self/ns/time"] as const;

/**
 * Lines: boot id, the process's `stat`, the namespaces. A container may see the `/proc` of
 * another namespace, where the same number is another process: then `stat` is left empty.
 */
async function procText(pid: number): Promise<string> {
  try {
    const boot = Deno.readTextFileSync(BOOT_ID).trim();
    const isOurs = Deno.readTextFileSync("/proc/self/stat").startsWith(`${Deno.pid} `);
    const namespaces = NAMESPACES.map((path) => {
      try {
        return Deno.readLinkSync(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return "";
        throw error;
      }
    });
    return [boot, isOurs ? statOf(pid) : "", ...namespaces].join("\n");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) return "";
  }
  return await output("sh", ["-c", READ_PROC, "sh", String(pid)]) ?? "";
}

function statOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/stat`).trim();
  } catch {
    return "";
  }
}

const READ_PROC = `read -r boot < ${BOOT_ID}
read -r self rest < /proc/self/stat
[ "$self" = "$$" ] && read -r stat < "/proc/$1/stat"
printf '%s\\n%s\\n' "$boot" "$stat"
readlink ${NAMESPACES[0]} || exit 1
readlink ${NAMESPACES[1]} 2> /dev/null
exit 0`;

async function output(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stderr: "null",
      env: { LC_ALL: "C", TZ: "UTC" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    return success && text.trim() !== "" ? text : undefined;
  } catch {
    return undefined;
  }
}
