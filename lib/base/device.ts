/**
 * The engines that compute, by the names that options, run records and graphs use.
 *
 * @module
 */

/** Every engine: ONNX Runtime's native library, WebGPU, WebAssembly. */
export const DEVICES = ["cpu", "webgpu", "wasm"] as const;

/** An engine. */
export type Device = (typeof DEVICES)[number];

/** What `--device` accepts; `auto` is the best of those that this machine has. */
export const DEVICE_CHOICES = ["auto", ...DEVICES] as const;

/** Whether a value is the name of an engine. */
export function isDevice(value: unknown): value is Device {
  return DEVICES.some((device) => device === value);
}
