import { toOnnx } from "../../lib/graph/onnx/compile.ts";
import assert from "node:assert/strict";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { add, matmul, mul } from "../../lib/graph/ops/mod.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { type EnginePermissions, enginePermissions } from "../../lib/runtime/permissions.ts";
import { NO_TELEMETRY } from "../../lib/runtime/native/library.ts";
import type { Device } from "../../lib/base/device.ts";
import {
  type AnyTensor,
  type Engine,
  float32,
  type HostTensor,
  int32,
  isHostTensor,
} from "../../lib/runtime/session/session.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { onDevice } from "../fixtures/webgpu.ts";

/** `product` = a b, `sum` = a b + b, both [2, 2]. */
function example(target: Device): Uint8Array<ArrayBuffer> {
  const graph = new Graph("example");
  const a = graph.input("a", { type: "float32", shape: [2, 2] });
  const b = graph.input("b", { type: "float32", shape: [2, 2] });
  const product = matmul(a, b);
  graph.output("product", product);
  graph.output("sum", add(product, b));
  return toOnnx(graph, { target });
}

/** `y` = 2 x + 1, elementwise, [n]. */
function affine(target: Device, n = 4): Uint8Array<ArrayBuffer> {
  const graph = new Graph("affine");
  const x = graph.input("x", { type: "float32", shape: [n] });
  graph.output("y", add(mul(x, 2), 1));
  return toOnnx(graph, { target });
}

const matrix = (...values: number[]): HostTensor => float32(new Float32Array(values), [2, 2]);

function values(tensor: AnyTensor | undefined): number[] {
  assert.ok(tensor !== undefined && isHostTensor(tensor), "a host tensor");
  return [...tensor.data].map(Number);
}

/** A test for each engine. */
function eachEngine(title: string, body: (device: Device) => Promise<void>): void {
  for (const device of ["cpu", "wasm", "webgpu"] as const) {
    Deno.test({ ...onDevice(device, `${device} ${title}`), fn: () => body(device) });
  }
}

eachEngine("returns every output, or fills the arrays that are fetched", async (device) => {
  const engine = await openEngine(device, { threads: 2 });
  assert.equal(engine.name, device);
  assert.match(engine.description, /ONNX Runtime \d+\.\d+\.\d+, (native|WebAssembly|WebGPU)/);
  const session = await engine.createSession(example(device));
  assert.deepEqual([...session.inputNames], ["a", "b"]);
  assert.deepEqual([...session.outputNames].sort(), ["product", "sum"]);
  const feeds = { a: matrix(1, 2, 3, 4), b: matrix(1, 0, 1, 1) };
  const all = await session.run(feeds);
  assert.deepEqual(values(all.product), [3, 2, 7, 4]);
  assert.deepEqual(values(all.sum), [4, 2, 8, 5]);

  const arena = new Float32Array(8);
  const sum = float32(arena.subarray(2, 6), [2, 2]);
  const fetched = await session.run(feeds, { sum });
  assert.deepEqual(Object.keys(fetched), ["sum"]);
  assert.equal(fetched.sum, sum);
  assert.deepEqual([...arena], [0, 0, 4, 2, 8, 5, 0, 0]);

  // The tensor is the same object, its elements are read anew at each run.
  feeds.a.data.set(new Float32Array([0, 0, 0, 0]) as never);
  await session.run(feeds, { sum });
  assert.deepEqual([...arena.subarray(2, 6)], [1, 0, 1, 1]);
  await session.release();
  await session.release();
  await assert.rejects(session.run(feeds), /released session/);
  await engine.dispose();
});

eachEngine("takes int32 ids and sizes that fill no 16 bytes", async (device) => {
  const graph = new Graph("ids");
  const ids = graph.input("ids", { type: "int32", shape: [3] });
  graph.output("next", add(ids, 1));
  const engine = await openEngine(device, { threads: 2 });
  const session = await engine.createSession(toOnnx(graph, { target: device }));
  const { next } = await session.run({ ids: int32(new Int32Array([5, -1, 7]), [3]) });
  assert.equal(next?.type, "int32");
  assert.deepEqual(values(next), [6, 0, 8]);
  await engine.dispose();
});

