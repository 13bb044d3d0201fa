import assert from "node:assert/strict";
import { loadCheckpoint, loadConfig } from "../../lib/checkpoint/load.ts";
import { saveCheckpoint } from "../../lib/checkpoint/save.ts";
import {
  readSafetensors,
  type TensorData,
  writeSafetensors,
} from "../../lib/data/formats/safetensors.ts";
import { openModel } from "../../lib/models/open.ts";
import { type ParameterSpec, ZEROS } from "../../lib/models/build/parameters.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const f32 = (shape: number[], start = 0): TensorData => ({
  dtype: "F32",
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => start + i),
});

const SHAPES = {
  "transformer.wte.weight": [4, 2],
  "transformer.h.0.attn.c_attn.weight": [2, 6],
  "transformer.ln_f.bias": [2],
};
const PARAMETERS = Object.entries(SHAPES).map(([name, shape]): ParameterSpec => ({
  name,
  shape,
  init: ZEROS,
  decay: true,
}));
const GPT2 = openModel({ model_type: "gpt2" });
const expected = { model: { names: GPT2.names, parameters: PARAMETERS } };

async function folder(
  tensors: Record<string, TensorData>,
  config: object = { model_type: "gpt2" },
): Promise<string> {
  const dir = await temporaryDirectory();
  await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(config));
  await writeSafetensors(`${dir}/model.safetensors`, Object.entries(tensors), { format: "pt" });
  return dir;
}

const WITH_PREFIX = {
  "transformer.wte.weight": f32([4, 2]),
  "transformer.h.0.attn.c_attn.weight": f32([2, 6], 10),
  "transformer.ln_f.bias": f32([2], 100),
};
const BARE = Object.fromEntries(
  Object.entries(WITH_PREFIX).map(([name, tensor]) => [name.slice("transformer.".length), tensor]),
);

for (
  const [title, tensors] of [
    ["with the prefix", WITH_PREFIX],
    ["without the prefix", BARE],
    ["with a tied output layer", { ...WITH_PREFIX, "lm_head.weight": f32([4, 2]) }],
    ["without the prefix but with a tied output layer", { ...BARE, "lm_head.weight": f32([4, 2]) }],
    ["with saved masks", {
      ...BARE,
      "h.0.attn.bias": f32([1, 1, 2, 2]),
      "h.0.attn.masked_bias": f32([]),
    }],
  ] as const
) {
  Deno.test(`loadCheckpoint() reads a model ${title}`, async () => {
    const { tensors: read, unused, config } = await loadCheckpoint(await folder(tensors), expected);
    assert.deepEqual([...read.keys()], PARAMETERS.map(({ name }) => name));
    assert.deepEqual(read.get("transformer.wte.weight")?.data, f32([4, 2]).data);
    assert.deepEqual(read.get("transformer.ln_f.bias")?.data, f32([2], 100).data);
    assert.deepEqual(unused, []);
    assert.equal(config.model_type, "gpt2");
  });
}

Deno.test("loadCheckpoint() takes the embedding from a tied output layer that alone was saved", async () => {
  const { "transformer.wte.weight": wte, ...rest } = WITH_PREFIX;
  const dir = await folder({ ...rest, "lm_head.weight": wte });
  const { tensors } = await loadCheckpoint(dir, expected);
  assert.deepEqual(tensors.get("transformer.wte.weight")?.data, wte.data);
});

Deno.test("loadCheckpoint() refuses a tied output layer that differs from the embedding", async () => {
  for (const other of [f32([4, 2], 50), f32([5, 2])]) {
    for (const weights of [WITH_PREFIX, BARE]) {
      const dir = await folder({ ...weights, "lm_head.weight": other });
      await assert.rejects(
        loadCheckpoint(dir, expected),
        /"lm_head\.weight" with different values.*tie_word_embeddings/s,
      );
    }
  }
});

Deno.test("loadCheckpoint() names tensors that no parameter wants", async () => {
  const dir = await folder({ ...WITH_PREFIX, "score.weight": f32([3, 2]) });
  assert.deepEqual((await loadCheckpoint(dir, expected)).unused, ["score.weight"]);
});

