import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../lib/base/errors.ts";
import { Lockfile } from "../../lib/pipeline/key/lockfile.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { project } from "./project.ts";

/** All text below a folder. */
async function textBelow(folder: string): Promise<string> {
  let text = "";
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) text += await textBelow(path);
    else if (entry.isFile) text += `${path}\n${await Deno.readTextFile(path)}\n`;
  }
  return text;
}

Deno.test("a pin with a secret is refused: the lock file is committed", async () => {
  const lock = await Lockfile.open(join(await temporaryDirectory(), "p.yaml"));
  const bad: [string, Record<string, string>][] = [
    ["https://ann:s3cret@host/x", {}],
    ["a", { url: "https://host/x?token=s3cret" }],
    ["a", { "https://s3cret@host/": "x" }],
  ];
  for (const [source, pin] of bad) {
    assert.throws(() => lock.of(undefined).set(new Map([[source, pin]])), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /committed.*env: \[NAME\]/);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
  }
  const pins = lock.of(undefined);
  pins.set(new Map([["hf://org/name", { revision: "main", hosts: ["*.hf.co"] }]]));
  assert.deepEqual(pins.entries().map(([source]) => source), ["hf://org/name"]);
});

const STAGE = (body: string, more = ""): string =>
  `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Says too much.",
  inputs: {},
  output: "texts",
  options: z.object({ url: z.string().default("") }),
  permissions: { env: ["SPEAKING_TOKEN"] },
  ${more}
  async run({ output, env, log, summary, options }) {
    ${body}
    await Deno.writeTextFile(output.path + "/generations.jsonl", "{}");
  },
});
`;

Deno.test("a stage that says its token and its password finds them in no log, event or record", async () => {
  Deno.env.set("SPEAKING_TOKEN", "elephant-in-the-room");
  try {
    await using p = await project({
      "say.ts": STAGE(`
        const secret = env.SPEAKING_TOKEN;
        console.log("printed " + secret);
        console.error("printed https://ann:s3cret@host/x?sig=deadbeef");
        log("logged " + secret);
        summary({ type: "note", text: "noted " + secret });
        throw new Error("thrown " + secret, { cause: new Error("caused by https://ann:s3cret@host/") });
      `),
      "p.yaml": `name: p
stages:
  a:
    uses: ./say.ts
    permissions: { env: [SPEAKING_TOKEN] }
`,
    });
    const told = await p.temper(["run", "p.yaml"]);
    assert.equal(told.outcomes.a, "failed");
    const all = told.out + told.err + await textBelow(join(p.runs, "latest/"));
    assert.match(all, /printed \*\*\*/);
    assert.match(all, /thrown \*\*\*/);
    assert.doesNotMatch(all, /elephant-in-the-room|s3cret|deadbeef/);
  } finally {
    Deno.env.delete("SPEAKING_TOKEN");
  }
});

Deno.test("a secret in an option or a parameter is refused before anything is kept of it", async () => {
  await using p = await project({
    "say.ts": STAGE(""),
    "p.yaml": `name: p
params: { url: "" }
stages:
  a:
    uses: ./say.ts
    permissions: { env: [SPEAKING_TOKEN] }
    with: { url: "\${{ params.url }}" }
`,
  });
  const url = "https://ann:s3cret@host/x?X-Amz-Signature=deadbeef";
  const told = await p.temper(["run", "p.yaml", "-p", `url=${url}`]);
  assert.equal(told.outcomes.a, "failed");
  assert.match(told.failures.a!.what, /options of stage "a" hold/);
  const plan = await p.temper(["plan", "p.yaml", "-p", `url=${url}`]);
  const all = told.out + told.err + plan.out + plan.err + await textBelow(p.runs);
  assert.equal(/s3cret|deadbeef/.exec(all), null);
});

Deno.test("a secret in the key of an own stage's sources is refused", async () => {
  await using p = await project({
    "say.ts": STAGE("", 'resolve: () => ({ key: "https://ann:s3" + "cret@host/x" }),'),
    "p.yaml": "name: p\nstages:\n  a: { uses: ./say.ts, permissions: { env: [SPEAKING_TOKEN] } }\n",
  });
  const told = await p.temper(["run", "p.yaml"]);
  assert.equal(told.outcomes.a, "failed");
  assert.match(told.failures.a!.what, /key of the sources of stage "a" holds/);
  assert.doesNotMatch(told.out + told.err + await textBelow(join(p.runs, "latest/")), /s3cret/);
});

Deno.test("hosts of resolved sources that are none are told, and kill no process", async () => {
  for (const host of ["", "*", "a/b", "https://a", "u:p@a", "a:0"]) {
    await using p = await project({
      "say.ts": STAGE("", `resolve: () => ({ key: 1, net: [${JSON.stringify(host)}] }),`),
      "p.yaml":
        "name: p\nstages:\n  a: { uses: ./say.ts, permissions: { env: [SPEAKING_TOKEN] } }\n",
    });
    const told = await p.temper(["run", "p.yaml"]);
    assert.equal(told.outcomes.a, "failed");
    assert.match(told.failures.a!.what, /no host|not granted/);
  }
});

Deno.test("a secret in a name, a matrix, a parameter or what is asked for is refused", async () => {
  Deno.env.set("NAMING_PASSWORD", "hunter2secret");
  Deno.env.set("NAMING_PIN_TOKEN", "48151623");
  const asking = (path: string): string =>
    STAGE("", "").replace('env: ["SPEAKING_TOKEN"]', `read: [${JSON.stringify(path)}]`);
  try {
    await using p = await project({
      "say.ts": STAGE("").replace('permissions: { env: ["SPEAKING_TOKEN"] },', ""),
      "ask.ts": asking("notes?token=/../../../etc/hostname"),
      "stage.yaml": "name: p\nstages:\n  hunter2secret: { uses: ./say.ts }\n",
      "pipeline.yaml": "name: hunter2secret\nstages:\n  a: { uses: ./say.ts }\n",
      "matrix.yaml":
        "name: p\nstages:\n  a: { uses: ./say.ts, matrix: { pin: [48151623, 2] }, with: { url: '${{ matrix.pin }}' } }\n",
      "params.yaml": "name: p\nparams: { x: 1 }\nstages:\n  a: { uses: ./say.ts }\n",
      "ask.yaml": "name: p\nstages:\n  a: { uses: ./ask.ts }\n",
    });
    for (const file of ["stage", "pipeline", "matrix", "params", "ask"]) {
      const more = file === "params" ? ["-p", "x=48151623"] : [];
      const told = await p.temper(["run", `${file}.yaml`, ...more]);
      assert.equal(told.code, 2, file);
      assert.match(
        told.out + told.err,
        /holds (a secret of the environment|what looks like a secret)/,
      );
      assert.doesNotMatch(told.out + told.err, /hunter2secret|48151623|hostname/, file);
    }
    await assert.rejects(Deno.stat(join(p.runs, "store/actions")), Deno.errors.NotFound);
  } finally {
    Deno.env.delete("NAMING_PASSWORD");
    Deno.env.delete("NAMING_PIN_TOKEN");
  }
});
