/**
 * What own stages try in `escapes.ts`: to read, change or send what nobody gave them.
 *
 * In the code there are the constants `OUT` (a folder outside of the project, which holds `secret.txt`,
 * `token`, `module.ts`, `data.json`, `m.wasm` and `victim.txt`), `PROJECT`, `HOST` (a server that knows
 * the secret) and `NPM` (the packages that Deno downloaded), in bodies also those of a stage's `run`.
 *
 * @module
 */

import { INSIDE } from "./escapes_inside.ts";

/** One try. */
export interface Escape {
  readonly name: string;
  /** The body of `run`, which returns what it got. */
  readonly body?: string;
  /** Lines above the definition; `%OUT%` and the like stand for the constants, in texts of imports. */
  readonly top?: string;
  /** Files beside the stage. */
  readonly files?: Readonly<Record<string, string>>;
  /** Symbolic links beside the stage: name -> what it leads to. */
  readonly links?: Readonly<Record<string, string>>;
  /** The file that the pipeline uses, where it is another. */
  readonly uses?: string;
  /** True where it may end well, as long as it got nothing. */
  readonly mayEnd?: boolean;
  /** True where it changes its process, so that no other try can share it. */
  readonly alone?: boolean;
}

const bodies = (
  entries: Readonly<Record<string, string>>,
  more: Omit<Partial<Escape>, "name" | "body"> = {},
): Escape[] => Object.entries(entries).map(([name, body]) => ({ name, body, ...more }));

const tops = (
  entries: Readonly<Record<string, string>>,
  more: Omit<Partial<Escape>, "name" | "top"> = {},
): Escape[] => Object.entries(entries).map(([name, top]) => ({ name, top, ...more }));

/** A GPU's drivers keep files of their own, and no key tells of it. */
const GPU =
  "if (await navigator.gpu?.requestAdapter()) return 'a GPU'; throw new Error('denied: none');";

const data = (code: string): string =>
  `"data:text/javascript," + encodeURIComponent(${
    JSON.stringify(code)
  }.replaceAll("%OUT%", OUT).replaceAll("%PROJECT%", PROJECT))`;

const inWorker = (code: string): string =>
  `const worker = new Worker(${data(code)}, { type: "module" });
   return await new Promise((got, fail) => {
     worker.onmessage = ({ data }) => data.error ? fail(new Error(data.error)) : got(data.text);
     worker.onerror = (event) => { event.preventDefault(); fail(new Error(event.message)); };
   }).finally(() => worker.terminate());`;

const report = (code: string): string =>
  `try { postMessage({ text: await (async () => { ${code} })() }); } catch (error) { postMessage({ error: String(error) }); }`;

const READS = bodies({
  "reads a file": 'return await Deno.readTextFile(OUT + "/secret.txt");',
  "reads by ..":
    'return await Deno.readTextFile(output.path + "/../../../../../../../.." + OUT + "/secret.txt");',
  "reads through node:fs":
    'return (await import("node:fs")).readFileSync(OUT + "/secret.txt", "utf8");',
  "reads through node:fs/promises":
    'return await (await import("node:fs/promises")).readFile(OUT + "/secret.txt", "utf8");',
  "opens a FileHandle":
    'const h = await (await import("node:fs/promises")).open(OUT + "/secret.txt"); return await h.readFile("utf8");',
  "streams a file":
    'for await (const c of (await import("node:fs")).createReadStream(OUT + "/secret.txt", "utf8")) return c;',
  "lists a folder": "return [...Deno.readDirSync(OUT)].map((e) => e.name).join();",
  "asks whether a file is there": 'return Deno.statSync(OUT + "/secret.txt").size;',
  "fetches a file": 'return await (await fetch("file://" + OUT + "/secret.txt")).text();',
  "opens a database":
    'const { DatabaseSync } = await import("node:" + "sqlite"); return String(new DatabaseSync(OUT + "/secret.txt"));',
  "attaches a database":
    'const { DatabaseSync } = await import("node:" + "sqlite"); const d = new DatabaseSync(":memory:"); d.exec(`ATTACH DATABASE \'${OUT}/new.db\' AS x; CREATE TABLE x.t (a)`);',
  "reads its environment in /proc": 'return await Deno.readTextFile("/proc/self/environ");',
  "reads the runner's environment in /proc":
    "return await Deno.readTextFile(`/proc/${Deno.ppid}/environ`);",
  "walks through /proc/self/cwd":
    'return await Deno.readTextFile("/proc/self/cwd/../../../../secret.txt");',
  "walks through /proc/self/root":
    'return await Deno.readTextFile("/proc/self/root" + OUT + "/secret.txt");',
  "reads /dev/fd": 'return await Deno.readTextFile("/dev/fd/0");',
  "changes its folder": 'Deno.chdir(OUT); return await Deno.readTextFile("secret.txt");',
  "makes a file URL": 'return await Deno.readTextFile(new URL("file://" + OUT + "/secret.txt"));',
  "makes a server of files":
    'const { createServer } = await import("node:http"); createServer().listen(0); return "listens";',
  "watches a folder": "for await (const e of Deno.watchFs(OUT)) return String(e);",
});

