/**
 * Saving in half precision and in shards: what was written reads back, and transformers' rounding is met (values
 * from torch 2.13: `torch.tensor(x).to(dtype).view(torch.uint16)`).
 */
import assert from "node:assert/strict";
import { readSafetensors } from "../../lib/data/formats/safetensors.ts";
import { loadCheckpoint } from "../../lib/checkpoint/load.ts";
import { narrow } from "../../lib/checkpoint/half.ts";
import { saveCheckpoint, type SavedModel } from "../../lib/checkpoint/save.ts";
import { openModel } from "../../lib/models/open.ts";
import { ZEROS } from "../../lib/models/build/parameters.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { normal } from "../graph/running.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

Deno.test("narrow() rounds as torch does", () => {
  const cases: [number, number, number][] = [
    // float32, its float16 and its bfloat16
    [0.0, 0x0000, 0x0000],
    [-0.0, 0x8000, 0x8000],
    [1.0, 0x3c00, 0x3f80],
    [-1.5, 0xbe00, 0xbfc0],
    [0.1, 0x2e66, 0x3dcd],
    [0.3333333333333333, 0x3555, 0x3eab],
    [65504.0, 0x7bff, 0x4780],
    [65519.996, 0x7bff, 0x4780],
    [65520.0, 0x7c00, 0x4780],
    [100000.0, 0x7c00, 0x47c3],
    [-1e+38, 0xfc00, 0xfe96],
    [6e-08, 0x0001, 0x3381],
    [2.9e-08, 0x0000, 0x32f9],
    [6.1e-05, 0x03ff, 0x3880],
    [1.00390625, 0x3c04, 0x3f80],
    [1.01171875, 0x3c0c, 0x3f82],
    [1.0048828125, 0x3c05, 0x3f81],
    [Infinity, 0x7c00, 0x7f80],
    [3.4028234663852886e+38, 0x7c00, 0x7f80],
    [1.00048828125, 0x3c00, 0x3f80],
    [1.00146484375, 0x3c02, 0x3f80],
  ];
  for (const [value, f16, bf16] of cases) {
    assert.equal(narrow(Float32Array.of(value), "float16")[0], f16, `float16 of ${value}`);
    assert.equal(narrow(Float32Array.of(value), "bfloat16")[0], bf16, `bfloat16 of ${value}`);
  }
  // 1e-40 from its bits: arithmetic makes 0 of it on a thread where the native engine counts denormals as 0.
  const denormal = new Float32Array(Uint32Array.of(71362).buffer);
  assert.equal(narrow(denormal, "float16")[0], 0x0000);
  assert.equal(narrow(denormal, "bfloat16")[0], 0x0001);
  for (const dtype of ["float16", "bfloat16"] as const) {
    const [nan] = narrow(Float32Array.of(NaN), dtype);
    const exponent = dtype === "float16" ? 0x7c00 : 0x7f80;
    assert.ok((nan! & exponent) === exponent && (nan! & ~exponent & 0x7fff) !== 0);
  }
  const view = new Float32Array([9, 1, 2, 9]).subarray(1, 3);
  assert.deepEqual(
    [...narrow(view, "bfloat16")],
    [0x3f80, 0x4000],
    "of a view, only what it shows",
  );
});

const SHAPES: Record<string, number[]> = {
  "transformer.wte.weight": [40, 8],
  "transformer.wpe.weight": [4, 8],
  "transformer.h.0.mlp.c_fc.weight": [8, 32],
  "transformer.ln_f.bias": [8],
};

/** What a folder of these tensors is read with. */
const EXPECTED = {
  model: {
    names: openModel({ model_type: "gpt2" }).names,
    parameters: Object.entries(SHAPES).map(([name, shape]) => ({
      name,
      shape,
      init: ZEROS,
      decay: true,
    })),
  },
};

function model(seed: number): SavedModel {
  const random = randomNumbers(seed);
  return {
    config: { model_type: "gpt2", vocab_size: 40 },
    tensors: Object.entries(SHAPES).map(([name, shape]) =>
      [name, { shape, data: Float32Array.from(normal(random, { shape })) }] as const
    ),
  };
}

for (const [dtype, stored, bits] of [["float16", "F16", 11], ["bfloat16", "BF16", 8]] as const) {
  Deno.test(`saveCheckpoint() writes ${dtype}, which loads to its precision and saves to the same bytes`, async () => {
    const dir = await temporaryDirectory();
    const saved = model(bits);
    await saveCheckpoint(dir, { ...saved, dtype });
    const { tensors: raw } = await readSafetensors(`${dir}/model.safetensors`);
    assert.deepEqual(new Set([...raw.values()].map((tensor) => tensor.dtype)), new Set([stored]));
    const { config, tensors } = await loadCheckpoint(dir, EXPECTED);
    assert.deepEqual([config.dtype, config.torch_dtype], [dtype, dtype]);
    for (const [name, { shape, data }] of saved.tensors) {
      const read = tensors.get(name)!;
      assert.deepEqual(read.shape, shape);
      // Half a unit in the last place; numbers below float16's smallest normal one have fewer digits.
      data.forEach((value, i) =>
        assert.ok(
          Math.abs(read.data[i]! - value) <= Math.max(Math.abs(value), 2 ** -14) * 2 ** -bits,
        )
      );
    }
    const again = await temporaryDirectory();
    await saveCheckpoint(again, { config: saved.config, tensors, dtype });
    assert.deepEqual(
      await Deno.readFile(`${again}/model.safetensors`),
      await Deno.readFile(`${dir}/model.safetensors`),
    );
  });
}

Deno.test("saveCheckpoint() fills shards up to a size, with an index that loads", async () => {
  const dir = await temporaryDirectory();
  const saved = model(3);
  // 1280, 128, 1024 and 32 bytes: the first is larger than a shard, the others fit two by two.
  await saveCheckpoint(dir, { ...saved, maxShardSize: 1152 });
  const index = JSON.parse(await Deno.readTextFile(`${dir}/model.safetensors.index.json`));
  const names = Object.keys(SHAPES);
  const shard = (n: number): string => `model-0000${n}-of-00003.safetensors`;
  assert.deepEqual(index, {
    metadata: { total_parameters: 616, total_size: 2464 },
    weight_map: {
      [names[2]!]: shard(2),
      [names[3]!]: shard(3),
      [names[1]!]: shard(2),
      [names[0]!]: shard(1),
    },
  });
  const files = [...Deno.readDirSync(dir)].map(({ name }) => name).filter((n) => /\.saf/.test(n));
  assert.deepEqual(files.sort(), [1, 2, 3].map(shard).concat("model.safetensors.index.json"));
  const { tensors } = await loadCheckpoint(dir, EXPECTED);
  for (const [name, { data }] of saved.tensors) assert.deepEqual(tensors.get(name)!.data, data);
});

Deno.test("saveCheckpoint() writes one file where everything fits", async () => {
  const dir = await temporaryDirectory();
  await saveCheckpoint(dir, { ...model(4), maxShardSize: 2464 });
  const files = [...Deno.readDirSync(dir)].map(({ name }) => name).filter((n) => /\.saf/.test(n));
  assert.deepEqual(files, ["model.safetensors"]);
});
