import type { Json } from "../../lib/base/json.ts";
import assert from "node:assert/strict";
import type { Memory } from "../../lib/pipeline/code/memory.ts";
import { Problems } from "../../lib/pipeline/yaml/problems.ts";
import { loadPipeline } from "../../lib/pipeline/file/load.ts";
import { recallYaml, rememberYaml } from "../../lib/pipeline/yaml/memory.ts";
import { SourceText, type YamlNode } from "../../lib/pipeline/yaml/node.ts";
import { parseYaml } from "../../lib/pipeline/yaml/source.ts";
import { STAGES } from "../../stages/mod.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const TEXT = `name: a # with every kind of node
x-base: &base { lr: 1.0e-3, tags: [a, "b c", null, true, -2] }
stages:
  one: { <<: *base, lr: 2 }
  __proto__: { uses: filter }
`;

/** A memory that counts, over JSON text as the index keeps it. */
function memory(parser = "parser 1"): Memory & { readonly entries: Map<string, string> } {
  const entries = new Map<string, string>();
  return {
    entries,
    get: (ns, key): Json | undefined => {
      const text = entries.get(`${ns} ${key}`);
      return text === undefined ? undefined : JSON.parse(text);
    },
    set: (ns, key, value): void => void entries.set(`${ns} ${key}`, JSON.stringify(value)),
    digestModule: () => Promise.resolve(parser),
  };
}

const parse = (text: string): YamlNode => parseYaml(new Problems(new SourceText("p.yaml", text)));

Deno.test("recallYaml() gives exactly what parseYaml() reads", async () => {
  const kept = memory();
  assert.equal(await recallYaml(TEXT, kept), undefined);
  await rememberYaml(TEXT, { root: parse(TEXT), memory: kept });
  assert.deepEqual(await recallYaml(TEXT, kept), parse(TEXT));
});

Deno.test("recallYaml() knows nothing of another text or another parser", async () => {
  const kept = memory();
  await rememberYaml(TEXT, { root: parse(TEXT), memory: kept });
  assert.equal(await recallYaml(TEXT + "# more\n", kept), undefined);
  const other = { ...kept, digestModule: (): Promise<string> => Promise.resolve("parser 2") };
  assert.equal(await recallYaml(TEXT, other), undefined);
});

Deno.test("loadPipeline() remembers a file without a mistake, and no other", async () => {
  const folder = await temporaryDirectory();
  const load = async (text: string, kept: ReturnType<typeof memory>): Promise<number> => {
    await Deno.writeTextFile(`${folder}/p.yaml`, text);
    const options = { params: [], registry: STAGES, project: folder, memory: kept };
    await loadPipeline(`${folder}/p.yaml`, options).catch(() => undefined);
    return [...kept.entries.keys()].filter((key) => key.startsWith("yaml ")).length;
  };
  const stage = "a: { uses: download, with: { from: a.txt } }";
  const kept = memory();
  assert.equal(await load(`name: p\nstages: { ${stage} }\n`, kept), 1);
  assert.equal(await load(`name: p\nstages: { ${stage} }\n`, kept), 1);
  assert.equal(await load(`nam: p\nstages: { ${stage} }\n`, kept), 1);
});
