import assert from "node:assert/strict";
import { join } from "node:path";
import { UserErrors } from "../../lib/errors.ts";
import { loadPipeline } from "../../lib/pipeline/load.ts";
import { load, type Loading, mistakes, REGISTRY, ROOT, stage, withStages } from "./loading.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

Deno.test("loadPipeline() reads a whole pipeline", async () => {
  const pipeline = await load([
    "name: imdb",
    "description: An example.",
    "seed: 7",
    "params: { rate: 2.0e-5, epochs: 2 }",
    "schedule: { cron: '0 3 * * 1', timezone: Europe/Berlin, overlap: queue, catch_up: all }",
    "stages:",
    "  tuned:",
    "    uses: train",
    "    description: Reads what comes later in the file.",
    "    inputs: { data: data, model: base }",
    "    with: { learning_rate: '${{ params.rate }}', epochs: '${{ params.epochs }}' }",
    "    timeout: 90s",
    "  data: { uses: download, with: { from: a } }",
    "  base: { uses: download, with: { from: b, model: true }, timeout: 0.5 }",
    "  scores: { uses: score, inputs: { models: [tuned, base] }, timeout: 2h }",
    "  none: { uses: download, with: { from: c }, timeout: 30m }",
  ].join("\n"));
  assert.equal(pipeline.name, "imdb");
  assert.equal(pipeline.seed, 7);
  assert.deepEqual(pipeline.params, { rate: 2e-5, epochs: 2 });
  assert.deepEqual(pipeline.schedule, {
    cron: "0 3 * * 1",
    timezone: "Europe/Berlin",
    overlap: "queue",
    catch_up: "all",
  });
  const ids = pipeline.stages.map(({ id }) => id);
  assert.deepEqual(ids, ["data", "base", "tuned", "scores", "none"]);
  const tuned = stage(pipeline, "tuned");
  assert.deepEqual(tuned.inputs, { data: ["data"], model: ["base"] });
  assert.deepEqual(tuned.options, {
    learning_rate: 2e-5,
    epochs: 2,
    strategy: "no",
    note: "",
    dropout: "auto",
  });
  assert.equal(tuned.output, "model");
  assert.equal(tuned.description.uses, "train");
  assert.equal(tuned.description.builtin, true);
  assert.deepEqual([tuned.at.line, tuned.at.column, tuned.at.length], [7, 3, 5]);
  assert.deepEqual(stage(pipeline, "scores").inputs, { models: ["tuned", "base"] });
  assert.deepEqual(stage(pipeline, "data").permissions, { net: ["example.com"] });
  assert.deepEqual(
    ["data", "tuned", "base", "scores", "none"].map((name) => stage(pipeline, name).timeout),
    [undefined, 90_000, 500, 7_200_000, 1_800_000],
  );
  assert.equal(stage(pipeline, "base").output, "model", "the kind follows from the options");
  assert.equal(stage(pipeline, "data").output, "rows");
});

Deno.test("loadPipeline() fills in what may be left out", async () => {
  const pipeline = await load(withStages("a: { uses: download, with: { from: x } }"));
  assert.equal(pipeline.seed, 42);
  assert.equal(pipeline.schedule, undefined);
  assert.deepEqual(pipeline.params, {});
  const text = "name: t\nschedule: { cron: '0 3 * * 1' }\n" +
    "stages: { a: { uses: download, with: { from: x } } }";
  assert.deepEqual((await load(text)).schedule, {
    cron: "0 3 * * 1",
    timezone: "UTC",
    overlap: "skip",
    catch_up: "latest",
  });
});