eachEngine("says that a graph it refuses is a bug", async (device) => {
  const engine = await openEngine(device, { threads: 2 });
  await assert.rejects(
    engine.createSession(new Uint8Array([1, 2, 3])),
    /Internal error: ONNX Runtime refused a graph/,
  );
  await engine.dispose();
});

Deno.test("cpu writes an elementwise result over its operand", async () => {
  const engine = await openEngine("cpu", { threads: 2 });
  const session = await engine.createSession(affine("cpu", 1000));
  const x = float32(new Float32Array(1000).fill(3), [1000]);
  await session.run({ x }, { y: x });
  assert.ok(x.data.every((value) => value === 7));
  await engine.dispose();
});

/** A test of WebAssembly. */
function wasm(title: string, fn: () => Promise<void>): void {
  Deno.test({ ...onDevice("wasm", `wasm ${title}`), fn });
}

/** `y` = a b + a, [size, size]: enough work for more than one thread. */
function square(size: number): Uint8Array<ArrayBuffer> {
  const graph = new Graph("square");
  const a = graph.input("a", { type: "float32", shape: [size, size] });
  const b = graph.input("b", { type: "float32", shape: [size, size] });
  graph.output("y", add(matmul(a, b), a));
  return toOnnx(graph, { target: "wasm" });
}

wasm("computes on as many threads as it is given, with the results of one", async () => {
  const size = 192;
  const random = (): HostTensor =>
    float32(Float32Array.from({ length: size * size }, () => Math.random() - 0.5), [size, size]);
  const feeds = { a: random(), b: random() };
  const results: number[][] = [];
  for (const threads of [1, 2, 2, 3]) {
    const engine = await openEngine("wasm", { threads });
    assert.match(
      engine.description,
      threads === 1 ? /, 1 thread$/ : RegExp(`, ${threads} threads$`),
    );
    const session = await engine.createSession(square(size));
    results.push(values((await session.run(feeds)).y));
    assert.deepEqual(values((await session.run(feeds)).y), results.at(-1), "repeatable");
    await engine.dispose();
  }
  const [one, two, again, three] = results as [number[], number[], number[], number[]];
  assert.deepEqual(two, again);
  for (const [i, value] of one.entries()) {
    assert.ok(Math.abs(two[i]! - value) < 1e-5 && Math.abs(three[i]! - value) < 1e-5);
  }
});

wasm("ends its runs with threads in every fresh process", async () => {
  const graph = btoa(String.fromCharCode(...square(512)));
  const dir = await temporaryDirectory();
  await Deno.writeTextFile(
    `${dir}/main.ts`,
    `import { openEngine } from "${new URL("../../lib/runtime/engine.ts", import.meta.url).href}";
    const engine = await openEngine("wasm", { threads: 2 });
    const onnx = Uint8Array.from(atob("${graph}"), (c) => c.charCodeAt(0));
    const session = await engine.createSession(onnx);
    const x = { type: "float32", dims: [512, 512], data: new Float32Array(512 * 512).fill(0.5) };
    for (let i = 0; i < 10; i++) await session.run({ a: x, b: x });
    console.log((await session.run({ a: x, b: x })).y.data[7]);
    Deno.exit(0);`,
  );
  const config = decodeURIComponent(new URL("../../deno.json", import.meta.url).pathname);
  for (let start = 0; start < 4; start++) {
    const { stdout, stderr, signal } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", "--config", config, `${dir}/main.ts`],
      env: { NO_COLOR: "1" },
      signal: AbortSignal.timeout(60_000),
    }).output();
    assert.equal(signal, null, "a process hung");
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(new TextDecoder().decode(stdout).trim(), "128.5");
  }
});

