/**
 * A thread of the WebAssembly engine: what each of its workers runs. See `wasm_module.ts` for why.
 *
 * @module
 */
import process from "node:process";

// "renderer" is the module's word for a process that has Node's globals and is a browser's all the same.
Object.defineProperty(process, "type", { value: "renderer", configurable: true });
// It finds by its name that it is a thread's, and listens for what the first thread sends.
await import("onnxruntime-web/module");
