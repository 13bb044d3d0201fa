import assert from "node:assert/strict";
import { arenaIn, arenaLayout, makeArena, viewOf } from "../../lib/train/state/arena.ts";
import { persistentViews } from "../../lib/train/state/persistent.ts";

const PARAMETERS = [
  { name: "wte", shape: [5, 4], decay: true },
  { name: "bias", shape: [3], decay: false },
  { name: "scalar", shape: [], decay: false },
  { name: "w", shape: [16], decay: true },
];

Deno.test("arenaLayout() puts decayed parameters first, each on a cache line", () => {
  const layout = arenaLayout(PARAMETERS);
  assert.deepEqual(
    layout.places.map(({ name, offset, size }) => [name, offset, size]),
    [["wte", 0, 20], ["w", 32, 16], ["bias", 48, 3], ["scalar", 64, 1]],
  );
  assert.deepEqual(layout.ranges, [
    { begin: 0, end: 48, decay: true, group: 0 },
    { begin: 48, end: 80, decay: false, group: 0 },
  ]);
  assert.deepEqual([layout.size, layout.parameters], [80, 40]);
});

Deno.test("arenaLayout() puts the groups that are trained later behind the others", () => {
  const [wte, bias, scalar, w] = PARAMETERS;
  const layout = arenaLayout([{ ...wte!, group: 1 }, bias!, { ...scalar!, group: 2 }, w!]);
  assert.deepEqual(
    layout.places.map(({ name, offset, group }) => [name, offset, group]),
    [["w", 0, 0], ["bias", 16, 0], ["wte", 32, 1], ["scalar", 64, 2]],
  );
  assert.deepEqual(
    layout.ranges.map(({ begin, decay, group }) => [begin, decay, group]),
    [[0, true, 0], [16, false, 0], [32, true, 1], [64, false, 2]],
  );
  assert.equal(layout.groups, 3);
});

Deno.test("makeArena() gives views of one array", () => {
  const arena = makeArena(arenaLayout(PARAMETERS));
  viewOf(arena, "bias").data.set([1, 2, 3]);
  assert.deepEqual([...arena.values.subarray(47, 52)], [0, 1, 2, 3, 0]);
  assert.deepEqual(viewOf(arena, "wte").dims, [5, 4]);
  assert.throws(() => viewOf(arena, "nope"), /Internal error: no parameter nope/);
});

Deno.test("makeArena() says how much memory a model takes that does not fit", () => {
  const layout = arenaLayout([{ name: "w", shape: [2 ** 20, 2 ** 24], decay: true }]);
  assert.throws(() => makeArena(layout), /not enough memory to train 17592186 M.*262144\.0 GiB/);
});

Deno.test("arenaIn() copies into the memory of an engine, which checkpoints copy from", async () => {
  const layout = arenaLayout(PARAMETERS);
  const arena = makeArena(layout);
  arena.values.fill(2);
  assert.equal(arenaIn({}, { layout, arena }), arena);

  const memory = new SharedArrayBuffer(4 * layout.size) as unknown as ArrayBuffer;
  const engine = { allocate: (elements: number) => new Float32Array(memory, 0, elements) };
  const copy = arenaIn(engine, { layout, arena });
  assert.deepEqual([copy.values.buffer, copy.values], [memory, new Float32Array(memory).fill(2)]);

  const [wte] = persistentViews(new Map([["parameter", copy.tensors]]));
  const read = await wte!.read();
  assert.ok(read.buffer instanceof ArrayBuffer, "files and digests take no shared one");
  wte!.write(new Float32Array(20).fill(3));
  assert.deepEqual([...read], Array(20).fill(2));
  assert.deepEqual([...copy.values.subarray(0, 20)], Array(20).fill(3));

  const full = arenaIn({ allocate: () => undefined }, { layout, arena });
  assert.ok(full.values.buffer instanceof ArrayBuffer);
});
