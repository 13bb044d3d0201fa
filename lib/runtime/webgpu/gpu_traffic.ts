/**
 * What passes between this process and a GPU, counted where it passes: on the methods of one `GPUDevice`
 * and of what that device makes. Nothing of the standard's classes is changed, other devices are not counted.
 *
 * How ONNX Runtime 1.30 uses the device (all of it through these methods; seen by recording every call):
 * - A kernel is one `dispatchWorkgroups`, with a `writeBuffer` of 16 to 100 bytes of sizes and strides into a
 *   uniform buffer before it. After 16 of them the commands are submitted, and once more when a run ends.
 * - A feed in host memory costs a staging buffer that is mapped when made, a copy out of it, and one or two
 *   submits. Feeds in device memory cost nothing, so what changes little is best uploaded by us.
 * - Each output in host memory is a buffer made, a copy into it, a submit and a wait. Deno's `mapAsync` takes
 *   10 ms and more however little there is to wait for.
 * - Buffers of intermediate results are kept and used again, cleared before each use (`clearBuffer`, which ends
 *   the compute pass). Those that are let go are never destroyed: their memory returns when the garbage
 *   collector finds them. By default sizes are rounded up and few of each size kept, so that a large graph makes
 *   new ones at each run (see `storageBufferCacheMode` in `webgpu.ts`).
 *
 * Left out: textures, which ONNX Runtime does not use, and memory of shaders and bind groups.
 *
 * @module
 */

import type { GpuTraffic, TrafficCounter } from "../session/traffic.ts";

type Counts = { -readonly [name in keyof GpuTraffic]: number };

/**
 * Counts what passes through a device from here on. Costs some property accesses for each call of the device.
 *
 * @param device One that nothing else counts. Its methods are replaced, with the same meaning.
 */
export function countTraffic(device: GPUDevice): TrafficCounter {
  const counts: Counts = {
    launches: 0,
    submits: 0,
    uploadedBytes: 0,
    uniformBytes: 0,
    readbacks: 0,
    downloadedBytes: 0,
    copiedBytes: 0,
    clears: 0,
    buffers: 0,
    bufferBytes: 0,
    allocatedBytes: 0,
    peakBytes: 0,
  };
  countBuffers(device, counts);
  countQueue(device.queue, counts);
  countCommands(device, counts);
  return { read: (): GpuTraffic => ({ ...counts }) };
}

function countBuffers(device: GPUDevice, counts: Counts): void {
  const collected = new FinalizationRegistry<number>((size) => counts.allocatedBytes -= size);
  const { createBuffer } = device;
  device.createBuffer = function (descriptor: GPUBufferDescriptor): GPUBuffer {
    const buffer = createBuffer.call(device, descriptor);
    const { size, usage, mappedAtCreation } = descriptor;
    counts.buffers++;
    counts.bufferBytes += size;
    counts.allocatedBytes += size;
    counts.peakBytes = Math.max(counts.peakBytes, counts.allocatedBytes);
    // What is written into a staging buffer counts when it is copied out of it.
    if (mappedAtCreation && !(usage & GPUBufferUsage.MAP_WRITE)) counts.uploadedBytes += size;
    collected.register(buffer, size, buffer);
    const { destroy, mapAsync } = buffer;
    buffer.destroy = function (): undefined {
      // A second call is allowed and does nothing.
      if (collected.unregister(buffer)) counts.allocatedBytes -= size;
      destroy.call(buffer);
    };
    if (usage & GPUBufferUsage.MAP_READ) {
      buffer.mapAsync = function (...range): Promise<undefined> {
        counts.readbacks++;
        return mapAsync.apply(buffer, range);
      };
    }
    return buffer;
  };
}

function countQueue(queue: GPUQueue, counts: Counts): void {
  const { submit, writeBuffer } = queue;
  queue.submit = function (lists): undefined {
    counts.submits++;
    submit.call(queue, lists);
  };
  queue.writeBuffer = function (buffer, at, data, from = 0, size): undefined {
    // Of a typed array, offset and size are in elements.
    const unit = "BYTES_PER_ELEMENT" in data ? data.BYTES_PER_ELEMENT as number : 1;
    const bytes = size === undefined ? data.byteLength - from * unit : size * unit;
    if (buffer.usage & GPUBufferUsage.UNIFORM) counts.uniformBytes += bytes;
    else counts.uploadedBytes += bytes;
    writeBuffer.call(queue, buffer, at, data, from, size);
  };
}

function countCommands(device: GPUDevice, counts: Counts): void {
  // A step makes hundreds of encoders and passes: one function each for all of them.
  const encoder = GPUCommandEncoder.prototype;
  const pass = GPUComputePassEncoder.prototype;
  const originals = {
    begin: encoder.beginComputePass,
    copy: encoder.copyBufferToBuffer as (...args: unknown[]) => undefined,
    clear: encoder.clearBuffer,
    dispatch: pass.dispatchWorkgroups,
    indirect: pass.dispatchWorkgroupsIndirect,
  };
  function dispatchWorkgroups(
    this: GPUComputePassEncoder,
    ...size: [number, number?, number?]
  ): undefined {
    counts.launches++;
    originals.dispatch.apply(this, size);
  }
  function dispatchWorkgroupsIndirect(
    this: GPUComputePassEncoder,
    ...place: [GPUBuffer, number]
  ): undefined {
    counts.launches++;
    originals.indirect.apply(this, place);
  }
  function beginComputePass(
    this: GPUCommandEncoder,
    descriptor?: GPUComputePassDescriptor,
  ): GPUComputePassEncoder {
    return Object.assign(originals.begin.call(this, descriptor), {
      dispatchWorkgroups,
      dispatchWorkgroupsIndirect,
    });
  }
  function copyBufferToBuffer(this: GPUCommandEncoder, ...args: unknown[]): undefined {
    const { source, target, bytes } = copyOf(args);
    if (source.usage & GPUBufferUsage.MAP_WRITE) counts.uploadedBytes += bytes;
    else if (target.usage & GPUBufferUsage.MAP_READ) counts.downloadedBytes += bytes;
    else counts.copiedBytes += bytes;
    originals.copy.apply(this, args);
  }
  function clearBuffer(
    this: GPUCommandEncoder,
    ...range: [GPUBuffer, number?, number?]
  ): undefined {
    counts.clears++;
    originals.clear.apply(this, range);
  }
  const { createCommandEncoder } = device;
  device.createCommandEncoder = function (descriptor): GPUCommandEncoder {
    return Object.assign(createCommandEncoder.call(device, descriptor), {
      beginComputePass,
      copyBufferToBuffer,
      clearBuffer,
    });
  };
}

/** The two forms of `copyBufferToBuffer`: with offsets, and of a whole buffer or its beginning. */
function copyOf(args: readonly unknown[]): { source: GPUBuffer; target: GPUBuffer; bytes: number } {
  const [source, second] = args as [GPUBuffer, number | GPUBuffer];
  if (typeof second !== "number") {
    return { source, target: second, bytes: args[2] as number | undefined ?? source.size };
  }
  const size = args[4] as number | undefined;
  return { source, target: args[2] as GPUBuffer, bytes: size ?? source.size - second };
}
