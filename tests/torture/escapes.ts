/**
 * Own stages that try to get out: to read, change or send what nobody gave them.
 *
 * A secret lies in files, in a variable and on a server. After a try it may be found nowhere: not in
 * what the command printed, nor anywhere under `runs`; the files around it are as they were, and the
 * server has heard of nobody. Tries that leave their process as it is share one, so that all of the
 * table is quick; each is judged by itself.
 *
 * @module
 */
import { join, relative } from "node:path";
import { type Project, project, ROOT } from "../pipeline/project.ts";
import { type Escape, ESCAPES } from "./escapes_table.ts";
import type { Part } from "./part.ts";

/** What may be found nowhere. */
const SECRET = "hunter2-and-nobody-may-know";
const VARIABLE = "TEMPER_ESCAPE_SECRET";

/** How a refusal reads, whoever refuses. */
const REFUSED =
  /denied|could not find constraint|neither a file nor a known name|requires? .* (access|permission)|NotCapable|not defined|is not a (function|constructor)|not (implemented|supported)|prompt|No such module|cannot find|cannot be|out of date|cached-only|cache storage|backtracks|Failed to spawn|failed to open preopen|attached databases - max 0|does not exist|must be provided|Not allowed|unsafe|Can't escalate/i;

/** Runs some tries in one process of a stage and judges each. @throws What was broken. */
export async function tryEscapes(escapes: readonly Escape[], folder: string): Promise<void> {
  const out = join(folder, "out");
  await fillOutside(out);
  let requests = 0;
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    requests++;
    return new Response(SECRET);
  });
  await using p = await project();
  const constants: Record<string, string> = {
    OUT: out,
    PROJECT: p.folder,
    HOST: `127.0.0.1:${server.addr.port}`,
    NPM: await npmFolder(),
    ROOT,
    UP: relative(p.folder, out),
    ESCAPED: out.replaceAll("o", "%6f"),
  };
  const fill = (text: string): string =>
    text.replaceAll(/%([A-Z]+)%/g, (all, name) => constants[name] ?? all);
  await p.write(".env", SECRET);
  await p.write("stage.ts", stageText(escapes, { constants, fill }));
  for (const { files = {}, links = {} } of escapes) {
    for (const [name, text] of Object.entries(files)) await p.write(name, fill(text));
    for (const [name, to] of Object.entries(links)) {
      await Deno.symlink(join(out, to), join(p.folder, name));
    }
  }
  const uses = escapes.length === 1 ? fill(escapes[0]!.uses ?? "./stage.ts") : "./stage.ts";
  await p.write("p.yaml", `name: escape\nstages:\n  s: { uses: ${JSON.stringify(uses)} }\n`);
  const before = await contentOf([out, p.folder]);
  Deno.env.set(VARIABLE, SECRET);
  const told = await p.temper(["run", "p.yaml"]).finally(() => Deno.env.delete(VARIABLE));
  const words = escapes.map(({ name }) => name).join("; ");
  const changed = differences(before, await contentOf([out, p.folder], p.runs));
  if (changed.length > 0) throw new Error(`${words}: it changed ${changed.join(", ")}`);
  if (requests > 0) throw new Error(`${words}: it sent ${requests} requests`);
  if (told.out.includes(SECRET) || told.err.includes(SECRET)) {
    throw new Error(`${words}: the terminal shows the secret: ${told.out}${told.err}`);
  }
  for (const [path, text] of await contentOf([p.runs])) {
    if (text.includes(SECRET)) throw new Error(`${words}: the secret is in ${path}`);
  }
  await judge(escapes, told, p);
}

