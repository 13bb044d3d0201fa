/**
 * What an engine is: something that runs ONNX graphs. Three implementations, one interface, so that
 * nothing above this room knows which one it talks to.
 *
 * Tensors that cross the border are typed arrays of the host ({@linkcode HostTensor}) or memory of a
 * GPU ({@linkcode DeviceTensor}). The one difference that callers may use: `engine.memory` is there
 * where tensors can stay on the device between runs.
 *
 * @module
 */
import type { Device } from "../../base/device.ts";
import type { TrafficCounter } from "./traffic.ts";

/** Element types that graphs take and give. */
export type ElementType = "float32" | "float16" | "int32" | "int64" | "uint8" | "bool";

/** The array that holds each element type; `bool` a byte each, `float16` its raw 16 bits. */
export interface ElementArrays {
  float32: Float32Array<ArrayBuffer>;
  float16: Uint16Array<ArrayBuffer>;
  int32: Int32Array<ArrayBuffer>;
  int64: BigInt64Array<ArrayBuffer>;
  uint8: Uint8Array<ArrayBuffer>;
  bool: Uint8Array<ArrayBuffer>;
}

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  bool: 1,
};

/** A tensor in the memory of this process. `data` may be a view into a larger buffer, never a shared one but
 * for what {@linkcode Engine.allocate} made. */
export interface HostTensor<T extends ElementType = ElementType> {
  readonly type: T;
  readonly dims: readonly number[];
  readonly data: ElementArrays[T];
}

/** The array of an element type over a whole buffer. */
export function arrayOf(type: ElementType, buffer: ArrayBuffer): HostTensor["data"] {
  switch (type) {
    case "float32":
      return new Float32Array(buffer);
    case "float16":
      return new Uint16Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer);
  }
}

/** A tensor in the memory of a device; made by {@linkcode DeviceMemory} or returned by a session. */
export interface DeviceTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Marks it, as a host tensor has `data`. */
  readonly buffer: GPUBuffer;
}

/** Either. */
export type AnyTensor = HostTensor | DeviceTensor;

/** Memory of a device that tensors can stay in from one run to the next. */
export interface DeviceMemory {
  /** Makes a tensor of zeros. */
  allocate(type: ElementType, dims: readonly number[]): DeviceTensor;
  /** Overwrites a tensor; `data` has as many elements as it. Later runs see the new values. */
  upload(tensor: DeviceTensor, data: HostTensor["data"]): void;
  /** Copies a tensor to the host, after every run that was started before. */
  download(tensor: DeviceTensor): Promise<HostTensor>;
  /** Frees a tensor. It must not be used again. */
  release(tensor: DeviceTensor): void;
}

/** How a session is made. */
export interface SessionOptions {
  /**
   * Names of outputs that `run` returns as device tensors, or `true` for all. Ignored by engines
   * without `memory`: they always return host tensors.
   */
  readonly deviceOutputs?: boolean | readonly string[];
}

/** A graph that is ready to run. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the graph once. Runs of one session don't overlap.
   *
   * @param feeds A tensor for every input.
   * @param fetches Where given, only these outputs are computed into these tensors: host arrays are
   * overwritten with the result, device tensors likewise. A device tensor that is also fed is an
   * error of the device; a host array may be both fed and fetched only by elementwise graphs, on the
   * native and the WebAssembly engine.
   * @returns The outputs by name; those of `fetches` are the very objects given.
   */
  run(
    feeds: Readonly<Record<string, AnyTensor>>,
    fetches?: Readonly<Record<string, AnyTensor>>,
  ): Promise<Record<string, AnyTensor>>;
  /** Frees what the engine holds for it. */
  release(): Promise<void>;
}

/** A way to run graphs on this machine. */
export interface Engine {
  readonly name: Device;
  /** For people: "ONNX Runtime 1.30.0, native, 2 threads". */
  readonly description: string;
  /** Device memory, where the engine has it. */
  readonly memory?: DeviceMemory;
  /** Launches, and bytes to and from the device, where the engine has one. */
  readonly traffic?: TrafficCounter;
  /** Whether it has the operators of a training step in float16. Default false. */
  readonly float16?: boolean;
  /**
   * Makes an array of zeros that sessions read and write in place, where the engine would copy others in
   * and out at each run. It lasts until the engine is disposed of.
   *
   * The array's buffer is a shared one: other interfaces than this room's take a copy of it.
   *
   * @returns Undefined where there is no room left for it; an array of the host's does as well.
   */
  readonly allocate?: (elements: number) => Float32Array<ArrayBuffer> | undefined;
  /**
   * Prepares a graph.
   *
   * @param onnx A serialized ModelProto.
   * @throws {InternalError} where the engine refuses the graph.
   */
  createSession(onnx: Uint8Array, options?: SessionOptions): Promise<Session>;
  /** Frees the engine. Its sessions and device tensors must not be used again. */
  dispose(): Promise<void>;
}

/** Whether a tensor lies in the memory of this process. */
export function isHostTensor(tensor: AnyTensor): tensor is HostTensor {
  return "data" in tensor;
}

/** A host tensor of float32. The data's length is the product of `dims`. */
export function float32(
  data: Float32Array<ArrayBuffer>,
  dims: readonly number[],
): HostTensor<"float32"> {
  return { type: "float32", dims, data };
}

/** A host tensor of int32. The data's length is the product of `dims`. */
export function int32(data: Int32Array<ArrayBuffer>, dims: readonly number[]): HostTensor<"int32"> {
  return { type: "int32", dims, data };
}
