/**
 * Model folders that somebody spoiled, by chance or on purpose: every one of them either loads or is refused by an
 * error that says where, and none takes forever.
 */
import assert from "node:assert/strict";
import { type TensorData, writeSafetensors } from "../../lib/data/formats/safetensors.ts";
import { UserError } from "../../lib/base/errors.ts";
import { openModel } from "../../lib/models/open.ts";
import { loadCheckpoint, loadConfig } from "../../lib/checkpoint/load.ts";
import { saveCheckpoint } from "../../lib/checkpoint/save.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const CONFIG = {
  model_type: "gpt2",
  vocab_size: 7,
  n_positions: 5,
  n_embd: 4,
  n_layer: 1,
  n_head: 2,
};

async function folder(maxShardSize = Infinity): Promise<string> {
  const dir = await temporaryDirectory();
  const { parameters } = openModel(CONFIG);
  await saveCheckpoint(dir, {
    config: CONFIG,
    maxShardSize,
    tensors: parameters.map(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [name, { shape, data: new Float32Array(size).fill(1) }] as const;
    }),
  });
  return dir;
}

/** Opens a folder as training does. */
async function load(dir: string): Promise<void> {
  const model = openModel(await loadConfig(dir));
  await loadCheckpoint(dir, { model });
}

/** True where it loads; false where it is refused by an error that names the folder or the config's field. */
async function survives(dir: string, what: string): Promise<boolean> {
  try {
    await load(dir);
    return true;
  } catch (error) {
    assert.ok(
      error instanceof UserError,
      `${what}: ${error instanceof Error ? error.stack : error}`,
    );
    assert.ok(
      error.message.includes(dir) || /config/.test(error.message),
      `${what}: ${error.message}`,
    );
    return false;
  }
}

Deno.test("a weights file with bytes of its header changed is refused, or still fits", async () => {
  const dir = await folder();
  const path = `${dir}/model.safetensors`;
  const bytes = await Deno.readFile(path);
  const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const random = randomNumbers(1);
  let refused = 0;
  for (let round = 0; round < 300; round++) {
    const copy = bytes.slice();
    const at = Math.floor(random() * header);
    copy[at] = random() < 0.5
      ? copy[at]! ^ (1 << Math.floor(8 * random()))
      : Math.floor(256 * random());
    await Deno.writeFile(path, copy);
    if (!await survives(dir, `byte ${at} is ${copy[at]}`)) refused++;
  }
  assert.ok(refused > 200, `${refused} of 300 were refused`);
});

Deno.test("a weights file that was cut off or goes on is refused", async () => {
  const dir = await folder();
  const path = `${dir}/model.safetensors`;
  const bytes = await Deno.readFile(path);
  for (const size of [0, 7, 8, 9, 100, bytes.length - 1]) {
    await Deno.writeFile(path, bytes.subarray(0, size));
    assert.ok(!await survives(dir, `${size} bytes`));
  }
  await Deno.writeFile(path, new Uint8Array([...bytes, 0]));
  assert.ok(!await survives(dir, "a byte more"));
});

Deno.test("a config that lies about shapes is refused, whatever it claims", async () => {
  const dir = await folder();
  assert.ok(await survives(dir, "as saved"));
  const numbers = [0, -1, 0.5, 3, 1e9, 1e18, 1e300, "4", null, true, [4], {}];
  for (const field of ["vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner"]) {
    for (const value of numbers) {
      await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify({ ...CONFIG, [field]: value }));
      const what = `${field}: ${JSON.stringify(value)}`;
      // null stands for a default, which is that of n_inner here.
      const fine = await survives(dir, what);
      assert.equal(fine, field === "n_inner" && value === null, what);
    }
  }
});

Deno.test("shards that don't fit their index are refused", async () => {
  const dir = await folder(400);
  assert.ok(await survives(dir, "as saved"));
  const path = `${dir}/model.safetensors.index.json`;
  const index = JSON.parse(await Deno.readTextFile(path));
  const [name, file] = Object.entries<string>(index.weight_map)[0]!;
  const maps: unknown[] = [
    null,
    [],
    "model.safetensors",
    {},
    { ...index.weight_map, [name]: null },
    { ...index.weight_map, [name]: "/etc/passwd" },
    { ...index.weight_map, [name]: `../${file}` },
    { ...index.weight_map, [name]: "..\\x.safetensors" },
    { ...index.weight_map, [name]: "gone.safetensors" },
    { ...index.weight_map, more: file },
    Object.fromEntries(Object.entries(index.weight_map).slice(1)),
  ];
  for (const map of maps) {
    await Deno.writeTextFile(path, JSON.stringify({ weight_map: map }));
    assert.ok(!await survives(dir, JSON.stringify(map)));
  }
  await Deno.writeTextFile(path, JSON.stringify(index));
  const data: TensorData = { dtype: "F32", shape: [3, 3], data: new Float32Array(9) };
  await writeSafetensors(`${dir}/${file}`, [[name, data]]);
  assert.ok(!await survives(dir, "a shard of another model"));
});

Deno.test("a folder in a file's place is refused", async () => {
  for (const file of ["config.json", "model.safetensors", "model.safetensors.index.json"]) {
    const dir = await folder();
    await Deno.remove(`${dir}/model.safetensors`);
    await Deno.remove(`${dir}/${file}`).catch(() => {});
    await Deno.mkdir(`${dir}/${file}`);
    assert.ok(!await survives(dir, file));
  }
  const dir = await folder(400);
  const shard = [...Deno.readDirSync(dir)].map(({ name }) => name)
    .find((name) => name.startsWith("model-0"))!;
  await Deno.remove(`${dir}/${shard}`);
  await Deno.mkdir(`${dir}/${shard}`);
  assert.ok(!await survives(dir, shard));
});

Deno.test({
  name: "a file that may not be read is refused",
  // Who may read everything meets no such file.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  fn: async () => {
    for (const file of ["config.json", "model.safetensors"]) {
      const dir = await folder();
      await Deno.chmod(`${dir}/${file}`, 0);
      assert.ok(!await survives(dir, file));
    }
  },
});
