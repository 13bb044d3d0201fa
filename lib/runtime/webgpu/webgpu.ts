/**
 * The WebGPU engine: ONNX Runtime's WebGPU provider on a device that we open ourselves.
 *
 * Our own device, because the limits of a default one are too low (it binds 128 MiB at most; GPT-2's
 * embedding has 154). Tensors stay on the GPU between runs through `memory`; buffers are padded to 16
 * bytes, which the provider's vectorized kernels read. The same buffer as input and output of a run is
 * a validation error, and graph capture replays the first buffers: callers alternate between two.
 *
 * @module
 */
import * as ort from "onnxruntime-web/webgpu";
import "../session/web_worker.ts";
import { InternalError, UserError } from "../../base/errors.ts";
import { adapterInfo, requestAdapter } from "./adapter.ts";
import { countTraffic } from "./gpu_traffic.ts";
import { doesNotFit, ortSession, refused, tensorBridge } from "../session/ort.ts";
import {
  arrayOf,
  type DeviceMemory,
  type DeviceTensor,
  ELEMENT_BYTES,
  type ElementType,
  type Engine,
  type HostTensor,
  type Session,
  type SessionOptions,
} from "../session/session.ts";

/** Limits that are raised to what the adapter has; the rest keep WebGPU's guaranteed values. */
const RAISED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;

const MEMORY = "the memory of the GPU";

/**
 * Opens the WebGPU engine.
 *
 * @throws {UserError} where there is no adapter or it gives no device.
 */
export async function openWebGpu(): Promise<Engine> {
  const adapter = await requestAdapter();
  if (adapter === undefined) {
    throw new UserError({
      what: "cannot use the device webgpu: this machine has no WebGPU adapter",
      remedy: "install the GPU's Vulkan, Metal or Direct3D driver, or use --device auto",
    });
  }
  const requiredLimits: Record<string, number> = {};
  for (const name of RAISED_LIMITS) requiredLimits[name] = adapter.limits[name];
  const requiredFeatures = (["shader-f16", "subgroups"] as const)
    .filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  const traffic = countTraffic(device);
  let failure: Error | undefined;
  device.addEventListener("uncapturederror", (event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    failure ??= error instanceof GPUOutOfMemoryError
      ? doesNotFit(MEMORY, error)
      : new InternalError(`WebGPU: ${error.message}`);
    event.preventDefault();
  });
  device.lost.then((lost) => {
    if (lost.reason === "destroyed") return;
    failure ??= new InternalError(`WebGPU: the GPU was lost: ${lost.message}`);
  });
  const check = (): void => {
    if (failure !== undefined) throw failure;
  };

  ort.env.logLevel = "error";
  // Its host part is WebAssembly, which hangs with the package's own threads (see wasm_module.ts).
  ort.env.wasm.numThreads = 1;
  const bridge = tensorBridge(ort.Tensor);
  const sessions = new Set<Session>();
  const { name, software } = adapterInfo(adapter);
  return {
    name: "webgpu",
    description: `ONNX Runtime ${ort.env.versions.common}, WebGPU on ${name}` +
      (software ? " (software)" : ""),
    memory: deviceMemory(device, { release: bridge.release, check }),
    traffic,
    float16: device.features.has("shader-f16"),
    async createSession(onnx: Uint8Array, options: SessionOptions = {}): Promise<Session> {
      const { deviceOutputs = false } = options;
      const inner = await ort.InferenceSession.create(onnx, {
        // The default rounds sizes up and keeps a few buffers of each: a training step's 12 equal matrices of
        // attention are more, and the rest of them would be made anew, and not destroyed, at each run.
        executionProviders: [{ name: "webgpu", device, storageBufferCacheMode: "simple" }],
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
        // Ops that WebGPU lacks would run on the CPU, with a copy to and fro each time: a graph that
        // has any is a bug of its lowering, and must not go unseen.
        extra: { session: { disable_cpu_ep_fallback: "1" } },
        ...outputLocations(deviceOutputs),
      }).catch((cause) => {
        throw refused(cause, MEMORY);
      });
      check();
      const session = ortSession(inner, { bridge, memory: MEMORY, writesHost: false, check });
      sessions.add(session);
      return session;
    },
    async dispose(): Promise<void> {
      for (const session of sessions) await session.release();
      sessions.clear();
      device.destroy();
    },
  };
}

type OutputLocations = Pick<ort.InferenceSession.SessionOptions, "preferredOutputLocation">;

function outputLocations(names: boolean | readonly string[]): OutputLocations {
  if (names === false) return {};
  if (names === true) return { preferredOutputLocation: "gpu-buffer" };
  return {
    preferredOutputLocation: Object.fromEntries(names.map((n) => [n, "gpu-buffer" as const])),
  };
}

function deviceMemory(
  device: GPUDevice,
  { release, check }: { release: (tensor: DeviceTensor) => void; check: () => void },
): DeviceMemory {
  const own = new WeakSet<DeviceTensor>();
  const bytesOf = (type: ElementType, dims: readonly number[]): number =>
    dims.reduce((product, n) => product * n, ELEMENT_BYTES[type]);
  return {
    allocate(type: ElementType, dims: readonly number[]): DeviceTensor {
      const size = Math.max(16, Math.ceil(bytesOf(type, dims) / 16) * 16);
      if (size > device.limits.maxStorageBufferBindingSize) {
        throw new UserError({
          what: `a tensor of [${dims}] does not fit into a buffer of this GPU`,
          requirement: `its largest buffer is ${device.limits.maxStorageBufferBindingSize} bytes`,
          remedy: "use --device cpu, or a smaller model, batch or max_length",
        });
      }
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      const tensor = { type, dims, buffer: device.createBuffer({ size, usage }) };
      own.add(tensor);
      return tensor;
    },
    upload({ buffer, type, dims }: DeviceTensor, data: HostTensor["data"]): void {
      if (data.byteLength !== bytesOf(type, dims)) {
        throw new InternalError(`${data.byteLength} bytes were uploaded into ${type} [${dims}]`);
      }
      // A write's length must be a multiple of 4; only the last bytes of the narrow types need it.
      const whole = data.byteLength - data.byteLength % 4;
      device.queue.writeBuffer(buffer, 0, data.buffer, data.byteOffset, whole);
      if (whole < data.byteLength) {
        const rest = new Uint8Array(4);
        rest.set(new Uint8Array(data.buffer, data.byteOffset + whole, data.byteLength - whole));
        device.queue.writeBuffer(buffer, whole, rest);
      }
    },
    async download(tensor: DeviceTensor): Promise<HostTensor> {
      const { buffer, type, dims } = tensor;
      const bytes = bytesOf(type, dims);
      const size = Math.ceil(bytes / 4) * 4;
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      const staging = device.createBuffer({ size, usage });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      check();
      const copy = staging.getMappedRange().slice(0, bytes);
      staging.destroy();
      return { type, dims, data: arrayOf(type, copy) };
    },
    release(tensor: DeviceTensor): void {
      release(tensor);
      if (own.delete(tensor)) tensor.buffer.destroy();
    },
  };
}
