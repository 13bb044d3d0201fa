/**
 * How a step is computed: its states kept or made again, in float32 or in mixed precision, and which engines
 * can do that.
 *
 * @module
 */
import { z } from "zod";
import { UserError } from "../../base/errors.ts";
import type { Engine } from "../../runtime/session/session.ts";

/** Options of how a step is computed. */
export const computationOptions = {
  gradient_checkpointing: z.boolean().default(false)
    .describe(
      "computes the inner states of each block again in the backward pass in place of keeping them: " +
        "less memory and the same gradients but for rounding, for about a third more time",
    ),
  fp16: z.boolean().default(false)
    .describe(
      "mixed precision, as torch.autocast and GradScaler have it: matrix products take float16; weights, " +
        "their updates, normalization, softmax, the loss and evaluations stay float32. The loss is scaled by " +
        "65536 at first; a step whose gradient overflows is skipped (logged without grad_norm) and halves " +
        "that, 2000 in a row without one double it. Needs --device webgpu on a GPU with shader-f16",
    ),
};

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
