import assert from "node:assert/strict";
import { LeaseWatch } from "../../lib/store/locks/lease_watch.ts";

Deno.test("what was not watched does not count: a waiter that was stopped starts anew", () => {
  const watch = new LeaseWatch();
  const look = {
    text: "x",
    owner: undefined,
    name: "stage",
    lease: 2500,
    device: undefined,
    renewed: 1,
  };
  const now = performance.now;
  let clock = 0;
  performance.now = () => clock;
  try {
    assert.equal(watch.sees("f", look), false);
    // The machine slept for an hour between two looks, and so did the holder.
    clock += 3_600_000;
    assert.equal(watch.sees("f", look), false);
    clock += 1000;
    assert.equal(watch.sees("f", look), false);
    clock += 1000;
    assert.equal(watch.sees("f", look), true);
    assert.equal(watch.sees("f", { ...look, renewed: 0 }), false, "any change is one");
    assert.equal(watch.sees("f", { ...look, renewed: 0, lease: undefined }), false);
  } finally {
    performance.now = now;
  }
});
