import assert from "node:assert/strict";
import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { neededNodes } from "../../lib/graph/onnx/lower.ts";
import { openModel, parameterInputs } from "../../lib/models/open.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import type { Engine, Session, SessionOptions } from "../../lib/runtime/session/session.ts";
import type { Segment } from "../../lib/models/build/build.ts";
import * as ops from "../../lib/graph/ops/mod.ts";
import { checkpointedGradients } from "../../lib/train/program/gradient_checkpointing.ts";
import { trainModel } from "../../lib/train/run.ts";
import train from "../../stages/train.ts";
import { BASE, baseRun, CONFIG, equal, run, writeData } from "../stages/train_run.ts";
import { ARGUMENTS } from "./fixture.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const DROPPING = { ...CONFIG, n_layer: 3, resid_pdrop: 0.2, embd_pdrop: 0.1, attn_pdrop: 0.3 };
const SETTINGS: Record<string, Record<string, unknown>> = {
  "dropout": { config: DROPPING },
  "tied and accumulated": { config: CONFIG, gradient_accumulation_steps: 2 },
  "freeze": { config: DROPPING, freeze: ["wte", "wpe", "h.0-1"] },
  "unfreeze": {
    config: DROPPING,
    max_steps: 5,
    freeze: ["wte", "h.0"],
    unfreeze: [{ epoch: 1, modules: ["h.0.mlp"] }],
  },
};
for (const [title, settings] of Object.entries(SETTINGS)) {
  Deno.test(`gradient_checkpointing changes no bit of a run with ${title}`, async () => {
    const plain = await run(settings);
    const checkpointed = await run({ ...settings, gradient_checkpointing: true });
    assert.deepEqual(checkpointed.state, plain.state);
    assert.ok(equal(checkpointed.bytes, plain.bytes));
  });
}

Deno.test("gradient_checkpointing changes no bit of a run with lora and its dropout", async () => {
  const model = (await baseRun()).dir;
  const settings = { config: undefined, lora: { lora_dropout: 0.3, target_modules: "all-linear" } };
  const plain = await run(settings, { model });
  const checkpointed = await run({ ...settings, gradient_checkpointing: true }, { model });
  assert.deepEqual(checkpointed.losses, plain.losses);
  assert.ok(equal(checkpointed.bytes, plain.bytes));
});

Deno.test("train computes blocks again where gradient_checkpointing is set, and else not", async () => {
  const data = await writeData();
  const engine = await openEngine("cpu", { threads: 1 });
  const sizes: number[] = [];
  const watched: Engine = {
    ...engine,
    createSession(onnx: Uint8Array, options?: SessionOptions): Promise<Session> {
      if (options?.deviceOutputs !== undefined) sizes.push(onnx.length);
      return engine.createSession(onnx, options);
    },
  };
  for (const given of [{}, { gradient_checkpointing: true }]) {
    const { gradient_checkpointing } = train.options.parse({ ...BASE, ...given });
    await trainModel({
      engine: watched,
      data,
      model: undefined,
      config: CONFIG,
      configOverrides: undefined,
      args: { ...ARGUMENTS, max_steps: 1, gradient_checkpointing },
      output: await temporaryDirectory(),
      log: () => {},
      progress: () => {},
    });
  }
  await engine.dispose();
  assert.equal(sizes.length, 2);
  assert.ok(sizes[1]! > 1.2 * sizes[0]!, `${sizes} bytes`);
});

/** Names of the nodes of a step, of which those parameters are trained. */
function nodeNames(trained: RegExp, checkpointed: boolean): string[] {
  const graph = new Graph();
  const model = openModel({ ...DROPPING, vocab_size: 8 });
  const params = parameterInputs(graph, model.parameters);
  const inputIds = graph.input("ids", { type: "int32", shape: [1, 8] });
  const dropout = { seed: graph.input("seed", { type: "int32", shape: [] }) };
  const segments: Segment[] = [];
  const loss = ops.reduceSum(
    model.build(graph, { input_ids: inputIds }, { params, dropout, segments }),
  );
  const wrt = [...params].filter(([name]) => trained.test(name)).map(([, tensor]) => tensor);
  const found = checkpointed
    ? checkpointedGradients(loss, { wrt, segments, dropout })
    : gradients(loss, wrt);
  for (const [i, gradient] of found.entries()) graph.output(`gradient ${i}`, gradient);
  return neededNodes(graph).map(({ name }) => name);
}

Deno.test("checkpointedGradients() computes no block again below those that are trained", () => {
  const blocks = (names: string[]): number[] =>
    [0, 1, 2].filter((n) => names.some((name) => name.startsWith(`again/transformer/h/${n}/`)));
  assert.deepEqual(blocks(nodeNames(/./, true)), [0, 1, 2]);
  assert.deepEqual(blocks(nodeNames(/\.h\.1\.mlp/, true)), [1, 2]);
  assert.deepEqual(blocks(nodeNames(/ln_f/, true)), []);
  assert.deepEqual(blocks(nodeNames(/./, false)), []);
});

const measurable = Deno.build.os === "linux";
Deno.test({
  name: "gradient_checkpointing takes less than two thirds of the memory of a deep model's step" +
    (measurable ? "" : " (skipped: only Linux tells)"),
  ignore: !measurable,
  async fn(): Promise<void> {
    const measure = async (
      checkpointed: boolean,
    ): Promise<{ kibibytes: number; loss: number; norm: number }> => {
      const script = new URL("peak_memory.ts", import.meta.url).pathname;
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", "--quiet", script, String(checkpointed)],
      }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
      return JSON.parse(new TextDecoder().decode(stdout));
    };
    const [plain, checkpointed] = [await measure(false), await measure(true)];
    assert.deepEqual([checkpointed.loss, checkpointed.norm], [plain.loss, plain.norm]);
    assert.ok(
      3 * checkpointed.kibibytes < 2 * plain.kibibytes,
      `${checkpointed.kibibytes} KiB, without ${plain.kibibytes} KiB`,
    );
  },
});
