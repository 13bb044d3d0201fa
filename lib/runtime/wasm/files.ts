/**
 * The files that the WebAssembly engine reads, without loading it.
 *
 * @module
 */
import { besideModule } from "../session/package_file.ts";

/** Path of what the engine loads. */
export function wasmFile(): string {
  return besideModule(import.meta.resolve("onnxruntime-web"), "ort-wasm-simd-threaded.wasm");
}

/** Path of the module that its threads run. */
export function threadFile(): string {
  return besideModule(import.meta.url, "./wasm_thread.ts");
}