const WRITES = bodies({
  "writes a file": 'await Deno.writeTextFile(OUT + "/victim.txt", "x");',
  "appends a file": 'await Deno.writeTextFile(OUT + "/victim.txt", "x", { append: true });',
  "removes a file": 'await Deno.remove(OUT + "/victim.txt");',
  "moves a file into its output":
    'await Deno.rename(OUT + "/secret.txt", output.path + "/generations.jsonl");',
  "links a file into its output":
    'await Deno.link(OUT + "/secret.txt", output.path + "/generations.jsonl"); return Deno.readTextFileSync(output.path + "/generations.jsonl");',
  "links a file by node:fs":
    '(await import("node:fs")).linkSync(OUT + "/victim.txt", output.path + "/v"); Deno.writeTextFileSync(output.path + "/v", "x");',
  "makes a symbolic link":
    'await Deno.symlink(OUT + "/secret.txt", output.path + "/s"); return Deno.readTextFileSync(output.path + "/s");',
  "makes a symbolic link by node:fs":
    '(await import("node:fs")).symlinkSync(OUT + "/secret.txt", output.path + "/s"); return Deno.readTextFileSync(output.path + "/s");',
  "copies a file":
    'await Deno.copyFile(OUT + "/secret.txt", output.path + "/generations.jsonl"); return Deno.readTextFileSync(output.path + "/generations.jsonl");',
  "changes a mode": 'await Deno.chmod(OUT + "/victim.txt", 0o777);',
  "changes the times of a file": 'await Deno.utime(OUT + "/victim.txt", 1, 1);',
  "makes a temporary file": 'await Deno["makeTemp" + "File"]();',
  "changes its code": 'await Deno.writeTextFile(PROJECT + "/stage.ts", "x");',
  "writes into Deno's folder": 'await Deno.writeTextFile(NPM + "/x", "x");',
  "keeps data in localStorage": 'localStorage.setItem("a", "b");',
  "keeps data in caches": 'await caches.open("a");',
  "keeps data in a worker's caches": inWorker(
    report(
      'const c = await caches.open("a"); await c.put("http://a.b/", new Response("x")); return "kept";',
    ),
  ),
  "opens a database, whose journal may name any file":
    'new (await import("node:" + "sqlite")).DatabaseSync(output.path + "/x.db");',
  "opens a database by a short name":
    'const name = "sqlite"; new (await import(name)).DatabaseSync(output.path + "/x.db");',
  "requires node:sqlite":
    'const m = (await import("node:module")).createRequire(import.meta.url)("node:sqlite"); new m.DatabaseSync(":memory:");',
  "has node:sqlite built in":
    'const m = (await import("node:process")).getBuiltinModule("node:sqlite"); new m.DatabaseSync(":memory:");',
  "has node:sqlite by module":
    'const m = (await import("node:module")).getBuiltinModule("node:sqlite"); new m.DatabaseSync(":memory:");',
  "starts a worker": 'new Worker("data:text/javascript,");',
  "starts a thread":
    'new (await import("node:worker_threads")).Worker("setTimeout(() => {}, 1e6)", { eval: true });',
  ...INSIDE,
  "has Deno's own operations":
    'if (Deno[Deno.internal] !== undefined || Object.getOwnPropertySymbols(Deno).some((each) => Deno[each]?.core)) return "operations"; throw new Error("denied: none");',
  "asks for a GPU": GPU,
  "asks for a GPU in a worker": inWorker(report(GPU)),
  "keeps data in Deno.openKv": "await Deno.openKv();",
  "keeps data in IndexedDB": 'indexedDB.open("a");',
  "writes a report":
    '(await import("node:process")).default.report.writeReport(OUT + "/report"); throw new Error("denied: nothing");',
  "writes a snapshot of its memory": '(await import("node:v8")).writeHeapSnapshot(OUT + "/heap");',
});

