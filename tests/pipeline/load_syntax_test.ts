/** What loading says of a file that is no readable YAML, or more of it than a pipeline can be. */
import { testMistakes, withStages } from "./loading.ts";

testMistakes("loadPipeline()", [
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
  ...[301, 1_150, 1_300, 5_000].map((depth) => ({
    // At about 1,200 levels it depends on what ran before whether the parser's stack is enough.
    name: `refuses ${depth} mappings in one another in one place`,
    yaml: `x-a: ${"{a: ".repeat(depth)}1${"}".repeat(depth)}`,
    expected: ["1:1+1 the file is nested too deeply to be read; at most 100 levels"],
  })),
  {
    name: "counts no brackets in texts and comments",
    yaml:
      `name: t # ${"{[".repeat(200)}\nx-a: |\n  {\n${"  [\n".repeat(400)}x-b: "${
        "{".repeat(400)
      }"\n` +
      "stages: 3",
    expected: ['405:9+1 key "stages" cannot be 3 (a number); it must be a mapping'],
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
]);
