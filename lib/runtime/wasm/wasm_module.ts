/**
 * Loads ONNX Runtime's WebAssembly module with threads that don't hang under Deno.
 *
 * The package's own loader hangs there in two ways; both were found by watching processes that hung (ONNX
 * Runtime 1.30, Deno 2.9.6, nearly every start on a busy machine):
 *
 * - It takes Deno for Node and handles each message to a worker twice, as Node's and as a browser's. A thread
 *   that was started twice dies, and the first thread waits for it for ever. So the module is made to believe
 *   that it is in a browser, whose workers Deno has, and they begin with `wasm_thread.ts`.
 * - When the shared memory grows, V8 tells the other threads only when they next look for interrupts; until
 *   then an address in the new part is out of bounds to them and ends them. So the memory has its full size
 *   from the start, of which the system gives pages as they are used, and cannot grow.
 *
 * Source: `lib/wasm/wasm-core-impl.ts` of the package for what the C functions take. Left out: ending threads.
 * They sleep between runs, Deno cannot end a worker that sleeps, and a process with threads has to end with
 * `Deno.exit()`, as the program and its stages do.
 *
 * @module
 */
import process from "node:process";
import createModule from "onnxruntime-web/module";
import { InternalError, UserError } from "../../base/errors.ts";
import { wasmFile } from "./files.ts";
import { WebWorker } from "../session/web_worker.ts";

/** The C functions of ONNX Runtime and of Emscripten that are used. Pointers are offsets in bytes. */
export interface WasmModule {
  /** The whole memory; shared between threads. It never moves. */
  readonly HEAPU8: Uint8Array<ArrayBuffer>;
  readonly HEAPU32: Uint32Array<ArrayBuffer>;
  /** 0 where there is no room. */
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  stackSave(): number;
  stackAlloc(bytes: number): number;
  stackRestore(to: number): void;
  UTF8ToString(pointer: number): string;
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, pointer: number, bytes: number): void;
  _OrtInit(threads: number, logLevel: number): number;
  _OrtGetLastError(code: number, message: number): number;
  _OrtCreateSessionOptions(...settings: number[]): number;
  _OrtAddSessionConfigEntry(options: number, key: number, value: number): number;
  _OrtReleaseSessionOptions(options: number): number;
  _OrtCreateSession(onnx: number, bytes: number, options: number): number;
  _OrtReleaseSession(session: number): number;
  _OrtGetInputOutputCount(session: number, inputs: number, outputs: number): number;
  _OrtGetInputOutputMetadata(
    session: number,
    index: number,
    name: number,
    metadata: number,
  ): number;
  _OrtFree(pointer: number): number;
  _OrtCreateTensor(
    type: number,
    data: number,
    bytes: number,
    dims: number,
    rank: number,
    location: number,
  ): number;
  _OrtGetTensorData(
    tensor: number,
    type: number,
    data: number,
    dims: number,
    rank: number,
  ): number;
  _OrtReleaseTensor(tensor: number): number;
  _OrtRun(
    session: number,
    inputNames: number,
    inputs: number,
    inputCount: number,
    outputNames: number,
    outputCount: number,
    outputs: number,
    options: number,
  ): number;
}

type ModuleFactory = (settings: {
  readonly numThreads: number;
  readonly wasmBinary: Uint8Array;
  readonly locateFile: (name: string) => string;
}) => Promise<WasmModule>;

/** Errors and worse; warnings are of no use to users. */
const LOG_ERRORS = 3;

const PAGE_BYTES = 65536;
/** The most that has an end below 2^32, and what to do with where a machine does not even lend addresses. */
const MEMORY_PAGES = [65535, 49152, 32768, 16384, 8192];

const modules = new Map<number, Promise<WasmModule>>();

/**
 * The module of this process with so many threads, which is loaded once.
 *
 * @param threads Those that compute, the calling one among them.
 * @throws {UserError} where there is no memory for it.
 */
export function wasmModule(threads: number): Promise<WasmModule> {
  let module = modules.get(threads);
  if (module === undefined) {
    module = loadModule(threads).catch((cause) => {
      modules.delete(threads);
      throw cause;
    });
    modules.set(threads, module);
  }
  return module;
}

/** What ONNX Runtime says of the call that failed last. */
export function lastError(module: WasmModule): Error {
  const stack = module.stackSave();
  const at = module.stackAlloc(8);
  module._OrtGetLastError(at, at + 4);
  const text = module.HEAPU32[at / 4 + 1]!;
  const message = text === 0 ? "it does not say why" : module.UTF8ToString(text);
  module.stackRestore(stack);
  return new Error(message);
}

async function loadModule(threads: number): Promise<WasmModule> {
  const wasmBinary = await Deno.readFile(wasmFile());
  const memory = sharedMemory();
  const module = await inBrowser(memory, () =>
    (createModule as unknown as ModuleFactory)({
      numThreads: threads,
      wasmBinary,
      locateFile: (name) => name,
    }));
  if (module._OrtInit(threads, LOG_ERRORS) !== 0) {
    throw new InternalError(`ONNX Runtime does not start: ${lastError(module).message}`);
  }
  return module;
}

function sharedMemory(): WebAssembly.Memory {
  let cause: unknown;
  for (const pages of MEMORY_PAGES) {
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      cause = error;
    }
  }
  throw new UserError({
    what: "there is not enough memory for the WebAssembly engine",
    requirement: `${MEMORY_PAGES.at(-1)! * PAGE_BYTES / 2 ** 20} MiB of addresses in one piece`,
    remedy: "use a machine with more memory, or lift the limit that was set on this process",
    cause,
  });
}

/**
 * Begins to make the module in what it takes for a browser that has this memory. It looks at these globals
 * before it waits for anything, so that they are back before others see them.
 */
function inBrowser<T>(memory: WebAssembly.Memory, begin: () => T): T {
  const type = Object.getOwnPropertyDescriptor(process, "type");
  const { Worker } = globalThis;
  const { Memory } = WebAssembly;
  Object.defineProperty(process, "type", { value: "renderer", configurable: true });
  globalThis.Worker = class extends WebWorker {
    constructor(_module: string | URL, options?: WorkerOptions) {
      const { name } = options ?? {};
      super(new URL("./wasm_thread.ts", import.meta.url), { type: "module", name: name ?? "" });
    }
  };
  WebAssembly.Memory = function (): WebAssembly.Memory {
    return memory;
  } as unknown as typeof Memory;
  try {
    return begin();
  } finally {
    WebAssembly.Memory = Memory;
    globalThis.Worker = Worker;
    if (type === undefined) Reflect.deleteProperty(process, "type");
    else Object.defineProperty(process, "type", type);
  }
}
