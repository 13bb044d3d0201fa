/**
 * Closes, in the process of an own stage, ways past Deno's permissions that Deno leaves open.
 *
 * - `node:sqlite`: SQLite opens and removes files by itself, which names in a crafted journal tell it, and
 *   asks for no permission. The import map refuses the name where code states it, before anything runs;
 *   here what the module holds is replaced, for there are many ways to a module of Node.js.
 * - Workers have all of that anew, out of reach of what is done here, and so none starts. Their code
 *   could only be text that the stage makes.
 * - Deno's own operations, and `process.binding`.
 * - Files by number. A pipe or a socket can be opened on any that the process has, Deno's caches among them; and
 *   mode, owner and times of a file that may only be read can be changed by its number.
 *
 * What is replaced is what every name leads to: members that `require` gives, exports of the module, which keep
 * what they were if somebody imported it before, and the constructor that an instance tells, for a stage may
 * get hold of one of ours.
 *
 * @module
 */
import { createRequire, syncBuiltinESMExports } from "node:module";
import { InternalError } from "../../base/errors.ts";
import { confinedName } from "../code/confinement.ts";

/** Stands in the place of what no own stage may have. The message is Deno's: `denial.ts` puts it into words. */
function refused(what: string): () => never {
  return function (): never {
    throw new Deno.errors.NotCapable(`Requires run access to "${what}"`);
  };
}

/** What is replaced in modules of Node.js: of each its members, and what is said of them. */
const REPLACED: readonly (readonly [module: string, names: readonly string[], what: string])[] = [
  ["node:sqlite", ["DatabaseSync", "StatementSync", "backup"], "node:sqlite"],
  ["node:worker_threads", ["Worker"], "a worker"],
  [
    "node:fs",
    ["fchmod", "fchmodSync", "fchown", "fchownSync", "futimes", "futimesSync"],
    "a change of a file by its number",
  ],
];

/** Handles of Node.js that open what a number names. */
const HANDLES: readonly (readonly [binding: string, name: string])[] = [
  ["pipe_wrap", "Pipe"],
  ["tcp_wrap", "TCP"],
  ["udp_wrap", "UDP"],
];

/** The numbers of standard input, output and error, which a stage has anyway. */
const STANDARD: readonly unknown[] = [0, 1, 2];

/**
 * Closes them. Called before the stage's module is loaded.
 *
 * @param readable Paths of which the process may read one, where it may read anything.
 * @throws {InternalError} Where one of these modules was imported before, and is open.
 */
export async function confine(readable: readonly string[]): Promise<void> {
  const require = createRequire(import.meta.url);
  for (const [module, names, what] of REPLACED) {
    const members = require(module) as Record<string, unknown>;
    for (const name of names) members[name] = instead(members[name], what);
  }
  globalThis.Worker = instead(globalThis.Worker, "a worker") as typeof Worker;
  syncBuiltinESMExports();
  for (const [module, names] of REPLACED) await checkExports(module, names);
  closeNumbers(require);
  await closeFileHandles(require, readable);
  const deno = Deno as unknown as Record<PropertyKey, unknown>;
  const { internal } = deno;
  if (typeof internal === "symbol") Reflect.deleteProperty(deno, internal);
  Reflect.deleteProperty(deno, "internal");
}

/** What refuses in the place of a class or function, of which no instance tells the class any more. */
function instead(original: unknown, what: string): unknown {
  const replacement = refused(what);
  const { prototype } = original as { readonly prototype?: object };
  if (prototype !== undefined) {
    Object.defineProperty(prototype, "constructor", { value: replacement, configurable: false });
  }
  return replacement;
}

/** Leaves handles the numbers that everybody has, and nobody a way to other parts of Node.js. */
function closeNumbers(require: NodeJS.Require): void {
  const process = require("node:process") as { binding(name: string): Record<string, unknown> };
  for (const [binding, name] of HANDLES) {
    const { prototype } = process.binding(binding)[name] as {
      readonly prototype: Record<string, (number: unknown, ...rest: unknown[]) => unknown>;
    };
    for (const method of ["open", "openFromRid"]) {
      const original = prototype[method];
      if (original === undefined) continue;
      const value = function (this: unknown, number: unknown, ...rest: unknown[]): unknown {
        if (STANDARD.includes(number)) return Reflect.apply(original, this, [number, ...rest]);
        return refused("a file by its number")();
      };
      Object.defineProperty(prototype, method, { value, configurable: false });
    }
  }
  Object.defineProperty(process, "binding", { value: refused("process.binding") });
}

/** The same for what `fs.promises.open` gives: a class that only one of its own tells. */
async function closeFileHandles(
  require: NodeJS.Require,
  readable: readonly string[],
): Promise<void> {
  const { promises } = require("node:fs") as typeof import("node:fs");
  for (const path of readable) {
    const handle = await promises.open(path, "r").catch(() => undefined);
    if (handle === undefined) continue;
    const prototype = Object.getPrototypeOf(handle) as object;
    for (const name of ["chmod", "chown", "utimes"]) {
      const value = refused("a change of a file by its number");
      Object.defineProperty(prototype, name, { value, configurable: false });
    }
    await handle.close();
    return;
  }
}

/**
 * Checks what the module has for those who import it. This also makes its exports: they are of the moment of the
 * first import, and no later one changes them.
 */
async function checkExports(module: string, names: readonly string[]): Promise<void> {
  const members = createRequire(import.meta.url)(module) as Record<string, unknown>;
  const exported = await import(confinedName(module)) as Record<string, unknown>;
  const all = exported.default as Record<string, unknown>;
  const open = names.filter((name) =>
    exported[name] !== members[name] || all[name] !== members[name]
  );
  if (open.length > 0) throw new InternalError(`${module} has its own ${open.join(", ")} still`);
}