async function judge(
  escapes: readonly Escape[],
  told: Awaited<ReturnType<Project["temper"]>>,
  p: Project,
): Promise<void> {
  const ended = told.code === 0
    ? JSON.parse(await p.result("s")) as Record<string, { got?: string; error?: string }>
    : undefined;
  if (ended === undefined && escapes.length > 1) {
    throw new Error(`it ended: ${told.out}${told.err}`);
  }
  const broken: string[] = [];
  for (const { name, mayEnd } of escapes) {
    const { got, error } = ended?.[name] ?? { error: told.out + told.err };
    if (mayEnd) continue;
    if (ended !== undefined && error === undefined) broken.push(`${name}: it got ${got}`);
    else if (!REFUSED.test(error ?? "")) broken.push(`${name}: no refusal: ${error}`);
  }
  if (broken.length > 0) throw new Error(broken.join("\n"));
}

/** A stage that makes some tries one after the other and says how each ended. */
function stageText(
  escapes: readonly Escape[],
  { constants, fill }: {
    readonly constants: Readonly<Record<string, string>>;
    readonly fill: (text: string) => string;
  },
): string {
  const lines = Object.entries(constants).map(([name, value]) =>
    `const ${name} = ${JSON.stringify(value)};`
  );
  const tries = escapes.map(({ name, body = "return 'nothing';" }) =>
    `${JSON.stringify(name)}: async ({ output }) => { ${body} },`
  );
  const [alone] = escapes;
  const rethrow = escapes.length === 1 && alone!.alone ? "throw error;" : "";
  return `import { defineStage, z } from "temper";
${escapes.map(({ top = "" }) => fill(top)).join("\n")}
${lines.join("\n")}
const tries = {
${tries.join("\n")}
};
export default defineStage({
  doc: "Tries to get out.",
  inputs: {},
  output: "texts",
  options: z.object({}),
  async run({ output }) {
    const ends = {};
    const path = output.path + "/generations.jsonl";
    for (const [name, attempt] of Object.entries(tries)) {
      const late = new Promise((_, fail) => setTimeout(() => fail(new Error("denied: it waits")), 5000));
      try {
        ends[name] = { got: String(await Promise.race([attempt({ output }), late])) };
      } catch (error) {
        ${rethrow}
        ends[name] = { error: String(error?.stack ?? error) };
      }
      for (const { name } of [...Deno.readDirSync(output.path)]) Deno.removeSync(output.path + "/" + name);
    }
    await Deno.writeTextFile(path, JSON.stringify(ends));
    // What waits for ever must not keep the process.
  },
});
`;
}

/** What a stage would like to have. */
async function fillOutside(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const files = {
    "secret.txt": SECRET,
    // As a module it cannot be parsed, and an error would show it.
    "token": `${SECRET} {{`,
    "module.ts": `export default ${JSON.stringify(SECRET)};`,
    "stage.ts": `throw new Error(${JSON.stringify(SECRET)});`,
    "data.json": JSON.stringify({ is: SECRET }),
    "m.wasm": SECRET,
    "victim.txt": "as it was",
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(folder, name), text);
  }
}

/** Path -> text of all files below some folders. */
async function contentOf(
  folders: readonly string[],
  without?: string,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const folder of folders) {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (path === without) continue;
      if (isDirectory) {
        for (const [inner, text] of await contentOf([path])) found.set(inner, text);
      } else if (isFile) found.set(path, new TextDecoder().decode(await Deno.readFile(path)));
    }
  }
  return found;
}

function differences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => before.get(path) !== after.get(path));
}

async function npmFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout)) as { npmCache: string };
  // Below it is a folder for each registry.
  for await (const { name } of Deno.readDir(npmCache)) {
    const folder = join(npmCache, name);
    if (await Deno.stat(join(folder, "yaml")).then(() => true, () => false)) return folder;
  }
  throw new Error(`${npmCache} has no package yaml`);
}

/** For `deno task torture`. */
export const escapes: Part = {
  name: "escapes",
  promise: "a stage reads, changes and sends nothing that it was not given",
  cases: { short: ESCAPES.length, long: ESCAPES.length },
  run: async ({ index, folder }) => {
    await tryEscapes([ESCAPES[index % ESCAPES.length]!], folder);
    return "denied";
  },
};
