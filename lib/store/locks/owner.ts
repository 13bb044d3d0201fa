/**
 * Who holds a lock or a scratch folder, and whether that process still lives.
 *
 * A pid alone is not enough: after a reboot, or a few hours, the number belongs to someone else, and
 * in a container it counts among other processes. So an owner is pid and start time of the process,
 * the boot of its kernel and the namespace of its pid. Where boot and namespace are this process's
 * own, the pid tells whether it lives. Anybody else is `elsewhere`, and what it holds tells
 * (`held_file.ts`): two containers of one name, two machines of one name, another machine.
 *
 * Left out: macOS and Windows have no namespaces and tell no boot id; there the same host name means
 * the same machine, as it does for owners that an earlier version wrote.
 *
 * @module
 */
import { hostname } from "node:os";
import { pidExists, processFacts } from "./system.ts";

/** A process of this or another machine. */
export interface Owner {
  readonly pid: number;
  /** When it started, in the system's own terms; empty where the system does not tell. */
  readonly start: string;
  readonly host: string;
  /** The boot of its kernel; empty where the system does not tell, absent in files of an earlier version. */
  readonly boot?: string;
  /** Where its pid counts; empty or absent as `boot`. */
  readonly namespace?: string;
}

/** `elsewhere`: its pid says nothing here, and what it holds has to tell. */
export type OwnerState = "alive" | "dead" | "elsewhere";

let own: Promise<Owner> | undefined;
let ownNow: Owner | undefined;

/** This process. What the system tells of it is asked once. */
export function thisOwner(): Promise<Owner> {
  own ??= processFacts(Deno.pid).then((facts) =>
    ownNow = { pid: Deno.pid, host: hostname(), ...facts }
  );
  return own;
}

/** Whether an owner is this process. */
export async function isThisProcess(owner: Owner): Promise<boolean> {
  const self = await thisOwner();
  return owner.pid === self.pid && owner.start === self.start && sharesPids(owner, self);
}

/** Whether an owner's process still runs; a process that merely has its pid does not count. */
export async function ownerState(owner: Owner): Promise<OwnerState> {
  const self = await thisOwner();
  if (!sharesPids(owner, self)) return "elsewhere";
  if (!pidExists(owner.pid)) return "dead";
  if (owner.start === "") return "alive";
  const start = owner.pid === self.pid ? self.start : (await processFacts(owner.pid)).start;
  // An unknown start, or one told by another tool, proves nothing: better to wait for a dead owner
  // than to break a living one.
  if (start.split(" ")[0] !== owner.start.split(" ")[0]) {
    return pidExists(owner.pid) ? "alive" : "dead";
  }
  return start === owner.start ? "alive" : "dead";
}

/** Whether an owner's pid counts among the processes that `self` sees. */
function sharesPids(owner: Owner, self: Owner): boolean {
  const { boot, namespace } = owner;
  if (boot === undefined || namespace === undefined) return owner.host === self.host;
  if (boot === "" && self.boot === "" && Deno.build.os !== "linux") return owner.host === self.host;
  if (boot === "" || namespace === "") return false;
  return boot === self.boot && namespace === self.namespace;
}

/** Whether an owner runs on this kernel, which then knows of the files that it has locked. */
export async function sharesKernel({ boot }: Owner): Promise<boolean> {
  return boot !== undefined && boot !== "" && boot === (await thisOwner()).boot;
}

/** A readable name for messages. */
export function describeOwner(owner: Owner): string {
  const name = `process ${owner.pid}`;
  if (owner.host !== hostname()) return `${name} on ${owner.host}`;
  if (ownNow === undefined || sharesPids(owner, ownNow)) return name;
  if (owner.boot === ownNow.boot) return `${name} of another container (${owner.namespace})`;
  return `${name} on ${owner.host} before it started anew, or on another machine of that name`;
}

/** Reads an {@linkcode Owner} out of parsed JSON, or undefined where it is none. */
export function parseOwner(value: unknown): Owner | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { pid, start, host, boot, namespace } = value as Readonly<Record<string, unknown>>;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (typeof start !== "string" || typeof host !== "string") return undefined;
  return {
    pid,
    start,
    host,
    ...(typeof boot === "string" ? { boot } : {}),
    ...(typeof namespace === "string" ? { namespace } : {}),
  };
}
