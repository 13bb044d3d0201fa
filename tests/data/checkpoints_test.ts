import assert from "node:assert/strict";
import {
  checkpointNumbers,
  openCheckpoint,
  removeCheckpoint,
  writeCheckpoint,
} from "../../lib/train/state/checkpoint_folders.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const ARRAYS: Record<string, Float32Array<ArrayBuffer>> = {
  "parameter/wte": Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i)),
  "m/wte": Float32Array.of(NaN, -Infinity, -0, 1e-45),
  "v/wte": new Float32Array(0),
};

async function write(dir: string, number: number, values = { step: number }): Promise<void> {
  await writeCheckpoint(dir, {
    number,
    values,
    arrays: Object.entries(ARRAYS).map(([name, data]) => (
      { name, elements: data.length, read: () => Promise.resolve(data) }
    )),
  });
}

async function damageOf(dir: string, number: number): Promise<string | undefined> {
  const found = await openCheckpoint(dir, number);
  return "damage" in found ? found.damage : undefined;
}

Deno.test("openCheckpoint() gives back what writeCheckpoint() wrote, to the bit", async () => {
  const dir = await temporaryDirectory();
  await write(dir, 7);
  const found = await openCheckpoint(dir, 7);
  assert.ok("read" in found);
  assert.deepEqual(found.values, { step: 7 });
  assert.equal(found.number, 7);
  const names: string[] = [];
  await found.read((name, values) => {
    names.push(name);
    assert.deepEqual(new Uint8Array(values.buffer), new Uint8Array(ARRAYS[name]!.buffer));
  });
  assert.deepEqual(names, Object.keys(ARRAYS));
});

Deno.test("writeCheckpoint() keeps the newest two, and clears what a kill left half written", async () => {
  const dir = await temporaryDirectory();
  await Deno.mkdir(`${dir}/incoming`);
  await Deno.writeTextFile(`${dir}/incoming/arrays.f32`, "half");
  for (const number of [0, 5, 10, 10, 200]) await write(dir, number);
  assert.deepEqual(await checkpointNumbers(dir), [200, 10]);
  assert.equal(await damageOf(dir, 10), undefined);
  await removeCheckpoint(dir, 200);
  assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["checkpoint-10"]);
});

Deno.test("writeCheckpoint() that fails leaves the checkpoints before as they were", async () => {
  const dir = await temporaryDirectory();
  await write(dir, 1);
  const failing = { name: "a", elements: 1, read: () => Promise.reject(new Error("no memory")) };
  await assert.rejects(writeCheckpoint(dir, { number: 2, values: {}, arrays: [failing] }), {
    message: "no memory",
  });
  assert.deepEqual(await checkpointNumbers(dir), [1]);
  assert.equal(await damageOf(dir, 1), undefined);
});

/** Ways in which a disk or a person may spoil a checkpoint, and how it is told. */
const DAMAGES: Record<string, { spoil: (path: string) => Promise<void>; told: RegExp }> = {
  "a bit of an array": {
    spoil: (path) => flip(`${path}/arrays.f32`, 1999),
    told: /parameter\/wte in arrays.f32 has other bytes/,
  },
  "the last array": {
    spoil: (path) => flip(`${path}/arrays.f32`, 4001),
    told: /m\/wte in arrays.f32 has other bytes/,
  },
  "arrays cut off": {
    spoil: (path) => Deno.truncate(`${path}/arrays.f32`, 100),
    told: /has 100 bytes and should have 4016/,
  },
  "arrays gone": { spoil: (path) => Deno.remove(`${path}/arrays.f32`), told: /No such file/ },
  "values cut off": {
    spoil: (path) => Deno.truncate(`${path}/checkpoint.json`, 30),
    told: /JSON/,
  },
  "a changed value": {
    spoil: async (path) => {
      const text = await Deno.readTextFile(`${path}/checkpoint.json`);
      await Deno.writeTextFile(`${path}/checkpoint.json`, text.replace('"step":3', '"step":4'));
    },
    told: /other content than was written/,
  },
  "another's name": {
    spoil: async (path) => {
      await Deno.remove(path, { recursive: true });
      await write(path.slice(0, path.lastIndexOf("/")), 4);
      await Deno.rename(path.replace(/3$/, "4"), path);
    },
    told: /other content than was written/,
  },
  "no object": {
    spoil: (path) => Deno.writeTextFile(`${path}/checkpoint.json`, "null"),
    told: /other content than was written/,
  },
};

for (const [what, { spoil, told }] of Object.entries(DAMAGES)) {
  Deno.test(`openCheckpoint() finds damage: ${what}`, async () => {
    const dir = await temporaryDirectory();
    await write(dir, 3);
    await spoil(`${dir}/checkpoint-3`);
    assert.match(String(await damageOf(dir, 3)), told);
  });
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[at]! ^= 1;
  await Deno.writeFile(path, bytes);
}
