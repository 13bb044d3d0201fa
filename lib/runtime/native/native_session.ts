/**
 * A session of the native library, called as the package's own module calls it. The package's class would
 * run between two turns of the event loop of its own choosing, and the thread has to be got ready just for
 * the run (see `denormals.ts`).
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type * as ort from "onnxruntime-node";
import { binding, initOrt } from "onnxruntime-node/binding";
import type { InnerSession } from "../session/ort.ts";
import type { Denormals } from "./denormals.ts";

/**
 * Makes a session.
 *
 * @param onnx A serialized ModelProto.
 * @param options `settings`: ONNX Runtime's; `denormals`: how it is called.
 */
export async function nativeSession(
  onnx: Uint8Array,
  options: {
    readonly settings: ort.InferenceSession.SessionOptions;
    readonly denormals: Denormals;
  },
): Promise<InnerSession> {
  const { settings, denormals } = options;
  const inner = await later(() =>
    denormals.around(() => {
      initOrt();
      const session = new binding.InferenceSession();
      const { buffer, byteOffset, byteLength } = onnx as Uint8Array<ArrayBuffer>;
      session.loadModel(buffer, byteOffset, byteLength, settings);
      return session;
    })
  );
  const outputNames = inner.outputMetadata.map(({ name }) => name);
  const allOutputs = Object.fromEntries(outputNames.map((name) => [name, null]));
  return {
    inputNames: inner.inputMetadata.map(({ name }) => name),
    outputNames,
    run: (feeds, fetches = allOutputs): Promise<Record<string, ort.Tensor>> =>
      later(() =>
        denormals.around(() => inner.run(feeds, fetches, {}) as Record<string, ort.Tensor>)
      ),
    release(): Promise<void> {
      inner.dispose();
      return Promise.resolve();
    },
  };
}

/** In a turn of its own: a loop that waits for nothing but runs still hears of signals and timers. */
function later<T>(call: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(call());
      } catch (cause) {
        reject(cause);
      }
    });
  });
}