wasm("reads and writes its own arrays in place, and any other by copying", async () => {
  const engine = await openEngine("wasm", { threads: 2 });
  const session = await engine.createSession(affine("wasm", 1000));
  const own = engine.allocate?.(1004)?.subarray(4);
  assert.ok(own !== undefined && own.every((value) => value === 0));
  assert.equal(own.byteOffset % 16, 0);
  const x = float32(own.fill(3), [1000]);
  assert.equal((await session.run({ x }, { y: x })).y, x);
  assert.ok(own.every((value) => value === 7));
  const y = float32(new Float32Array(1000), [1000]);
  await session.run({ x }, { y });
  assert.ok(y.data.every((value) => value === 15));
  await session.run({ x: y }, { y: x });
  assert.ok(own.every((value) => value === 31));
  assert.equal(engine.allocate?.(2 ** 28), undefined, "beyond its limit");
  await assert.rejects(
    session.run({ x: float32(new Float32Array(999), [999]) }),
    /Got invalid dimensions/,
  );
  await engine.dispose();
});

wasm("knows its own tensors again beyond 2 GiB, and says when its memory is full", async () => {
  const open = (): Promise<Engine> => openEngine("wasm", { threads: 1 });
  const fillers = [await open(), await open(), await open()];
  for (const { allocate } of fillers) assert.ok(allocate?.(2 ** 28 - 4096) !== undefined);
  const engine = await open();
  const session = await engine.createSession(affine("wasm", 1000));
  const own = engine.allocate!(1000)!;
  assert.ok(own.byteOffset > 2 ** 31);
  const x = float32(own, [1000]);
  for (let run = 0; run < 20; run++) {
    own.fill(3);
    await session.run({ x }, { y: x });
    assert.ok(own.every((value) => value === 7));
  }
  for (const elements of [2 ** 26, 2 ** 22, 2 ** 18, 2 ** 14]) {
    while (engine.allocate!(elements) !== undefined);
  }
  await assert.rejects(
    engine.createSession(new Uint8Array(2 ** 20)),
    /^UserError: the model with its batch does not fit into the 4 GiB/,
  );
  for (const one of [...fillers, engine]) await one.dispose();
});

wasm("opens after a time when there was no memory for it", async () => {
  const { Memory } = WebAssembly;
  const threads = 4;
  WebAssembly.Memory = function (): never {
    throw new RangeError("could not allocate memory");
  } as unknown as typeof Memory;
  try {
    await assert.rejects(
      openEngine("wasm", { threads }),
      /^UserError: there is not enough memory for the WebAssembly engine/,
    );
  } finally {
    WebAssembly.Memory = Memory;
  }
  await (await openEngine("wasm", { threads })).dispose();
});

Deno.test({
  ...onDevice("webgpu", "webgpu keeps tensors on the device from run to run"),
  async fn(): Promise<void> {
    const engine = await openEngine("webgpu", { threads: 1 });
    const { memory } = engine;
    assert.ok(memory !== undefined);
    const session = await engine.createSession(affine("webgpu"), { deviceOutputs: ["y"] });
    let [from, to] = [memory.allocate("float32", [4]), memory.allocate("float32", [4])];
    assert.deepEqual(values(await memory.download(from)), [0, 0, 0, 0]);
    memory.upload(from, new Float32Array([0, 1, 2, 3]));
    for (let step = 0; step < 3; step++) {
      await session.run({ x: from }, { y: to });
      [from, to] = [to, from];
    }
    assert.deepEqual(values(await memory.download(from)), [7, 15, 23, 31]);
    const { y } = await session.run({ x: from });
    assert.ok(y !== undefined && !isHostTensor(y));
    assert.deepEqual(values(await memory.download(y)), [15, 31, 47, 63]);
    for (const tensor of [from, to, y]) memory.release(tensor);

    const half = memory.allocate("float16", [3]);
    memory.upload(half, new Uint16Array([1, 2, 3]));
    assert.deepEqual(values(await memory.download(half)), [1, 2, 3]);
    assert.throws(() => memory.upload(half, new Uint16Array(2)), /Internal error: 4 bytes/);
    memory.upload(half, new Uint16Array([0, 0, 4, 5, 6, 0, 0, 0]).subarray(2, 5));
    assert.deepEqual(values(await memory.download(half)), [4, 5, 6], "a view of a larger array");
    await engine.dispose();
  },
});

