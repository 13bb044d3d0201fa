/**
 * What the engine counts of a GPU, call by call.
 */
import { toOnnx } from "../../lib/graph/onnx/compile.ts";
import assert from "node:assert/strict";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { add, mul } from "../../lib/graph/ops/mod.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { countTraffic } from "../../lib/runtime/webgpu/gpu_traffic.ts";
import type { GpuTraffic, TrafficCounter } from "../../lib/runtime/session/traffic.ts";
import { float32 } from "../../lib/runtime/session/session.ts";
import { adapter, onDevice } from "../fixtures/webgpu.ts";

function gpuTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ ...onDevice("webgpu", name), fn });
}

/** What changed since the last call, without what stayed 0. */
function changes(counter: TrafficCounter): () => Partial<GpuTraffic> {
  let last = counter.read();
  return () => {
    const now = counter.read();
    const changed = Object.entries(now).flatMap(([name, value]) => {
      const by = value - last[name as keyof GpuTraffic];
      return by === 0 ? [] : [[name, by] as const];
    });
    last = now;
    return Object.fromEntries(changed);
  };
}

gpuTest("countTraffic() counts every kind of call by its bytes", async () => {
  const device = await adapter!.requestDevice();
  const change = changes(countTraffic(device));
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ, MAP_WRITE, INDIRECT } = GPUBufferUsage;
  const made = (bytes: number, uploadedBytes = 0): Partial<GpuTraffic> => ({
    buffers: 1,
    bufferBytes: bytes,
    allocatedBytes: bytes,
    peakBytes: bytes,
    ...(uploadedBytes === 0 ? {} : { uploadedBytes }),
  });
  const storage = device.createBuffer({
    size: 64,
    usage: STORAGE | COPY_SRC | COPY_DST | INDIRECT,
  });
  assert.deepEqual(change(), made(64));
  const written = device.createBuffer({ size: 16, usage: STORAGE, mappedAtCreation: true });
  written.unmap();
  assert.deepEqual(change(), made(16, 16));
  const staging = device.createBuffer({
    size: 32,
    usage: MAP_WRITE | COPY_SRC,
    mappedAtCreation: true,
  });
  staging.unmap();
  const uniform = device.createBuffer({ size: 16, usage: UNIFORM | COPY_DST });
  const reading = device.createBuffer({ size: 64, usage: MAP_READ | COPY_DST });
  const other = device.createBuffer({ size: 64, usage: COPY_DST });
  change();

  device.queue.writeBuffer(storage, 0, new Float32Array(16));
  assert.deepEqual(change(), { uploadedBytes: 64 });
  // Offset and size are elements of a typed array, bytes of a buffer.
  device.queue.writeBuffer(storage, 0, new Float32Array(16), 4, 3);
  assert.deepEqual(change(), { uploadedBytes: 12 });
  device.queue.writeBuffer(storage, 0, new Float32Array(16), 4);
  assert.deepEqual(change(), { uploadedBytes: 48 });
  device.queue.writeBuffer(storage, 0, new ArrayBuffer(16), 4, 8);
  assert.deepEqual(change(), { uploadedBytes: 8 });
  device.queue.writeBuffer(uniform, 0, new Uint32Array(4));
  assert.deepEqual(change(), { uniformBytes: 16 });

  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(staging, 0, storage, 32, 32);
  assert.deepEqual(change(), { uploadedBytes: 32 });
  encoder.copyBufferToBuffer(storage, 0, other, 16, 40);
  assert.deepEqual(change(), { copiedBytes: 40 });
  encoder.copyBufferToBuffer(storage, 0, reading, 0, 16);
  assert.deepEqual(change(), { downloadedBytes: 16 });
  const copyWhole = encoder.copyBufferToBuffer as unknown as (...buffers: GPUBuffer[]) => void;
  copyWhole.call(encoder, storage, other);
  assert.deepEqual(change(), { copiedBytes: 64 });
  encoder.clearBuffer(storage);
  assert.deepEqual(change(), { clears: 1 });
  const module = device.createShaderModule({ code: "@compute @workgroup_size(1) fn main() {}" });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.dispatchWorkgroups(3);
  pass.dispatchWorkgroupsIndirect(storage, 0);
  pass.end();
  assert.deepEqual(change(), { launches: 2 });
  device.queue.submit([encoder.finish()]);
  await reading.mapAsync(GPUMapMode.READ);
  assert.deepEqual(change(), { submits: 1, readbacks: 1 });
  assert.equal(reading.getMappedRange().byteLength, 64);

  storage.destroy();
  storage.destroy();
  assert.deepEqual(change(), { allocatedBytes: -64 });
  assert.ok(!Object.hasOwn(adapter!, "requestDevice"));
  const uncounted = await adapter!.requestDevice();
  uncounted.createBuffer({ size: 64, usage: STORAGE }).destroy();
  uncounted.queue.submit([]);
  assert.deepEqual(change(), {});
  for (const one of [device, uncounted]) one.destroy();
});

