/** Waits of any length. */
import assert from "node:assert/strict";
import { after } from "../../lib/base/timer.ts";

const wait = (milliseconds: number): Promise<void> =>
  new Promise((go) => void setTimeout(go, milliseconds));

Deno.test("after() does not fire at once for what a timer can't hold", async () => {
  const fired: number[] = [];
  const days = [25 * 24 * 3600 * 1000, 2 ** 31, 2 ** 31 - 1, 2 ** 40 + 0.5, Infinity];
  const timers = days.map((time) => after(time, () => fired.push(time)));
  await wait(100);
  for (const timer of timers) timer.clear();
  assert.deepEqual(fired, []);
});

Deno.test("after() fires once, after as many waits as it takes, and never when cleared", async () => {
  let fired = 0;
  const began = performance.now();
  await new Promise<void>((go) =>
    void after(120, () => {
      fired++;
      go();
    }, { longest: 7 })
  );
  assert.ok(performance.now() - began >= 115);
  const cleared = after(50, () => fired++, { longest: 7 });
  await wait(20);
  cleared.clear();
  cleared.clear();
  for (const time of [0, -5, NaN, 0.3]) {
    await new Promise<void>((go) => void after(time, go));
  }
  await wait(80);
  assert.equal(fired, 1);
});
