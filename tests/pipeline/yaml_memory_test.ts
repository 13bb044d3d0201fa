import assert from "node:assert/strict";
import { Problems } from "../../lib/pipeline/problems.ts";
import type { Json } from "../../lib/pipeline/types.ts";
import { readYaml } from "../../lib/pipeline/yaml_memory.ts";
import { SourceText } from "../../lib/pipeline/yaml_node.ts";
import { parseYaml } from "../../lib/pipeline/yaml_source.ts";

const TEXT = `name: a # with every kind of node
x-base: &base { lr: 1.0e-3, tags: [a, "b c", null, true, -2] }
stages:
  one: { <<: *base, lr: 2 }
  __proto__: { uses: filter }
`;

/** A memory that counts, over JSON text as the index keeps it. */
function memory(parser = "parser 1"): {
  entries: Map<string, string>;
  cache: {
    get(ns: string, key: string): Json | undefined;
    set(ns: string, key: string, value: Json): void;
  };
  digestModule(): Promise<string>;
} {
  const entries = new Map<string, string>();
  return {
    entries,
    cache: {
      get: (ns, key): Json | undefined => {
        const text = entries.get(`${ns} ${key}`);
        return text === undefined ? undefined : JSON.parse(text);
      },
      set: (ns, key, value): void => void entries.set(`${ns} ${key}`, JSON.stringify(value)),
    },
    digestModule: () => Promise.resolve(parser),
  };
}

const problemsOf = (text: string): Problems => new Problems(new SourceText("p.yaml", text));

Deno.test("readYaml() remembers exactly what parseYaml() reads", async () => {
  const kept = memory();
  const parsed = parseYaml(problemsOf(TEXT));
  assert.deepEqual(await readYaml(problemsOf(TEXT), kept), parsed);
  assert.equal(kept.entries.size, 1);
  assert.deepEqual(await readYaml(problemsOf(TEXT), kept), parsed);
  assert.equal(kept.entries.size, 1);
});

Deno.test("readYaml() parses anew when the text or the parser is another", async () => {
  const kept = memory();
  await readYaml(problemsOf(TEXT), kept);
  await readYaml(problemsOf(TEXT + "# more\n"), kept);
  await readYaml(problemsOf(TEXT), { ...kept, digestModule: () => Promise.resolve("parser 2") });
  assert.equal(kept.entries.size, 3);
});

Deno.test("readYaml() remembers no file with a mistake", async () => {
  const kept = memory();
  for (let i = 0; i < 2; i++) {
    const problems = problemsOf("a: 1\na: 2\n");
    await readYaml(problems, kept);
    assert.ok(problems.any);
  }
  assert.equal(kept.entries.size, 0);
});
