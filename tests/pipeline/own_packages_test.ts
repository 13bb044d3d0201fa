/**
 * Packages of own stages: what their code names literally is downloaded and loaded, nothing else is
 * loaded or asked for.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { packageRegistry } from "./package_registry.ts";
import { digest, project } from "./project.ts";

const stage = (imports: string, body: string): string =>
  `import { defineStage, z } from "temper";
${imports}
export default defineStage({
  doc: "Uses a package.",
  inputs: {},
  output: "texts",
  options: z.object({}),
  async run({ output }) {
    const text = await (async () => { ${body} })();
    await Deno.writeTextFile(output.path + "/generations.jsonl", String(text));
  },
});
`;

const computed = (name: string): string =>
  `const name = ${JSON.stringify(name)}.replace("|", ""); return (await import(name)).is;`;

Deno.test("an own stage loads the packages that its code names, and no registry is asked for another", async () => {
  await using registry = packageRegistry({
    "@temper-test/named": {
      "1.0.0": "export const is = 'one';",
      "2.0.0": "export const is = 'two';",
    },
    "@temper-test/later": { "1.0.0": "export const is = 'later';" },
    "@temper-test/other": { "1.0.0": "export const is = 'other';" },
  });
  await using p = await project({
    ".npmrc": `@temper-test:registry=http://${registry.host}/\n`,
    "named.ts": stage('import { is } from "npm:@temper-test/named@1";', "return is;"),
    "later.ts": stage("", 'return (await import("npm:@temper-test/later@1.0.0")).is;'),
    "same.ts": stage(
      'import "npm:@temper-test/named@1.0.0";',
      computed("npm:@temper-test/na|med@1.0.0"),
    ),
    "version.ts": stage(
      'import "npm:@temper-test/named@1.0.0";',
      computed("npm:@temper-test/na|med@2.0.0"),
    ),
    // The other stage's package is on this machine by then.
    "cached.ts": stage("", computed("npm:@temper-test/na|med@1.0.0")),
    "other.ts": stage("", computed("npm:@temper-test/ot|her@1.0.0")),
    "name.ts": stage("", computed("yaml|")),
    "p.yaml": `name: packages
stages:
  named: { uses: ./named.ts }
  later: { uses: ./later.ts }
  same: { uses: ./same.ts }
  version: { uses: ./version.ts }
  cached: { uses: ./cached.ts }
  other: { uses: ./other.ts }
  name: { uses: ./name.ts }
`,
  });
  const { denoDir, npmCache } = await denoFolders();
  try {
    // Deno looks for the registry of a scope in the home folder.
    const env = { HOME: p.folder, USERPROFILE: p.folder, DENO_DIR: denoDir };
    const { stdout, stderr } = await p.spawn(["run", "p.yaml", "--json"], env).output();
    const out = new TextDecoder().decode(stdout);
    const events = out.trim().split("\n").map((line) => JSON.parse(line));
    const { outcomes, failures } = digest(events);
    const words = out + new TextDecoder().decode(stderr);
    assert.deepEqual(outcomes, {
      named: "done",
      later: "done",
      same: "done",
      version: "failed",
      cached: "failed",
      other: "failed",
      name: "failed",
    }, words);
    assert.equal(await p.result("named"), "one");
    assert.equal(await p.result("later"), "later");
    assert.equal(await p.result("same"), "one");
    for (const [name, { what, remedy }] of Object.entries(failures)) {
      assert.match(
        what,
        new RegExp(
          `^stage "${name}" tried to import .* that its code does not name: denied \\(permission: import\\)$`,
        ),
      );
      assert.match(remedy!, /literal name/);
    }
    assert.ok(!registry.asked.some((path) => path.includes("other")), registry.asked.join());
    assert.ok(!registry.asked.some((path) => path.endsWith("/-/2.0.0")), registry.asked.join());
  } finally {
    await Deno.remove(join(npmCache, registry.host.replace(/^.*:/, "")), { recursive: true })
      .catch(() => {});
  }
});

Deno.test("an own stage does not load a package whose files were edited in Deno's folder", async () => {
  await using registry = packageRegistry({
    "@temper-test/edited": { "1.0.0": "export const is = 'whole';" },
  });
  await using p = await project({
    ".npmrc": `@temper-test:registry=http://${registry.host}/\n`,
    "edited.ts": stage('import { is } from "npm:@temper-test/edited@1.0.0";', "return is;"),
    "p.yaml": "name: packages\nstages: { edited: { uses: ./edited.ts } }\n",
  });
  const { denoDir, npmCache } = await denoFolders();
  // Deno names the folder by what follows the colon of the host.
  const downloaded = join(npmCache, registry.host.replace(/^.*:/, ""));
  const run = async (): Promise<ReturnType<typeof digest> & { words: string }> => {
    const env = { HOME: p.folder, USERPROFILE: p.folder, DENO_DIR: denoDir };
    const args = ["run", "p.yaml", "--json", "--force", "edited"];
    const { stdout, stderr } = await p.spawn(args, env).output();
    const out = new TextDecoder().decode(stdout);
    const events = out.trim().split("\n").map((line) => JSON.parse(line));
    return { ...digest(events), words: out + new TextDecoder().decode(stderr) };
  };
  try {
    const first = await run();
    assert.deepEqual(first.outcomes, { edited: "done" }, first.words);
    const folder = join(downloaded, "@temper-test/edited/1.0.0");
    const module = [...Deno.readDirSync(folder)].find(({ name }) => name.endsWith("js"))!.name;
    const file = join(folder, module);
    // In place, as editors write that keep the file: it is the stage's, too.
    const text = await Deno.readTextFile(file);
    await Deno.chmod(file, 0o644);
    await Deno.writeTextFile(file, text.replace("whole", "other"));
    for (const _ of [1, 2]) {
      const { outcomes, failures, words } = await run();
      assert.deepEqual(outcomes, { edited: "failed" }, words);
      assert.match(failures.edited!.what, /is not what it was when its package was first used/);
      assert.match(failures.edited!.remedy!, /remove .*edited.1\.0\.0, and it is downloaded again/);
    }
    await Deno.remove(folder, { recursive: true });
    const mended = await run();
    assert.deepEqual(mended.outcomes, { edited: "done" }, mended.words);
    assert.equal(await p.result("edited"), "whole");
  } finally {
    await Deno.remove(downloaded, { recursive: true }).catch(() => {});
  }
});

async function denoFolders(): Promise<{ denoDir: string; npmCache: string }> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}
