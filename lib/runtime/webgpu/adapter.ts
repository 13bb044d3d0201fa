/**
 * The machine's GPU as WebGPU sees it, without loading an engine.
 *
 * @module
 */

/** What a GPU is. */
export interface AdapterInfo {
  /** For people: the name as far as the driver tells it. */
  readonly name: string;
  /** True for a rasterizer that runs on the CPU (llvmpipe, SwiftShader, WARP): slower than `cpu`. */
  readonly software: boolean;
}

/** The adapter that the WebGPU engine uses; undefined where there is none. */
export async function requestAdapter(): Promise<GPUAdapter | undefined> {
  if (navigator.gpu === undefined) return undefined;
  return await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }) ?? undefined;
}

/** What an adapter says of itself. */
export function adapterInfo(adapter: GPUAdapter): AdapterInfo {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const name = description || [vendor, architecture, device].filter(Boolean).join(" ") ||
    "an unnamed GPU";
  return { name, software: isFallbackAdapter || isSoftwareAdapter(name) };
}

/**
 * Whether a name is that of a known software rasterizer: drivers don't all set `isFallbackAdapter`.
 *
 * @param name As the driver gives it: "llvmpipe (LLVM 15.0.6, 256 bits)".
 */
export function isSoftwareAdapter(name: string): boolean {
  return /llvmpipe|lavapipe|swiftshader|softpipe|basic render|\bwarp\b/i.test(name);
}