Deno.test("loadCheckpoint() expects the model of its config where it is told of none", async () => {
  const config = { model_type: "gpt2", vocab_size: 4, n_positions: 3, n_embd: 2, n_layer: 1 };
  const { parameters } = openModel({ ...config, n_head: 1 });
  const all = parameters.map(({ name, shape }) =>
    [name.slice("transformer.".length), f32([...shape])] as const
  );
  const dir = await folder(Object.fromEntries(all), { ...config, n_head: 1 });
  const { tensors } = await loadCheckpoint(dir);
  assert.deepEqual([...tensors.keys()], parameters.map(({ name }) => name));
  const lacking = await folder(BARE, { ...config, n_head: 1 });
  await assert.rejects(loadCheckpoint(lacking), /wpe\.weight \[3,2\] is missing/);
});

Deno.test("loadCheckpoint() tells which parameters a folder lacks, where it may lack them", async () => {
  const { "transformer.ln_f.bias": _, ...rest } = WITH_PREFIX;
  const dir = await folder(rest);
  const options = { ...expected, mayLack: ["transformer.ln_f.bias", "transformer.wte.weight"] };
  const { tensors, missing } = await loadCheckpoint(dir, options);
  assert.deepEqual(missing, ["transformer.ln_f.bias"]);
  assert.deepEqual([...tensors.keys()], Object.keys(rest));
});

Deno.test("loadCheckpoint() widens half precision and writes where it is told", async () => {
  const half: TensorData = { dtype: "F16", shape: [2], data: new Uint16Array([0x3c00, 0xc000]) };
  const dir = await folder({ ...WITH_PREFIX, "transformer.ln_f.bias": half });
  const arena = new Float32Array(30);
  let offset = 0;
  const { tensors } = await loadCheckpoint(dir, {
    ...expected,
    into: ({ shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      offset += size;
      return arena.subarray(offset - size, offset);
    },
  });
  assert.deepEqual([...arena.subarray(20, 22)], [1, -2]);
  assert.equal(tensors.get("transformer.wte.weight")?.data.buffer, arena.buffer);
});

Deno.test("loadCheckpoint() lists all that is missing or of another shape at once", async () => {
  const dir = await folder({
    "transformer.wte.weight": f32([5, 2]),
    "transformer.h.0.attn.c_atn.weight": f32([2, 6]),
  });
  await assert.rejects(loadCheckpoint(dir, expected), (error: Error) => {
    assert.match(error.message, /transformer\.wte\.weight is \[5,2\], its config asks for \[4,2\]/);
    assert.match(error.message, /c_attn\.weight \[2,6\] is missing \(there is ".*c_atn\.weight"\)/);
    assert.match(error.message, /transformer\.ln_f\.bias \[2\] is missing;/);
    return error.name === "UserError";
  });
});

Deno.test("loadCheckpoint() refuses parameters that are no floats", async () => {
  const dir = await folder({
    ...WITH_PREFIX,
    "transformer.ln_f.bias": { dtype: "I8", shape: [2], data: new Int8Array(2) },
  });
  await assert.rejects(loadCheckpoint(dir, expected), /"transformer.ln_f.bias".*has dtype I8/);
});

async function sharded(map: Record<string, string>): Promise<string> {
  const dir = await folder({});
  await Deno.remove(`${dir}/model.safetensors`);
  const [first, ...rest] = Object.entries(WITH_PREFIX);
  await writeSafetensors(`${dir}/model-00001-of-00002.safetensors`, [first!]);
  await writeSafetensors(`${dir}/model-00002-of-00002.safetensors`, rest);
  const index = { metadata: { total_size: 1 }, weight_map: map };
  await Deno.writeTextFile(`${dir}/model.safetensors.index.json`, JSON.stringify(index));
  return dir;
}
const SHARDS = {
  "transformer.wte.weight": "model-00001-of-00002.safetensors",
  "transformer.h.0.attn.c_attn.weight": "model-00002-of-00002.safetensors",
  "transformer.ln_f.bias": "model-00002-of-00002.safetensors",
};

Deno.test("loadCheckpoint() reads shards", async () => {
  const { tensors } = await loadCheckpoint(await sharded(SHARDS), expected);
  assert.deepEqual(tensors.get("transformer.ln_f.bias")?.data, f32([2], 100).data);
});

Deno.test("loadCheckpoint() refuses an index that lies", async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ ...SHARDS, "transformer.wte.weight": "../../secret.safetensors" }, /no file beside it/],
    [{ ...SHARDS, "transformer.wte.weight": "model-00003-of-00002.safetensors" }, /no such file/],
    [{ ...SHARDS, "transformer.wte.weight": SHARDS["transformer.ln_f.bias"] }, /lacks the tensor/],
    [{}, /has no weight_map/],
  ];
  for (const [map, message] of cases) {
    await assert.rejects(loadCheckpoint(await sharded(map), expected), message);
  }
});

