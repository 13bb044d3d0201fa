/**
 * The WebAssembly engine: ONNX Runtime compiled to WebAssembly, for machines where neither the native
 * library nor a GPU is to be had.
 *
 * Uses the package's default entry, which is its Node build and the only one that starts threads under
 * Deno. Results are copied out of the WebAssembly memory, which can hold 4 GiB at most.
 *
 * @module
 */
import * as ort from "onnxruntime-web";
import { InternalError } from "../errors.ts";
import { ortSession, refused, tensorBridge, threadCount } from "./ort.ts";
import type { Engine, Session } from "./session.ts";

let threadsInUse: number | undefined;

const MEMORY = "the 4 GiB that the WebAssembly engine can address";

/**
 * Opens the WebAssembly engine. The number of threads is fixed by the first call in a process.
 *
 * @param options `threads`: how many cores one run keeps busy.
 */
export function openWasm({ threads }: { readonly threads: number }): Engine {
  if (threadsInUse !== undefined && threadsInUse !== threads) {
    throw new InternalError(`WebAssembly runs with ${threadsInUse} threads, ${threads} asked`);
  }
  threadsInUse = threads;
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads;
  const bridge = tensorBridge(ort.Tensor);
  const sessions = new Set<Session>();
  return {
    name: "wasm",
    description: `ONNX Runtime ${ort.env.versions.common}, WebAssembly, ${threadCount(threads)}`,
    inPlace: false,
    async createSession(onnx: Uint8Array): Promise<Session> {
      const inner = await ort.InferenceSession.create(onnx, {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
      }).catch((cause) => {
        throw refused(cause, MEMORY);
      });
      const session = ortSession(inner, { bridge, memory: MEMORY, writesHost: false });
      sessions.add(session);
      return session;
    },
    async dispose(): Promise<void> {
      for (const session of sessions) await session.release();
      sessions.clear();
    },
  };
}