const IMPORTS = bodies({
  "imports a module by a computed path":
    'const p = OUT + "/module.ts"; return (await import(p)).default;',
  "imports a text by a computed path":
    'const p = OUT + "/secret.txt"; return (await import(p, { with: { type: "text" } })).default;',
  "imports a file in a computed data: URL": `const url = ${
    data('import text from "file://%OUT%/secret.txt" with { type: "text" }; export default text;')
  }; return (await import(url)).default;`,
  "imports a file of the project in a computed data: URL": `const url = ${
    data('import text from "file://%PROJECT%/.env" with { type: "text" }; export default text;')
  }; return (await import(url)).default;`,
  "imports a file in a blob":
    'const url = URL.createObjectURL(new Blob([`import t from "file://${OUT}/data.json" with { type: "json" }; export default JSON.stringify(t);`], { type: "text/javascript" })); return (await import(url)).default;',
  "imports a file with %2f":
    'const p = "file://" + PROJECT + "/..%2f".repeat(20) + OUT.slice(1) + "/module.ts"; return (await import(p)).default;',
  "imports a package by a computed name":
    'const n = "npm:yaml@2.9.1"; return typeof (await import(n)).parse;',
  "imports another version of a package":
    'const n = "npm:zod@3"; return typeof (await import(n)).z;',
  "imports a package that does not exist":
    'const n = "npm:secret-of-nobody-" + 1; return typeof await import(n);',
  "imports a package of jsr": 'const n = "jsr:@std/fs@1"; return typeof await import(n);',
  "imports an address": "const n = `http://${HOST}/m.ts`; return typeof await import(n);",
  "imports an address in a data: URL":
    'const url = "data:text/javascript," + encodeURIComponent(`export * from "http://${HOST}/m.ts";`); return typeof await import(url);',
  "imports a package in a data: URL":
    'const url = "data:text/javascript," + encodeURIComponent("export * from \\"npm:yaml@2.9.1\\";"); return Object.keys(await import(url)).join();',
  "requires a file":
    'return (await import("node:module")).createRequire("file://" + OUT + "/")("./data.json").is;',
  "requires a downloaded package":
    'return typeof (await import("node:module")).createRequire(import.meta.url)(NPM + "/yaml/2.9.1/dist/index.js").parse;',
  "requires a package by name":
    'return typeof (await import("node:module")).createRequire(import.meta.url)("yaml").parse;',
  "starts a worker of a file":
    'const w = new Worker("file://" + OUT + "/module.ts", { type: "module" }); await new Promise((_, fail) => { w.onerror = (e) => { e.preventDefault(); fail(new Error(e.message)); }; });',
  "imports a file in a worker": inWorker(
    'import text from "file://%PROJECT%/.env" with { type: "text" }; postMessage({ text });',
  ),
  "reads a file in a worker": inWorker(report('return Deno.readTextFileSync("%OUT%/secret.txt");')),
  "imports a package in a worker": inWorker(
    report('const n = "npm:yaml@2.9.1"; return typeof (await import(n)).parse;'),
  ),
});

const NET = bodies({
  "fetches": "return await (await fetch(`http://${HOST}/`)).text();",
  "connects":
    'const [hostname, port] = HOST.split(":"); await Deno.connect({ hostname, port: Number(port) });',
  "connects by node:net":
    'const [host, port] = HOST.split(":"); const net = await import("node:net"); await new Promise((got, fail) => net.connect(Number(port), host).on("connect", got).on("error", fail));',
  "asks by node:http":
    'const http = await import("node:http"); await new Promise((got, fail) => http.get(`http://${HOST}/`, got).on("error", fail));',
  "opens a WebSocket":
    "await new Promise((got, fail) => { const s = new WebSocket(`ws://${HOST}/`); s.onopen = got; s.onerror = (e) => fail(new Error(e.message)); });",
  "listens": "Deno.listen({ port: 0 });",
  "asks for a name": 'await Deno.resolveDns("a.invalid", "A");',
  "opens an inspector": '(await import("node:inspector")).open(0); return "open";',
});

