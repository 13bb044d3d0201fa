/**
 * Who is alive, where the pid alone doesn't tell: containers of one host name, other machines.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { sha256Hex } from "../../lib/base/hash.ts";
import { ownerState } from "../../lib/store/locks/owner.ts";
import { openStore, type Owner, type Store, thisOwner, type Waiting } from "../../lib/store/mod.ts";
import { container, namedContainer } from "./containers.ts";
import { filesUnder, firstOutput, startChild, withStore } from "./folders.ts";

const LEASE = 400;

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Owners whose pid says nothing here. */
async function strangers(): Promise<Record<string, Owner>> {
  const self = await thisOwner();
  // Init is no Temper, and a pid that is free here may be a living process there.
  const there = { ...self, pid: 4_000_000, start: "ticks 1 of boot 00000000" };
  return {
    "another container": { ...there, namespace: "pid:[1]" },
    // It sees other times of start than are seen here.
    "another namespace of times": {
      ...there,
      namespace: `${self.namespace?.split(" ")[0]} time:[1]`,
    },
    "another machine": { ...there, host: "another.example", boot: "another" },
    "another machine of this name": { ...there, boot: "another" },
    "a process that knows nothing of itself": { ...there, start: "", boot: "", namespace: "" },
  };
}

/** Writes the file of a lock that another process holds and renews. @returns Ends the renewing. */
async function hold(
  { locks }: Store,
  owner: Owner,
  { name = "stage", times = () => new Date() }: { name?: string; times?: () => Date } = {},
): Promise<() => Promise<void>> {
  const path = locks.pathOf(name);
  await Deno.mkdir(dirname(path), { recursive: true });
  const text = JSON.stringify({ ...owner, name, id: crypto.randomUUID(), lease: LEASE });
  await Deno.writeTextFile(path, text);
  let renewing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    renewing = Deno.utime(path, times(), times());
  }, LEASE / 12);
  return async () => {
    clearInterval(timer);
    await renewing;
  };
}

const linux = Deno.build.os === "linux";

Deno.test({
  name: "a stranger that renews its lease is waited for, one that doesn't is taken over",
  ignore: !linux,
  async fn(): Promise<void> {
    await Promise.all(
      Object.entries(await strangers()).map(([who, owner]) =>
        withStore(async (store) => {
          const end = await hold(store, owner);
          let waited: Waiting | undefined;
          let taken = false;
          const waiting = store.locks.acquire("stage", { onWait: (waits) => waited = waits });
          waiting.then(() => taken = true);
          await pause(LEASE * 3);
          assert.equal(taken, false, `${who} lives`);
          assert.equal(await store.locks.tryAcquire("stage"), undefined);
          await store.sweep();
          const path = store.locks.pathOf("stage");
          assert.ok(waited!.words.includes(path), "the file is named");
          assert.match(waited!.words, /taken for dead when it has not renewed .* for 1 s/);
          await end();
          await using lock = await waiting;
          assert.ok(await lock.isHeld());
        })
      ),
    );
  },
});

Deno.test({
  name: "a lease counts by its changes: clocks that are wrong, jump and go back are no matter",
  ignore: !linux,
  async fn(): Promise<void> {
    await withStore(async (store) => {
      const owner = (await strangers())["another machine"]!;
      let i = 0;
      const years = [1971, 2100, 2001, 2038, 1999];
      const times = (): Date => new Date(years[i++ % years.length]!, 0, 1, 0, 0, i);
      const end = await hold(store, owner, { times });
      const controller = new AbortController();
      const waiting = store.locks.acquire("stage", { signal: controller.signal });
      setTimeout(() => controller.abort(new Error("waited")), LEASE * 3);
      await assert.rejects(waiting, { message: "waited" });
      await end();
    });
  },
});

Deno.test({
  name: "who died while taking over from a stranger is taken over from, too",
  ignore: !linux,
  async fn(): Promise<void> {
    await withStore(async (store) => {
      const owner = (await strangers())["another machine"]!;
      await (await hold(store, owner))();
      const text = await Deno.readTextFile(store.locks.pathOf("stage"));
      const inner = `takeover-${sha256Hex(`stage\n${text}`)}`;
      await (await hold(store, owner, { name: inner }))();
      await using lock = await store.locks.acquire("stage");
      assert.ok(await lock.isHeld());
    });
  },
});

Deno.test("a holder renews its lease, and learns that its lock is another's", async () => {
  await withStore(async ({ locks }) => {
    const lock = await locks.acquire("stage");
    const before = (await Deno.stat(lock.path)).mtime!.getTime();
    const text = await Deno.readTextFile(lock.path);
    await pause(LEASE);
    assert.ok((await Deno.stat(lock.path)).mtime!.getTime() > before, "renewed");
    assert.equal(await Deno.readTextFile(lock.path), text, "and its text stays");
    assert.deepEqual([await lock.isHeld(), lock.lost.aborted], [true, false]);

    const other = { ...await thisOwner(), host: "another.example", id: "another" };
    await Deno.writeTextFile(`${lock.path}.new`, JSON.stringify(other));
    await Deno.rename(`${lock.path}.new`, lock.path);
    for (let i = 0; i < 500 && !lock.lost.aborted; i++) await pause(20);
    assert.ok(lock.lost.aborted, "found when the lease was to be renewed");
    assert.equal(await lock.isHeld(), false);
    await lock.release();
    assert.equal(JSON.parse(await Deno.readTextFile(lock.path)).id, "another");
  }, { lease: LEASE });
});

