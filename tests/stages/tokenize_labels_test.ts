/** The option `label_column` of the tokenize stage. */
import assert from "node:assert/strict";
import type { Column, Row } from "../../lib/data/rows/dataset.ts";
import stage from "../../stages/tokenize.ts";
import { makeTokenizer, refusal, type Result, texts, tokenize } from "./tokenizing.ts";

/** What was said beside how many rows there are, and how long their texts. */
const onClasses = ({ notes }: Result): string[] =>
  notes.slice(1).filter((note) => !/ texts? of /.test(note));

Deno.test("label_column gives a class per row and its names", async () => {
  const tokenizer = await makeTokenizer();
  const rows = (values: Row["x"][]): Row[] =>
    values.map((label, i) => ({ text: i === 1 ? "" : "the", label }));
  const text: Column = { name: "text", type: "string" };
  const table: [Column, Row["x"][], number[], string[]][] = [
    [{ name: "label", type: "string" }, ["pos", "neg", "neg", "odd"], [2, 0, 1], [
      "neg",
      "odd",
      "pos",
    ]],
    [{ name: "label", type: "int" }, [2, 1, 0, 1], [2, 0, 1], ["0", "1", "2"]],
    [{ name: "label", type: "int", names: ["neg", "pos"] }, [1, 1, 0, 1], [1, 0, 1], [
      "neg",
      "pos",
    ]],
    [{ name: "label", type: "bool" }, [true, true, false, true], [1, 0, 1], ["false", "true"]],
  ];
  for (const [column, values, expected, names] of table) {
    const result = await tokenize({ train: rows(values) }, { label_column: "label" }, {
      tokenizer,
      columns: [text, column],
    });
    assert.deepEqual([...result.tokens.splits.train!.columns.labels!.data], expected);
    assert.deepEqual(result.tokens.info.labels, names);
  }
  // A split whose rows are all dropped still has labels, none.
  const empty = await tokenize({ train: rows([0, 1]), test: [{ text: "", label: 0 }] }, {
    label_column: "label",
  }, { tokenizer, columns: [text, { name: "label", type: "int" }] });
  assert.equal(empty.tokens.splits.test!.columns.labels!.data.length, 0);
});

Deno.test("label_column refuses what is no class", async () => {
  const tokenizer = await makeTokenizer();
  const table: [Column["type"], Row["x"], RegExp][] = [
    ["float", 0.5, /float values, which are no classes/],
    ["int", -1, /row 0 of split "train" has the label -1/],
    ["int", null, /row 0 of split "train" has no "label"/],
    ["int", 1_000_000, /would make 1000001 classes/],
  ];
  for (const [type, value, message] of table) {
    const columns: Column[] = [{ name: "text", type: "string" }, { name: "label", type }];
    const splits = { train: [{ text: "the", label: value }] };
    assert.match(await refusal(splits, { label_column: "label" }, { tokenizer, columns }), message);
  }
  assert.match(
    await refusal({ train: texts("a") }, { label_column: "lable" }, { tokenizer }),
    /no column "lable"/,
  );
  const columns: Column[] = [{ name: "text", type: "string" }, { name: "label", type: "int" }];
  const splits = { train: [{ text: "the", label: 0 }] };
  assert.match(
    await refusal(splits, { label_column: "lable" }, { tokenizer, columns }),
    /no column "lable".*did you mean "label"/,
  );
});

Deno.test("label_column tells of classes that nothing can be learned of", async () => {
  const tokenizer = await makeTokenizer();
  const run = (type: Column["type"], train: Row["x"][], test: Row["x"][], names?: string[]) => {
    const rows = (values: Row["x"][]): Row[] => values.map((label) => ({ text: "the", label }));
    const columns: Column[] = [{ name: "text", type: "string" }, {
      name: "label",
      type,
      ...(names === undefined ? {} : { names }),
    }];
    const splits = { train: rows(train), test: rows(test) };
    return tokenize(splits, { label_column: "label" }, { tokenizer, columns });
  };
  const unseen = await run("string", ["neg", "pos"], ["odd", "neg", "odd"]);
  assert.deepEqual(unseen.tokens.info.labels, ["neg", "odd", "pos"]);
  assert.deepEqual(onClasses(unseen), [
    'rows of the class "odd": 2 in test, none in train to learn from',
  ]);
  const counted = await run("int", [1, 2], [1]);
  assert.deepEqual(counted.tokens.info.labels, ["0", "1", "2"]);
  assert.deepEqual(onClasses(counted), [
    "no row has the class 0: whole numbers count from 0",
  ]);
  assert.equal(onClasses(await run("int", [1, 2], [1], ["none", "neg", "pos"])).length, 0);
  assert.equal(onClasses(await run("string", ["neg", "pos"], ["neg"])).length, 0);
});

Deno.test("label_column has no meaning with packing", () => {
  const { error } = stage.options.safeParse({ label_column: "label", packing: true });
  assert.match(error!.message, /a block has parts of several rows/);
});
