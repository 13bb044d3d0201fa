/**
 * What a person mistypes: told all at once, with its place and what is near, before anything runs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { temper, type Workspace, workspace } from "./temper.ts";

const FIVE = `name: mistakes
seed: 7
params: { steps: 5 }
stages:
  verses:
    uses: downlaod
    with: { from: verses.txt }
  clean:
    uses: filter
    inputs: { data: verse }
    with: { drop_empty: maybe }
  folds:
    uses: split
    inputs: { data: clean }
    with: { train: 0.8, validation: 0.1, tset: 0.1 }
  tokens:
    uses: tokenize
    inputs: { data: folds }
    with: { train: { type: bpe, vocab_size: 300 }, max_length: "\${{ params.stesp }}" }
`;

/** Checks that nothing was started: no runs, no lock file, only what the test wrote. */
async function nothingBut(space: Workspace, ...names: string[]): Promise<void> {
  const found = await Array.fromAsync(Deno.readDir(space.folder));
  assert.deepEqual(found.map(({ name }) => name).sort(), names.sort());
}

Deno.test("five different mistakes are five located errors, exit 2, and nothing is started", async () => {
  await using space = await workspace({ "five.yaml": FIVE, "verses.txt": "a verse\n" });
  const file = join(space.folder, "five.yaml");
  for (const command of ["run", "plan"]) {
    const { code, stdout, stderr } = await temper([command, "five.yaml"], space);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    const blocks = stderr.trimEnd().split("\n\n").map((block) =>
      block.replaceAll(file, "five.yaml")
    );
    assert.equal(blocks.length, 5, stderr);
    assert.deepEqual(blocks.map((block) => block.split("\n")[0]), [
      'five.yaml:6:11: there is no built-in stage "downlaod"',
      'five.yaml:10:21: unknown stage "verse"',
      'five.yaml:11:25: option "drop_empty" of stage "filter" cannot be "maybe" (text)',
      'five.yaml:15:42: unknown option "tset" of stage "split"',
      'five.yaml:19:69: unknown parameter "stesp"',
    ]);
    for (const [i, near] of ["download", "verses", undefined, "test", "steps"].entries()) {
      if (near !== undefined) assert.ok(blocks[i]!.includes(`did you mean "${near}"?`), blocks[i]);
    }
    assert.ok(
      blocks[0]!.includes(
        "\\n  6 |     uses: downlaod\\n    |           ^^^^^^^^\\n".replaceAll("\\n", "\n"),
      ),
      "a pointer into the line",
    );
    await nothingBut(space, "five.yaml", "verses.txt");
  }
});

Deno.test("--json tells the same mistakes as one document", async () => {
  await using space = await workspace({ "five.yaml": FIVE });
  const { code, stdout } = await temper(["run", "five.yaml", "--json"], space);
  assert.equal(code, 2);
  const { type, errors } = JSON.parse(stdout);
  assert.equal(type, "error");
  assert.deepEqual(
    errors.map(({ at }: { at: { line: number; column: number } }) => [at.line, at.column]),
    [[6, 11], [10, 21], [11, 25], [15, 42], [19, 69]],
  );
  await nothingBut(space, "five.yaml");
});

