/**
 * Which engines can train in float16.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import type { Engine } from "../../runtime/session/session.ts";

/**
 * Checks that an engine computes in float16.
 *
 * @throws {UserError} where it does not.
 */
export function requireFloat16(
  { name, description, float16 = false }: Pick<Engine, "name" | "description" | "float16">,
): void {
  if (float16) return;
  throw new UserError({
    what: `cannot train with fp16: true on the device ${name} (${description}): ` +
      (name === "webgpu"
        ? "this GPU or its driver has no shader-f16"
        : "ONNX Runtime has few float16 operators there"),
    requirement: "fp16 needs the device webgpu, on a GPU with the feature shader-f16",
    remedy: name === "webgpu"
      ? "leave fp16 out, which trains in float32"
      : "leave fp16 out, which trains in float32, or use --device webgpu",
  });
}
