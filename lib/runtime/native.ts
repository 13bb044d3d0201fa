/**
 * The native engine: ONNX Runtime's C++ library through `onnxruntime-node`.
 *
 * Feeds are used where they lie and fetched arrays are written in place, so that parameters and
 * gradients are never copied. `run` keeps this thread busy until it is done and events wait: it
 * belongs into a stage's own process. Source: the package, and what `tests/runtime` pins down.
 *
 * @module
 */
import * as ort from "onnxruntime-node";
import { ortSession, refused, tensorBridge, threadCount } from "./ort.ts";
import type { Engine, Session } from "./session.ts";

const MEMORY = "this machine's memory";

/**
 * Opens the native engine.
 *
 * @param options `threads`: how many cores one run keeps busy.
 */
export function openNative({ threads }: { readonly threads: number }): Engine {
  ort.env.logLevel = "error";
  const bridge = tensorBridge(ort.Tensor);
  const sessions = new Set<Session>();
  return {
    name: "cpu",
    description: `ONNX Runtime ${ort.env.versions.common}, native CPU, ${threadCount(threads)}`,
    async createSession(onnx: Uint8Array): Promise<Session> {
      const inner = await ort.InferenceSession.create(onnx, {
        executionProviders: ["cpu"],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        // A pattern is a second copy of all that lives at once, beside what the first run already took.
        enableMemPattern: false,
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
        // Threads that spin while they wait gain a little on an idle machine, and halve the speed of a
        // busy one: they take the core from the thread that they wait for.
        extra: { session: { intra_op: { allow_spinning: "0" } } },
      }).catch((cause) => {
        throw refused(cause, MEMORY);
      });
      const session = ortSession(inner, { bridge, memory: MEMORY, writesHost: true });
      sessions.add(session);
      return session;
    },
    async dispose(): Promise<void> {
      for (const session of sessions) await session.release();
      sessions.clear();
    },
  };
}
