/**
 * Tries of own stages to get at the inside of Node.js, where no permission is asked for: modules past the import
 * map, classes that an instance tells, files by their numbers.
 *
 * @module
 */

/** Has a module of Node.js by a hook, which no import map sees. */
const hooked = (module: string, code: string): string =>
  `const hooks = (await import("node:module")).registerHooks({
     resolve: (name, context, next) => name === "hooked:it" ? { url: "${module}", shortCircuit: true } : next(name, context),
   });
   const name = "hooked:it";
   const it = await import(name).finally(() => hooks.deregister());
   ${code}`;

/** Says which thread it started. */
const THREAD = 'new Worker("setTimeout(() => {}, 1e6)", { eval: true }); return "a thread";';

/** Name -> what a stage does. */
export const INSIDE: Readonly<Record<string, string>> = {
  "starts a thread by a hook": hooked("node:worker_threads", `const { Worker } = it; ${THREAD}`),
  "starts a thread by the default of a hook": hooked(
    "node:worker_threads",
    `const { Worker } = it.default; ${THREAD}`,
  ),
  "starts a thread by a module that a hook makes": `(await import("node:module")).registerHooks({
       resolve: (name, context, next) => name === "made:it" ? { url: "file://" + ROOT + "/lib/made.js", shortCircuit: true } : next(name, context),
       load: (url, context, next) => url.endsWith("/lib/made.js") ? { format: "module", source: "export { Worker } from 'node:worker_threads';", shortCircuit: true } : next(url, context),
     });
     const name = "made:it"; const { Worker } = await import(name).finally(() => hooks.deregister()); ${THREAD}`,
  "starts a thread by node:vm": `const vm = (await import("node:vm")).default;
     const { Worker } = await vm.runInThisContext("import('node:worker_threads')", { filename: "file://" + ROOT + "/lib/x.js", importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }); ${THREAD}`,
  "starts a thread by a module that it compiles":
    `const { Module } = await import("node:module"); const path = ROOT + "/lib/x.js"; const made = new Module(path);
     made._compile("module.exports = import('node:worker_threads')", path);
     const { Worker } = await made.exports; ${THREAD}`,
  "starts a thread as one that it caught":
    `let caught; const prototype = EventTarget.prototype; const original = prototype.dispatchEvent;
     prototype.dispatchEvent = function (event) { caught ??= this; return original.call(this, event); };
     const { readDataset, writeDataset } = await import("temper/data");
     const folder = output.path + "/caught"; await Deno.mkdir(folder);
     await writeDataset(folder, { columns: [{ name: "a", type: "int" }], splits: { data: [{ a: 1 }] } });
     await readDataset(folder).finally(() => { prototype.dispatchEvent = original; });
     await Deno.remove(folder, { recursive: true });
     if (caught?.postMessage === undefined) return "no thread to catch";
     new caught.constructor("data:text/javascript,", { type: "module" }); return "a thread";`,
  "writes to what its process has open":
    `const { Pipe } = process.binding("pipe_wrap"), { WriteWrap } = process.binding("stream_wrap");
     for (let fd = 3; fd < 30; fd++) { const pipe = new Pipe(0); if (pipe.open(fd) === 0) return "a file by its number"; }
     throw new Error("denied: none is open");`,
  "opens a file by a handle of its own":
    `const { Socket } = await import("node:net"); const Pipe = new Socket({ fd: 2, readable: false })._handle.constructor;
     for (let fd = 3; fd < 30; fd++) { if (new Pipe(0).open(fd) === 0) return "a file by its number"; }
     throw new Error("denied: none is open");`,
  "changes a mode by a number":
    'const fs = await import("node:fs"); const fd = fs.openSync(output.path, "r"); try { fs.fchmodSync(fd, 0o777); } finally { fs.closeSync(fd); }',
  "changes times by a number":
    'const { futimesSync, openSync } = (await import("node:module")).createRequire(import.meta.url)("fs"); futimesSync(openSync(output.path, "r"), 1, 1);',
  "changes an owner by a handle":
    'const { open } = await import("node:fs/promises"); const handle = await open(output.path, "r"); try { await handle.chmod(0o777); } finally { await handle.close(); }',
  "opens a database by a hook": hooked(
    "node:sqlite",
    'new it.DatabaseSync(":memory:"); return "a database";',
  ),
};
