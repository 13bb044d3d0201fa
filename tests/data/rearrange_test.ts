/** Rows in another order, in bounded memory: the same whether they fit in it or not. */
import assert from "node:assert/strict";
import { permutation, randomStream } from "../../lib/base/random.ts";
import { type Batch, batchOf } from "../../lib/data/formats/batch.ts";
import { NOWHERE, rearranged } from "../../lib/data/rows/rearrange.ts";
import { Spill } from "../../lib/data/rows/spill.ts";
import { TextIndex } from "../../lib/data/rows/text_index.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const COLUMNS = [{ name: "text" }, { name: "big" }, { name: "tags" }];

function rowsOf(count: number): Batch[] {
  const rows = Array.from({ length: count }, (_, i) => ({
    text: `text ${i} ${"é".repeat(i % 13)}`,
    big: i % 3 === 0 ? null : 2n ** 60n + BigInt(i),
    tags: [`${i}`, { a: i }],
  }));
  const batches: Batch[] = [];
  for (let from = 0; from < count; from += 17) {
    batches.push(batchOf(rows.slice(from, from + 17), COLUMNS));
  }
  return batches;
}

async function cellsOf(
  batches: AsyncIterable<Batch>,
): Promise<{ rows: unknown[]; lengths: number[] }> {
  const rows: unknown[] = [];
  const lengths: number[] = [];
  for await (const { length, columns } of batches) {
    lengths.push(length);
    for (let i = 0; i < length; i++) rows.push([...columns.values()].map((cells) => cells[i]));
  }
  return { rows, lengths };
}

Deno.test("rearranged() puts each row in its place, in memory and on the disk alike", async () => {
  const random = randomStream(5);
  const folder = await temporaryDirectory();
  for (let round = 0; round < 20; round++) {
    const total = random.nextBelow(300);
    const order = permutation(total, random);
    const count = Math.floor(total * random.nextFloat());
    const places = new Uint32Array(total).fill(NOWHERE);
    order.slice(0, count).forEach((row, place) => places[row] = place);
    const ends = count > 10 ? [4, 9, count] : [];
    const source = rowsOf(total);
    const all = await cellsOf((async function* (): AsyncGenerator<Batch> {
      yield* source;
    })());
    const expected = [...order.slice(0, count)].map((row) => all.rows[row]);
    for (const stretch of [1 << 26, 500, 1]) {
      const options = { places, count, folder, ends, stretch };
      const found = await cellsOf(rearranged(source, options));
      assert.deepEqual(found.rows, expected, `stretch ${stretch}, ${count} of ${total}`);
      let at = 0;
      const passed = new Set(found.lengths.map((length) => at += length));
      for (const end of ends) assert.ok(passed.has(end), `a batch ends at ${end}`);
    }
  }
  assert.deepEqual([...Deno.readDirSync(folder)], [], "no file is left behind");
});

Deno.test("rearranged() leaves no file where its reader stops early", async () => {
  const folder = await temporaryDirectory();
  const places = Uint32Array.from({ length: 100 }, (_, i) => 99 - i);
  for await (const _ of rearranged(rowsOf(100), { places, count: 100, folder, stretch: 100 })) {
    break;
  }
  assert.deepEqual([...Deno.readDirSync(folder)], []);
});

Deno.test("a spill gives what was written, also while it is written on", async () => {
  const folder = await temporaryDirectory();
  for (const most of [Infinity, 200]) {
    using spill = new Spill(`${folder}/spill`, { most });
    const [first, ...others] = rowsOf(60);
    spill.write(first!);
    assert.deepEqual([...spill.batches()], [first]);
    for (const batch of others) spill.write(batch);
    assert.deepEqual([...spill.batches()], [first, ...others]);
    assert.equal(spill.rows, 60);
    assert.equal(spill.isHeld, most === Infinity);
  }
});

Deno.test("TextIndex tells the first row of a text, of any number of them", () => {
  const index = new TextIndex();
  for (let i = 0; i < 50_000; i++) assert.equal(index.add(`text ${i}`, i), undefined);
  for (let i = 0; i < 50_000; i += 7) assert.equal(index.add(`text ${i}`, 99), i);
  assert.equal(index.size, 50_000);
  assert.ok(index.has("text 49999") && !index.has("text 50000") && !index.has(""));
  assert.equal(index.add("", 3), undefined);
  assert.equal(index.add("", 4), 3);
});