/** Pipeline, command line, and what is said of it. */
const CASES: readonly {
  readonly name: string;
  readonly stages?: string;
  readonly yaml?: string;
  readonly args?: readonly string[];
  readonly expected: readonly RegExp[];
}[] = [
  {
    name: "a circle, with every step of it",
    stages: `  a: { uses: filter, inputs: { data: c } }
  b: { uses: filter, inputs: { data: a } }
  c: { uses: filter, inputs: { data: b } }`,
    expected: [
      /^p\.yaml:4:38: the inputs form a circle: a -> c -> b -> a$/m,
      /"a" reads "c" at 4:38, "c" reads "b" at 6:38, "b" reads "a" at 5:38/,
    ],
  },
  {
    name: "a stage that reads itself",
    stages: "  a: { uses: filter, inputs: { data: a } }",
    expected: [/^p\.yaml:4:38: /m, /itself|a -> a/],
  },
  {
    name: "an unknown stage",
    stages: "  a: { uses: tran, inputs: { data: x } }\n  x: { uses: download, with: { from: x } }",
    expected: [/^p\.yaml:4:14: there is no built-in stage "tran"$/m, /did you mean "train"/],
  },
  {
    name: "an own stage whose file is not there",
    stages: "  a: { uses: ./every_nht.ts }",
    expected: [/^p\.yaml:4:14: .*every_nht\.ts/m],
  },
  {
    name: "a broken expression and a broken template of rows",
    stages: `  a: { uses: download, with: { from: x, limit: "\${{ params.n + }}" } }
  b: { uses: filter, inputs: { data: a }, with: { where: "{{ text | length > }}" } }`,
    expected: [
      /^p\.yaml:4:\d+: cannot read the expression \$\{\{ params\.n \+ \}\}/m,
      /^p\.yaml:5:58: the template in option "where" of stage "filter" cannot be read/m,
    ],
  },
  {
    name: "an unknown filter of a template",
    stages: `  a: { uses: download, with: { from: x } }
  b: { uses: filter, inputs: { data: a }, with: { where: "{{ text | lenght > 3 }}" } }`,
    expected: [/^p\.yaml:5:58: .*there is no filter "lenght", but there is "length"$/m],
  },
  {
    name: "wrong types",
    stages: `  a: { uses: download, with: { from: 3, limit: many } }
  b: { uses: split, inputs: { data: a }, with: { train: [0.8], shuffle: 7 } }`,
    expected: [
      /^p\.yaml:4:38: option "from" of stage "download" cannot be 3 \(a number\)$/m,
      /^p\.yaml:4:48: option "limit" of stage "download" cannot be "many" \(text\)$/m,
      /^p\.yaml:5:57: option "train" of stage "split" cannot be .* \(a list\)$/m,
      /^p\.yaml:5:73: option "shuffle" of stage "split" cannot be 7 \(a number\)$/m,
    ],
  },
  {
    name: "missing inputs, and inputs of another kind",
    stages: `  a: { uses: download, with: { from: x } }
  b: { uses: filter }
  c: { uses: train, inputs: { data: a } }
  d: { uses: filter, inputs: { dat: a } }`,
    expected: [
      /^p\.yaml:5:3: missing input "data" of stage "b"$/m,
      /^p\.yaml:6:37: the input "data" of stage "train" cannot be "a": that puts out rows$/m,
      /^p\.yaml:7:\d+: .*"dat"/m,
    ],
  },
  {
    name: "an option that is missing",
    stages: "  a: { uses: download }",
    expected: [/^p\.yaml:4:3: .*"from"/m],
  },
  {
    name: "unknown keys of the file and of a stage",
    yaml: "name: p\nsed: 3\nstages:\n  a: { uses: download, wiht: { from: x } }\n",
    expected: [/^p\.yaml:2:1: .*"sed"/m, /did you mean "seed"/, /^p\.yaml:4:24: .*"wiht"/m],
  },
  {
    name: "YAML that is none",
    yaml: "name: p\nstages:\n  a: { uses: download, with: { from: [x }\n",
    expected: [/^p\.yaml:3:\d+: /m],
  },
  {
    name: "an alias bomb",
    yaml: `name: p
a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
stages: { a: { uses: download, with: { from: *f } } }
`,
    expected: [/^p\.yaml:\d+:\d+: .*alias/m],
  },
  {
    name: "a parameter that does not exist",
    args: ["-p", "nn=4"],
    expected: [/^-p nn=4: unknown parameter "nn"$/m],
  },
  {
    name: "a parameter of another type",
    args: ["-p", "n=abc"],
    expected: [/^-p n=abc: "abc" is not a number$/m],
  },
  {
    name: "a stage of --only that does not exist",
    args: ["--only", "aa"],
    expected: [/^--only: the pipeline has no stage "aa"$/m],
  },
];

Deno.test("every mistake is told with its place, exit 2, and nothing is started", async (t) => {
  for (const { name, stages, yaml, args = [], expected } of CASES) {
    await t.step(name, async () => {
      const text = yaml ??
        `name: p\nparams: { n: 3 }\nstages:\n${
          stages ?? "  a: { uses: download, with: { from: x } }"
        }\n`;
      await using space = await workspace({ "p.yaml": text });
      const { code, stdout, stderr } = await temper(["run", "p.yaml", ...args], space);
      assert.equal(code, 2, stdout + stderr);
      const told = stderr.replaceAll(space.folder + "/", "");
      for (const pattern of expected) assert.match(told, pattern);
      await nothingBut(space, "p.yaml");
    });
  }
});

Deno.test("a pipeline that is not there is told with the one that is near", async () => {
  await using space = await workspace({ "imdb.yaml": "" });
  const { code, stderr } = await temper(["run", "imbd.yaml"], space);
  assert.equal(code, 2);
  assert.match(stderr, /there is no such file/);
  assert.match(stderr, /did you mean ".*imdb\.yaml"\?/);
  await nothingBut(space, "imdb.yaml");
});

Deno.test("a file of data that is not there fails its stage, exit 1, with what is near", async () => {
  await using space = await workspace({
    "p.yaml": "name: p\nstages:\n  a: { uses: download, with: { from: vreses.txt } }\n",
    "verses.txt": "a verse\n",
  });
  const { code, stderr } = await temper(["run", "p.yaml"], space);
  assert.equal(code, 1);
  assert.match(stderr, /^stage "a": there is no file vreses\.txt$/m);
  assert.match(stderr, /did you mean "verses\.txt"\?/);
});