const SYSTEM = bodies({
  "reads a variable": 'return Deno.env.get("TEMPER_ESCAPE_SECRET");',
  "reads a variable by node:process":
    'return (await import("node:process")).default.env.TEMPER_ESCAPE_SECRET;',
  "reads all variables": "return JSON.stringify(Deno.env.toObject());",
  "starts a process":
    'return new TextDecoder().decode((await new Deno.Command("/bin/cat", { args: [OUT + "/secret.txt"] }).output()).stdout);',
  "starts a process by name": 'await new Deno.Command("cat").output();',
  "starts a process by node:child_process":
    '(await import("node:child_process")).execFileSync("/bin/cat", [OUT + "/secret.txt"]);',
  "forks": '(await import("node:child_process")).fork(OUT + "/module.ts");',
  "kills the runner": 'Deno.kill(Deno.ppid, "SIGTERM");',
  "asks for the host's name": "return Deno.hostname();",
  "asks for addresses of the network":
    'return JSON.stringify((await import("node:os")).networkInterfaces());',
  "asks who it runs for": 'return JSON.stringify((await import("node:os")).userInfo());',
  "counts the cores": 'return (await import("node:os")).cpus().length;',
  "loads a library":
    'Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", { getenv: { parameters: ["buffer"], result: "pointer" } });',
  "loads an addon":
    '(await import("node:process")).default.dlopen({ exports: {} }, OUT + "/x.node");',
  "asks for a permission":
    'const { state } = await Deno.permissions.request({ name: "read" }); if (state === "granted") return Deno.readTextFileSync(OUT + "/secret.txt"); throw new Error("denied: " + state);',
  "starts a node worker with its environment":
    'const { Worker, SHARE_ENV } = await import("node:worker_threads"); const w = new Worker("require(\\"node:worker_threads\\").parentPort.postMessage(process.env.TEMPER_ESCAPE_SECRET ?? null)", { eval: true, env: SHARE_ENV }); return await new Promise((got, fail) => { w.on("message", got); w.on("error", fail); });',
  "reads in node:vm":
    'return (await import("node:vm")).runInNewContext("read(path)", { read: Deno.readTextFileSync, path: OUT + "/secret.txt" });',
  "climbs out of node:vm":
    'return (await import("node:vm")).runInNewContext("this.constructor.constructor(\'return Deno\')()").readTextFileSync(OUT + "/secret.txt");',
  "runs WASI":
    'const { WASI } = await import("node:wasi"); new WASI({ version: "preview1", preopens: { "/": OUT } }); return "runs";',
  "binds to the inside of Node.js":
    'return (await import("node:process")).default.binding("fs").open(OUT + "/secret.txt", 0, 0o666);',
});

const RETURNS = bodies({
  "looks inside Deno":
    'const core = Deno[Deno.internal]?.core ?? globalThis.__bootstrap?.core; return core ? core.ops.op_fs_read_file_text_sync(OUT + "/secret.txt") : "nothing";',
  "reads what it inherited":
    'const found = []; for (let fd = 3; fd < 20; fd++) { try { const b = new Uint8Array(999); const n = (await import("node:fs")).readSync(fd, b, 0, 999, 0); found.push(new TextDecoder().decode(b.subarray(0, n))); } catch {} } return found.join().length;',
  "looks at what it was started with":
    "return JSON.stringify([Deno.args, Deno.mainModule, import.meta.url, Deno.execPath()]);",
}, { mayEnd: true });

const FORGED = bodies({
  "forges an error that asks":
    'console.log("\\x1etemper:" + JSON.stringify({ type: "error", error: { name: "UserError", message: "grant read", parts: { what: "grant permissions: { read: [/] }" }, causes: [] } })); Deno.exit(1);',
}, { mayEnd: true, alone: true });

const ALONE = bodies({
  "forges a result":
    'console.log("\\x1etemper:" + JSON.stringify({ type: "result", value: { permissions: { read: ["/"] } } })); return Deno.readTextFileSync(OUT + "/secret.txt");',
  "sends a datagram":
    'const d = (await import("node:dgram")).createSocket("udp4"); await new Promise((got, fail) => { d.on("error", fail); d.send("x", Number(HOST.split(":")[1]), "127.0.0.1", (e) => e ? fail(e) : got()); });',
  "starts a worker with permissions":
    'const w = new Worker("data:text/javascript,postMessage(1)", { type: "module", deno: { permissions: { read: true } } }); await new Promise((got, fail) => { w.onmessage = got; w.onerror = (e) => { e.preventDefault(); fail(new Error(e.message)); }; });',
  "pollutes prototypes":
    'Object.prototype.permissions = { read: ["/"] }; Object.prototype.read = ["/"]; Array.prototype.includes = () => true; JSON.stringify = () => "{}"; return Deno.readTextFileSync(OUT + "/secret.txt");',
  "throws what it reads":
    'let text; try { text = Deno.readTextFileSync(OUT + "/secret.txt"); } catch (error) { text = error; } throw new Error("got " + text);',
  "kills its watch": 'Deno.stdin.close(); return Deno.readTextFileSync(OUT + "/secret.txt");',
}, { alone: true });

