/**
 * Pins of own stages: each stage has its own, and they are bounded.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pinText, receivedPins } from "../../lib/pipeline/sandbox/pins.ts";
import { project, registryOf } from "./project.ts";

/** An own stage that sets and tells the pins that it is told to. */
const OWN = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Plays with pins.",
  inputs: {},
  output: "texts",
  options: z.object({
    set: z.record(z.string(), z.string()).default({}),
    get: z.array(z.string()).default([]),
    many: z.number().default(0),
    odd: z.string().default(""),
  }),
  async resolve({ options, pins }) {
    const seen = options.get.map((source) => pins.get(source) ?? null);
    for (const [source, pin] of Object.entries(options.set)) {
      if (pins.get(source) === undefined) pins.set(source, { pin });
    }
    for (let i = 0; i < options.many; i++) pins.set("many/" + i, i);
    const round = [];
    round.push(round);
    let twice = {};
    for (let i = 0; i < 31; i++) twice = { a: twice, b: twice };
    let deep = {};
    for (let i = 0; i < 10_000; i++) deep = { deep };
    const odd = { round, deep, twice, nothing: undefined, nan: [NaN], map: new Map(), big: "x".repeat(5e6) };
    if (options.odd !== "") pins.set("odd", odd[options.odd]);
    if (options.odd === "proto") {
      pins.set("__proto__", { proto: true });
      seen.push(pins.get("__proto__"), pins.get("constructor") ?? null);
    }
    return { key: { seen, all: Object.keys(options.set).map((source) => pins.get(source)) } };
  },
  async run({ sources, output }) {
    await Deno.writeTextFile(output.path + "/generations.jsonl", JSON.stringify(sources));
  },
});
`;

const BUILTIN = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Pins a source.",
  inputs: {},
  output: "texts",
  options: z.object({ name: z.string().default("") }),
  async resolve({ pins }) {
    if (pins.get("far") === undefined) pins.set("far", { pin: "builtin" });
    return { key: pins.get("far") };
  },
  async run({ sources, output }) {
    await Deno.writeTextFile(output.path + "/generations.jsonl", JSON.stringify(sources));
  },
});
`;

async function lockOf(folder: string): Promise<{ pins: unknown; own?: Record<string, unknown> }> {
  return JSON.parse(await Deno.readTextFile(join(folder, "p.lock")));
}

Deno.test("an own stage sees and sets its own pins alone, whatever its module", async () => {
  await using p = await project({
    "own.ts": OWN,
    "builtin.ts": BUILTIN,
    "p.yaml": `name: own
stages:
  far: { uses: builtin }
  same: { uses: builtin, with: { name: other } }
  a: { uses: ./own.ts, with: { set: { near: a } } }
  b: { uses: ./own.ts, with: { set: { near: b, far: stolen }, get: [far, near] } }
`,
  });
  const context = { stages: registryOf(p.folder, ["builtin"]) };
  // The first run has every stage resolve beside the others, the second one with all pins there.
  for (const name of ["own", "later"]) {
    const run = await p.temper(["run", "p.yaml", "--jobs", "1"], { context });
    assert.equal(run.code, 0, JSON.stringify(run.failures));
    assert.deepEqual(await lockOf(p.folder), {
      version: 1,
      pins: { far: { pin: "builtin" } },
      own: {
        a: { near: { pin: "a" } },
        b: { far: { pin: "stolen" }, near: { pin: "b" } },
      },
    }, name);
    assert.equal(await p.result("far"), '{"pin":"builtin"}');
  }
  const b = JSON.parse(await p.result("b"));
  assert.deepEqual(b.seen, [{ pin: "stolen" }, { pin: "b" }], "what it set itself");
});

Deno.test("an own stage does not get what an earlier version had it share, and builtin pins stay", async () => {
  await using p = await project({
    "own.ts": OWN,
    "p.lock": JSON.stringify({
      version: 1,
      pins: { near: { pin: "old" }, far: { pin: "builtin" } },
    }),
    "p.yaml":
      "name: old\nstages:\n  a: { uses: ./own.ts, with: { set: { near: a }, get: [near] } }\n",
  });
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  assert.deepEqual(JSON.parse(await p.result("a")).seen, [null]);
  assert.deepEqual(Object.keys((await lockOf(p.folder)).pins as object), ["far", "near"]);
});

Deno.test("cells of a matrix share their stage's pins, --update drops those of stages that went", async () => {
  const pipeline = (name: string, source = "near"): string =>
    `name: cells
stages:
  ${name}:
    matrix: { who: [x, y] }
    uses: ./own.ts
    with: { set: { ${source}: same }, get: ["\${{ matrix.who }}"] }
`;
  await using p = await project({ "own.ts": OWN, "p.yaml": pipeline("a") });
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  assert.deepEqual((await lockOf(p.folder)).own, { a: { near: { pin: "same" } } });
  await p.write("p.yaml", pipeline("renamed"));
  assert.equal((await p.temper(["run", "p.yaml"])).code, 0);
  assert.deepEqual(Object.keys((await lockOf(p.folder)).own!), ["a", "renamed"]);
  assert.equal((await p.temper(["run", "p.yaml", "--update"])).code, 0);
  assert.deepEqual((await lockOf(p.folder)).own, { renamed: { near: { pin: "same" } } });
});

