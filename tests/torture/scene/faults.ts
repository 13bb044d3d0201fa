/**
 * Runs before `main.ts` in the process of a runner (`deno run --preload`) and counts every operation
 * that changes something on a disk; at one of them it kills the process or makes the system refuse.
 *
 * The product knows nothing of this: the functions that it calls are replaced. Left out: what SQLite
 * writes inside one statement, which is its own promise; a statement as a whole is an operation.
 *
 * @module
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { DatabaseSync, StatementSync } from "node:sqlite";
import {
  CLOCK,
  DENO_WRITES,
  FAULT,
  FAULT_LOG,
  FILE_WRITES,
  NODE_WRITES,
  SYSTEM_ERRORS,
} from "./fault_points.ts";

type Call = (...args: unknown[]) => unknown;
type Table = Record<string, Call>;

/** What to do with one operation. */
type Verdict = "go" | "tear" | { readonly code: string };

const [, after = "0", at = "", lasting, kind = ""] =
  /^(?:(\d+)@)?(\d+)(\+?):(\w+)$/.exec(Deno.env.get(FAULT) ?? "") ?? [];
const log = Deno.env.get(FAULT_LOG);
const original = { append: Deno.writeTextFileSync, kill: Deno.kill, open: Deno.openSync };
let count = 0;
let processes = 0;
const done: string[] = [];

/** Counts an operation and says what becomes of it; does not return where the process ends here. */
function next(name: string, path: unknown): Verdict {
  if (name === "process") processes++;
  if (processes < Number(after)) return "go";
  count++;
  if (at === "") done.push(name);
  const strikes = at !== "" && (lasting === "+" ? count >= Number(at) : count === Number(at));
  if (!strikes) return "go";
  if (count === Number(at)) note(`${count} ${name} ${String(path)}`);
  if (kind === "kill") die();
  if (kind === "tear") return "tear";
  // A full disk refuses only what takes space.
  const takesSpace = !/^(remove|rename|chmod|utime|truncate|sync|rm|unlink|close)/.test(name);
  if (!takesSpace && (kind === "ENOSPC" || kind === "EDQUOT")) return "go";
  return { code: kind };
}

function note(text: string): void {
  if (log !== undefined) original.append(log, `${text}\n`, { append: true });
}

function die(): never {
  original.kill(Deno.pid, "SIGKILL");
  // The signal is on its way: nothing more may happen in this thread.
  for (;;);
}

/** The system's refusal in the form in which Deno throws it. */
function refusal(code: string): Error {
  const { number, text } = SYSTEM_ERRORS[code]!;
  const message = `${text} (os error ${number})`;
  const error = code === "EACCES" ? new Deno.errors.PermissionDenied(message) : new Error(message);
  return Object.assign(error, { code });
}

/** Replaces a function by one that counts. `tear` does half of the work. */
function replace(
  table: Table,
  name: string,
  { label = name, counts = () => true, sync = /Sync$/.test(name), tear }: {
    readonly label?: string;
    readonly counts?: (args: readonly unknown[]) => boolean;
    readonly sync?: boolean;
    readonly tear?: (self: unknown, args: readonly unknown[]) => void;
  } = {},
): void {
  const real = table[name];
  if (typeof real !== "function") return;
  table[name] = function (this: unknown, ...args: unknown[]): unknown {
    if (!counts(args)) return real.apply(this, args);
    const verdict = next(label, args[0]);
    if (verdict === "go") return real.apply(this, args);
    if (verdict === "tear") {
      tear?.(this, args);
      die();
    }
    const error = refusal(verdict.code);
    if (sync) throw error;
    return Promise.reject(error);
  };
}

/** Half of a text or of bytes. */
function half(data: unknown): Uint8Array<ArrayBuffer> {
  const bytes = typeof data === "string"
    ? new TextEncoder().encode(data)
    : data instanceof Uint8Array
    ? data.slice()
    : new Uint8Array();
  return bytes.slice(0, bytes.length >> 1);
}

/** Whether `Deno.open` may change something. */
function opensToWrite(args: readonly unknown[]): boolean {
  const options = (args[1] ?? {}) as Readonly<Record<string, unknown>>;
  return ["write", "append", "create", "createNew", "truncate"].some((name) => options[name]);
}

function tearFile(_self: unknown, [path, data, options]: readonly unknown[]): void {
  const { append = false } = (options ?? {}) as { readonly append?: boolean };
  using file = original.open(path as string, { write: true, create: true, append });
  if (!append) file.truncateSync();
  file.writeSync(half(data));
}

const writeSync = Deno.FsFile.prototype.writeSync;

function tearOpen(self: unknown, [data]: readonly unknown[]): void {
  writeSync.call(self as Deno.FsFile, half(data));
}

const deno = Deno as unknown as Table;
for (const name of DENO_WRITES) {
  for (const each of [name, `${name}Sync`]) {
    replace(deno, each, {
      label: name,
      ...(name === "open" ? { counts: opensToWrite } : {}),
      ...(/^write/.test(name) ? { tear: tearFile } : {}),
    });
  }
}
for (const name of FILE_WRITES) {
  replace(Deno.FsFile.prototype as unknown as Table, name, {
    label: name.replace(/Sync$/, ""),
    ...(/^write/.test(name) ? { tear: tearOpen } : {}),
  });
}
for (const name of NODE_WRITES) replace(fs as unknown as Table, name);
syncBuiltinESMExports();
replace(DatabaseSync.prototype as unknown as Table, "exec", { label: "database", sync: true });
replace(StatementSync.prototype as unknown as Table, "run", { label: "database", sync: true });
// A process that was just started, or is about to be, is a moment of its own; no disk refuses it.
for (const name of ["spawn", "output"]) {
  if (kind !== "kill" && kind !== "") break;
  replace(Deno.Command.prototype as unknown as Table, name, { label: "process" });
}

globalThis.addEventListener("unload", () => {
  if (at === "") note(done.join("\n"));
});

const ahead = Number(Deno.env.get(CLOCK) ?? 0) * 1000;
if (ahead !== 0) {
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...args: unknown[]) {
      super(...(args.length === 0 ? [RealDate.now() + ahead] : args) as [number]);
    }
    static override now(): number {
      return RealDate.now() + ahead;
    }
  } as DateConstructor;
}