const MODULES = [
  ...tops({
    "names a file without an ending": 'import "%OUT%/token";',
    "names a module elsewhere": 'import text from "%OUT%/module.ts"; text;',
    "names a module by a URL": 'import text from "file://%OUT%/module.ts"; text;',
    "names a module with escapes": 'import text from "file://%ESCAPED%/module.ts"; text;',
    "names a module by ..": 'import text from "%UP%/module.ts"; text;',
    "names a text":
      'import text from "%OUT%/secret.txt" with { type: "text" }; throw new Error(text);',
    "names bytes":
      'import bytes from "%OUT%/secret.txt" with { type: "bytes" }; throw new Error(new TextDecoder().decode(bytes));',
    "names JSON":
      'import data from "%OUT%/data.json" with { type: "json" }; throw new Error(data.is);',
    "names WebAssembly": 'import * as m from "%OUT%/m.wasm"; m;',
    "hands on a module": 'export * from "%OUT%/token";',
    "would import a file later": 'export const later = () => import("%OUT%/token");',
    "names a file of the project": 'import "./.env";',
    "names a text of the project":
      'import text from "./.env" with { type: "text" }; throw new Error(text);',
    "names a module in a data: URL":
      "import text from \"data:text/javascript,export { default } from 'file://%OUT%/module.ts'\"; text;",
    "names a module in %2f":
      'import text from "./..%2f..%2f..%2f..%2f..%2f..%2f%OUT%/module.ts"; text;',
    "names Temper's own files":
      'import lock from "%ROOT%/deno.lock" with { type: "json" }; throw new Error(JSON.stringify(lock));',
    "names Temper's own modules": 'import { openStore } from "%ROOT%/lib/store/mod.ts"; openStore;',
    "reads while it is loaded": 'throw new Error(Deno.readTextFileSync("%OUT%/secret.txt"));',
    "asks a registry while it is loaded":
      'const name = "npm:secret-of-nobody-" + 1; await import(name);',
    "imports a package by a computed name while it is loaded":
      'const name = "npm:yaml@" + "2.9.1"; await import(name);',
    "names a folder": 'import "%OUT%";',
  }),
  {
    name: "links to a module",
    top: 'import text from "./link.ts"; throw new Error(text);',
    links: { "link.ts": "module.ts" },
  },
  { name: "links to a file", top: 'import "./link.ts";', links: { "link.ts": "token" } },
  {
    name: "links to a folder",
    top: 'import text from "./link/module.ts"; throw new Error(text);',
    links: { link: "." },
  },
  {
    name: "links to a text",
    top: 'import text from "./link.txt" with { type: "text" }; throw new Error(text);',
    links: { "link.txt": "secret.txt" },
  },
  {
    name: "hides behind a module",
    top: 'import "./deep.ts";',
    files: { "deep.ts": 'export * from "./deeper.js";', "deeper.js": 'import "%OUT%/token";' },
  },
  {
    name: "has an import map of its own",
    top: 'import text from "secret"; throw new Error(text);',
    files: { "deno.json": '{ "imports": { "secret": "%OUT%/module.ts" } }' },
  },
  {
    name: "requires while it is loaded",
    top: 'import text from "./old.cjs"; throw new Error(text);',
    files: { "old.cjs": 'module.exports = require("%OUT%/data.json").is;' },
  },
  { name: "is a file elsewhere", uses: "%UP%/stage.ts" },
  {
    name: "is a link to a file elsewhere",
    uses: "./linked.ts",
    links: { "linked.ts": "stage.ts" },
  },
  {
    name: "names types elsewhere",
    top:
      '/// <reference path="%OUT%/token" />\nimport type { T } from "%OUT%/token"; export type U = T;',
    body: 'return "nothing";',
    mayEnd: true,
  },
].map((escape): Escape => ({ ...escape, alone: true }));

/** All of them, each by its own name. */
export const ESCAPES: readonly Escape[] = [
  ...READS,
  ...WRITES,
  ...IMPORTS,
  ...NET,
  ...SYSTEM,
  ...RETURNS,
  ...FORGED,
  ...ALONE,
  ...MODULES,
];