Deno.test("loadCheckpoint() says what to do where only a pickle is there", async () => {
  const dir = await folder({});
  await Deno.remove(`${dir}/model.safetensors`);
  await assert.rejects(loadCheckpoint(dir, expected), /there is no model\.safetensors/);
  await Deno.writeTextFile(`${dir}/pytorch_model.bin`, "");
  await assert.rejects(
    loadCheckpoint(dir, expected),
    /pytorch_model\.bin, a pickle.*save_pretrained/,
  );
});

Deno.test("loadConfig() refuses a folder that is no model", async () => {
  const dir = await temporaryDirectory();
  await assert.rejects(loadConfig(dir), /is no model: there is no config\.json/);
  await Deno.writeTextFile(`${dir}/config.json`, "{");
  await assert.rejects(loadConfig(dir), /config\.json is not JSON/);
  await Deno.writeTextFile(`${dir}/config.json`, "[]");
  await assert.rejects(loadConfig(dir), /config\.json is not a JSON object/);
});

Deno.test("saveCheckpoint() writes a folder that loads again, with the tokenizer's files", async () => {
  const [dir, tokens, base] = [
    await temporaryDirectory(),
    await temporaryDirectory(),
    await temporaryDirectory(),
  ];
  await Deno.writeTextFile(`${tokens}/tokenizer.json`, "{}", { mode: 0o444 });
  await Deno.writeTextFile(`${tokens}/tokenizer_config.json`, '{"a":1}');
  const tensors = Object.entries(WITH_PREFIX).map(([name, { shape, data }]) =>
    [name, { shape, data: data as Float32Array<ArrayBuffer> }] as const
  );
  const config = { model_type: "gpt2", bos_token_id: 1, eos_token_id: 2, pad_token_id: null };
  await saveCheckpoint(dir, {
    config,
    tensors,
    generationConfigFrom: [base],
    tokenizerFrom: [base, tokens],
  });
  const loaded = await loadCheckpoint(dir, expected);
  assert.deepEqual(loaded.tensors.get("transformer.wte.weight")?.data, tensors[0]?.[1].data);
  assert.deepEqual(loaded.config, { ...config, dtype: "float32", torch_dtype: "float32" });
  const { metadata } = await readSafetensors(`${dir}/model.safetensors`);
  assert.deepEqual(metadata, { format: "pt" });
  const generation = JSON.parse(await Deno.readTextFile(`${dir}/generation_config.json`));
  assert.deepEqual(generation, { _from_model_config: true, bos_token_id: 1, eos_token_id: 2 });
  assert.equal(await Deno.readTextFile(`${dir}/tokenizer_config.json`), '{"a":1}');
  assert.ok(((await Deno.stat(`${dir}/tokenizer.json`)).mode ?? 0o644) & 0o200, "is writable");

  await Deno.writeTextFile(`${base}/generation_config.json`, '{"top_k":7}');
  await saveCheckpoint(dir, { config, tensors, generationConfigFrom: [base] });
  assert.equal(await Deno.readTextFile(`${dir}/generation_config.json`), '{"top_k":7}');
});
