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
import { filePath } from "../base/paths.ts";

/**
 * The variable that keeps ONNX Runtime's native library from telling its makers of each session, a matter
 * below the sandbox: it sends to events.data.microsoft.com, keeps an identifier and a database under
 * `~/.cache/Microsoft` and leaves two files in the system's temporary folder.
 */
export const NO_TELEMETRY = "ORT_DISABLE_TELEMETRY";

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
        read: [webFile("ort-wasm-simd-threaded.asyncify.wasm")],
        ffi: [],
        environment: quietMesa(),
      };
  }
}

/** Path of what the WebAssembly engine loads. */
export function wasmFile(): string {
  return webFile("ort-wasm-simd-threaded.wasm");
}

/** Path of the module that its threads run. */
function threadFile(): string {
  return fromPackage(import.meta.url, "./wasm/wasm_thread.ts");
}

/** Mesa writes an error to stderr for each adapter it lists where this variable is unset. */
function quietMesa(): Readonly<Record<string, string>> {
  return Deno.build.os === "linux" ? { XDG_RUNTIME_DIR: "/" } : {};
}

function nativeLibrary(): string {
  const platform = Deno.build.os === "windows" ? "win32" : Deno.build.os;
  const arch = Deno.build.arch === "x86_64" ? "x64" : "arm64";
  return fromPackage(
    import.meta.resolve("onnxruntime-node"),
    `../bin/napi-v6/${platform}/${arch}/onnxruntime_binding.node`,
  );
}

function webFile(name: string): string {
  return fromPackage(import.meta.resolve("onnxruntime-web"), name);
}

/** Path of a file beside a package's entry module. */
function fromPackage(entry: string, relative: string): string {
  return filePath(new URL(relative, entry));
}
