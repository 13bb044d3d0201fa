import { testMistakes, withStages } from "./loading.ts";
import { module, using } from "./own_module.ts";

testMistakes("loading an own stage reports", [
  {
    name: "a name that nothing stands for",
    yaml: using(),
    loading: module('import "temper/dta";'),
    expected: [
      '4:14+8 the stage "./own.ts" imports "temper/dta", which is neither a file nor a known name; did you mean "temper/data"?; a stage imports temper, temper/data, files (./NAME.ts) and packages (npm:NAME@VERSION)',
    ],
  },
  {
    name: "the environment",
    yaml: using(),
    loading: module('const secret = Deno.env.get("SECRET_TOKEN");'),
    expected: [
      '4:14+8 the stage "./own.ts" tries to read the environment variable "SECRET_TOKEN" while it is loaded, which is denied; a stage\'s module is loaded without any permission; move it into run(), and declare permissions: { env: ["SECRET_TOKEN"] }',
    ],
  },
  {
    name: "a file",
    yaml: using(),
    loading: module('Deno.readTextFileSync("/etc/hostname");'),
    expected: [
      '4:14+8 the stage "./own.ts" tries to read "/etc/hostname" while it is loaded, which is denied; a stage\'s module is loaded without any permission; move it into run(), and declare permissions: { read: ["/etc/hostname"] }',
    ],
  },
  {
    name: "the network",
    yaml: using(),
    loading: module('await fetch("https://example.com/x");'),
    expected: [
      '4:14+8 the stage "./own.ts" tries to use the network: "example.com:443" while it is loaded, which is denied; a stage\'s module is loaded without any permission; move it into run(), and declare permissions: { net: ["example.com:443"] }',
    ],
  },
  {
    name: "a process",
    yaml: using(),
    loading: module('new Deno.Command("ls").outputSync();'),
    expected: [
      '4:14+8 the stage "./own.ts" tries to start the process "ls" while it is loaded, which is denied; a stage\'s module is loaded without any permission; a stage cannot have this permission, not in run() either',
    ],
  },
  {
    name: "a loop without end",
    yaml: using(),
    loading: { ...module("while (true);"), describeTimeout: 1500 },
    expected: [
      '4:14+8 the stage "./own.ts" was not loaded within 1.5 s; a stage\'s module only defines; work and waiting belong into run()',
    ],
  },
  {
    name: "waiting without end",
    yaml: using(),
    loading: module("await new Promise(() => {});"),
    expected: [
      '4:14+8 the stage "./own.ts" ended its process (exit 1) while it was loaded: Top-level await promise never resolved; a stage\'s module only defines; work belongs into run()',
    ],
  },
  {
    name: "printing without end",
    yaml: using(),
    loading: module('while (true) console.log("x".repeat(100_000));'),
    expected: [
      '4:14+8 the stage "./own.ts" prints without end while it is loaded; a stage\'s module only defines; work belongs into run()',
    ],
  },
  {
    name: "leaving",
    yaml: using(),
    loading: module("Deno.exit(0);"),
    expected: [
      '4:14+8 the stage "./own.ts" ended its process (exit 0) while it was loaded; a stage\'s module only defines; work belongs into run()',
    ],
  },
  {
    name: "throwing",
    yaml: using(),
    loading: module('throw new Error("boom");'),
    expected: ['4:14+8 the stage "./own.ts" cannot be loaded: Error: boom'],
  },
  {
    name: "wrong syntax",
    yaml: using(),
    loading: { files: { "own.ts": "export const x = 1;\nconst y = ;\n" } },
    expected: [
      '4:14+8 the stage "./own.ts" is not valid TypeScript: Expression expected at <dir>/own.ts:2:11',
    ],
  },
  {
    name: "a missing import",
    yaml: using(),
    loading: { files: { "own.ts": "import './nope.ts';\n" } },
    expected: ['4:14+8 the stage "./own.ts" imports "<dir>/nope.ts", which does not exist'],
  },
  {
    name: "an import from a computed path",
    yaml: using(),
    loading: module('await import(["./x", "ts"].join("."));'),
    expected: [
      '4:14+8 the stage "./own.ts" tries to read "<dir>/x.ts" while it is loaded, which is denied; a stage\'s module is loaded without any permission; move it into run(), and declare permissions: { read: ["<dir>/x.ts"] }',
    ],
  },
  {
    name: "an import that cannot be downloaded",
    yaml: using(),
    loading: { files: { "own.ts": 'import "https://127.0.0.1:9/none.ts";\n' } },
    expected: [
      '4:14+8 the imports of the stage "./own.ts" cannot be downloaded: Requires import access to "127.0.0.1:9", run again with the --allow-import flag; check the network, and the addresses that the module imports',
    ],
  },
  {
    name: "no default export",
    yaml: using(),
    loading: { files: { "own.ts": "export const x = 1;\n" } },
    expected: [
      '4:14+8 "./own.ts" is not a stage: its default export is missing; a stage\'s module ends in `export default defineStage({ doc, inputs, output, options, run })`',
    ],
  },
  {
    name: "a default export that is no stage",
    yaml: using(),
    loading: { files: { "own.ts": 'export default { doc: "x", inputs: {}, output: "rows" };\n' } },
    expected: [
      '4:14+8 "./own.ts" is not a stage: its default export has no function `run`; a stage\'s module ends in `export default defineStage({ doc, inputs, output, options, run })`',
    ],
  },
  {
    name: "a stage without options",
    yaml: using(),
    loading: {
      files: {
        "own.ts": 'export default { doc: "x", inputs: {}, output: "rows", run() {} };\n',
      },
    },
    expected: [
      '4:14+8 "./own.ts" is not a stage: its default export has no `options`: z.object({ … }) with the `z` of "temper"; a stage\'s module ends in `export default defineStage({ doc, inputs, output, options, run })`',
    ],
  },
  {
    name: "a role that means nothing",
    yaml: using(),
    loading: {
      files: {
        "own.ts": module("").files!["own.ts"]!.replace('data: "rows"', 'data: "row[]"'),
      },
    },
    expected: [
      '4:14+8 "./own.ts" is not a stage: the role "data" accepts "row[]", which means nothing; did you mean "rows"?; kinds are rows, tokens, model, metrics, texts; several with "|", "[]" for a list, "?" for an optional role',
    ],
  },
  {
    name: "an output that throws",
    yaml: using(),
    loading: {
      files: {
        "own.ts": module("").files!["own.ts"]!.replace(
          'output: "rows"',
          'output: () => { throw new Error("boom"); }',
        ),
      },
    },
    expected: ['4:14+8 the stage "./own.ts" is at fault: its `output` threw: boom'],
  },
  {
    name: "wrong options",
    yaml: using(", with: { stp: 3, step: 1, inner: { nme: x } }"),
    loading: module(""),
    expected: [
      '4:53+3 unknown option "stp" of stage "./own.ts"; did you mean "step"?; options of "./own.ts": step, inner',
      '4:67+1 option "step" of stage "./own.ts" cannot be 1 (a number); it must be a whole number at least 2 (keep one row in this many; default 2)',
      '4:79+3 unknown option "inner.nme" of stage "./own.ts"; did you mean "name"?; keys of option "inner": name',
    ],
  },
  {
    name: "wrong matrix values",
    yaml: withStages(
      "d: { uses: download, with: { from: x } }",
      "o: { uses: ./own.ts, inputs: { data: d }, matrix: { step: [2, 1, 3, 0] } }",
    ),
    loading: module(""),
    expected: [
      '4:65+1 option "step" of stage "./own.ts" cannot be 1 (a number); it must be a whole number at least 2 (keep one row in this many; default 2)',
      '4:71+1 option "step" of stage "./own.ts" cannot be 0 (a number); it must be a whole number at least 2 (keep one row in this many; default 2)',
    ],
  },
  {
    name: "files that are not there or no modules",
    yaml: withStages(
      "a: { uses: ./owm.ts }",
      "b: { uses: own.ts }",
      "c: { uses: https://example.com/own.ts }",
      "e: { uses: ./own.txt }",
      "f: { uses: ./ }",
    ),
    loading: { files: { ...module("").files, "own.txt": "x" } },
    expected: [
      '3:14+8 there is no file "./owm.ts"; did you mean "./own.ts"?; looked for <dir>/owm.ts',
      '4:14+6 there is no built-in stage "own.ts"; built-in stages: download, train, score, write; for a stage of your own write ./own.ts',
      '5:14+26 cannot use "https://example.com/own.ts" as a stage; a stage is built in, or a file beside the pipeline such as ./my_stage.ts',
      '6:14+9 "./own.txt" is not a module; a stage of your own is a file ending in .ts, .js, .mts or .mjs',
      '7:14+2 "./" is not a file',
    ],
  },
  {
    name: "permissions that are not granted",
    yaml: using(", permissions: { net: [a.org] }"),
    loading: module(
      "",
      'permissions: { net: ["a.org:443", "b.org"], env: ["TOKEN"], read: ["words.txt"], ffi: true },',
    ),
    expected: [
      '4:45+11 the stage "o" asks for permissions that are not granted:\n    to connect to b.org\n    to read the environment variable TOKEN\n    to read words.txt\n    to load native libraries; its author asks for them, you decide; to grant them write\n      permissions:\n        net: [a.org, b.org]\n        env: [TOKEN]\n        read: [words.txt]\n        ffi: true',
    ],
  },
  {
    name: "a host that is an address",
    yaml: using(""),
    loading: module("", 'permissions: { net: ["https://a.org/"] },'),
    expected: [
      '4:14+8 "./own.ts" is not a stage: its default export asks for net "https://a.org/", which is not a host, or host:port: example.com, 127.0.0.1:8080, [::1]:80; no address with https://, no *; a stage\'s module ends in `export default defineStage({ doc, inputs, output, options, run })`',
    ],
  },
  {
    name: "a variable that is a pattern",
    yaml: using(""),
    loading: module("", 'permissions: { env: ["A_*"] },'),
    expected: [
      '4:14+8 "./own.ts" is not a stage: its default export asks for env "A_*", which is not the name of one environment variable, no pattern; a stage\'s module ends in `export default defineStage({ doc, inputs, output, options, run })`',
    ],
  },
  {
    name: "permissions of a wrong form",
    yaml: using(),
    loading: module("", 'permissions: { nets: ["a.org"] } as never,'),
    expected: [
      '4:14+8 "./own.ts" is not a stage: its default export has `permissions` that are not { net, env, read: lists of texts; ffi: true or false }; a stage\'s module ends in `export default defineStage({ doc, inputs, output, options, run })`',
    ],
  },
]);
