import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import { rowMoves } from "../../lib/decoding/session/row_moves.ts";

/** Rows after the moves, by what they held before. */
function moved(parents: number[]): number[] {
  const rows = [...parents.keys(), -1];
  for (const { from, to } of rowMoves(parents)) rows[to] = rows[from]!;
  return rows.slice(0, -1);
}

Deno.test("rowMoves() gives each row its parent, and copies none that stays", () => {
  const table: [number[], number][] = [
    [[0, 1, 2], 0],
    [[0, 0, 0], 2],
    [[0, 0, 1], 2],
    [[1, 2, 2], 2],
    [[1, 0], 3],
    [[1, 2, 0, 3], 4],
    [[1, 0, 3, 2], 6],
  ];
  for (const [parents, copies] of table) {
    assert.deepEqual(moved(parents), parents);
    assert.equal(rowMoves(parents).length, copies, String(parents));
  }
});

Deno.test("rowMoves() overwrites nothing that is read later", () => {
  const random = randomStream(1);
  for (let round = 0; round < 2000; round++) {
    const count = 1 + random.nextBelow(9);
    const parents = Array.from({ length: count }, () => random.nextBelow(count));
    assert.deepEqual(moved(parents), parents);
  }
});
