/**
 * First weights of a model from scratch, as transformers' `_init_weights` draws them: normal for
 * matrices, with a smaller deviation where a layer writes into the residual stream (GPT-2 paper,
 * section 2.3), uniform for the adapters of LoRA, zeros and ones elsewhere. Each tensor has a stream of
 * its own, so that a model with one layer more has the same others.
 *
 * @module
 */
import { randomStream } from "../../base/random.ts";
import type { ParameterSpec } from "../../models/parameters.ts";

/** Keeps this use of a seed apart from others: order, dropout. */
const WEIGHTS = 0x77656967687473;

/**
 * Fills a parameter with its first values.
 *
 * @param parameter What it is; `std` is the deviation of the normal ones.
 * @param options `values`: its elements, which are overwritten. `seed`: of the run. `index`: its number in the model.
 */
export function initializeParameter(
  parameter: ParameterSpec,
  options: { readonly values: Float32Array; readonly seed: number; readonly index: number },
): void {
  const { values, seed, index } = options;
  switch (parameter.init) {
    case "zeros":
      values.fill(0);
      return;
    case "ones":
      values.fill(1);
      return;
    case "uniform": {
      const random = randomStream(seed, WEIGHTS, index);
      const bound = parameter.bound ?? 0;
      for (let i = 0; i < values.length; i++) values[i] = bound * (2 * random.nextFloat() - 1);
      return;
    }
    case "normal":
    case "residual": {
      const random = randomStream(seed, WEIGHTS, index);
      const std = parameter.std ?? 0.02;
      for (let i = 0; i < values.length; i++) values[i] = std * random.nextNormal();
    }
  }
}
