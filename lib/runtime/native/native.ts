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
import { denormals } from "./denormals.ts";
import { NO_TELEMETRY } from "./library.ts";
import { nativeSession } from "./native_session.ts";
import { ortSession, refused, tensorBridge, threadCount } from "../session/ort.ts";
import type { Engine, Session } from "../session/session.ts";

const MEMORY = "this machine's memory";

const SETTINGS = {
  session: {
    // A thread that waits for its share of an operation looks for it for a moment before it sleeps: being
    // woken takes longer than many operations. Longer than that it would take the core of a busy machine
    // from the thread it waits for, and after a run it would take it from the next session's.
    intra_op: { allow_spinning: "1", spin_duration_us: "100" },
    force_spinning_stop: "1",
  },
  // Graphs say themselves where transposing belongs into a product and where it is cheaper beforehand.
  optimization: { disable_specified_optimizers: "MatmulTransposeFusion" },
} as const;

/**
 * Opens the native engine.
 *
 * @param options `threads`: how many cores one run keeps busy.
 */
export function openNative({ threads }: { readonly threads: number }): Engine {
  silence();
  const bridge = tensorBridge(ort.Tensor);
  const small = denormals();
  const session = { ...SETTINGS.session, set_denormal_as_zero: small.asZero };
  const sessions = new Set<Session>();
  return {
    name: "cpu",
    description: `ONNX Runtime ${ort.env.versions.common}, native CPU, ${threadCount(threads)}`,
    async createSession(onnx: Uint8Array): Promise<Session> {
      const inner = await nativeSession(onnx, {
        denormals: small,
        settings: {
          executionProviders: ["cpu"],
          intraOpNumThreads: threads,
          interOpNumThreads: 1,
          executionMode: "sequential",
          // A pattern is a second copy of all that lives at once, beside what the first run already took.
          enableMemPattern: false,
          graphOptimizationLevel: "all",
          logSeverityLevel: 3,
          extra: { ...SETTINGS, session },
        },
      }).catch((cause) => {
        throw refused(cause, MEMORY);
      });
      const made = ortSession(inner, { bridge, memory: MEMORY, writesHost: true });
      sessions.add(made);
      return made;
    },
    async dispose(): Promise<void> {
      for (const session of sessions) await session.release();
      sessions.clear();
    },
  };
}

/** Keeps the library from writing about warnings, and from reporting to its makers. */
function silence(): void {
  ort.env.logLevel = "error";
  // Read when the first session is made. A process without this permission was started with the variable.
  const { state } = Deno.permissions.querySync({ name: "env", variable: NO_TELEMETRY });
  if (state === "granted") Deno.env.set(NO_TELEMETRY, "1");
}