Deno.test({
  ...onDevice(
    "webgpu",
    "webgpu says that the GPU's memory is full, and calls what else it meets a bug",
  ),
  async fn(): Promise<void> {
    const { requestDevice } = GPUAdapter.prototype;
    const cases = [
      [new GPUOutOfMemoryError("no"), /^UserError: .* does not fit into the memory of the GPU/],
      [new GPUValidationError("no"), /Internal error: WebGPU: no/],
    ] as const;
    for (const [error, message] of cases) {
      let opened: GPUDevice | undefined;
      GPUAdapter.prototype.requestDevice = async function (wanted): Promise<GPUDevice> {
        return opened = await requestDevice.call(this, wanted);
      };
      const engine = await openEngine("webgpu", { threads: 1 })
        .finally(() => GPUAdapter.prototype.requestDevice = requestDevice);
      opened?.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
      await assert.rejects(engine.createSession(affine("webgpu")), message);
      await engine.dispose();
    }
  },
});

/** Runs `affine` in a process with these permissions and these variables beside its own. */
async function inProcess(
  device: Device,
  { permissions, env }: { permissions: readonly string[]; env: Readonly<Record<string, string>> },
): Promise<{ out: string; err: string }> {
  const dir = await temporaryDirectory();
  const graph = btoa(String.fromCharCode(...affine(device)));
  const module = new URL("../../lib/runtime/engine.ts", import.meta.url).href;
  await Deno.writeTextFile(
    `${dir}/main.ts`,
    `import { openEngine } from "${module}";
    const engine = await openEngine("${device}", { threads: 2 });
    const onnx = Uint8Array.from(atob("${graph}"), (c) => c.charCodeAt(0));
    const session = await engine.createSession(onnx);
    const x = { type: "float32", dims: [4], data: new Float32Array([0, 1, 2, 3]) };
    console.log([...(await session.run({ x })).y.data].join());
    await engine.dispose();
    Deno.exit(0);`,
  );
  const config = decodeURIComponent(new URL("../../deno.json", import.meta.url).pathname);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--quiet", "--config", config, ...permissions]
      .concat(`${dir}/main.ts`),
    env: { ...env, NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { out: text.decode(stdout).trim(), err: text.decode(stderr) };
}

function enginesFlags({ read, ffi }: EnginePermissions): string[] {
  return [
    ...(read.length > 0 ? [`--allow-read=${read.join()}`] : []),
    ...(ffi.length > 0 ? [`--allow-ffi=${ffi.join()}`] : []),
  ];
}

eachEngine("loads with the permissions of enginePermissions() and no others", async (device) => {
  const needs = enginePermissions(device);
  const [granted, denied] = await Promise.all([
    inProcess(device, { permissions: enginesFlags(needs), env: needs.environment }),
    inProcess(device, { permissions: [], env: needs.environment }),
  ]);
  assert.equal(granted.err, "", "prints nothing of its own");
  assert.equal(granted.out, "1,3,5,7");
  assert.match(denied.err, /NotCapable: Requires (ffi|read) access/);
});

Deno.test("cpu keeps ONNX Runtime from reporting to its makers, which it does by default", async () => {
  const needs = enginePermissions("cpu");
  const cases = {
    "in a stage's process": { permissions: enginesFlags(needs), env: needs.environment },
    "in a command's process": { permissions: ["--allow-env", "--allow-ffi"], env: {} },
  };
  for (const [name, { permissions, env }] of Object.entries(cases)) {
    const home = await temporaryDirectory();
    const places = { HOME: home, XDG_CACHE_HOME: home, TMPDIR: home, DENO_DIR: await denoDir() };
    const { out } = await inProcess("cpu", {
      permissions,
      env: { [NO_TELEMETRY]: "", ...places, ...env },
    });
    assert.equal(out, "1,3,5,7", name);
    // The reporter's identifier, database and log; that it sends nothing cannot be seen from here.
    assert.deepEqual([...Deno.readDirSync(home)].map((entry) => entry.name), [], name);
  }
});

/** Where Deno keeps packages, which it would else look for under another home. */
async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}
