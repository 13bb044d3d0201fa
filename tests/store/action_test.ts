import assert from "node:assert/strict";
import { type Action, canonicalDigest, sha256Hex } from "../../lib/store/mod.ts";
import { filesUnder, keysOf, startChild, withStore } from "./folders.ts";

function action(components: unknown): Action {
  return {
    key: canonicalDigest(components),
    components,
    artifact: sha256Hex("artifact"),
    stage: "tuned@learning_rate=1e-5",
    started: "2026-01-02T03:04:05.678Z",
    seconds: 1.5,
    summary: [{ type: "note", text: "fine" }],
    versions: { temper: "0.1.0" },
    device: "cpu",
  };
}

Deno.test("read() gives back what write() wrote, under its key", async () => {
  await withStore(async (store) => {
    const { actions } = store;
    const one = action({ seed: 1 });
    await actions.write(one);
    assert.deepEqual(await actions.read(one.key), one);
    assert.equal(await actions.read(action({ seed: 2 }).key), undefined);
    assert.deepEqual(await keysOf(store), [one.key]);
  });
});

Deno.test("read() takes a record that is cut off, changed or misplaced for none", async () => {
  await withStore(async ({ actions }) => {
    const one = action({ seed: 1, options: { top_k: 50 } });
    await actions.write(one);
    const path = actions.pathOf(one.key);
    const text = await Deno.readTextFile(path);
    const { artifact: _artifact, ...without } = one;
    const broken = [
      "",
      text.slice(0, text.length / 2),
      "null",
      "[]",
      JSON.stringify({ ...one, components: { seed: 2 } }),
      JSON.stringify({ ...one, artifact: "../../etc" }),
      JSON.stringify({ ...one, seconds: "long" }),
      JSON.stringify({ ...one, versions: { temper: 1 } }),
      JSON.stringify(without),
      JSON.stringify(action({ seed: 2 })),
    ];
    for (const content of broken) {
      await Deno.writeTextFile(path, content);
      assert.equal(await actions.read(one.key), undefined, content.slice(0, 60));
    }
    await actions.write(one);
    assert.deepEqual(await actions.read(one.key), one);
  });
});

Deno.test("write() refuses a key that is not that of its components", async () => {
  await withStore(async ({ actions }) => {
    await assert.rejects(
      actions.write({ ...action({ seed: 1 }), key: sha256Hex("other") }),
      /Internal error/,
    );
  });
});

Deno.test("two processes that publish the same keys at once end in the same artifacts", async () => {
  await withStore(async (store) => {
    const { actions, artifacts, layout } = store;
    const children = [1, 2].map(() => startChild("./publishing_child.ts", [layout.runs, "3"]));
    const outputs = await Promise.all(children.map((child) => child.output()));
    assert.ok(outputs.every(({ success }) => success));
    const keys = await keysOf(store);
    assert.equal(keys.length, 25);
    for (const key of keys) {
      const record = await actions.read(key);
      assert.equal((await artifacts.verify(record!.artifact)).ok, true);
    }
    assert.deepEqual(await filesUnder(layout.damaged), []);
    assert.deepEqual(await filesUnder(layout.temporary), []);
  });
});
