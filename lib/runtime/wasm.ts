/**
 * The WebAssembly engine: ONNX Runtime compiled to WebAssembly, for machines where neither the native
 * library nor a GPU is to be had.
 *
 * Uses the package's default entry, its Node build. Results are copied out of the WebAssembly memory,
 * which can hold 4 GiB at most. Left out: threads. Under Deno a run with two sleeps for ever in a part
 * of all processes (2 of 5 with ONNX Runtime 1.30 and Deno 2.9, all where waiting threads don't spin),
 * and nothing in this process can wake it.
 *
 * @module
 */
import * as ort from "onnxruntime-web";
import { ortSession, refused, tensorBridge, threadCount } from "./ort.ts";
import type { Engine, Session } from "./session.ts";

const MEMORY = "the 4 GiB that the WebAssembly engine can address";

/** Opens the WebAssembly engine, which computes on one thread. */
export function openWasm(): Engine {
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  const bridge = tensorBridge(ort.Tensor);
  const sessions = new Set<Session>();
  return {
    name: "wasm",
    description: `ONNX Runtime ${ort.env.versions.common}, WebAssembly, ${threadCount(1)}`,
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
