import assert from "node:assert/strict";
import { loadCheckpoint } from "../../lib/checkpoint/load.ts";
import { shardSize } from "../../lib/checkpoint/shards.ts";
import train from "../../stages/train.ts";
import { BASE, run } from "./train_run.ts";

for (const [dtype, digits] of [["float16", 11], ["bfloat16", 8]] as const) {
  Deno.test(`train saves ${dtype} with save_dtype, rounded from what it would save anyway`, async () => {
    const exact = await run();
    const half = await run({ save_dtype: dtype });
    assert.deepEqual(half.losses, exact.losses);
    assert.equal(half.config.dtype, dtype);
    assert.equal(exact.config.dtype, "float32");
    assert.ok(half.bytes.length < 0.8 * exact.bytes.length);
    const [wide, narrow] = [await loadCheckpoint(exact.dir), await loadCheckpoint(half.dir)];
    for (const [name, { data }] of wide.tensors) {
      const rounded = narrow.tensors.get(name)!.data;
      data.forEach((value, i) =>
        assert.ok(
          Math.abs(rounded[i]! - value) <= Math.max(Math.abs(value), 2 ** -14) * 2 ** -digits,
        )
      );
    }
    const further = await run({ config: undefined }, { model: half.dir });
    assert.ok(further.losses[0]! < exact.losses[0]!, "training goes on from it");
  });
}

Deno.test("train saves shards of max_shard_size, from which training goes on", async () => {
  const whole = await run();
  const parts = await run({ max_shard_size: "1KB" });
  const files = [...Deno.readDirSync(parts.dir)].map(({ name }) => name);
  assert.ok(files.includes("model.safetensors.index.json"));
  assert.ok(!files.includes("model.safetensors"));
  assert.ok(files.filter((name) => /^model-0000\d-of-0000\d\.safetensors$/.test(name)).length > 2);
  const [one, many] = [await loadCheckpoint(whole.dir), await loadCheckpoint(parts.dir)];
  assert.deepEqual(new Set(many.tensors.keys()), new Set(one.tensors.keys()));
  for (const [name, { data }] of one.tensors) assert.deepEqual(many.tensors.get(name)!.data, data);
  const further = await run({ config: undefined }, { model: parts.dir });
  assert.deepEqual(further.losses, (await run({ config: undefined }, { model: whole.dir })).losses);
});

Deno.test("max_shard_size is a number of bytes or a size in a unit", () => {
  const parse = (size: unknown): boolean =>
    train.options.safeParse({ ...BASE, max_shard_size: size }).success;
  for (const size of [1, 5000, "5GB", "200MB", "1KiB", "3MiB", "2GiB", "64KB"]) {
    assert.ok(parse(size), String(size));
  }
  for (const size of [0, -1, 1.5, "5", "5 GB", "5Gb", "1.5GB", "0GB", "GB", "5TB"]) {
    assert.ok(!parse(size), String(size));
  }
  assert.equal(shardSize("64KB"), 64_000);
  assert.equal(shardSize("3MiB"), 3 * 2 ** 20);
  assert.equal(shardSize(5000), 5000);
});
