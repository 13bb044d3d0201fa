/**
 * Where files lie that engines open themselves: they are no modules, so Deno's sandbox must be told of them.
 *
 * @module
 */

/**
 * Path of a file beside a module.
 *
 * @param module Its URL: `import.meta.resolve("onnxruntime-web")`.
 * @param relative From there: "ort-wasm-simd-threaded.wasm".
 */
export function besideModule(module: string, relative: string): string {
  const { pathname } = new URL(relative, module);
  const path = decodeURIComponent(pathname);
  return Deno.build.os === "windows" ? path.slice(1).replaceAll("/", "\\") : path;
}