gpuTest("the webgpu engine counts what its sessions and its memory do", async () => {
  const engine = await openEngine("webgpu", { threads: 1 });
  const { memory, traffic } = engine;
  assert.ok(memory !== undefined && traffic !== undefined);
  const graph = new Graph("affine");
  const x = graph.input("x", { type: "float32", shape: [100] });
  graph.output("y", add(mul(x, 2), 1));
  const session = await engine.createSession(toOnnx(graph, { target: "webgpu" }));
  const tensors = [memory.allocate("float32", [100]), memory.allocate("float32", [100])] as const;
  const [from, to] = tensors;
  const values = new Float32Array(100).fill(3);
  await session.run({ x: from }, { y: to });
  const change = changes(traffic);

  memory.upload(from, values);
  assert.deepEqual(change(), { uploadedBytes: 400 });
  await session.run({ x: from }, { y: to });
  const onDevice = change();
  assert.equal(onDevice.launches, 2);
  assert.ok(onDevice.uniformBytes! > 0 && onDevice.submits! > 0);
  for (const name of ["uploadedBytes", "downloadedBytes", "readbacks"] as const) {
    assert.equal(onDevice[name], undefined, name);
  }
  const { data } = await memory.download(to);
  assert.equal(data[99], 7);
  const { readbacks, downloadedBytes } = change();
  assert.deepEqual({ readbacks, downloadedBytes }, { readbacks: 1, downloadedBytes: 400 });

  await session.run({ x: float32(values, [100]) }, { y: float32(values, [100]) });
  const onHost = change();
  assert.ok(onHost.uploadedBytes! >= 400 && onHost.downloadedBytes! >= 400);
  assert.equal(onHost.readbacks, 1);
  for (const tensor of tensors) memory.release(tensor);
  assert.equal(change().allocatedBytes, -800);
  await engine.dispose();
  for (const device of ["cpu", "wasm"] as const) {
    const other = await openEngine(device, { threads: 1 });
    assert.equal(other.traffic, undefined);
    await other.dispose();
  }
});

gpuTest(
  "the webgpu engine keeps intermediate buffers, each of the size that is needed",
  async () => {
    const engine = await openEngine("webgpu", { threads: 1 });
    const { memory, traffic } = engine;
    assert.ok(memory !== undefined && traffic !== undefined);
    // Of 5 MB, which is no size that ONNX Runtime would round up to.
    const shape = [1_250_000];
    const graph = new Graph("chain");
    const x = graph.input("x", { type: "float32", shape });
    const scaled = Array.from({ length: 12 }, (_, i) => mul(x, i + 1));
    graph.output("y", scaled.reduceRight((sum, part) => mul(add(sum, part), 0.5)));
    const session = await engine.createSession(toOnnx(graph, { target: "webgpu" }));
    const tensors = [memory.allocate("float32", shape), memory.allocate("float32", shape)] as const;
    const [from, to] = tensors;
    const change = changes(traffic);
    await session.run({ x: from }, { y: to });
    const { bufferBytes = 0 } = change();
    // Sizes of launches, and constants, are small.
    assert.ok(bufferBytes >= 5e6 && bufferBytes % 5e6 < 1e5, `${bufferBytes} bytes`);
    for (let run = 0; run < 2; run++) {
      await session.run({ x: from }, { y: to });
      assert.equal(change().buffers, undefined);
    }
    for (const tensor of tensors) memory.release(tensor);
    await engine.dispose();
  },
);
