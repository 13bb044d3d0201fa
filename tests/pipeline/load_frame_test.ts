/** What loading says of keys, names, stages and schedules that are wrong. */
import { testMistakes, withStages } from "./loading.ts";

testMistakes("loadPipeline()", [
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
    name: "says what is wrong with a cron expression without NaN",
    yaml: "name: t\nschedule: { cron: '-1 3 * * 1' }\n" +
      "stages: { a: { uses: download, with: { from: x } } }",
    expected: [
      '2:19+12 the cron expression "-1 3 * * 1" cannot be read: syntax error, illegal lower range; five fields: minute hour day-of-month month day-of-week, such as `0 3 * * 1`',
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
]);
