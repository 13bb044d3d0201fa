import assert from "node:assert/strict";
import {
  openSafetensors,
  readSafetensors,
  type TensorData,
  widenHalf,
  writeSafetensors,
} from "../../lib/data/formats/safetensors.ts";
import { checkSafetensorsHeader } from "../../lib/data/formats/safetensors_check.ts";
import { UserError } from "../../lib/base/errors.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

async function temporary(): Promise<string> {
  return await temporaryDirectory();
}

/** A file with a header as given and `size` bytes of data. */
async function fileOf(
  header: string | Uint8Array,
  size: number,
  claimed?: bigint,
): Promise<string> {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + size);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  const path = `${await temporary()}/x.safetensors`;
  await Deno.writeFile(path, bytes);
  return path;
}

Deno.test("safetensors returns what was written, in every dtype", async () => {
  const path = `${await temporary()}/all.safetensors`;
  const tensors: [string, TensorData][] = [
    ["bool", { dtype: "BOOL", shape: [2], data: new Uint8Array([1, 0]) }],
    ["u8", { dtype: "U8", shape: [3], data: new Uint8Array([1, 2, 255]) }],
    ["i8", { dtype: "I8", shape: [1, 1], data: new Int8Array([-7]) }],
    ["i16", { dtype: "I16", shape: [1], data: new Int16Array([-300]) }],
    ["u16", { dtype: "U16", shape: [1], data: new Uint16Array([60000]) }],
    ["f16", { dtype: "F16", shape: [2], data: new Uint16Array([0x3c00, 0xc000]) }],
    ["bf16", { dtype: "BF16", shape: [2], data: new Uint16Array([0x3f80, 0xc000]) }],
    ["i32", { dtype: "I32", shape: [2], data: new Int32Array([1, -2]) }],
    ["u32", { dtype: "U32", shape: [1], data: new Uint32Array([4e9]) }],
    ["f32", { dtype: "F32", shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) }],
    ["scalar", { dtype: "F32", shape: [], data: new Float32Array([5]) }],
    ["empty", { dtype: "F32", shape: [0, 3], data: new Float32Array(0) }],
    ["f64", { dtype: "F64", shape: [1], data: new Float64Array([Math.PI]) }],
    ["i64", { dtype: "I64", shape: [1], data: new BigInt64Array([-(2n ** 40n)]) }],
    ["u64", { dtype: "U64", shape: [1], data: new BigUint64Array([2n ** 63n]) }],
    ['na"me é 😀', { dtype: "U8", shape: [1], data: new Uint8Array([9]) }],
  ];
  await writeSafetensors(path, tensors, { format: "pt", "b\n": "1" });
  const read = await readSafetensors(path);
  assert.deepEqual(read.metadata, { format: "pt", "b\n": "1" });
  assert.deepEqual(new Set(read.tensors.keys()), new Set(tensors.map(([name]) => name)));
  for (const [name, tensor] of tensors) assert.deepEqual(read.tensors.get(name), tensor, name);

  const wide = await readSafetensors(path, { widen: true });
  assert.deepEqual(wide.tensors.get("f16"), {
    dtype: "F32",
    shape: [2],
    data: new Float32Array([1, -2]),
  });
  assert.deepEqual(wide.tensors.get("bf16")?.data, new Float32Array([1, -2]));
});

Deno.test("writeSafetensors() orders by alignment, then by name, and pads the header to 8", async () => {
  const path = `${await temporary()}/order.safetensors`;
  const f32 = (x: number): TensorData => ({
    dtype: "F32",
    shape: [1],
    data: new Float32Array([x]),
  });
  await writeSafetensors(path, [
    ["b", f32(2)],
    ["10", f32(3)],
    ["u", { dtype: "U8", shape: [1], data: new Uint8Array([7]) }],
    ["a", f32(1)],
    ["long", { dtype: "I64", shape: [1], data: new BigInt64Array([1n]) }],
  ], { format: "pt" });
  const bytes = await Deno.readFile(path);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  assert.equal(length % 8, 0);
  const header = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  assert.equal(
    header.trimEnd(),
    '{"__metadata__":{"format":"pt"},' +
      '"long":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},' +
      '"10":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},' +
      '"a":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},' +
      '"b":{"dtype":"F32","shape":[1],"data_offsets":[16,20]},' +
      '"u":{"dtype":"U8","shape":[1],"data_offsets":[20,21]}}',
  );
});

Deno.test("writeSafetensors() refuses a tensor whose size is not that of its shape", async () => {
  const path = `${await temporary()}/bad.safetensors`;
  const bad: TensorData = { dtype: "F32", shape: [3], data: new Float32Array(2) };
  await assert.rejects(writeSafetensors(path, [["a", bad]]), /Internal error: tensor a/);
});

Deno.test("widenHalf() gives the exact values of half floats", () => {
  const halves: [number, number][] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0x7bff, 65504],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
    [0x7e00, NaN],
    [0x3555, 0.333251953125],
  ];
  const bits = new Uint16Array(halves.map(([half]) => half));
  assert.deepEqual([...widenHalf(bits, "F16")], halves.map(([, value]) => value));
  assert.deepEqual([...widenHalf(new Uint16Array([0x4049, 0xff80]), "BF16")], [
    3.140625,
    -Infinity,
  ]);
});

