import assert from "node:assert/strict";
import { join } from "node:path";
import { filePath, fileUrl } from "../../lib/base/paths.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { project } from "./project.ts";

/** Names that mean something in a URL, in a pattern, or are spelt differently by different encoders. */
const NAMES = ["c#", "a?b", "p%20q", "br[1]x", "ünï", "with space", "x^y|z~{w}"];

const STAGE = `import { defineStage, z } from "temper";
import { shout } from "./helper.ts";
export default defineStage({
  doc: "Reads a file.",
  inputs: { data: "texts" },
  output: "texts",
  permissions: { read: ["./words, all.txt"] },
  options: z.object({ path: z.string(), fail: z.boolean().default(false) }),
  async run({ inputs, output, options }) {
    if (options.fail) throw new Error("it broke");
    const given = await Deno.readTextFile(inputs.data!.path + "/generations.jsonl");
    const words = await Deno.readTextFile(options.path + "/words, all.txt");
    await Deno.writeTextFile(output.path + "/generations.jsonl", shout(given + words));
  },
});
`;

Deno.test("fileUrl() spells a path as Deno names the module there, and filePath() reads it", async () => {
  const folder = await temporaryDirectory();
  for (const name of NAMES) {
    const path = join(folder, name, "m.ts");
    await Deno.mkdir(join(folder, name));
    await Deno.writeTextFile(path, "console.log(import.meta.url);");
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-config", "./m.ts"],
      cwd: join(folder, name),
    }).output();
    assert.equal(fileUrl(path), new TextDecoder().decode(stdout).trim());
    assert.equal(filePath(fileUrl(path)), path);
  }
});

for (const name of NAMES) {
  Deno.test(`an own stage in a folder "${name}" runs, is confined, cached and told apart`, async () => {
    await using p = await project();
    const folder = join(p.folder, name);
    await Deno.mkdir(folder);
    const env = { TEMPER_RUNS: join(folder, "runs") };
    const write = (file: string, text: string): Promise<void> =>
      Deno.writeTextFile(join(folder, file), text);
    const pipeline = (more: string): string =>
      `name: places
stages:
  given: { uses: make, with: { text: given } }
  own:
    uses: ./own.ts
    inputs: { data: given }
    with: { path: ${JSON.stringify(folder)}${more} }
    permissions: { read: ["./words, all.txt"] }
`;
    await write("own.ts", STAGE);
    await write("helper.ts", "export const shout = (text: string) => text.toUpperCase();\n");
    await write("words, all.txt", " words");
    await write("p.yaml", pipeline(""));
    const run = (): ReturnType<typeof p.temper> => p.temper(["run", `${name}/p.yaml`], { env });

    const first = await run();
    assert.equal(first.code, 0, JSON.stringify(first.failures) + first.out + first.err);
    const result = join(env.TEMPER_RUNS, "latest/artifacts/own/generations.jsonl");
    assert.equal(await Deno.readTextFile(result), "GIVEN WORDS");
    assert.deepEqual((await run()).outcomes, { given: "cached", own: "cached" });

    await write("helper.ts", "export const shout = (text: string) => text + '!';\n");
    const edited = await run();
    assert.deepEqual(edited.reasons, { own: ["code changed: ./helper.ts"] });
    assert.equal(await Deno.readTextFile(result), "given words!");

    await write("p.yaml", pipeline(", fail: true"));
    const { failures } = await run();
    assert.match(failures.own!.what, /it broke/);
    assert.deepEqual(failures.own!.at, { file: "./own.ts", line: 10, column: 29 });

    await write("own.ts", STAGE.replace('words, all.txt"] }', 'helper.ts"] }'));
    await write("p.yaml", pipeline("").replace("./words, all.txt", "./helper.ts"));
    const denied = await run();
    assert.equal(
      denied.failures.own!.what,
      `stage "own" tried to read "${folder}/words, all.txt": denied (permission: read)`,
    );
  });
}