Deno.test("cells that insist on different pins for one source are told so", async () => {
  await using p = await project({
    "own.ts": OWN.replace("if (pins.get(source) === undefined) ", ""),
    "p.yaml": `name: clash
stages:
  a:
    matrix: { who: [x, y] }
    uses: ./own.ts
    with: { set: { near: "\${{ matrix.who }}" } }
`,
  });
  const { code, failures } = await p.temper(["run", "p.yaml"]);
  assert.equal(code, 1);
  const [failure, ...more] = Object.values(failures);
  assert.deepEqual(more, []);
  assert.match(failure!.what, /pins near to something else than another stage of this run did/);
});

Deno.test("pins of an own stage that are no JSON, too many, too long or too deep are refused in words", async () => {
  const cases: Record<string, RegExp> = {
    "odd: round": /the pin of "odd" is nested deeper/,
    "odd: deep": /the pin of "odd" is nested deeper/,
    "odd: twice": /the pin of "odd" is nested deeper/,
    "odd: nothing": /the pin of "odd" is no JSON \(.*undefined/,
    "odd: nan": /the pin of "odd" is no JSON \(.*NaN/,
    "odd: map": /the pin of "odd" is no JSON \(.*Map/,
    "odd: big": /the pin of "odd" is longer/,
    "many: 1001": /it sets 1001 pins/,
  };
  const stages = Object.keys(cases).map((option, i) =>
    `  s${i}: { uses: ./own.ts, with: { ${option} } }\n`
  );
  await using p = await project({
    "own.ts": OWN,
    "p.yaml":
      `name: odd\nstages:\n${stages.join("")}  fine: { uses: ./own.ts, with: { many: 1000 } }\n` +
      `  proto: { uses: ./own.ts, with: { odd: proto } }\n`,
  });
  const { failures, outcomes } = await p.temper(["run", "p.yaml"]);
  for (const [i, expected] of Object.values(cases).entries()) {
    assert.match(failures[`s${i}`]?.what ?? "", expected);
  }
  assert.equal(outcomes.fine, "done");
  // There is no `odd.proto`, so that what it sets is undefined.
  assert.match(failures.proto?.what ?? "", /no JSON/);
});

Deno.test("a source of an own stage may be called __proto__", async () => {
  await using p = await project({
    "own.ts": OWN.replace('if (options.odd !== "") pins.set("odd", odd[options.odd]);', ""),
    "p.yaml": "name: proto\nstages:\n  s: { uses: ./own.ts, with: { odd: proto } }\n",
  });
  const { code, failures } = await p.temper(["run", "p.yaml"]);
  assert.equal(code, 0, JSON.stringify(failures));
  assert.deepEqual(JSON.parse(await p.result("s")).seen, [{ proto: true }, null]);
  assert.match(
    await Deno.readTextFile(join(p.folder, "p.lock")),
    /"__proto__": \{\s*"proto": true/,
  );
});

Deno.test("what a stage's process sends as pins is checked again", () => {
  const fine = receivedPins([["a", '{"b":1}'], ["__proto__", "2"]]);
  assert.deepEqual([...fine], [["a", { b: 1 }], ["__proto__", 2]]);
  assert.equal(pinText("a", { b: 1, a: undefined }), '{"b":1}');
  const deep = `${"[".repeat(5000)}${"]".repeat(5000)}`;
  const bad: [string, string][][] = [
    [["a", "{"]],
    [["a", deep]],
    [["x".repeat(5000), "1"]],
    [["\ud800", "1"]],
    Array.from({ length: 1001 }, (_, i) => [`${i}`, "1"]),
    [["a", `"${"x".repeat(3e6)}"`], ["b", `"${"x".repeat(3e6)}"`]],
  ];
  for (const entries of bad) {
    assert.throws(() => receivedPins(entries), { name: "UserError" }, entries[0]![0].slice(0, 9));
  }
});

Deno.test("two pipelines whose names differ by .yml and .yaml alone share no pins", async () => {
  const text = "name: p\nstages:\n  s: { uses: ./own.ts }\n";
  await using p = await project({ "own.ts": OWN, "p.yaml": text, "p.yml": text });
  for (const file of ["p.yaml", "p.yml"]) {
    const told = await p.temper(["run", file]);
    assert.equal(told.code, 2);
    assert.match(
      JSON.stringify(told),
      /p\.ya?ml and p\.ya?ml would share the lock file p\.lock.*rename one/s,
    );
  }
});