const HOSTILE: [string, string | Uint8Array, number, RegExp, bigint?][] = [
  ["a header longer than the file", "{}", 0, /header claims 5000 bytes, the file has 10/, 5000n],
  ["an absurd header length", "{}", 0, /header claims 18446744073709551615 bytes/, 2n ** 64n - 1n],
  ["a header that is no JSON", "{nope", 0, /header is not JSON/],
  ["a header that is a list", "[]", 0, /not a JSON object/],
  ["a header that is not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), 0, /not UTF-8/],
  ["metadata with numbers", '{"__metadata__":{"a":1}}', 0, /__metadata__ "a" is not a string/],
  ["a tensor without fields", '{"w":3}', 0, /tensor "w" is not described by an object/],
  ["a tensor without a dtype", '{"w":{"shape":[1],"data_offsets":[0,4]}}', 4, /"w" has no dtype/],
  [
    "an unknown dtype",
    '{"w":{"dtype":"F4","shape":[1],"data_offsets":[0,4]}}',
    4,
    /tensor "w" has dtype F4.*F32/,
  ],
  [
    "a negative shape",
    '{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
    4,
    /"w" has a shape that is not/,
  ],
  [
    "three offsets",
    '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}',
    4,
    /"w" has data_offsets/,
  ],
  [
    "offsets beyond the file",
    '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
    4,
    /"w" lies at bytes 0 to 8, the file has 4/,
  ],
  [
    "offsets that run backwards",
    '{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
    4,
    /"w" lies at bytes 4 to 0/,
  ],
  [
    "a size that is not shape times dtype",
    '{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}',
    8,
    /"w" is F32 \[3\], 12 bytes, but lies in 8 bytes/,
  ],
  [
    "overlapping tensors",
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
    '"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}',
    12,
    /"b" overlaps "a"/,
  ],
  [
    "a gap",
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
    '"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}',
    12,
    /4 bytes of no tensor between "a" and "b"/,
  ],
  [
    "bytes after the last tensor",
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    6,
    /2 bytes of no tensor at its end/,
  ],
  [
    "a name that occurs twice",
    '{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},' +
    '"\\u0061" :{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
    0,
    /tensor "a" is described twice/,
  ],
];

for (const [title, header, size, message, claimed] of HOSTILE) {
  Deno.test(`openSafetensors() refuses ${title}`, async () => {
    const path = await fileOf(header, size, claimed);
    await assert.rejects(openSafetensors(path), (error: unknown) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      assert.ok(error.message.includes(path), "names the file");
      return true;
    });
  });
}

Deno.test("openSafetensors() refuses files that are too short or missing", async () => {
  const path = `${await temporary()}/short.safetensors`;
  await assert.rejects(openSafetensors(path), /there is no such file/);
  await Deno.writeFile(path, new Uint8Array([1, 2, 3]));
  await assert.rejects(openSafetensors(path), /it has 3 bytes, fewer than the 8/);
});

Deno.test("readSafetensors() reads a header with random names and sizes back", async () => {
  let state = 7;
  const random = (n: number): number => (state = (state * 48271) % 2147483647) % n;
  const path = `${await temporary()}/random.safetensors`;
  const tensors: [string, TensorData][] = [];
  for (let i = 0; i < 200; i++) {
    const shape = Array.from({ length: random(4) }, () => random(5));
    const size = shape.reduce((a, b) => a * b, 1);
    const name = `${i}.` +
      String.fromCodePoint(...Array.from({ length: 5 }, () => 32 + random(900)));
    tensors.push([
      name,
      random(2) === 0
        ? { dtype: "F32", shape, data: Float32Array.from({ length: size }, () => random(100) / 7) }
        : { dtype: "I8", shape, data: Int8Array.from({ length: size }, () => random(100)) },
    ]);
  }
  await writeSafetensors(path, tensors);
  const { tensors: read } = await readSafetensors(path);
  assert.equal(read.size, tensors.length);
  for (const [name, tensor] of tensors) assert.deepEqual(read.get(name), tensor);
});

Deno.test("checkSafetensorsHeader() tells headers that describe no tensors", async () => {
  const table: [string, RegExp][] = [
    ["null", /its header is no JSON object/],
    ["[null]", /its header is no JSON object/],
    ['{"a":null}', /its header doesn't say where "a" ends/],
    ['{"a":{"data_offsets":5}}', /its header doesn't say where "a" ends/],
    ['{"a":{"data_offsets":[0,"9"]}}', /its header doesn't say where "a" ends/],
    ['{"a":{"data_offsets":[0,9]}}', /its header describes 45 bytes, and it has 44/],
  ];
  for (const [header, message] of table) {
    const path = await fileOf(header, 8);
    await assert.rejects(checkSafetensorsHeader(path, "a.safetensors"), (error: unknown) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

const goldens = "../shared/reference/goldens";
const shared = await Deno.stat(goldens).then(() => true, () => false);
Deno.test({
  name: "writeSafetensors() gives the bytes of the safetensors library" +
    (shared ? "" : " (skipped: no ../shared)"),
  ignore: !shared,
  async fn(): Promise<void> {
    const path = `${await temporary()}/again.safetensors`;
    for await (const { name } of Deno.readDir(goldens)) {
      for (const file of ["model/model.safetensors", "golden.safetensors"]) {
        const { tensors, metadata } = await readSafetensors(`${goldens}/${name}/${file}`);
        const known = Object.keys(metadata).length === 0 ? undefined : metadata;
        await writeSafetensors(path, [...tensors].reverse(), known);
        const [ours, theirs] = [
          await Deno.readFile(path),
          await Deno.readFile(`${goldens}/${name}/${file}`),
        ];
        assert.ok(ours.every((byte, i) => byte === theirs[i]), `${name}/${file}`);
        assert.equal(ours.length, theirs.length);
      }
    }
  },
});
