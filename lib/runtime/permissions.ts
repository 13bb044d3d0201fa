/**
 * What a process needs from Deno's sandbox to load each engine, as data for whoever starts it.
 *
 * Measured with Deno 2.9.6: importing the packages needs nothing (their modules are in the module
 * graph); what they open themselves is a file or two each. No engine needs net, env, sys, run or write.
 *
 * - `cpu`: loads `onnxruntime_binding.node` (ffi); the library beside it is loaded by the system.
 * - `wasm`: reads its `.wasm`, and what its threads run: a worker's module is no part of the module graph.
 * - `webgpu`: reads another `.wasm`; the GPU itself is not behind a permission.
 *
 * @module
 */
import type { Device } from "../base/device.ts";
import { nativeLibrary, NO_TELEMETRY } from "./native/library.ts";
import { besideModule } from "./session/package_file.ts";
import { threadFile, wasmFile } from "./wasm/files.ts";

/** Flags for `--allow-read`, `--allow-ffi` and variables to set in the process. */
export interface EnginePermissions {
  /** Absolute paths of files. */
  readonly read: readonly string[];
  /** Absolute paths of libraries. */
  readonly ffi: readonly string[];
  /** Environment variables to start the process with; it needs no permission to read them. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * What a process needs to open an engine on this machine.
 *
 * @param device Which engine.
 */
export function enginePermissions(device: Device): EnginePermissions {
  switch (device) {
    case "cpu":
      return { read: [], ffi: [nativeLibrary()], environment: { [NO_TELEMETRY]: "1" } };
    case "wasm":
      return { read: [wasmFile(), threadFile()], ffi: [], environment: {} };
    case "webgpu":
      return {
        read: [gpuFile()],
        ffi: [],
        environment: Deno.build.os === "linux" ? { [MESA_FOLDER]: "/" } : {},
      };
  }
}

/** Mesa writes an error to stderr for each adapter that it lists where this variable is unset. */
const MESA_FOLDER = "XDG_RUNTIME_DIR";

/** Sets what keeps Mesa quiet in this process, where it may. */
export function quietMesa(): void {
  if (Deno.build.os !== "linux") return;
  const { state } = Deno.permissions.querySync({ name: "env", variable: MESA_FOLDER });
  if (state === "granted" && !Deno.env.has(MESA_FOLDER)) Deno.env.set(MESA_FOLDER, "/");
}

function gpuFile(): string {
  return besideModule(
    import.meta.resolve("onnxruntime-web"),
    "ort-wasm-simd-threaded.asyncify.wasm",
  );
}
