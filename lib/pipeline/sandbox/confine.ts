/**
 * Closes, in the process of an own stage, ways past Deno's permissions that Deno leaves open.
 *
 * - `node:sqlite`: SQLite opens and removes files by itself, which names in a crafted journal tell it, and
 *   asks for no permission. The import map refuses the name where code states it, before anything runs;
 *   here what the module holds is replaced, for there are many ways to a module of Node.js.
 * - Workers have all of that anew, out of reach of what is done here, and so none starts. Their code
 *   could only be text that the stage makes.
 * - Deno's own operations.
 *
 * @module
 */
import { createRequire, syncBuiltinESMExports } from "node:module";

/** Stands in the place of what no own stage may have. The message is Deno's: `denial.ts` puts it into words. */
function refused(what: string): new () => never {
  return class {
    constructor() {
      throw new Deno.errors.NotCapable(`Requires run access to "${what}"`);
    }
  } as unknown as new () => never;
}

/** Closes them. Called before the stage's module is loaded. */
export function confine(): void {
  const require = createRequire(import.meta.url);
  const replace = (module: string, names: readonly string[], what: string): void => {
    const members = require(module) as Record<string, unknown>;
    for (const name of names) members[name] = refused(what);
  };
  replace("node:sqlite", ["DatabaseSync", "StatementSync", "backup"], "node:sqlite");
  replace("node:worker_threads", ["Worker"], "a worker");
  globalThis.Worker = refused("a worker") as unknown as typeof Worker;
  syncBuiltinESMExports();
  const deno = Deno as unknown as Record<PropertyKey, unknown>;
  const { internal } = deno;
  if (typeof internal === "symbol") Reflect.deleteProperty(deno, internal);
  Reflect.deleteProperty(deno, "internal");
}
