/** Holds training on each engine to the native one: the losses of four steps and the weights after them. */
import assert from "node:assert/strict";
import { loadCheckpoint } from "../../lib/checkpoint/load.ts";
import type { Device } from "../../lib/base/device.ts";
import type { TrainingArguments } from "../../lib/train/arguments/arguments.ts";
import { trainModel } from "../../lib/train/run.ts";
import { sharedEngine } from "../fixtures/engines.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { baseRun, writeData } from "../stages/train_run.ts";
import { ARGUMENTS } from "./fixture.ts";
import { onDevice } from "../fixtures/webgpu.ts";

async function trained(
  device: Device,
  args: Partial<TrainingArguments>,
): Promise<{ losses: number[]; weights: Map<string, Float32Array> }> {
  const engine = await sharedEngine(device);
  const output = await temporaryDirectory();
  const { state } = await trainModel({
    engine,
    data: await writeData(),
    model: (await baseRun()).dir,
    config: undefined,
    configOverrides: undefined,
    args: {
      ...ARGUMENTS,
      learning_rate: 5e-3,
      weight_decay: 0.1,
      adam_epsilon: 1e-4,
      num_train_epochs: 1,
      per_device_train_batch_size: 3,
      logging_steps: 1,
      ...args,
    },
    output,
    log: () => {},
    progress: () => {},
  });
  const { tensors } = await loadCheckpoint(output);
  return {
    losses: state.log_history.flatMap((entry) => entry.loss ?? []),
    weights: new Map([...tensors].map(([name, { data }]) => [name, data])),
  };
}

/**
 * A test for each engine but the native one.
 *
 * @param title What the settings are, for the tests' names.
 * @param args Settings by which training takes four steps.
 * @param options `except`: weights that are not compared.
 */
export function testEngines(
  title: string,
  args: Partial<TrainingArguments>,
  { except }: { readonly except?: (name: string) => boolean } = {},
): void {
  let reference: ReturnType<typeof trained> | undefined;
  for (const device of ["wasm", "webgpu"] as const) {
    Deno.test({
      ...onDevice(
        device,
        `train() with ${title} ends with the same weights on ${device} as on cpu`,
      ),
      async fn(): Promise<void> {
        const native = await (reference ??= trained("cpu", args));
        const other = await trained(device, args);
        assert.equal(native.losses.length, 4);
        native.losses.forEach((loss, step) => {
          assert.ok(Math.abs(loss - other.losses[step]!) < 1e-4, `loss of step ${step + 1}`);
        });
        for (const [name, values] of native.weights) {
          if (except?.(name)) continue;
          const theirs = other.weights.get(name)!;
          values.forEach((value, i) => {
            assert.ok(Math.abs(value - theirs[i]!) < 1e-3, `${name}[${i}]: ${value} ${theirs[i]}`);
          });
        }
      },
    });
  }
}
