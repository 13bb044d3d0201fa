import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { type Owner, thisOwner } from "../../lib/store/mod.ts";
import { firstOutput, startChild, withStore } from "./folders.ts";

/** Writes the lock file that an owner would have left. */
async function plant(path: string, name: string, owner: Owner): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify({ ...owner, name, id: "planted" }));
}

/** Starts a process, ends it and waits: its pid was real and is free now. */
async function deadOwner(): Promise<Owner> {
  const child = new Deno.Command(Deno.execPath(), { args: ["--version"], stdout: "null" }).spawn();
  await child.status;
  return { ...await thisOwner(), pid: child.pid };
}

/** The process that a lock's file names; undefined where there is none. */
async function pidIn(path: string): Promise<number | undefined> {
  const text = await Deno.readTextFile(path).catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text).pid;
}

Deno.test("acquire() waits for a living owner, names it once, and goes on when it releases", async () => {
  await withStore(async ({ locks }) => {
    const first = await locks.acquire("stage");
    const waited: [number, string][] = [];
    const second = locks.acquire("stage", {
      onWait: ({ owner, path }) => waited.push([owner.pid, path]),
    });
    await new Promise((resolve) => setTimeout(resolve, 80));
    assert.deepEqual(waited, [[Deno.pid, locks.pathOf("stage")]]);
    assert.equal(await pidIn(locks.pathOf("stage")), Deno.pid);
    await first.release();
    await (await second).release();
    assert.equal(await pidIn(locks.pathOf("stage")), undefined);
  });
});

Deno.test("locks of different names do not wait for each other", async () => {
  await withStore(async ({ locks }) => {
    await using _one = await locks.acquire("one");
    await using two = await locks.acquire("tw/o");
    assert.equal(two.name, "tw/o");
    assert.equal(await locks.tryAcquire("one"), undefined);
  });
});

Deno.test("acquire() stops waiting when its signal aborts", async () => {
  await withStore(async ({ locks }) => {
    await using _held = await locks.acquire("stage");
    const controller = new AbortController();
    const waiting = locks.acquire("stage", { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("interrupted")), 20);
    await assert.rejects(waiting, { message: "interrupted" });
  });
});

Deno.test("acquire() takes over from a dead owner", async () => {
  await withStore(async ({ locks }) => {
    await plant(locks.pathOf("stage"), "stage", await deadOwner());
    await using lock = await locks.acquire("stage");
    assert.match(await Deno.readTextFile(lock.path), new RegExp(`"pid":${Deno.pid},`));
  });
});

Deno.test("acquire() takes over where another process has the dead owner's pid now", async () => {
  await withStore(async ({ locks }) => {
    const self = await thisOwner();
    assert.match(self.start, /^ticks \d+ of boot [0-9a-f]{8}$|^date /);
    const reused = { ...self, start: self.start.replace(/\d+/, "1") };
    await plant(locks.pathOf("stage"), "stage", reused);
    await using _lock = await locks.acquire("stage", {
      onWait: () => assert.fail("a process that merely has the pid is no owner"),
    });
  });
});

Deno.test("acquire() takes over what an earlier version left before a reboot", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await withStore(async ({ locks }) => {
    const { pid, start, host } = await thisOwner();
    const before = { pid, host, start: start.replace(/boot .*/, "boot 00000000") };
    await plant(locks.pathOf("stage"), "stage", before);
    await using _lock = await locks.acquire("stage");
  });
});

Deno.test("acquire() waits for an owner on another machine that renews nothing, and for one that tells no start", async () => {
  await withStore(async ({ locks }) => {
    const { pid, start } = await deadOwner();
    await plant(locks.pathOf("far"), "far", { pid, start, host: "another.example" });
    assert.equal(await locks.tryAcquire("far"), undefined);
    await plant(locks.pathOf("near"), "near", { ...await thisOwner(), start: "" });
    assert.equal(await locks.tryAcquire("near"), undefined);
  });
});

Deno.test("a lock file without sense holds the lock only while it may be in the making", async () => {
  await withStore(async ({ locks }) => {
    const path = locks.pathOf("stage");
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, "");
    assert.equal(await locks.tryAcquire("stage"), undefined);
    const old = new Date(Date.now() - 60_000);
    await Deno.utime(path, old, old);
    await using lock = await locks.acquire("stage");
    assert.equal(lock.path, path);
  });
});

Deno.test("release() leaves a lock that is another's by now", async () => {
  await withStore(async ({ locks }) => {
    const lock = await locks.acquire("stage");
    await Deno.remove(lock.path);
    await using other = await locks.acquire("stage");
    await lock.release();
    assert.equal(await pidIn(locks.pathOf("stage")), Deno.pid);
    await other.release();
  });
});

Deno.test("processes that find a dead owner's lock at once take it over one at a time", async () => {
  await withStore(async ({ locks, layout }, folder) => {
    const dead = await deadOwner();
    await plant(locks.pathOf("stage"), "stage", dead);
    const log = join(folder, "log");
    const children = [0, 1, 2].map(() => startChild("./locking_child.ts", [layout.runs, log]));
    const outputs = await Promise.all(children.map((child) => child.output()));
    assert.ok(outputs.every(({ success }) => success));
    // Each holding writes "in" and "out" of one process; interleaved ones would not pair up.
    const lines = (await Deno.readTextFile(log)).trim().split("\n");
    assert.equal(lines.length, 3 * 2 * 15);
    for (let i = 0; i < lines.length; i += 2) {
      assert.equal(lines[i]!.replace("in", "out"), lines[i + 1]);
    }
  });
});

Deno.test("acquire() takes over from a process killed while it held the lock", async () => {
  await withStore(async ({ locks, layout }, folder) => {
    const child = startChild("./locking_child.ts", [layout.runs, join(folder, "log"), "hold"]);
    assert.match(await firstOutput(child), /^held /);
    assert.equal(await pidIn(locks.pathOf("stage")), child.pid);
    const waiting = locks.acquire("stage");
    child.kill("SIGKILL");
    await child.stdout.cancel();
    await child.status;
    await (await waiting).release();
  });
});

Deno.test("sweep() removes the locks of dead owners only", async () => {
  await withStore(async ({ locks }) => {
    await plant(locks.pathOf("dead"), "dead", await deadOwner());
    await using held = await locks.acquire("held");
    await locks.sweep();
    const left = [...Deno.readDirSync(dirname(held.path))].map((entry) => entry.name);
    assert.deepEqual(left, ["held.lock"]);
  });
});

Deno.test("sweep() removes old files of locks that nobody can read, by the name of the file", async () => {
  await withStore(async ({ locks }) => {
    await using held = await locks.acquire("held");
    const folder = dirname(held.path);
    const names = ["empty", "torn", "a/b c", "~", "other name", "young"];
    for (const name of names) await Deno.writeTextFile(locks.pathOf(name), "");
    await Deno.writeTextFile(locks.pathOf("torn"), '{"pid":');
    await plant(locks.pathOf("other name"), "othar name", await deadOwner());
    await Deno.mkdir(join(folder, "folder.lock"));
    const old = new Date(Date.now() - 25 * 3600 * 1000);
    for (const name of names.slice(0, -1)) await Deno.utime(locks.pathOf(name), old, old);
    await locks.sweep();
    const left = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
    assert.deepEqual(left, ["folder.lock", "held.lock", "young.lock"]);
  });
});
