/**
 * What the native engine loads, without loading it.
 *
 * @module
 */
import { besideModule } from "../session/package_file.ts";

/**
 * The variable that keeps ONNX Runtime's native library from telling its makers of each session, a matter
 * below the sandbox: it sends to events.data.microsoft.com, keeps an identifier and a database under
 * `~/.cache/Microsoft` and leaves two files in the system's temporary folder.
 */
export const NO_TELEMETRY = "ORT_DISABLE_TELEMETRY";

/** Path of the library; the system loads the one beside it that it needs. */
export function nativeLibrary(): string {
  const platform = Deno.build.os === "windows" ? "win32" : Deno.build.os;
  const arch = Deno.build.arch === "x86_64" ? "x64" : "arm64";
  return besideModule(
    import.meta.resolve("onnxruntime-node"),
    `../bin/napi-v6/${platform}/${arch}/onnxruntime_binding.node`,
  );
}
