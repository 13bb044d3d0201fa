import assert from "node:assert/strict";
import { join } from "node:path";
import { canonicalDigest, keyLock, sha256Hex } from "../../lib/store/mod.ts";
import { withStore } from "./folders.ts";

const DAY = 24 * 3600 * 1000;

Deno.test("open() gives a key its own folder, with what was left there", async () => {
  await withStore(async ({ resume, layout }) => {
    const path = await resume.open(sha256Hex("a"));
    assert.equal(path, join(layout.resume, sha256Hex("a")));
    await Deno.writeTextFile(join(path, "f"), "x");
    assert.equal(await Deno.readTextFile(join(await resume.open(sha256Hex("a")), "f")), "x");
    assert.deepEqual([...Deno.readDirSync(await resume.open(sha256Hex("b")))], []);
    assert.deepEqual([...Deno.readDirSync(await resume.open(sha256Hex("a"), { fresh: true }))], []);
    await resume.remove(sha256Hex("a"));
    await resume.remove(sha256Hex("a"));
    assert.deepEqual([...Deno.readDirSync(layout.resume)].map(({ name }) => name), [
      sha256Hex("b"),
    ]);
  });
});

Deno.test("sweep() removes folders of published results and those given up, but none in use", async () => {
  await withStore(async ({ resume, layout, locks, actions, sweep }) => {
    const [young, old, going, used] = ["a", "b", "c", "d"].map(sha256Hex) as [
      string,
      string,
      string,
      string,
    ];
    const published = canonicalDigest({ seed: 1 });
    for (const key of [young, old, going, used, published]) await resume.open(key);
    const then = new Date(Date.now() - 31 * DAY);
    for (const key of [old, going, used]) await Deno.utime(join(layout.resume, key), then, then);
    await Deno.writeTextFile(join(layout.resume, going, "checkpoint"), "");
    await Deno.utime(join(layout.resume, going), then, then);
    await actions.write({
      key: published,
      components: { seed: 1 },
      artifact: sha256Hex("artifact"),
      stage: "tuned",
      started: "2026-01-02T03:04:05.678Z",
      seconds: 1,
      summary: [],
      versions: {},
      device: null,
    });
    await Deno.mkdir(join(layout.resume, "of a person"));
    await using _lock = await locks.acquire(keyLock(used));
    await sweep();
    assert.deepEqual(
      [...Deno.readDirSync(layout.resume)].map(({ name }) => name).sort(),
      [young, going, used, "of a person"].sort(),
    );
  });
});
