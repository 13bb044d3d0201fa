import assert from "node:assert/strict";
import { type GradScaler, gradScaler } from "../../lib/train/loop/grad_scaler.ts";

/** Scales after norms; what `torch.amp.GradScaler.update` gives for the same overflows. */
function scalesAfter(scaler: GradScaler, norms: readonly number[]): number[] {
  return norms.map((norm, i) => {
    scaler.skips(norm, { step: i + 1 });
    return scaler.scale;
  });
}

Deno.test("gradScaler() begins at 65536 and halves with each step that overflows", () => {
  const log: string[] = [];
  const scaler = gradScaler({ log: (line) => log.push(line) });
  assert.equal(scaler.scale, 65536);
  assert.equal(scaler.skips(Infinity, { step: 1 }), true);
  assert.equal(scaler.skips(NaN, { step: 2 }), true);
  assert.equal(scaler.skips(3, { step: 3 }), false);
  assert.equal(scaler.scale, 16384);
  assert.equal(scaler.skipped, 2);
  assert.match(log[1]!, /step 2 is skipped.*loss scale of 32768; the next one has 16384/);
});

Deno.test("gradScaler() doubles after 2000 steps in a row without overflow", () => {
  const scaler = gradScaler();
  const scales = scalesAfter(scaler, [
    ...Array(1999).fill(1),
    Infinity, // 32768, and the count begins anew
    ...Array(2000).fill(1),
    ...Array(2000).fill(1),
  ]);
  assert.deepEqual([1998, 1999, 3998, 3999, 5998, 5999].map((i) => scales[i]), [
    ...[65536, 32768, 32768, 65536, 65536, 131072],
  ]);
  const largest = gradScaler({ initScale: 2 ** 127 });
  assert.equal(scalesAfter(largest, Array(2000).fill(1)).at(-1), 2 ** 127, "finite in float32");
});

Deno.test("gradScaler() gives up where no scale would help", () => {
  const scaler = gradScaler();
  const steps = Array.from({ length: 40 }, (_, step) => scaler.skips(NaN, { step }));
  assert.equal(steps.indexOf(false), 30); // 2^16 / 2^30 < 1e-4
  assert.equal(scaler.skipped, 30);
});

Deno.test("gradScaler() goes on from the state that it gave", async () => {
  const scaler = gradScaler();
  scalesAfter(scaler, [1, Infinity, ...Array(1500).fill(1)]);
  const other = gradScaler();
  await other.restore?.(await scaler.stateOf!());
  assert.equal(other.skipped, 1);
  const rest = Array(500).fill(1);
  assert.deepEqual(scalesAfter(other, rest), scalesAfter(scaler, rest));
  assert.equal(other.scale, 65536);
});
