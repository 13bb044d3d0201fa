import assert from "node:assert/strict";
import { keepWatcher, startWatch, watch } from "../../lib/base/watchdog.ts";

/** Runs code in a process of its own that is watched. */
async function ended(code: string): Promise<{ readonly success: boolean; readonly words: string }> {
  const url = import.meta.resolve("../../lib/base/watchdog.ts");
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", `import { keepWatcher, startWatch } from ${JSON.stringify(url)};\n${code}`],
    stderr: "inherit",
  }).output();
  return { success, words: new TextDecoder().decode(stdout) };
}

const SECOND = `const parts = (what) => ({ what, remedy: "none" });
using first = await startWatch({ deadline: 60_000, parts: parts("the first") });
{ using done = await startWatch({ deadline: 100, parts: parts("what is done") }); done.step(); }
using second = await startWatch({ deadline: 300, parts: parts("the second") });
first.step();`;

Deno.test("of several watches in one thread the one that stands still ends the process", async () => {
  const { success, words } = await ended(`${SECOND}\nsecond.step();\nfor (;;);`);
  assert.deepEqual([success, words], [false, "the second\nnone\n"]);
});

Deno.test("a watch that rests or is over ends nothing, in a thread that others keep", async () => {
  const { success, words } = await ended(`${SECOND}
second.during(() => {});
const end = performance.now() + 1200;
while (performance.now() < end);
console.log("alive");
first[Symbol.dispose](); second[Symbol.dispose]();
Deno.exit(0);`);
  assert.deepEqual([success, words], [true, "alive\n"]);
});

Deno.test("the thread ends with the last watch, and starts again for the next", async () => {
  const parts = { what: "x", remedy: "y" };
  for (let i = 0; i < 3; i++) {
    using kept = keepWatcher();
    using one = await startWatch({ deadline: 1000, parts });
    const both = await Promise.all([1, 2].map(() => startWatch({ deadline: 1000, parts })));
    for (const each of both) each[Symbol.dispose]();
    kept[Symbol.dispose]();
    assert.equal(one.during(() => 3), 3);
    // Twice is once: a keeper lets go of its own hold alone.
    kept[Symbol.dispose]();
  }
  assert.equal(
    await watch({ deadline: 1000, parts }, (step) => Promise.resolve(step())),
    undefined,
  );
});
