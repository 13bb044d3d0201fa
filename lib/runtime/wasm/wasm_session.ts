/**
 * A session in the WebAssembly module. What lies in its memory is fed and fetched in place; other arrays are
 * copied in for the run, and results out of it.
 *
 * @module
 */
import { InternalError } from "../../base/errors.ts";
import { explainFailure, refused } from "../session/ort.ts";
import {
  type AnyTensor,
  arrayOf,
  ELEMENT_BYTES,
  type ElementType,
  type HostTensor,
  isHostTensor,
  type Session,
} from "../session/session.ts";
import { lastError, type WasmModule } from "./wasm_module.ts";

const MEMORY = "the 4 GiB that the WebAssembly engine can address";

/** ONNX's numbers of the element types. */
const TYPE_CODES: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

/** In the order of `OrtCreateSessionOptions`: no arena, no pattern of memory, one operation after the other. */
const SESSION_SETTINGS = [/* all optimizations */ 99, 0, 0, 0, 0, 0, 0, /* log errors */ 3, 0, 0];
const ON_HOST = 1;

/**
 * Makes a session.
 *
 * @param module Where.
 * @param onnx A serialized ModelProto.
 * @throws {InternalError} where the module refuses the graph.
 * @throws {UserError} where there is no memory left for it.
 */
export function wasmSession(module: WasmModule, onnx: Uint8Array): Session {
  const handle = createSession(module, onnx);
  const { inputs, outputs } = namesOf(module, handle);
  const inputNames = [...inputs.keys()];
  const outputNames = [...outputs.keys()];
  let released = false;
  const runNow = (
    feeds: Readonly<Record<string, AnyTensor>>,
    fetches: Readonly<Record<string, AnyTensor>> | undefined,
  ): Record<string, AnyTensor> => {
    if (released) throw new InternalError("a released session was run");
    const given = Object.keys(feeds);
    const asked = fetches === undefined ? outputNames : Object.keys(fetches);
    const stack = module.stackSave();
    const copies: number[] = [];
    const tensors: number[] = [];
    const make = (tensor: AnyTensor, copiesIn: number[] | undefined): number => {
      if (!isHostTensor(tensor)) throw new InternalError("WebAssembly has no device tensors");
      const made = tensorOf(module, tensor, copiesIn);
      if (made !== 0) tensors.push(made);
      return made;
    };
    const list = (values: readonly number[]): number => {
      const at = module.stackAlloc(4 * values.length);
      module.HEAPU32.set(values, at / 4);
      return at;
    };
    try {
      const fed = given.map((name) => make(feeds[name]!, copies));
      const fetched = asked.map((name) =>
        fetches === undefined ? 0 : make(fetches[name]!, undefined)
      );
      const results = list(fetched);
      const status = module._OrtRun(
        handle,
        list(given.map((name) => pointerOf(inputs, name))),
        list(fed),
        fed.length,
        list(asked.map((name) => pointerOf(outputs, name))),
        asked.length,
        results,
        0,
      );
      if (status !== 0) throw lastError(module);
      const found: Record<string, AnyTensor> = {};
      const made = [...module.HEAPU32.slice(results / 4, results / 4 + asked.length)];
      tensors.push(...made.filter((result, index) => result !== fetched[index]));
      for (const [index, name] of asked.entries()) {
        const target = fetches?.[name] as HostTensor | undefined;
        const inPlace = target !== undefined && made[index] === fetched[index];
        found[name] = inPlace ? target : readResult(module, made[index]!, target);
      }
      return found;
    } catch (cause) {
      throw explainFailure(cause, MEMORY);
    } finally {
      for (const tensor of tensors) module._OrtReleaseTensor(tensor);
      for (const copy of copies) module._free(copy);
      module.stackRestore(stack);
    }
  };
  return {
    inputNames,
    outputNames,
    run: (feeds, fetches): Promise<Record<string, AnyTensor>> =>
      new Promise((resolve) => resolve(runNow(feeds, fetches))),
    release(): Promise<void> {
      if (!released) {
        released = true;
        for (const name of [...inputs.values(), ...outputs.values()]) module._OrtFree(name);
        module._OrtReleaseSession(handle);
      }
      return Promise.resolve();
    },
  };
}

function createSession(module: WasmModule, onnx: Uint8Array): number {
  const options = module._OrtCreateSessionOptions(...SESSION_SETTINGS);
  if (options === 0) throw lastError(module);
  let bytes = 0;
  try {
    bytes = allocate(module, onnx.length);
    module.HEAPU8.set(onnx, bytes);
    const session = module._OrtCreateSession(bytes, onnx.length, options);
    if (session === 0) throw lastError(module);
    return session;
  } catch (cause) {
    throw refused(cause, MEMORY);
  } finally {
    module._free(bytes);
    module._OrtReleaseSessionOptions(options);
  }
}

