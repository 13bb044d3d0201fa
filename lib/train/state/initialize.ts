/**
 * First weights of a model from scratch, as transformers' `_init_weights` draws them: normal for
 * matrices, with a smaller deviation where a layer writes into the residual stream (GPT-2 paper,
 * section 2.3), uniform for the adapters of LoRA, sine waves of positions, zeros and ones elsewhere. Each tensor has a stream of
 * its own, so that a model with one layer more has the same others.
 *
 * @module
 */
import { unreachable } from "../../base/errors.ts";
import { randomStream } from "../../base/random.ts";
import type { ParameterSpec } from "../../models/build/parameters.ts";

/** Keeps this use of a seed apart from others: order, dropout. */
const WEIGHTS = 0x77656967687473;

/**
 * Fills a parameter with its first values.
 *
 * @param parameter What it is.
 * @param options `values`: its elements, which are overwritten. `seed`: of the run. `index`: its number in the model.
 */
export function initializeParameter(
  parameter: ParameterSpec,
  options: { readonly values: Float32Array; readonly seed: number; readonly index: number },
): void {
  const { values, seed, index } = options;
  const { init } = parameter;
  const random = randomStream(seed, WEIGHTS, index);
  switch (init.kind) {
    case "zeros":
      values.fill(0);
      return;
    case "ones":
      values.fill(1);
      return;
    case "uniform":
      for (let i = 0; i < values.length; i++) values[i] = init.bound * (2 * random.nextFloat() - 1);
      return;
    case "normal":
      for (let i = 0; i < values.length; i++) values[i] = init.std * random.nextNormal();
      return;
    case "sinusoidal": {
      const width = parameter.shape.at(-1)!;
      for (let i = 0; i < values.length; i++) {
        const [place, column] = [Math.floor(i / width), i % width];
        const angle = place / 10000 ** (2 * Math.floor(column / 2) / width);
        values[i] = column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
      }
      return;
    }
    default:
      unreachable(init);
  }
}
