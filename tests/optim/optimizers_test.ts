import { toOnnx } from "../../lib/graph/onnx/compile.ts";
import assert from "node:assert/strict";
import { adafactor } from "../../lib/optim/adafactor.ts";
import { type Optimizer, optimizerGraph, scalarFeeds } from "../../lib/optim/optimizer.ts";
import { sgd } from "../../lib/optim/sgd.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { float32 } from "../../lib/runtime/session/session.ts";

/** First weights, then for each step the gradient and the weights after it. */
type Trace = readonly [readonly number[], readonly (readonly [number[], number[]])[]];

/** Takes the steps of a trace, in place, and compares the weights after each. */
async function follow(
  optimizer: Optimizer,
  [first, steps]: Trace,
  { shape, learningRate, scale }: { shape: number[]; learningRate: number; scale: number },
): Promise<void> {
  const engine = await openEngine("cpu", { threads: 1 });
  const session = await engine.createSession(toOnnx(optimizerGraph(optimizer, shape)));
  const parameter = float32(Float32Array.from(first), shape);
  const slots = Object.entries(optimizer.slots(shape)).map(([name, dims]) =>
    [name, float32(new Float32Array(dims.reduce((a, b) => a * b, 1)), dims)] as const
  );
  for (const [i, [gradient, expected]] of steps.entries()) {
    await session.run({
      parameter,
      gradient: float32(Float32Array.from(gradient, (g) => g / scale), shape),
      ...Object.fromEntries(slots),
      ...scalarFeeds(optimizer, { step: i + 1, learningRate, scale, decayed: true }),
    }, {
      new_parameter: parameter,
      ...Object.fromEntries(slots.map(([name, slot]) => [`new_${name}`, slot])),
    });
    expected.forEach((value, at) => {
      const got = parameter.data[at]!;
      assert.ok(Math.abs(got - value) < 5e-6, `step ${i + 1} [${at}]: ${got}, not ${value}`);
    });
  }
  await engine.dispose();
}

/** Steps as torch and transformers take them. */
const TRACES: {
  /** Of torch.optim.SGD(lr=0.1, …) of PyTorch 2.13: settings and trace. */
  readonly sgd: [Record<string, number | boolean>, ...Trace][];
  /**
   * Of transformers.Adafactor(lr=0.05, scale_parameter=False, relative_step=False, weight_decay=…): shape, decay
   * and trace. The last has rows without a gradient, as of tokens that do not occur, and a step without any.
   */
  readonly adafactor: [number[], number, ...Trace][];
} = JSON.parse(
  await Deno.readTextFile(new URL("./optimizer_traces.json", import.meta.url)),
);

for (const [settings, ...trace] of TRACES.sgd) {
  Deno.test(`SGD takes torch's steps with ${JSON.stringify(settings)}`, async () => {
    const optimizer = sgd({
      weightDecay: Number(settings.weight_decay ?? 0),
      momentum: Number(settings.momentum ?? 0),
      dampening: Number(settings.dampening ?? 0),
      nesterov: settings.nesterov === true,
    });
    for (const scale of [1, 0.25]) {
      await follow(optimizer, trace, { shape: [3], learningRate: 0.1, scale });
    }
  });
}

for (const [shape, weightDecay, ...trace] of TRACES.adafactor) {
  Deno.test(`Adafactor takes transformers' steps for [${shape}], decay ${weightDecay}`, async () => {
    for (const scale of [1, 0.25]) {
      await follow(adafactor({ weightDecay }), trace, { shape, learningRate: 0.05, scale });
    }
  });
}

Deno.test("optimizers leave out the decay of tensors that have none", () => {
  for (
    const optimizer of [
      sgd({ weightDecay: 0.5, momentum: 0, dampening: 0, nesterov: false }),
      adafactor({ weightDecay: 0.5 }),
    ]
  ) {
    const feeds = (decayed: boolean): Record<string, number> =>
      Object.fromEntries(
        Object.entries(scalarFeeds(optimizer, { step: 1, learningRate: 0.1, scale: 1, decayed }))
          .map(([name, { data }]) => [name, data[0]!]),
      );
    const [all, none] = [feeds(true), feeds(false)];
    const differing = Object.keys(all).filter((name) => all[name] !== none[name]);
    assert.deepEqual(differing, Object.keys(optimizer.undecayed));
  }
});