Deno.test("loadPipeline() resolves anchors, aliases and merge keys", async () => {
  const pipeline = await load([
    "name: t",
    "x-download: &download { uses: download, with: &with { from: a } }",
    "x-more: &more { timeout: 1, uses: nothing }",
    "stages:",
    "  plain: *download",
    "  merged: { <<: *download, timeout: 5 }",
    "  both:",
    "    <<: [*download, *more]",
    "    with: { <<: *with, model: true }",
    "  inline: { <<: { uses: download }, with: { from: '<<' } }",
  ].join("\n"));
  const read = (name: string) => [stage(pipeline, name).options, stage(pipeline, name).timeout];
  assert.deepEqual(read("plain"), [{ from: "a", model: false }, undefined]);
  assert.deepEqual(read("merged"), [{ from: "a", model: false }, 5000]);
  assert.deepEqual(read("both"), [{ from: "a", model: true }, 1000]);
  assert.deepEqual(read("inline"), [{ from: "<<", model: false }, undefined]);
});

Deno.test("loadPipeline() keeps keys such as __proto__ and constructor as keys", async () => {
  const text = withStages("a: { uses: download, with: { from: x, __proto__: { y: 1 } } }");
  assert.match((await mistakes(text))[0]!, /unknown option "__proto__"/);
  assert.match(
    (await mistakes(withStages("a: { uses: constructor }")))[0]!,
    /no built-in stage "constructor"/,
  );
});

interface Case {
  readonly name: string;
  readonly yaml: string | Uint8Array;
  readonly loading?: Loading;
  readonly expected: readonly string[];
}