/** Where the names of inputs and outputs lie in the memory. */
function namesOf(
  module: WasmModule,
  session: number,
): { inputs: Map<string, number>; outputs: Map<string, number> } {
  const stack = module.stackSave();
  const at = module.stackAlloc(8);
  const fail = (): never => {
    throw new InternalError(`a session does not tell its names: ${lastError(module).message}`);
  };
  if (module._OrtGetInputOutputCount(session, at, at + 4) !== 0) fail();
  const [inputCount, outputCount] = module.HEAPU32.slice(at / 4, at / 4 + 2) as unknown as [
    number,
    number,
  ];
  const names = (from: number, count: number): Map<string, number> => {
    const found = new Map<string, number>();
    for (let index = from; index < from + count; index++) {
      if (module._OrtGetInputOutputMetadata(session, index, at, at + 4) !== 0) fail();
      const [name, metadata] = module.HEAPU32.slice(at / 4, at / 4 + 2) as unknown as [
        number,
        number,
      ];
      module._OrtFree(metadata);
      found.set(module.UTF8ToString(name), name);
    }
    return found;
  };
  const all = { inputs: names(0, inputCount), outputs: names(inputCount, outputCount) };
  module.stackRestore(stack);
  return all;
}

function pointerOf(names: ReadonlyMap<string, number>, name: string): number {
  const pointer = names.get(name);
  if (pointer === undefined) throw new InternalError(`the graph has no ${name}`);
  return pointer;
}

/**
 * A tensor over an array's memory.
 *
 * @param copies Where given, an array that lies elsewhere is copied in and its copy noted here.
 * @returns 0 for an array that lies elsewhere where it is not to be copied.
 */
function tensorOf(
  module: WasmModule,
  { type, dims, data }: HostTensor,
  copies: number[] | undefined,
): number {
  const bytes = data.length * ELEMENT_BYTES[type];
  let pointer = data.byteOffset;
  if (data.buffer !== module.HEAPU8.buffer) {
    if (copies === undefined) return 0;
    pointer = allocate(module, bytes);
    copies.push(pointer);
    module.HEAPU8.set(new Uint8Array(data.buffer, data.byteOffset, bytes), pointer);
  }
  const stack = module.stackSave();
  const shape = module.stackAlloc(4 * dims.length);
  for (const [axis, size] of dims.entries()) module.HEAPU32[shape / 4 + axis] = size;
  const tensor = module._OrtCreateTensor(
    TYPE_CODES[type],
    pointer,
    bytes,
    shape,
    dims.length,
    ON_HOST,
  );
  module.stackRestore(stack);
  if (tensor === 0) throw lastError(module);
  // Only the addresses that Emscripten's own functions return come as positive numbers.
  return tensor >>> 0;
}

/** Copies a result out of the memory, into an array where one is given. */
function readResult(
  module: WasmModule,
  tensor: number,
  target: HostTensor | undefined,
): HostTensor {
  const stack = module.stackSave();
  const at = module.stackAlloc(16);
  if (module._OrtGetTensorData(tensor, at, at + 4, at + 8, at + 12) !== 0) {
    throw lastError(module);
  }
  const [code, data, shape, rank] = module.HEAPU32.slice(at / 4, at / 4 + 4) as unknown as [
    number,
    number,
    number,
    number,
  ];
  const dims = [...module.HEAPU32.slice(shape / 4, shape / 4 + rank)];
  module._OrtFree(shape);
  module.stackRestore(stack);
  const type = (Object.keys(TYPE_CODES) as ElementType[]).find((one) => TYPE_CODES[one] === code);
  if (type === undefined) throw new InternalError(`a result has ONNX's type ${code}`);
  const bytes = dims.reduce((product, size) => product * size, ELEMENT_BYTES[type]);
  const result = target ?? { type, dims, data: arrayOf(type, new ArrayBuffer(bytes)) };
  const { buffer, byteOffset, byteLength } = result.data;
  if (byteLength !== bytes || result.type !== type) {
    throw new InternalError(`${type} [${dims}] was fetched into ${result.type} [${result.dims}]`);
  }
  new Uint8Array(buffer, byteOffset, bytes).set(module.HEAPU8.subarray(data, data + bytes));
  return result;
}

function allocate(module: WasmModule, bytes: number): number {
  const pointer = module._malloc(Math.max(1, bytes));
  if (pointer === 0) throw new Error(`out of memory: no ${bytes} bytes`);
  return pointer >>> 0;
}
