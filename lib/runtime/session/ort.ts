/**
 * What the three engines share: how this room's tensors become ONNX Runtime's and back, and a
 * {@linkcode Session} over one of its sessions. The packages differ in their binaries, not in this
 * interface (`onnxruntime-common`), and each brings its own `Tensor` class, hence the parameter.
 *
 * @module
 */
import type * as ort from "onnxruntime-web";
import { InternalError, UserError } from "../../base/errors.ts";
import {
  type AnyTensor,
  type DeviceTensor,
  type ElementType,
  type HostTensor,
  isHostTensor,
  type Session,
} from "./session.ts";

/** Turns tensors into ONNX Runtime's and back. One for each package that is loaded. */
export interface TensorBridge {
  toOrt(tensor: AnyTensor): ort.Tensor;
  fromOrt(tensor: ort.Tensor): AnyTensor;
  /** Frees a device tensor that a run returned; nothing to do for one made outside. */
  release(tensor: DeviceTensor): void;
}

/**
 * Makes a bridge to one package.
 *
 * @param Tensor The package's class.
 */
export function tensorBridge(Tensor: ort.TensorConstructor & ort.TensorFactory): TensorBridge {
  // The same few hundred tensors come back at every step; their wrappers are kept beside them.
  const wrappers = new WeakMap<AnyTensor, ort.Tensor>();
  const wrap = (tensor: AnyTensor): ort.Tensor => {
    if (isHostTensor(tensor)) return new Tensor(tensor.type, tensor.data, tensor.dims);
    return Tensor.fromGpuBuffer(tensor.buffer, { dataType: tensor.type, dims: tensor.dims });
  };
  return {
    toOrt(tensor: AnyTensor): ort.Tensor {
      let wrapper = wrappers.get(tensor);
      if (wrapper === undefined) {
        wrapper = wrap(tensor);
        wrappers.set(tensor, wrapper);
      }
      return wrapper;
    },
    fromOrt(result: ort.Tensor): AnyTensor {
      const type = result.type as ElementType;
      if (result.location === "gpu-buffer") {
        const tensor = { type, dims: result.dims, buffer: result.gpuBuffer as GPUBuffer };
        wrappers.set(tensor, result);
        return tensor;
      }
      const { buffer, byteOffset, length } = result.data as Float32Array<ArrayBuffer>;
      const data = type === "float16"
        ? new Uint16Array(buffer, byteOffset, length)
        : result.data as HostTensor["data"];
      return { type, dims: result.dims, data };
    },
    release(tensor: DeviceTensor): void {
      wrappers.get(tensor)?.dispose();
      wrappers.delete(tensor);
    },
  };
}

/** What the packages' sessions have in common. */
export interface InnerSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Only the outputs of `fetches`, where it is given: into a tensor, or into a new one where it says null. */
  run(
    feeds: Readonly<Record<string, ort.Tensor>>,
    fetches?: Readonly<Record<string, ort.Tensor | null>>,
  ): Promise<Readonly<Record<string, ort.Tensor>>>;
  release(): Promise<void>;
}

/** What differs between the packages' sessions. */
export interface OrtSessionOptions {
  readonly bridge: TensorBridge;
  /** Whether fetched host arrays are written by ONNX Runtime; otherwise results are copied into them. */
  readonly writesHost: boolean;
  /** Which memory is full when a run fails for want of it: "this machine's memory". */
  readonly memory: string;
  /** Called after each run and at the end; throws what went wrong beside it. */
  readonly check?: () => void;
}

/**
 * A session over one of ONNX Runtime's.
 *
 * @param inner The package's session.
 * @param options How tensors pass.
 */
export function ortSession(inner: InnerSession, options: OrtSessionOptions): Session {
  const { bridge, writesHost, memory, check } = options;
  const explained = (cause: unknown): never => {
    throw explainFailure(cause, memory);
  };
  let released = false;
  const toOrt = (tensors: Readonly<Record<string, AnyTensor>>): Record<string, ort.Tensor> => {
    const wrapped: Record<string, ort.Tensor> = {};
    for (const name in tensors) wrapped[name] = bridge.toOrt(tensors[name]!);
    return wrapped;
  };
  return {
    inputNames: inner.inputNames,
    outputNames: inner.outputNames,
    async run(
      feeds: Readonly<Record<string, AnyTensor>>,
      fetches?: Readonly<Record<string, AnyTensor>>,
    ): Promise<Record<string, AnyTensor>> {
      if (released) throw new InternalError("a released session was run");
      if (fetches === undefined) {
        const results = await inner.run(toOrt(feeds)).catch(explained);
        check?.();
        const tensors: Record<string, AnyTensor> = {};
        for (const name in results) tensors[name] = bridge.fromOrt(results[name] as ort.Tensor);
        return tensors;
      }
      const wanted: Record<string, ort.Tensor | null> = {};
      for (const name in fetches) {
        const tensor = fetches[name]!;
        wanted[name] = writesHost || !isHostTensor(tensor) ? bridge.toOrt(tensor) : null;
      }
      const results = await inner.run(toOrt(feeds), wanted).catch(explained);
      check?.();
      for (const name in fetches) {
        const tensor = fetches[name]!;
        if (wanted[name] === null && isHostTensor(tensor)) {
          copyInto(tensor, bridge.fromOrt(results[name] as ort.Tensor));
        }
      }
      return { ...fetches };
    },
    async release(): Promise<void> {
      if (released) return;
      released = true;
      await inner.release();
    },
  };
}

/** Wraps what ONNX Runtime throws while it makes a session: the graph came from us. */
export function refused(cause: unknown, memory: string): Error {
  const explained = explainFailure(cause, memory);
  if (explained instanceof UserError) return explained;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new InternalError(`ONNX Runtime refused a graph: ${message}`, { cause });
}

/**
 * What ONNX Runtime's failures to get memory are to a user; other failures pass as they are.
 *
 * @param cause What a run or the making of a session threw.
 * @param memory Which memory is full: "this machine's memory".
 */
export function explainFailure(cause: unknown, memory: string): unknown {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (!/bad_alloc|bad allocation|out of memory|\bOOM\b|failed to allocate/i.test(message)) {
    return cause;
  }
  return doesNotFit(memory, cause);
}

/** Says that memory is full: "this machine's memory". */
export function doesNotFit(memory: string, cause: unknown): UserError {
  return new UserError({
    what: `the model with its batch does not fit into ${memory}`,
    remedy: "use a smaller batch size, max_length or model; gradient_accumulation_steps makes up " +
      "for a smaller batch",
    cause,
  });
}

/** "1 thread", "2 threads". */
export function threadCount(threads: number): string {
  return threads === 1 ? "1 thread" : `${threads} threads`;
}

function copyInto(target: HostTensor, source: AnyTensor): void {
  if (!isHostTensor(source) || source.data.length !== target.data.length) {
    throw new InternalError(`a result of [${source.dims}] was fetched into [${target.dims}]`);
  }
  (target.data as Float32Array).set(source.data as Float32Array);
}