/** What is wrong with a file, mistake by mistake. */
const CASES: readonly Case[] = [
  {
    name: "reports five different mistakes at once",
    yaml: [
      "name: five",
      "seeds: 7",
      "params: { rate: 2.0e-5 }",
      "stages:",
      "  data: { uses: dowload, with: { from: a } }",
      "  tuned:",
      "    uses: train",
      "    inputs: { data: dta }",
      "    with:",
      '      lerning_rate: "${{ params.rat }}"',
      "      epochs: many",
    ].join("\n"),
    expected: [
      '2:1+5 unknown key "seeds"; did you mean "seed"?; keys of a pipeline: name, description, seed, params, env, schedule, stages',
      '5:17+7 there is no built-in stage "dowload"; did you mean "download"?; built-in stages: download, train, score, write',
      '8:21+3 unknown stage "dta"; did you mean "data"?; stages: data',
      '10:26+10 unknown parameter "rat"; did you mean "rate"?; parameters stand under "params:"; known: rate',
      '11:15+4 option "epochs" of stage "train" cannot be "many" (text); it must be a whole number at least 1 (passes over the data; default 3)',
    ],
  },
  {
    name: "says that a file is empty",
    yaml: "",
    expected: ["1:1+1 the file is empty; a pipeline has at least `name:` and `stages:`"],
  },
  {
    name: "says that a file holds comments only",
    yaml: "# nothing\n",
    expected: ["1:1+1 the file is empty; a pipeline has at least `name:` and `stages:`"],
  },
  {
    name: "says that a file holds a list",
    yaml: "- a\n- b\n",
    expected: [
      "1:1+3 the file holds a list, no mapping; a pipeline has at least `name:` and `stages:`",
    ],
  },
  {
    name: "says that a file holds text",
    yaml: "hello",
    expected: [
      "1:1+5 the file holds a single value, no mapping; a pipeline has at least `name:` and `stages:`",
    ],
  },
  {
    name: "refuses tabs",
    yaml: "name: t\nstages:\n\ta: {}\n",
    expected: ["3:1+1 not valid YAML: a tab indents this line; indent with spaces"],
  },
  {
    name: "says that a quote is not closed",
    yaml: "name: 't\nstages: {}\n",
    expected: ["3:1+1 not valid YAML: missing closing 'quote"],
  },
  {
    name: "says that an expression needs quotes in braces",
    yaml: withStages("a: { uses: download, with: { from: ${{ params.x }} } }"),
    expected: [
      '3:39+1 not valid YAML: unexpected flow-map-start at node end; put quotes around a value with {{ }}: "${{ … }}"',
    ],
  },
  {
    name: "says that a row template needs quotes",
    yaml: withStages("a:", "  uses: download", "  with:", "    from: {{ text }}"),
    expected: ['6:14+8 a key must be text; put quotes around a value with {{ }}: "{{ … }}"'],
  },
  {
    name: "refuses several documents",
    yaml: "name: t\n---\nname: u\n",
    expected: ["2:1+3 not valid YAML: a second document begins here, a pipeline file holds one"],
  },
  {
    name: "refuses tags",
    yaml: "name: !x t\nstages: {}\n",
    expected: ["1:7+2 not valid YAML: tags are not supported: !x"],
  },
  {
    name: "reports several lines of wrong syntax",
    yaml: "name: @t\nseed: `1`\nstages: {}\n",
    expected: [
      "1:7+1 not valid YAML: plain value cannot start with reserved character @; put quotes around the value",
      "2:7+1 not valid YAML: plain value cannot start with reserved character `; put quotes around the value",
    ],
  },
  {
    name: "reports keys that are there twice",
    yaml: withStages(
      "a: { uses: download, with: { from: x, from: y } }",
      "a: { uses: download, with: { from: z } }",
    ),
    expected: [
      '3:41+4 the key "from" is there twice; it stands in line 3 already',
      '4:3+1 the key "a" is there twice; it stands in line 3 already',
    ],
  },
  {
    name: "reports an unknown anchor",
    yaml: withStages("a: &one { uses: download, with: { from: x } }", "b: *oen"),
    expected: [
      '4:6+4 unknown anchor "oen"; did you mean "one"?; an alias "*oen" needs "&oen" before it',
    ],
  },
  {
    name: "reports an anchor that contains itself",
    yaml: "name: t\nx-a: &a [*a]\nstages: { a: { uses: download, with: { from: x } } }\n",
    expected: ['2:10+2 the anchor "&a" contains itself'],
  },
  {
    name: "reports a merge key that leads to no mapping",
    yaml: withStages("a: { <<: 3, uses: download, with: { from: x } }"),
    expected: [
      '3:12+1 the merge key "<<" does not lead to a mapping; it takes an alias of a mapping, or a list of such aliases',
    ],
  },
  {
    name: "puts the mistakes of merged values where the anchor is",
    yaml: [
      "name: t",
      "x-with: &with { from: 3 }",
      "stages: { a: { uses: download, with: { <<: *with } }, b: { uses: download, with: *with } }",
    ].join("\n"),
    expected: [
      '2:23+1 option "from" of stage "download" cannot be 3 (a number); it must be text (where to get it)',
    ],
  },
  {
    name: "refuses alias bombs",
    yaml: [
      "name: t",
      "x-0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]",
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((i) =>
        `x-${i}: &a${i} [${Array(10).fill(`*a${i - 1}`).join(", ")}]`
      ),
      "stages: { a: { uses: download, with: { from: x } } }",
    ].join("\n"),
    expected: [
      "6:10+50 the aliases of this file unfold to more than 100000 values; aliases of aliases multiply; a pipeline needs few of them",
    ],
  },
  {
    name: "refuses deep nesting",
    yaml: `name: t\nx-a: ${"[".repeat(105)}${"]".repeat(105)}\n` +
      "stages: { a: { uses: download, with: { from: x } } }",
    expected: ["2:106+10 the file is nested too deeply to be read; at most 100 levels"],
  },
  {
    name: "refuses nesting that exhausts the parser",
    yaml: "[".repeat(20_000),
    expected: ["1:1+1 the file is nested too deeply to be read; at most 100 levels"],
  },
  {
    name: "refuses numbers that JSON cannot hold",
    yaml: "name: t\nseed: 12345678901234567890\nparams: { a: .nan, b: .inf }\n" +
      "stages: { a: { uses: download, with: { from: x } } }",
    expected: [
      "2:7+20 the whole number 12345678901234567890 cannot be held exactly; from -9007199254740991 to 9007199254740991; put quotes around it if it is text",
      "3:14+4 .nan is not a number that can be used",
      "3:23+4 .inf is not a number that can be used",
    ],
  },
  {
    name: "refuses what is not UTF-8",
    yaml: new Uint8Array([0x6e, 0x61, 0x6d, 0x65, 0x3a, 0x0a, 0x20, 0xff]),
    expected: ["2:2+1 the file is not UTF-8 text; save it with the encoding UTF-8"],
  },
  {
    name: "reports keys of the file that are unknown, missing or wrong",
    yaml: "seed: x\nstages: {}\nnme: a\nenv: HOME\n",
    expected: [
      '1:7+1 key "seed" cannot be "x" (text); it must be a whole number from 0 to 4294967295 (Every random choice of every stage follows from it; default 42)',
      '2:9+2 key "stages" cannot be {} (a mapping); it must be at least one stage',
      '3:1+3 unknown key "nme"; did you mean "name"?; keys of a pipeline: name, description, seed, params, env, schedule, stages',
      '4:6+4 key "env" cannot be "HOME" (text); it must be a list of texts (Environment variables that `${{ env.NAME }}` may read)',
    ],
  },
  {
    name: "reports names that cannot be used",
    yaml: "name: a b\nstages: { 'A b': { uses: download, with: { from: x } } }",
    expected: [
      '1:7+3 key "name" cannot be "a b" (text); it must be letters, digits, `.`, `_` and `-`, a letter or digit first (Name of the pipeline, part of the names of its runs)',
      '2:11+5 stage "A b" has a name that cannot be used; a name is made of: small letters, digits, `_` and `-`',
    ],
  },
  {
    name: "reports stages that are a list",
    yaml: "name: t\nstages: [1]\n",
    expected: ['2:9+3 key "stages" cannot be [1] (a list); it must be a mapping'],
  },
  {
    name: "reports stages that are no mapping",
    yaml: withStages("a: download", "b:", "c: [1]"),
    expected: [
      '3:3+1 the stage "a" must be a mapping; with at least `uses:`',
      '4:3+1 the stage "b" must be a mapping; with at least `uses:`',
      '5:3+1 the stage "c" must be a mapping; with at least `uses:`',
    ],
  },
  {
    name: "reports unknown keys of a stage",
    yaml: withStages("a: { use: download, wiht: {} }"),
    expected: [
      '3:8+3 unknown key "use" of stage "a"; did you mean "uses"?; keys of a stage: uses, description, inputs, with, matrix, permissions, timeout',
      '3:23+4 unknown key "wiht" of stage "a"; did you mean "with"?; keys of a stage: uses, description, inputs, with, matrix, permissions, timeout',
    ],
  },
  {
    name: "reports wrong types of a stage's keys",
    yaml: withStages(
      "a:",
      "  uses: 3",
      "  with: [1]",
      "  inputs: x",
      "  matrix: { b: 3 }",
      "  permissions: { nets: [a], net: ['http://a.org/'], env: ['*'], ffi: maybe }",
      "b: { uses: download, with: { from: x }, timeout: -1 }",
      "c: { uses: download, with: { from: x }, timeout: 5 min }",
    ),
    expected: [
      '4:11+1 key "uses" of stage "a" cannot be 3 (a number); it must be text',
      '5:11+3 key "with" of stage "a" cannot be [1] (a list); it must be a mapping (Options of the stage (`deno task stages NAME` documents them))',
      '6:13+1 key "inputs" of stage "a" cannot be "x" (text); it must be a mapping of texts or lists of texts (Role -> the stage whose output it reads)',
      '7:18+1 key "matrix.b" of stage "a" cannot be 3 (a number); it must be a non-empty list of values',
      '8:20+4 unknown key "permissions.nets" of stage "a"; did you mean "net"?; keys of "permissions": net, env, read, ffi',
      '8:37+15 key "permissions.net[0]" of stage "a" cannot be "http://a.org/" (text); it must be a host, or host:port: example.com, 127.0.0.1:8080, [::1]:80; no address with https://, no *',
      '8:61+3 key "permissions.env[0]" of stage "a" cannot be "*" (text); it must be the name of one environment variable, no pattern',
      '8:72+5 key "permissions.ffi" of stage "a" cannot be "maybe" (text); it must be true or false (Whether it may load native libraries)',
      '9:52+2 key "timeout" of stage "b" cannot be -1 (a number); it must be a number of seconds above 0, or text such as 90s, 30m, 2h (Time after which the stage is stopped: seconds, or text such as `90s`, `30m`, `2h`)',
      '10:52+5 key "timeout" of stage "c" cannot be "5 min" (text); it must be a number of seconds above 0, or text such as 90s, 30m, 2h (Time after which the stage is stopped: seconds, or text such as `90s`, `30m`, `2h`)',
    ],
  },
  {
    name: "refuses permissions for built-in stages",
    yaml: withStages("a: { uses: download, with: { from: x }, permissions: { net: [a] } }"),
    expected: [
      '3:43+11 the built-in stage "download" takes no permissions; built-in stages bring their own; `permissions:` is for own stages',
    ],
  },
  {
    name: "checks schedules",
    yaml: [
      "name: t",
      "schedule: { cron: '0 3 * *', timezone: Europe/Berlni, overlap: skp }",
      "stages: { a: { uses: download, with: { from: x } } }",
    ].join("\n"),
    expected: [
      '2:19+9 the cron expression "0 3 * *" has 4 fields; five fields: minute hour day-of-month month day-of-week, such as `0 3 * * 1`',
      '2:40+13 unknown time zone "Europe/Berlni"; did you mean "Europe/Berlin"?; a name of the IANA time zone database, such as Europe/Berlin',
      '2:64+3 key "schedule.overlap" cannot be "skp" (text); did you mean "skip"?; it must be "skip", "queue" or "cancel" (default skip)',
    ],
  },
  {
    name: "checks the values of cron expressions",
    yaml: "name: t\nschedule: { cron: '61 3 * * 1' }\n" +
      "stages: { a: { uses: download, with: { from: x } } }",
    expected: [
      '2:19+12 the cron expression "61 3 * * 1" cannot be read: invalid value for minute: 61; five fields: minute hour day-of-month month day-of-week, such as `0 3 * * 1`',
    ],
  },
  {
    name: "refuses schedules that never come true",
    yaml: "name: t\nschedule: { cron: '0 0 31 2 *' }\n" +
      "stages: { a: { uses: download, with: { from: x } } }",
    expected: [
      '2:19+12 the cron expression "0 0 31 2 *" never comes true; five fields: minute hour day-of-month month day-of-week, such as `0 3 * * 1`',
    ],
  },
];

for (const { name, yaml, loading, expected } of CASES) {
  Deno.test(`loadPipeline() ${name}`, async () => {
    assert.deepEqual(await mistakes(yaml, loading), expected);
  });
}

Deno.test("loadPipeline() says that there is no such file, and which is near", async () => {
  const folder = await temporaryDirectory();
  await Deno.writeTextFile(join(folder, "imdb.yaml"), "");
  const messages = async (file: string): Promise<string[]> => {
    const options = { params: [], registry: REGISTRY, root: ROOT };
    const error = await loadPipeline(file, options).then(() => undefined, (error) => error);
    assert.ok(error instanceof UserErrors);
    return error.errors.map(({ message }) => message.replaceAll(folder, "<dir>"));
  };
  assert.deepEqual(await messages(join(folder, "imbd.yaml")), [
    'cannot read "<dir>/imbd.yaml": there is no such file; did you mean "<dir>/imdb.yaml"?',
  ]);
  assert.deepEqual(await messages(join(folder, "no", "imbd.yaml")), [
    'cannot read "<dir>/no/imbd.yaml": there is no folder "<dir>/no"',
  ]);
  assert.deepEqual(await messages(folder), [
    'cannot read "<dir>": it is a folder; a pipeline is one YAML file',
  ]);
});
