/**
 * Which engine to use, and why: a real GPU, else the native library, else WebAssembly.
 *
 * @module
 */
import { type Device, DEVICE_CHOICES } from "../base/device.ts";
import { nearest, UserError } from "../base/errors.ts";
import { quietMesa } from "./permissions.ts";
import { type AdapterInfo, adapterInfo, requestAdapter } from "./webgpu/adapter.ts";

/** A choice and the sentence that goes with it. */
export interface DeviceChoice {
  readonly device: Device;
  /** "no GPU (the only adapter, llvmpipe, is software); the native library loads". */
  readonly why: string;
}

/** What the choice depends on; tests give their own. */
export interface Machine {
  /** The adapter WebGPU would use. */
  adapter(): Promise<AdapterInfo | undefined>;
  /** Undefined where the native library can be used, else why it cannot. */
  nativeProblem(): Promise<string | undefined>;
}

/**
 * Chooses the engine.
 *
 * @param asked `auto`, or the device the user wants.
 * @param machine This machine unless given.
 * @returns The device and why, for the run record and the terminal.
 * @throws {UserError} where the device that was asked for cannot be used here, or there is no such device.
 */
export async function chooseDevice(
  asked: string,
  machine: Machine = THIS_MACHINE,
): Promise<DeviceChoice> {
  switch (asked) {
    case "wasm":
      return { device: "wasm", why: "asked for" };
    case "cpu": {
      const problem = await machine.nativeProblem();
      if (problem === undefined) return { device: "cpu", why: "asked for" };
      throw new UserError({
        what: `cannot use the device cpu: ${problem}`,
        remedy: "use --device wasm, which needs no native library",
      });
    }
    case "webgpu": {
      const adapter = await machine.adapter();
      if (adapter === undefined) {
        throw new UserError({
          what: "cannot use the device webgpu: this machine has no WebGPU adapter",
          remedy: "install the GPU's Vulkan, Metal or Direct3D driver, or use --device auto",
        });
      }
      const software = adapter.software ? ", which computes on the CPU" : "";
      return { device: "webgpu", why: `asked for; the adapter is ${adapter.name}${software}` };
    }
    case "auto":
      return await best(machine);
    default:
      throw new UserError({
        what: `unknown device "${asked}"`,
        nearest: nearest(asked, DEVICE_CHOICES),
        requirement: `devices: ${DEVICE_CHOICES.join(", ")}`,
      });
  }
}

async function best(machine: Machine): Promise<DeviceChoice> {
  const adapter = await machine.adapter();
  if (adapter !== undefined && !adapter.software) {
    return { device: "webgpu", why: `this machine has a GPU (${adapter.name})` };
  }
  const noGpu = adapter === undefined
    ? "no GPU"
    : `no GPU (the only adapter, ${adapter.name}, is software)`;
  const problem = await machine.nativeProblem();
  if (problem === undefined) return { device: "cpu", why: `${noGpu}; the native library is there` };
  return { device: "wasm", why: `${noGpu}; ${problem}` };
}

/** Platforms that `onnxruntime-node` ships a library for. */
const NATIVE_PLATFORMS = [
  "linux x86_64",
  "linux aarch64",
  "darwin aarch64",
  "windows x86_64",
  "windows aarch64",
];

const THIS_MACHINE: Machine = {
  async adapter(): Promise<AdapterInfo | undefined> {
    quietMesa();
    const adapter = await requestAdapter();
    return adapter && adapterInfo(adapter);
  },
  async nativeProblem(): Promise<string | undefined> {
    const platform = `${Deno.build.os} ${Deno.build.arch}`;
    if (!NATIVE_PLATFORMS.includes(platform)) {
      return `ONNX Runtime has no native library for ${platform}`;
    }
    // A process that may not load libraries (the runner) trusts the list; its stages may.
    if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
    try {
      await import("./native/native.ts");
      return undefined;
    } catch (error) {
      const [line] = (error instanceof Error ? error.message : String(error)).split("\n");
      return `ONNX Runtime's native library does not load (${line})`;
    }
  },
};
