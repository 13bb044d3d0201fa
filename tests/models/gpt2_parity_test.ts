/**
 * GPT-2 against traces of transformers + PyTorch (`../shared/reference/goldens/gpt2-lm` and, where the
 * environment names one, a folder of more): logits, loss, every gradient, and the losses of six AdamW steps.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readSafetensors } from "../../lib/data/safetensors.ts";
import { gpt2Parameters, parseGpt2Config } from "../../lib/models/gpt2.ts";
import { schedule } from "../../lib/optim/schedules.ts";
import { relativeError, runGraph } from "../graph/running.ts";
import { adamw, trainingFeeds, trainingGraph } from "./training.ts";

const shared = new URL("../../../shared/reference/goldens", import.meta.url).pathname;
const more = Deno.env.get("TEMPER_GOLDENS");

interface Trace {
  loss: number;
  optimizer: {
    lr: number;
    warmup_steps: number;
    total_steps: number;
    weight_decay: number;
    max_grad_norm: number;
    betas: [number, number];
    eps: number;
  };
  steps: { loss: number; grad_norm: number; lr: number }[];
}

for (const root of [shared, ...more === undefined ? [] : [more]]) {
  const folder = `${root}/gpt2-lm`;
  // Reference traces do not ship; without them the values in gpt2_test.ts still hold the model.
  const ignore = !existsSync(folder);
  Deno.test({
    name: `GPT-2 agrees with the reference trace in logits, loss, gradients and steps (${folder})`,
    ignore,
    fn: async () => {
      const json = JSON.parse(await Deno.readTextFile(`${folder}/model/config.json`));
      const trace: Trace = JSON.parse(await Deno.readTextFile(`${folder}/golden.json`));
      const golden = (await readSafetensors(`${folder}/golden.safetensors`)).tensors;
      const weights = (await readSafetensors(`${folder}/model/model.safetensors`)).tensors;
      const config = parseGpt2Config(json);
      const specs = gpt2Parameters(config);
      const floats = (name: string): Float32Array => golden.get(name)!.data as Float32Array;
      const ints = (name: string): Int32Array =>
        Int32Array.from(golden.get(name)!.data as BigInt64Array, Number);
      const [rows = 0, length = 0] = golden.get("in.input_ids")!.shape;
      const batch = {
        shape: [rows, length] as const,
        ids: ints("in.input_ids"),
        mask: ints("in.attention_mask"),
        labels: ints("in.labels"),
      };
      const params: Record<string, Float32Array> = Object.fromEntries(
        specs.map(({ name }) => [name, Float32Array.from(weights.get(name)!.data as Float32Array)]),
      );
      const graph = trainingGraph(config, batch);
      const first = await runGraph(graph, trainingFeeds(batch, params));
      const near = (actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void => {
        const error = relativeError(actual, expected);
        assert.ok(error < 1e-4, `${what}: relative error ${error}`);
      };
      near(first.logits!, floats("logits"), "logits");
      near(first.loss!, [trace.loss], "loss");
      for (const { name } of specs) near(first[`grad.${name}`]!, floats(`grad.${name}`), name);

      const { lr, warmup_steps, total_steps, weight_decay, max_grad_norm, betas, eps } =
        trace.optimizer;
      const rate = schedule("linear", { warmupSteps: warmup_steps, maxSteps: total_steps });
      const decays = new Map(specs.map(({ name, decay }) => [name, decay ? weight_decay : 0]));
      const moments = {};
      for (const [index, step] of trace.steps.entries()) {
        const got = await runGraph(graph, trainingFeeds(batch, params));
        const gradients = Object.fromEntries(
          specs.map(({ name }) => [name, got[`grad.${name}`]!]),
        );
        const norm = await adamw({ params, gradients, moments }, {
          step: index + 1,
          learningRate: lr * rate(index),
          beta1: betas[0],
          beta2: betas[1],
          epsilon: eps,
          maxNorm: max_grad_norm,
          decayOf: (name) => decays.get(name) ?? 0,
        });
        assert.ok(Math.abs(got.loss![0]! - step.loss) < 1e-3, `loss of step ${index}`);
        assert.ok(Math.abs(norm / step.grad_norm - 1) < 1e-3, `gradient norm of step ${index}`);
        assert.ok(Math.abs(lr * rate(index) - step.lr) < 1e-9, `rate of step ${index}`);
      }
      for (const { name } of specs) {
        // A bias of the keys moves all scores of a row alike: its gradient is rounding noise around zero,
        // which AdamW scales up.
        const counted = (values: Float32Array): number[] =>
          [...values].filter((_, i) =>
            !name.endsWith("c_attn.bias") || i < config.n_embd || i >= 2 * config.n_embd
          );
        const error = relativeError(counted(params[name]!), counted(floats(`after.${name}`)));
        assert.ok(error < 2e-2, `${name} after training: relative error ${error}`);
      }
    },
  });
}
