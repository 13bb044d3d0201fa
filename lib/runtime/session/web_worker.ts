/**
 * Deno's own `Worker`. The package's loader puts Node's in its place as soon as WebGPU is opened, and
 * WebAssembly needs this one: both import it, so that it is kept before either begins.
 *
 * @module
 */

/** `globalThis.Worker` as Deno made it. */
export const WebWorker: typeof Worker = globalThis.Worker;
