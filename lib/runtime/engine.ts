/**
 * Opens an engine by name, loading only the package that it needs.
 *
 * @module
 */
import { unreachable } from "../base/errors.ts";
import type { Device } from "../base/device.ts";
import { quietMesa } from "./permissions.ts";
import type { Engine } from "./session/session.ts";

/**
 * Opens an engine.
 *
 * @param device Which one; `auto` was resolved by `chooseDevice` before.
 * @param options `threads`: CPU cores that a run keeps busy; WebGPU computes on the GPU.
 * @returns The engine, which the caller disposes of.
 * @throws {UserError} where the machine has no such device.
 */
export async function openEngine(
  device: Device,
  options: { readonly threads: number },
): Promise<Engine> {
  switch (device) {
    case "cpu":
      return (await import("./native/native.ts")).openNative(options);
    case "wasm":
      return await (await import("./wasm/wasm.ts")).openWasm(options);
    case "webgpu":
      quietMesa();
      return await (await import("./webgpu/webgpu.ts")).openWebGpu();
    default:
      return unreachable(device);
  }
}
