/**
 * Where files lie that engines open themselves: they are no modules, so Deno's sandbox must be told of them.
 *
 * @module
 */
import { filePath } from "../../base/paths.ts";

/**
 * Path of a file beside a module.
 *
 * @param module Its URL: `import.meta.resolve("onnxruntime-web")`.
 * @param relative From there: "ort-wasm-simd-threaded.wasm".
 */
export function besideModule(module: string, relative: string): string {
  return filePath(new URL(relative, module));
}
