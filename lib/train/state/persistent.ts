/**
 * What of a training state outlives the process: named arrays that a checkpoint reads and puts back,
 * wherever they lie. One for each tensor and role, so that a copy of one at a time is enough, and so
 * that a checkpoint is checked name by name.
 *
 * @module
 */
import type { DeviceMemory, DeviceTensor, HostTensor } from "../../runtime/session/session.ts";

/** An array of the state. */
export interface PersistentArray {
  /** Its role and the parameter's name: `m/transformer.wte.weight`. */
  readonly name: string;
  readonly elements: number;
  /** Its values now: a copy, or the array itself where it is the host's own. */
  read(): Promise<Float32Array<ArrayBuffer>>;
  /** Overwrites it; `values` has as many elements. */
  write(values: Float32Array<ArrayBuffer>): void;
}

/**
 * Arrays on the host.
 *
 * @param roles Tensors by role and parameter.
 */
export function persistentViews(
  roles: ReadonlyMap<string, ReadonlyMap<string, HostTensor<"float32">>>,
): PersistentArray[] {
  return [...roles].flatMap(([role, tensors]) =>
    [...tensors].map(([name, { data }]) => ({
      name: `${role}/${name}`,
      elements: data.length,
      read: () => Promise.resolve(unsharedArray(data)),
      write: (values: Float32Array) => data.set(values),
    }))
  );
}

/** The array itself, or a copy of one in an engine's memory (see `Engine.allocate`). */
export function unsharedArray(data: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return data.buffer instanceof ArrayBuffer ? data : data.slice();
}

/**
 * Arrays in the memory of a device.
 *
 * @param memory Where they lie.
 * @param roles Tensors by role and parameter.
 */
export function persistentTensors(
  memory: DeviceMemory,
  roles: Readonly<Record<string, Readonly<Record<string, DeviceTensor>>>>,
): PersistentArray[] {
  return Object.entries(roles).flatMap(([role, tensors]) =>
    Object.entries(tensors).map(([name, tensor]) => ({
      name: `${role}/${name}`,
      elements: tensor.dims.reduce((product, size) => product * size, 1),
      read: async () => (await memory.download(tensor)).data as Float32Array<ArrayBuffer>,
      write: (values: Float32Array<ArrayBuffer>) => memory.upload(tensor, values),
    }))
  );
}