Deno.test("isHeld() notices at once, before the next renewal", async () => {
  await withStore(async ({ locks }) => {
    const lock = await locks.acquire("stage");
    await Deno.remove(lock.path);
    assert.equal(await lock.isHeld(), false);
    assert.ok(lock.lost.aborted);
    await lock.release();
    assert.equal(await lock.isHeld(), false);
  });
});

Deno.test({
  name: "scratch folders of strangers stay until their leases are a day old",
  ignore: !linux,
  async fn(): Promise<void> {
    const owners = Object.values(await strangers());
    await withStore(async ({ scratch, layout }) => {
      await Deno.mkdir(layout.scratch, { recursive: true });
      await Deno.mkdir(layout.temporary, { recursive: true });
      const plant = async (name: string, content: unknown): Promise<void> => {
        await Deno.mkdir(`${layout.scratch}/${name}`);
        await Deno.writeTextFile(`${layout.scratch}/${name}/f`, "x");
        await Deno.writeTextFile(`${layout.scratch}/${name}.json`, JSON.stringify(content));
      };
      for (const [i, owner] of owners.entries()) {
        for (const name of ["young", "old"]) await plant(`${name}${i}`, { ...owner, lease: LEASE });
        await plant(`silent${i}`, owner);
        const old = new Date(Date.now() - 25 * 3600 * 1000);
        for (const name of ["old", "silent"]) {
          await Deno.utime(`${layout.scratch}/${name}${i}.json`, old, old);
        }
      }
      await scratch.sweep();
      const left = [...Deno.readDirSync(layout.scratch)].map(({ name }) => name)
        .filter((name) => !name.endsWith(".json")).sort();
      assert.deepEqual(
        left,
        ["silent", "young"].flatMap((name) => owners.map((_, i) => name + i)),
      );
    });
  },
});

/** A child that holds the lock, a scratch folder and a run of a store, in a container. */
async function holder(
  runs: string,
  within: readonly string[],
  lease: number,
): Promise<{ readonly child: Deno.ChildProcess; readonly scratch: string }> {
  const child = startChild("./locking_child.ts", [runs, "", "hold", String(lease)], { within });
  const said = await firstOutput(child);
  assert.match(said, /^held /);
  return { child, scratch: said.trim().slice("held ".length) };
}

async function end(child: Deno.ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await child.stdout.cancel();
  await child.status;
}

for (
  const [name, within] of Object.entries({
    "of the same host name": container(),
    "of another host name": namedContainer("another"),
  })
) {
  Deno.test({
    name: `a runner in a container ${name} is seen to live and to be dead` +
      (within === undefined ? " (needs root on Linux: unshare --pid)" : ""),
    ignore: within === undefined,
    async fn(): Promise<void> {
      // So long a lease that it decides nothing here: the kernel tells.
      await withStore(async (store) => {
        const { locks, scratch, runs } = store;
        const held = await holder(store.layout.runs, within!, 3_600_000);
        const owner = JSON.parse(await Deno.readTextFile(locks.pathOf("stage"))) as Owner;
        assert.equal(await ownerState(owner), "elsewhere");
        assert.equal((await thisOwner()).boot, owner.boot);
        assert.notEqual((await thisOwner()).namespace, owner.namespace);

        const waited: Waiting[] = [];
        const waiting = locks.acquire("stage", { onWait: (waits) => waited.push(waits) });
        await pause(300);
        await store.sweep();
        assert.equal(await locks.tryAcquire("stage"), undefined);
        assert.ok((await Deno.stat(held.scratch)).isDirectory, "its scratch folder stays");
        assert.equal((await runs.list())[0]!.record.status, "running");
        assert.equal(waited.length, 1);
        assert.match(waited[0]!.words, /^process \d+ (of another container|on another)/);
        assert.ok(waited[0]!.words.includes(locks.pathOf("stage")));

        await end(held.child);
        await (await waiting).release();
        await scratch.sweep();
        assert.deepEqual(await filesUnder(store.layout.scratch), []);
        assert.equal((await runs.list())[0]!.record.status, "interrupted");
      }, { lease: 3_600_000 });
    },
  });
}

Deno.test({
  name: "a runner in a container that is stopped for longer than its lease keeps what it holds" +
    (container() === undefined ? " (needs root on Linux: unshare --pid)" : ""),
  ignore: container() === undefined,
  async fn(): Promise<void> {
    await withStore(async (store) => {
      const { child, scratch } = await holder(store.layout.runs, container()!, LEASE);
      const inside = await childOf(child.pid);
      Deno.kill(inside, "SIGSTOP");
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error("waited")), LEASE * 3);
      const waiting = store.locks.acquire("stage", { signal: controller.signal });
      await assert.rejects(waiting, { message: "waited" });
      await store.sweep();
      assert.ok((await Deno.stat(scratch)).isDirectory);
      await end(child);
    });
  },
});

/** The process that `unshare` started. */
async function childOf(pid: number): Promise<number> {
  const args = ["-o", "pid=", "--ppid", String(pid)];
  const { stdout } = await new Deno.Command("ps", { args }).output();
  return Number.parseInt(new TextDecoder().decode(stdout));
}

Deno.test("a process finds the same of itself with every permission and with few", async () => {
  await withStore(async ({ layout }) => {
    const child = startChild("./locking_child.ts", [layout.runs, "", "hold"]);
    await firstOutput(child);
    using store = openStore(layout.runs);
    const owner = JSON.parse(await Deno.readTextFile(store.locks.pathOf("stage"))) as Owner;
    const self = await thisOwner();
    assert.deepEqual([owner.boot, owner.namespace], [self.boot, self.namespace]);
    assert.equal(await ownerState(owner), "alive");
    await end(child);
    assert.equal(await ownerState(owner), "dead");
  });
});
