/**
 * The WebAssembly engine: ONNX Runtime compiled to WebAssembly, for machines where neither the native
 * library nor a GPU is to be had.
 *
 * Talks to the package's module itself (`wasm_module.ts` says why), whose memory of 4 GiB holds all that a run
 * reads and writes: arrays that `allocate` made are there already.
 *
 * @module
 */
import { env } from "onnxruntime-web";
import { threadCount } from "../session/ort.ts";
import type { Engine, Session } from "../session/session.ts";
import { wasmModule } from "./wasm_module.ts";
import { wasmSession } from "./wasm_session.ts";

/**
 * Bytes that `allocate` gives away: a quarter, enough for the weights and gradients of GPT-2. The rest is for
 * what runs keep between operations.
 */
const ALLOCATED_LIMIT = 2 ** 30;

/**
 * Opens the WebAssembly engine.
 *
 * @param options `threads`: how many cores one run keeps busy.
 */
export async function openWasm({ threads }: { readonly threads: number }): Promise<Engine> {
  const module = await wasmModule(threads);
  const sessions = new Set<Session>();
  const allocated: number[] = [];
  let bytes = 0;
  return {
    name: "wasm",
    description: `ONNX Runtime ${env.versions.common}, WebAssembly, ${threadCount(threads)}`,
    allocate(elements: number): Float32Array<ArrayBuffer> | undefined {
      if (bytes + 4 * elements > ALLOCATED_LIMIT) return undefined;
      // From there to the next multiple of 64: a line of the cache.
      const pointer = module._malloc(4 * elements + 64) >>> 0;
      if (pointer === 0) return undefined;
      bytes += 4 * elements;
      allocated.push(pointer);
      const aligned = Math.ceil(pointer / 64) * 64;
      return new Float32Array(module.HEAPU8.buffer, aligned, elements).fill(0);
    },
    createSession(onnx: Uint8Array): Promise<Session> {
      return new Promise((resolve) => {
        const session = wasmSession(module, onnx);
        sessions.add(session);
        resolve(session);
      });
    },
    async dispose(): Promise<void> {
      for (const session of sessions) await session.release();
      sessions.clear();
      for (const pointer of allocated) module._free(pointer);
      allocated.length = 0;
      bytes = 0;
    },
  };
}
